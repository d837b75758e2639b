//! What the numbers of a run come to: the rows of the table, what is to be reached, and whether it is.
//!
//! Every number is made of what this run has measured. A stream that failed is counted as failed, and none of its times
//! are used.

mod load;
mod second;

use std::fmt;

use serde::Serialize;

use crate::metrics::{largest, median, p95};
use crate::processes::Memory;
use crate::results::{Pair, Received, Results, Round, Side};
use crate::rows::{Goal, Reached, Row, Unit};
use crate::script::{PACE, WORDS};
use crate::stream::Stream;
use crate::table::{Line, aligned};

/// The first token, to that of the bare client's new thread.
const FIRST: f64 = 1.05;
/// The same, as threads are started ahead of need.
const FIRST_AHEAD: f64 = 0.85;
/// The first token of `codex exec`, to ours.
const SOONER_THAN_EXEC: f64 = 10.0;
/// The whole time of thirty-two streams, to the bare client's.
const WHOLE: f64 = 1.1;
/// How many streams at once have goals.
const MANY: usize = 32;
/// The row of the chunks that look as if somebody had held them back.
const HELD_BACK: &str = "chunks late and with the next one";
/// Bytes of codex-proxyd that may be resident.
const RESIDENT: f64 = 25_000_000.0;

/// A report of one run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    head: Vec<String>,
    sections: Vec<Section>,
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Section {
    title: String,
    rows: Vec<Row>,
}

impl Report {
    pub(crate) fn of(results: &Results) -> Self {
        let mut sections = vec![single(results), second::section(&results.second), back_to_back(results)];
        sections.extend(results.at_once.iter().map(|at_once| many(at_once.streams, &at_once.pair)));
        sections.push(load::section(&results.load));
        sections.push(processes(results));
        Self { head: head(results), sections, notes: notes(results) }
    }

    /// The last line.
    fn outcome(&self) -> String {
        let with = |wanted: Reached| -> Vec<String> {
            let rows = self.sections.iter().flat_map(|section| {
                section.rows.iter().map(move |row| (row, format!("{} ({})", row.what, section.title)))
            });
            rows.filter(|(row, _)| row.reached() == Some(wanted)).map(|(_, name)| name).collect()
        };
        let (missed, unknown) = (with(Reached::No), with(Reached::Unknown));
        let mut parts = Vec::new();
        if !missed.is_empty() {
            parts.push(format!("not reached: {}", missed.join("; ")));
        }
        if !unknown.is_empty() {
            parts.push(format!("not measured: {}", unknown.join("; ")));
        }
        if parts.is_empty() { "all reached".to_owned() } else { parts.join(". ") }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.head {
            writeln!(f, "{line}")?;
        }
        let mut lines = vec![Line::Cells(Row::columns())];
        for section in &self.sections {
            lines.push(Line::Heading(section.title.clone()));
            lines.extend(section.rows.iter().map(|row| Line::Cells(row.cells())));
        }
        writeln!(f, "\n{}", aligned(&lines))?;
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        writeln!(f, "{}", self.outcome())
    }
}

fn head(results: &Results) -> Vec<String> {
    let machine = &results.machine;
    let load = match &machine.load {
        [Some(before), Some(after)] => format!(", load {before} before and {after} after"),
        _ => String::new(),
    };
    vec![
        format!("{} on {}, {} CPUs{load}", machine.codex, machine.system, machine.cpus),
        format!("{WORDS} words {} ms apart; times from the request on", PACE.as_millis()),
    ]
}

fn notes(results: &Results) -> Vec<String> {
    let same = [same(&results.received, "first"), same(&results.second.received, "second")];
    let failures =
        results.failures().into_iter().map(|(failure, times)| format!("failed {times} ×: {failure}"));
    same.into_iter().chain(failures).collect()
}

fn same(Received { bare, proxy }: &Received, turn: &str) -> String {
    if bare == proxy {
        return format!(
            "In a {turn} turn the model receives the same from the bare client and from codex-proxyd."
        );
    }
    format!(
        "In a {turn} turn the model does NOT receive the same, so the two cannot be compared.\n  bare client:  \
         {bare}\n  codex-proxyd: {proxy}"
    )
}

fn single(results: &Results) -> Section {
    let Pair { bare, proxy } = &results.single;
    let exec = &results.exec;
    let first = |side: &Side| median(firsts(&side.rounds));
    let sooner = first(exec).zip(first(proxy)).map(|(exec, ours)| exec / ours);
    let all = |what, number: fn(&Side) -> Option<f64>| {
        both(what, Unit::Millis, bare, proxy, number).exec(number(exec))
    };
    let mut rows = vec![
        all("first token, median", first).goal(Goal::RatioAtMost(FIRST)),
        both("... as threads are started ahead", Unit::Millis, bare, proxy, first)
            .goal(Goal::RatioAtMost(FIRST_AHEAD)),
        Row::new("... how many times sooner than exec", Unit::Times)
            .ours(sooner)
            .goal(Goal::AtLeast(SOONER_THAN_EXEC)),
        Row::new("... if a bare client starts ahead too", Unit::Millis)
            .bare(median(firsts(&results.ahead)))
            .ours(first(proxy)),
        all("first token, p95", |side| p95(firsts(&side.rounds))),
    ];
    // Only here: when many streams want more than the CPUs can do, pieces pile up before they reach either client.
    let held = |row: Row| if row.what == HELD_BACK { row.goal(Goal::NoneOrAsBare) } else { row };
    rows.extend(pieces(bare, proxy, Some(exec)).into_iter().map(held));
    rows.push(all("whole time, median", |side| median(walls(side))));
    rows.push(all("whole time, p95", |side| p95(walls(side))));
    rows.push(cpu(bare, proxy));
    Section { title: format!("one stream, {} rounds with a pause before each", proxy.rounds.len()), rows }
}

fn back_to_back(results: &Results) -> Section {
    let Pair { bare, proxy } = &results.back_to_back;
    let rows = vec![
        both("first token, median", Unit::Millis, bare, proxy, |side| median(firsts(&side.rounds))),
        both("failed streams", Unit::Count, bare, proxy, failed).goal(Goal::None),
        both("whole time, median", Unit::Millis, bare, proxy, |side| median(walls(side))),
        cpu(bare, proxy),
    ];
    Section { title: format!("one stream, {} rounds without a pause", proxy.rounds.len()), rows }
}

fn many(streams: usize, pair: &Pair) -> Section {
    let Pair { bare, proxy } = pair;
    let mut rows = vec![
        both("first token, median", Unit::Millis, bare, proxy, |side| median(firsts(&side.rounds))),
        both("first token, p95", Unit::Millis, bare, proxy, |side| p95(firsts(&side.rounds))),
    ];
    rows.extend(pieces(bare, proxy, None));
    let goal = if streams == MANY { Goal::RatioAtMost(WHOLE) } else { Goal::Seen };
    rows.push(
        both("whole time of all, median", Unit::Millis, bare, proxy, |side| median(walls(side))).goal(goal),
    );
    rows.push(cpu(bare, proxy));
    Section { title: format!("{streams} streams at once, {} rounds", proxy.rounds.len()), rows }
}

/// Failures, and what came of the answer's pieces. `codex exec` has one piece, so most of it says nothing there.
fn pieces(bare: &Side, proxy: &Side, exec: Option<&Side>) -> Vec<Row> {
    let chunks = |side: &Side| median(whole(&side.rounds).map(|stream| stream.arrivals.len() as f64));
    let lags = |side: &Side| -> Vec<f64> {
        whole(&side.rounds).filter_map(|stream| stream.lags().into_iter().max()).map(float).collect()
    };
    vec![
        both("failed streams", Unit::Count, bare, proxy, failed).exec(exec.and_then(failed)).goal(Goal::None),
        both("chunks a stream, median", Unit::Count, bare, proxy, chunks).exec(exec.and_then(chunks)),
        both("streams without a chunk a delta", Unit::Count, bare, proxy, |side| {
            counted(side, |stream| usize::from(stream.arrivals.len() != WORDS))
        })
        .goal(Goal::None),
        both(HELD_BACK, Unit::Count, bare, proxy, |side| counted(side, Stream::held_back)),
        both("between chunks, median", Unit::Millis, bare, proxy, |side| {
            median(whole(&side.rounds).flat_map(Stream::gaps).map(float))
        }),
        both("behind the pace, worst of a stream", Unit::Millis, bare, proxy, |side| median(lags(side))),
        both("behind the pace, worst of all", Unit::Millis, bare, proxy, |side| largest(lags(side))),
    ]
}

fn processes(results: &Results) -> Section {
    let memory = &results.memory;
    let peak = |memory: Option<Memory>| memory.map(|memory| float(memory.peak));
    let resident = |memory: Option<Memory>| memory.map(|memory| float(memory.resident));
    let exec = median(results.exec_resident.iter().copied().map(float));
    let rows = vec![
        Row::new("resident at the end", Unit::Megabytes)
            .bare(resident(memory.bare))
            .ours(resident(memory.proxy))
            .goal(Goal::AtMost(RESIDENT)),
        Row::new("resident at most", Unit::Megabytes)
            .bare(peak(memory.bare))
            .ours(peak(memory.proxy))
            .goal(Goal::AtMost(RESIDENT)),
        Row::new("codex behind it, at the end", Unit::Megabytes)
            .bare(resident(memory.codex_of_bare))
            .ours(resident(memory.codex_of_proxy))
            .exec(exec),
        Row::new("codex behind it, at most", Unit::Megabytes)
            .bare(peak(memory.codex_of_bare))
            .ours(peak(memory.codex_of_proxy)),
        Row::new("from start to listening", Unit::Millis).ours(Some(float(results.ready_after))),
    ];
    Section { title: "processes".to_owned(), rows }
}

fn cpu(bare: &Side, proxy: &Side) -> Row {
    let a_chunk =
        |side: &Side| side.cpu.filter(|_| side.chunks > 0).map(|cpu| float(cpu) / float(side.chunks));
    both("own CPU time a chunk", Unit::Micros, bare, proxy, a_chunk)
}

fn both(what: &str, unit: Unit, bare: &Side, proxy: &Side, number: impl Fn(&Side) -> Option<f64>) -> Row {
    Row::new(what, unit).bare(number(bare)).ours(number(proxy))
}

/// The streams that did not fail.
fn whole(rounds: &[Round]) -> impl Iterator<Item = &Stream> {
    rounds.iter().flatten().filter(|stream| stream.failure.is_none())
}

fn firsts(rounds: &[Round]) -> impl Iterator<Item = f64> {
    whole(rounds).filter_map(Stream::first).map(float)
}

/// How long each round took until its last stream had ended. One with a failed stream has no such time.
fn walls(side: &Side) -> impl Iterator<Item = f64> {
    let rounds = side.rounds.iter().filter(|round| round.iter().all(|stream| stream.failure.is_none()));
    rounds.filter_map(|round| round.iter().map(|stream| stream.ended).max()).map(float)
}

fn failed(side: &Side) -> Option<f64> {
    let streams = side.rounds.iter().flatten();
    (!side.rounds.is_empty()).then(|| streams.filter(|stream| stream.failure.is_some()).count() as f64)
}

fn counted(side: &Side, count: impl Fn(&Stream) -> usize) -> Option<f64> {
    let mut streams = whole(&side.rounds).peekable();
    streams.peek()?;
    Some(streams.map(count).sum::<usize>() as f64)
}

fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
