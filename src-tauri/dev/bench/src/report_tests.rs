//! What a report says of made-up results.

use super::*;
use crate::results::{AtOnce, Dense, InARow, Load, Resident, Results, SecondTurns};

/// A stream with a first piece at `first` milliseconds and the others at the model's pace.
fn stream(first: u64) -> Stream {
    let arrivals: Vec<u64> = (0..WORDS as u64).map(|n| (first + 20 * n) * 1000).collect();
    Stream { ended: arrivals[WORDS - 1] + 1000, arrivals, ..Stream::default() }
}

fn side(first: u64, streams: usize) -> Side {
    Side { rounds: vec![vec![stream(first); streams]; 3], cpu: Some(6000), chunks: 120 }
}

fn pair(bare: u64, proxy: u64, streams: usize) -> Pair {
    Pair { bare: side(bare, streams), proxy: side(proxy, streams) }
}

fn results() -> Results {
    let memory = Some(Memory { resident: 15_000_000, peak: 16_000_000 });
    Results {
        single: pair(60, 45, 1),
        ahead: vec![vec![stream(40)]],
        exec: Side {
            rounds: vec![vec![Stream { arrivals: vec![1_500_000], ..Stream::default() }]],
            ..Side::default()
        },
        second: SecondTurns { pair: pair(30, 33, 1), anew: pair(66, 60, 1), ..SecondTurns::default() },
        back_to_back: pair(60, 62, 1),
        at_once: vec![AtOnce { streams: MANY, pair: pair(300, 310, MANY) }],
        memory: crate::results::Memories { proxy: memory, ..crate::results::Memories::default() },
        load: load(),
        ..Results::default()
    }
}

fn load() -> Load {
    let resident = || Resident { proxy: Some(10_000_000), codex: Some(90_000_000) };
    Load {
        in_a_row: InARow { requests: 1_000, early: resident(), late: resident(), failed: Vec::new() },
        eight: vec![vec![stream(50); 8]],
        dense: Dense { rounds: Vec::new(), cpu: Some(20), codex_cpu: Some(100) },
    }
}

/// The cells of the first row whose text begins so, in the section whose title does.
fn cells(report: &Report, section: &str, what: &str) -> [String; 7] {
    let section = report.sections.iter().find(|found| found.title.starts_with(section)).unwrap();
    section.rows.iter().find(|row| row.what.starts_with(what)).unwrap().cells()
}

#[test]
fn everything_within_its_bounds_is_all_reached() {
    let report = Report::of(&results());
    assert_eq!(report.outcome(), "all reached");
    let first = cells(&report, "one stream, 3 rounds with", "first token, median");
    assert_eq!(first[1..], ["60.0 ms", "45.0 ms", "0.75 ×", "1500.0 ms", "≤ 1.05 ×", "yes"]);
    let sooner = cells(&report, "one stream, 3 rounds with", "... how many");
    assert_eq!((sooner[2].as_str(), sooner[6].as_str()), ("33.3 ×", "yes"));
    let second = |what| cells(&report, "second turn, 3 rounds", what);
    assert_eq!(second("first token, median")[1..], ["30.0 ms", "33.0 ms", "1.10 ×", "-", "≤ 1.10 ×", "yes"]);
    assert_eq!(second("... in a new")[1..4], ["66.0 ms", "60.0 ms", "0.91 ×"]);
    assert_eq!(second("... how many")[2..], ["1.8 ×", "", "-", "≥ 1.5 ×", "yes"]);
    assert_eq!(second("... than in a bare")[2], "2.0 ×");
    let cpu = cells(&report, "32 streams", "own CPU");
    assert_eq!(cpu[1..4], ["50 µs", "50 µs", "1.00 ×"]);
    let table = report.to_string();
    assert!(table.ends_with("\nall reached\n") && table.contains("codex-proxyd"), "{table}");
}

#[test]
fn what_is_missed_is_named_with_its_section() {
    let mut results = results();
    results.single.proxy = side(58, 1);
    results.at_once[0].pair.proxy.rounds[0][5] = Stream::failed("gone");
    let outcome = Report::of(&results).outcome();
    assert!(outcome.starts_with("not reached: ... as threads are started ahead (one stream"), "{outcome}");
    assert!(outcome.contains("failed streams (32 streams at once, 3 rounds)"), "{outcome}");
    assert!(!outcome.contains("whole time"), "{outcome}");
}

#[test]
fn a_second_turn_that_is_no_sooner_than_a_new_thread_is_missed_however_near_it_is_to_the_bare_one() {
    let mut results = results();
    results.second.pair = pair(45, 46, 1);
    results.second.anew.proxy.rounds[1][0] = Stream::failed("gone");
    let outcome = Report::of(&results).outcome();
    let missed = "not reached: ... how many times sooner than there (second turn, 3 rounds with a pause before each \
                  turn); failed streams in a new thread (second turn";
    assert!(outcome.starts_with(missed), "{outcome}");
}

#[test]
fn a_failed_stream_gives_no_times_and_is_told_of() {
    let mut results = results();
    results.single.proxy.rounds[0][0] = Stream { failure: Some("gone".into()), ..stream(9000) };
    let report = Report::of(&results);
    assert_eq!(cells(&report, "one stream, 3 rounds with", "first token, p95")[2], "45.0 ms");
    assert_eq!(cells(&report, "one stream, 3 rounds with", "failed")[2], "1");
    assert!(report.to_string().contains("failed 1 ×: gone"));
}

#[test]
fn a_merged_and_a_late_chunk_are_seen() {
    let mut results = results();
    results.single.proxy.rounds[0][0].arrivals.remove(7);
    let arrivals = &mut results.single.proxy.rounds[1][0].arrivals;
    arrivals[9] = arrivals[10];
    let report = Report::of(&results);
    let row = |what| cells(&report, "one stream, 3 rounds with", what);
    assert_eq!(row("streams without a chunk a delta")[2], "1");
    assert_eq!(row(HELD_BACK)[2], "1");
    // A missing piece moves those after it, and a late one is a pace behind.
    assert_eq!(row("behind the pace, worst of all")[2], "20.0 ms");
}

#[test]
fn without_numbers_nothing_is_reached() {
    let outcome = Report::of(&Results::default()).outcome();
    assert!(outcome.starts_with("not measured: ") && !outcome.contains("not reached"), "{outcome}");
}

#[test]
fn a_model_that_receives_different_things_is_told_of() {
    let mut results = results();
    results.received.proxy = "{}".into();
    let report = Report::of(&results).to_string();
    assert!(report.contains("In a first turn the model does NOT receive the same"), "{report}");
    assert!(report.contains("In a second turn the model receives the same"), "{report}");
    results.second.received.bare = "{}".into();
    assert!(
        Report::of(&results).to_string().contains("In a second turn the model does NOT receive the same")
    );
}
