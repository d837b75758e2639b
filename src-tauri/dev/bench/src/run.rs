//! A run: starts the sides, measures each scenario, and cleans up.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use tokio::time::{Instant, sleep};

use crate::baseline::Baseline;
use crate::bursts;
use crate::exec::Exec;
use crate::machine::{head, load_average, progress};
use crate::measure::{Entrant, Measured, Side, measure};
use crate::processes::memory;
use crate::report::{self, DENSE_STREAMS, EIGHT, SETTLED_AFTER, SideMemory};
use crate::round_spec::{PAUSE, RoundSpec};
use crate::stream::micros_since;
use crate::table::{Section, Table};
use crate::testbed::{Provider, Testbed};

/// Limited, since `codex exec` takes longer than ten streams.
const MAX_EXEC_RUNS: u32 = 5;

#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Rounds of single streams per side [default: 20, or 5 with --quick]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Run fewer rounds, for a rough idea
    #[arg(long)]
    pub(crate) quick: bool,
    /// Measure the desktop app instead: startup, memory, wake-ups and overhead per request
    #[arg(long, conflicts_with_all = ["rounds", "json"])]
    pub(crate) app: bool,
    /// Measure only chats that begin at once, with a provider over HTTP and with OpenAI's over WebSocket
    #[arg(long, conflicts_with_all = ["rounds", "app"])]
    bursts: bool,
    /// Write the raw numbers to a file
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// Runs all measurements. Programs are ended and files removed even on failure.
pub(crate) async fn run(codex: &Path, options: &Options) -> Result<Table> {
    if options.bursts {
        return bursts::run(codex, options.quick).await;
    }
    let load = load_average();
    let rounds = options.rounds.unwrap_or(if options.quick { 5 } else { 20 });
    let few = |few: u32, many: u32| if options.quick { few } else { many };
    let testbed = Testbed::start("bench", codex).await?;
    let started = Instant::now();
    let mut proxyd = Side::proxyd(&testbed, "proxy", Provider::Http).await?;
    let ready_after = micros_since(started);
    // On its first request the proxy writes its model list, which the baseline's codex uses as well.
    proxyd.answer(&RoundSpec::paced(1)).await?;
    let models = testbed.path("proxy-data").join("codex-home").join("models.json");
    let mut baseline = start_baseline(&testbed, "baseline", &models).await?;
    let mut prewarmed = start_baseline(&testbed, "prewarmed", &models).await?;
    let (home, workspace) = (testbed.codex_home("exec-home", None)?, testbed.folder("exec-workspace")?);
    let mut exec = Side::Exec(Exec { codex: testbed.codex.clone(), home, workspace, resident: Vec::new() });
    let mut table = Table { columns: ["baseline", "codex-proxyd", "codex exec"], ..Table::default() };

    let echo = RoundSpec::echo();
    for (turn, spec) in [("first", echo.clone()), ("second", echo.second_turn("echo", false))] {
        let received = [baseline.answer(&spec).await?, proxyd.answer(&spec).await?];
        table.notes.push(compare(turn, received));
    }
    progress(&format!("one stream, {rounds} rounds"));
    let one = |_| RoundSpec::paced(1);
    let mut entrants = [
        Entrant(&mut baseline, &one, 1),
        Entrant(&mut proxyd, &one, 1),
        // With its own codex: one that serves twice as many rounds would be faster.
        Entrant(&mut prewarmed, &|_| RoundSpec::prewarmed(), 1),
        Entrant(&mut exec, &one, exec_interval(rounds)),
    ];
    table.sections.push(report::single(measure((2, rounds), PAUSE, &mut entrants).await?));

    progress(&format!("second turns, {rounds} rounds"));
    // In new threads, for comparison, again each with its own codex.
    let mut new = Side::proxyd(&testbed, "new-thread", Provider::Http).await?;
    let talk = |round| RoundSpec::paced(1).second_turn(round, false);
    let edit = |round| RoundSpec::paced(1).second_turn(round, true);
    let mut entrants = [
        Entrant(&mut baseline, &talk, 1),
        Entrant(&mut proxyd, &talk, 1),
        Entrant(&mut prewarmed, &edit, 1),
        Entrant(&mut new, &edit, 1),
    ];
    table.sections.push(report::second_turns(measure((2, rounds), PAUSE, &mut entrants).await?));
    // Not needed any more.
    let mut ends = vec![prewarmed.shutdown().await, new.shutdown().await];

    for streams in [8, 32] {
        progress(&format!("{streams} concurrent streams"));
        // The warm-up round opens the connections.
        let spec = |_| RoundSpec::paced(streams);
        let mut entrants = [Entrant(&mut baseline, &spec, 1), Entrant(&mut proxyd, &spec, 1)];
        let measured = measure((1, few(2, 5)), PAUSE, &mut entrants).await?;
        table.sections.push(report::concurrent(streams, measured));
    }
    let memories = [memories(&baseline), memories(&proxyd)];
    let resident = if let Side::Exec(exec) = exec { exec.resident } else { Vec::new() };
    let processes = report::processes(memories, resident, ready_after);
    ends.extend([baseline.shutdown().await, proxyd.shutdown().await]);

    progress("codex-proxyd alone");
    let mut alone = Side::proxyd(&testbed, "alone", Provider::Http).await?;
    let section = measure_alone(&mut alone, few(300, 1_000), few(5, 25), few(2, 5)).await?;
    table.sections.extend([section, processes]);
    ends.extend([alone.shutdown().await]);
    let (section, ended) = bursts::measure_bursts(&testbed, few(2, 5)).await?;
    table.sections.push(section);
    ends.extend(ended);
    table.head = head(&testbed.codex, [load, load_average()])?;
    // Report shutdown failures beside the numbers instead of losing those.
    table.errors = ends.into_iter().filter_map(Result::err).map(|error| format!("{error:#}")).collect();
    Ok(table)
}

/// Measures a new proxy on its own: its goals are relative to its own numbers or its codex's.
async fn measure_alone(side: &mut Side, requests: u32, eights: u32, denses: u32) -> Result<Section> {
    let (mut in_a_row, mut memory) = (Measured::default(), [[None; 2]; 2]);
    let parts = [(0, SETTLED_AFTER), (SETTLED_AFTER, requests - SETTLED_AFTER)];
    for ((from, rounds), memory) in parts.into_iter().zip(&mut memory) {
        let short = |round| RoundSpec::short(from + round);
        for part in measure((0, rounds), Duration::ZERO, &mut [Entrant(side, &short, 1)]).await? {
            in_a_row.rounds.extend(part.rounds);
        }
        sleep(PAUSE).await;
        *memory = memories(side);
    }
    let (eight, dense) = (|_| RoundSpec::paced(EIGHT), |_| RoundSpec::dense(DENSE_STREAMS));
    let mut measured = vec![in_a_row];
    measured.extend(measure((1, eights), PAUSE, &mut [Entrant(side, &eight, 1)]).await?);
    measured.extend(measure((1, denses), PAUSE, &mut [Entrant(side, &dense, 1)]).await?);
    Ok(report::alone(memory, measured))
}

async fn start_baseline(testbed: &Testbed, name: &str, models: &Path) -> Result<Side> {
    let home = testbed.codex_home(&format!("{name}-home"), Some(models))?;
    let workspace = testbed.folder(&format!("{name}-workspace"))?;
    Ok(Side::Baseline(Box::new(Baseline::start(&testbed.codex, &home, &workspace).await?)))
}

fn memories(side: &Side) -> SideMemory {
    side.pids().map(|pid| pid.and_then(memory))
}

/// Spreads the runs of `codex exec` over all rounds: it runs in every nth.
fn exec_interval(rounds: u32) -> u32 {
    rounds / rounds.div_ceil(4).min(MAX_EXEC_RUNS)
}

/// Compares what the model received from the baseline and from codex-proxyd, as echoed by it.
fn compare(turn: &str, [baseline, proxyd]: [String; 2]) -> String {
    let (receives, difference) = match baseline == proxyd {
        true => ("receives", String::new()),
        false => ("does NOT receive", format!("\n  baseline:     {baseline}\n  codex-proxyd: {proxyd}")),
    };
    format!("In a {turn} turn the model {receives} the same from the baseline and codex-proxyd.{difference}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exec_runs_are_spread_over_the_rounds() {
        for (rounds, expected) in [(20, 5), (5, 2), (1, 1), (100, 5)] {
            let due: Vec<u32> = (1..=rounds).filter(|round| round % exec_interval(rounds) == 0).collect();
            assert_eq!(due.len(), expected, "{rounds}: {due:?}");
        }
    }

    #[test]
    fn different_requests_to_the_model_are_reported() {
        let texts = |proxyd: &str| ["{}".to_owned(), proxyd.to_owned()];
        assert!(compare("first", texts("{}")).starts_with("In a first turn the model receives the same"));
        let other = compare("second", texts("[]"));
        assert!(other.starts_with("In a second turn the model does NOT receive the same"), "{other}");
        assert!(other.ends_with("codex-proxyd: []"), "{other}");
    }
}
