//! Everything that was measured in one run, as it was measured. What it means is `report`'s.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::processes::Memory;
use crate::report::Report;
use crate::stream::Stream;

/// The streams of one round, all begun at the same moment.
pub(crate) type Round = Vec<Stream>;

/// One run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    /// Microseconds from the start of codex-proxyd's process to its `listening` line.
    pub(crate) ready_after: u64,
    pub(crate) received: Received,
    /// One stream at a time, with a pause before each.
    pub(crate) single: Pair,
    /// A second bare client's streams on threads started ahead, between those of `single`.
    pub(crate) ahead: Vec<Round>,
    /// A round is one run of `codex exec`.
    pub(crate) exec: Side,
    /// Bytes of each that were resident when it answered.
    pub(crate) exec_resident: Vec<u64>,
    pub(crate) second: SecondTurns,
    /// One stream at a time, without a pause.
    pub(crate) back_to_back: Pair,
    pub(crate) at_once: Vec<AtOnce>,
    pub(crate) memory: Memories,
    pub(crate) load: Load,
    /// What went wrong and belongs to no stream.
    pub(crate) troubles: Vec<String>,
}

/// What it was measured on.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Machine {
    pub(crate) codex: String,
    pub(crate) system: String,
    pub(crate) cpus: usize,
    /// The system's load before and after, where it tells.
    pub(crate) load: [Option<String>; 2],
}

/// What reached the model, as the model tells it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Received {
    pub(crate) bare: String,
    pub(crate) proxy: String,
}

/// The same rounds on both sides.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Pair {
    pub(crate) bare: Side,
    pub(crate) proxy: Side,
}

/// The rounds of one side.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Side {
    pub(crate) rounds: Vec<Round>,
    /// Microseconds that the side's own process spent on a CPU, codex not counted, and the chunks it passed on
    /// meanwhile, those of discarded rounds included.
    pub(crate) cpu: Option<u64>,
    pub(crate) chunks: u64,
}

/// Second turns of conversations, one stream at a time, with a pause before each turn.
#[derive(Debug, Default, Serialize)]
pub(crate) struct SecondTurns {
    /// What reached the model in one.
    pub(crate) received: Received,
    /// Each in the thread of its first turn.
    pub(crate) pair: Pair,
    /// Each in a new thread, which gets the first turn as history, by a second client and a second codex-proxyd.
    pub(crate) anew: Pair,
}

/// Several streams at once.
#[derive(Debug, Serialize)]
pub(crate) struct AtOnce {
    pub(crate) streams: usize,
    pub(crate) pair: Pair,
}

/// Memory at the end of the run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Memories {
    pub(crate) bare: Option<Memory>,
    pub(crate) proxy: Option<Memory>,
    pub(crate) codex_of_bare: Option<Memory>,
    pub(crate) codex_of_proxy: Option<Memory>,
}

/// codex-proxyd alone.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Load {
    pub(crate) in_a_row: InARow,
    /// Rounds of eight streams.
    pub(crate) eight: Vec<Round>,
    pub(crate) dense: Dense,
}

/// Many requests, one after the other.
#[derive(Debug, Default, Serialize)]
pub(crate) struct InARow {
    pub(crate) requests: u32,
    /// Why those failed that did.
    pub(crate) failed: Vec<String>,
    /// After the hundredth.
    pub(crate) early: Resident,
    /// After the last.
    pub(crate) late: Resident,
}

/// Bytes that are resident.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Resident {
    pub(crate) proxy: Option<u64>,
    pub(crate) codex: Option<u64>,
}

/// Dense streams at once.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Dense {
    pub(crate) rounds: Vec<Round>,
    /// Microseconds on a CPU, of the proxy and of its codex.
    pub(crate) cpu: Option<u64>,
    pub(crate) codex_cpu: Option<u64>,
}

impl Results {
    /// Every stream of every side.
    fn streams(&self) -> impl Iterator<Item = &Stream> {
        let second = [&self.second.pair, &self.second.anew];
        let pairs = [&self.single, &self.back_to_back].into_iter().chain(second);
        let pairs = pairs.chain(self.at_once.iter().map(|at_once| &at_once.pair));
        let rounds = pairs.flat_map(|pair| pair.bare.rounds.iter().chain(&pair.proxy.rounds));
        let alone = self.load.eight.iter().chain(&self.load.dense.rounds);
        rounds.chain(&self.ahead).chain(&self.exec.rounds).chain(alone).flatten()
    }

    /// What went wrong, each sentence once with how often it was said.
    pub(crate) fn failures(&self) -> Vec<(String, usize)> {
        let mut counted: Vec<(String, usize)> = Vec::new();
        let failures = self.streams().filter_map(|stream| stream.failure.as_ref());
        for failure in failures.chain(&self.load.in_a_row.failed).chain(&self.troubles) {
            match counted.iter_mut().find(|(known, _)| known == failure) {
                Some((_, count)) => *count += 1,
                None => counted.push((failure.clone(), 1)),
            }
        }
        counted
    }
}

/// Writes everything to a file.
pub(crate) fn write(file: &Path, results: &Results, report: &Report) -> Result<()> {
    #[derive(Serialize)]
    struct Whole<'a> {
        results: &'a Results,
        report: &'a Report,
    }
    let text = serde_json::to_string(&Whole { results, report })?;
    fs::write(file, text + "\n").with_context(|| format!("{} cannot be written", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_all_sides_are_counted() {
        let mut results = Results::default();
        assert!(results.failures().is_empty());
        let round = || vec![Stream::failed("gone"), Stream::default()];
        results.single.bare.rounds.push(round());
        results.at_once.push(AtOnce {
            streams: 2,
            pair: Pair { proxy: Side { rounds: vec![round()], ..Side::default() }, ..Pair::default() },
        });
        results.exec.rounds.push(vec![Stream::failed("other")]);
        results.second.pair.bare.rounds.push(vec![Stream::failed("gone")]);
        results.second.anew.proxy.rounds.push(vec![Stream::failed("other")]);
        results.troubles.push("late".into());
        let expected = [("gone".to_owned(), 3), ("other".to_owned(), 2), ("late".to_owned(), 1)];
        assert_eq!(results.failures(), expected);
    }
}
