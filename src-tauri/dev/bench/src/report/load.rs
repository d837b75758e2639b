//! The section of codex-proxyd alone: memory over many requests, the slowest first token, and what dense streams cost.

use super::{Section, float};
use crate::load::{DENSE_STREAMS, EIGHT};
use crate::metrics::{median, percentile};
use crate::results::{Dense, InARow, Load};
use crate::rows::{Goal, Row, Unit};
use crate::script::DENSE;
use crate::stream::Stream;

/// Memory after the last request, to that after the hundredth, in percent.
const GROWN: f64 = 110.0;
/// The slowest first token, to the one in the middle.
const SLOWEST: f64 = 1.5;
/// The proxy's time on a CPU, to codex's, in percent.
const CPU: f64 = 25.0;

pub(super) fn section(load: &Load) -> Section {
    let mut rows = in_a_row(&load.in_a_row);
    rows.extend(eight(load));
    rows.extend(dense(&load.dense));
    Section { title: "codex-proxyd alone".to_owned(), rows }
}

fn in_a_row(row: &InARow) -> Vec<Row> {
    let InARow { requests, failed, early, late } = row;
    let grown = |early: Option<u64>, late: Option<u64>| {
        early
            .zip(late)
            .filter(|(early, _)| *early > 0)
            .map(|(early, late)| 100.0 * float(late) / float(early))
    };
    vec![
        Row::new(format!("{requests} in a row: failed"), Unit::Count)
            .ours(Some(failed.len() as f64))
            .goal(Goal::None),
        Row::new("... resident, to after the 100th", Unit::Percent)
            .ours(grown(early.proxy, late.proxy))
            .goal(Goal::AtMost(GROWN)),
        Row::new("... resident", Unit::Megabytes).ours(late.proxy.map(float)),
        Row::new("... codex's, to after the 100th", Unit::Percent)
            .ours(grown(early.codex, late.codex))
            .goal(Goal::AtMost(GROWN)),
        Row::new("... codex's", Unit::Megabytes).ours(late.codex.map(float)),
    ]
}

fn eight(load: &Load) -> Vec<Row> {
    let whole = || load.eight.iter().flatten().filter(|stream| stream.failure.is_none());
    let firsts = || whole().filter_map(Stream::first).map(float);
    let (p50, p99) = (median(firsts()), percentile(firsts(), 99));
    let failed = load.eight.iter().flatten().count() - whole().count();
    vec![
        Row::new(format!("{EIGHT} streams, {} rounds: failed", load.eight.len()), Unit::Count)
            .ours(Some(failed as f64))
            .goal(Goal::None),
        Row::new("... first token, p50", Unit::Millis).ours(p50),
        Row::new("... first token, p99", Unit::Millis).ours(p99),
        Row::new("... p99 to p50", Unit::Ratio)
            .ours(p99.zip(p50).filter(|(_, p50)| *p50 > 0.0).map(|(p99, p50)| p99 / p50))
            .goal(Goal::AtMost(SLOWEST)),
    ]
}

fn dense(dense: &Dense) -> Vec<Row> {
    let streams = || dense.rounds.iter().flatten();
    let failed = streams().filter(|stream| stream.failure.is_some()).count();
    let chunks: u64 = streams().map(|stream| stream.arrivals.len() as u64).sum();
    let share = dense.cpu.zip(dense.codex_cpu).filter(|(_, codex)| *codex > 0);
    let a_chunk = |cpu: Option<u64>| cpu.filter(|_| chunks > 0).map(|cpu| float(cpu) / float(chunks));
    vec![
        Row::new(format!("{DENSE_STREAMS} streams of {DENSE} deltas: failed"), Unit::Count)
            .ours(Some(failed as f64))
            .goal(Goal::None),
        Row::new("... chunks a stream, median", Unit::Count)
            .ours(median(streams().map(|stream| stream.arrivals.len() as f64))),
        Row::new("... own CPU time, to codex's", Unit::Percent)
            .ours(share.map(|(ours, codex)| 100.0 * float(ours) / float(codex)))
            .goal(Goal::AtMost(CPU)),
        Row::new("... own CPU time a chunk", Unit::Micros).ours(a_chunk(dense.cpu)),
        Row::new("... codex's CPU time a chunk", Unit::Micros).ours(a_chunk(dense.codex_cpu)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Resident;
    use crate::rows::Reached;

    fn reached(load: &Load, what: &str) -> Option<Reached> {
        section(load).rows.into_iter().find(|row| row.what == what).unwrap().reached()
    }

    #[test]
    fn memory_may_grow_by_a_tenth() {
        let row = |late| {
            let early = Resident { proxy: Some(100), codex: Some(100) };
            let late = Resident { proxy: Some(late), codex: None };
            Load { in_a_row: InARow { early, late, ..InARow::default() }, ..Load::default() }
        };
        assert_eq!(reached(&row(110), "... resident, to after the 100th"), Some(Reached::Yes));
        assert_eq!(reached(&row(111), "... resident, to after the 100th"), Some(Reached::No));
        assert_eq!(reached(&row(110), "... codex's, to after the 100th"), Some(Reached::Unknown));
    }

    #[test]
    fn the_slowest_first_token_is_held_against_the_one_in_the_middle() {
        let stream = |first| Stream { arrivals: vec![first], ..Stream::default() };
        let of = |slowest| Load {
            eight: vec![vec![stream(100), stream(100), stream(slowest)]],
            ..Load::default()
        };
        assert_eq!(reached(&of(150), "... p99 to p50"), Some(Reached::Yes));
        assert_eq!(reached(&of(151), "... p99 to p50"), Some(Reached::No));
    }

    #[test]
    fn a_lost_stream_is_a_goal_missed_and_the_cpu_is_to_codexs() {
        let dense = |cpu, streams| Load {
            dense: Dense { rounds: vec![streams], cpu: Some(cpu), codex_cpu: Some(400) },
            ..Load::default()
        };
        assert_eq!(reached(&dense(100, vec![]), "... own CPU time, to codex's"), Some(Reached::Yes));
        assert_eq!(reached(&dense(101, vec![]), "... own CPU time, to codex's"), Some(Reached::No));
        let lost = dense(1, vec![Stream::failed("gone")]);
        assert_eq!(reached(&lost, "64 streams of 200 deltas: failed"), Some(Reached::No));
    }
}
