//! Reports on made-up numbers.

use super::*;
use crate::table::Table;

/// A stream with its first chunk at `first` milliseconds and the others at the model's pace.
fn stream(first: u64) -> Stream {
    let arrivals: Vec<u64> = (0..WORDS as u64).map(|n| (first + 20 * n) * 1000).collect();
    Stream { ended: arrivals[WORDS - 1] + 1000, arrivals, ..Stream::default() }
}

fn side(first: u64, streams: usize) -> Measured {
    Measured {
        rounds: vec![vec![stream(first); streams]; 3],
        cpu: Some(6000 * streams as u64),
        codex_cpu: None,
    }
}

fn failed() -> Stream {
    Stream { failure: Some("gone".into()), ..stream(9000) }
}

fn exec() -> Measured {
    let answer = Stream { arrivals: vec![1_500_000], ..Stream::default() };
    Measured { rounds: vec![vec![answer]], ..Measured::default() }
}

fn singles() -> Vec<Measured> {
    vec![side(60, 1), side(45, 1), side(40, 1), exec()]
}

fn load(early: u64, late: u64, slowest: u64, cpu: u64) -> Section {
    let memory = |resident, peak| Some(Memory { resident, peak });
    let memory = |proxy| [memory(proxy, proxy), memory(100, 100)];
    let eight = vec![vec![stream(100), stream(100), stream(slowest)]];
    let dense = Measured { cpu: Some(cpu), codex_cpu: Some(400), ..side(1, 1) };
    let eight = Measured { rounds: eight, ..Measured::default() };
    alone([memory(early), memory(late)], vec![side(1, 1), eight, dense])
}

fn table(sections: Vec<Section>) -> Table {
    Table { columns: ["baseline", "codex-proxyd", "codex exec"], sections, ..Table::default() }
}

/// The cells of the first row with this label.
fn line(section: Section, what: &str) -> String {
    let table = table(vec![section]).to_string();
    let line = table.lines().find(|line| line.starts_with(what)).unwrap_or_else(|| panic!("{what}: {table}"));
    line.strip_prefix(what).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn outcome(sections: Vec<Section>) -> String {
    table(sections).to_string().lines().last().unwrap().to_owned()
}

#[test]
fn all_goals_are_met_within_their_bounds() {
    let memory = Some(Memory { resident: 15_000_000, peak: 16_000_000 });
    let second = || second_turns(vec![side(30, 1), side(33, 1), side(66, 1), side(60, 1)]);
    let many = || concurrent(MANY, vec![side(300, MANY), side(310, MANY)]);
    let sections = vec![
        single(singles()),
        second(),
        many(),
        load(100, 110, 150, 100),
        processes([[None, None], [memory, None]], Vec::new(), 1_000),
    ];
    assert_eq!(outcome(sections), "all goals met");
    let first = line(single(singles()), "first token, median");
    assert_eq!(first, "60.0 ms 45.0 ms 0.75 × 1500.0 ms ≤ 1.05 × yes");
    assert_eq!(line(single(singles()), "... speedup over exec"), "- 33.3 × - ≥ 10.0 × yes");
    assert_eq!(line(single(singles()), "... if the baseline prewarms too"), "40.0 ms 45.0 ms 1.12 × -");
    assert_eq!(line(second(), "first token, median"), "30.0 ms 33.0 ms 1.10 × - ≤ 1.10 × yes");
    assert_eq!(line(second(), "... in a new thread"), "66.0 ms 60.0 ms 0.91 × -");
    assert_eq!(line(second(), "... speedup over a new thread"), "- 1.8 × - ≥ 1.5 × yes");
    assert_eq!(line(second(), "... over the baseline's new thread"), "- 2.0 × -");
    assert_eq!(line(many(), "own CPU time per chunk"), "50 µs 50 µs 1.00 × -");
}

#[test]
fn a_missed_goal_is_named_with_its_section() {
    let mut one = singles();
    one[1] = side(58, 1);
    let mut many = vec![side(300, MANY), side(310, MANY)];
    many[1].rounds[0][5] = failed();
    let outcome = outcome(vec![single(one), concurrent(MANY, many)]);
    assert!(outcome.starts_with("goals missed: ... with prewarmed threads (one stream"), "{outcome}");
    assert!(outcome.contains("failed streams (32 concurrent streams, 3 rounds)"), "{outcome}");
    assert!(!outcome.contains("total time"), "{outcome}");
}

#[test]
fn a_second_turn_must_be_faster_than_a_new_thread_even_if_it_is_near_the_baseline() {
    let mut turns = vec![side(45, 1), side(46, 1), side(66, 1), side(60, 1)];
    turns[3].rounds[1][0] = failed();
    let outcome = outcome(vec![second_turns(turns)]);
    let missed = "goals missed: ... speedup over a new thread (second turn, 3 rounds with a pause before each \
                  turn); failed streams in a new thread (second turn";
    assert!(outcome.starts_with(missed), "{outcome}");
}

#[test]
fn a_failed_stream_is_listed_and_its_times_are_ignored() {
    let mut sides = singles();
    sides[1].rounds[0][0] = failed();
    let section = single(sides);
    assert!(table(vec![section]).to_string().contains("failed 1 ×: gone"));
    let mut sides = singles();
    sides[1].rounds[0][0] = failed();
    assert!(line(single(sides), "first token, p95").starts_with("60.0 ms 45.0 ms"));
    let mut sides = singles();
    sides[1].rounds[0][0] = failed();
    assert_eq!(line(single(sides), "failed streams"), "0 1 0 ≤ 0 no");
}

#[test]
fn merged_and_late_chunks_are_counted() {
    let sides = || {
        let mut sides = singles();
        sides[1].rounds[0][0].arrivals.remove(7);
        let arrivals = &mut sides[1].rounds[1][0].arrivals;
        arrivals[9] = arrivals[10];
        single(sides)
    };
    assert_eq!(line(sides(), "streams without one chunk per delta"), "0 1 - ≤ 0 no");
    assert_eq!(line(sides(), "chunks held back until the next"), "0 1 - ≤ 1.00 × no");
    // A missing chunk shifts those after it, and a late one is a pace behind.
    assert!(line(sides(), "worst lag of all").starts_with("0.0 ms 20.0 ms"));
}

#[test]
fn without_numbers_no_goal_is_met() {
    let nothing = || alone(Default::default(), Default::default());
    let outcome = outcome(vec![single(Vec::new()), second_turns(Vec::new()), nothing()]);
    assert!(outcome.starts_with("not measured: ") && !outcome.contains("goals missed"), "{outcome}");
}

#[test]
fn memory_may_grow_by_ten_percent() {
    let grown = "... resident, relative to request 100";
    assert!(line(load(100, 110, 1, 1), grown).ends_with("yes"));
    assert!(line(load(100, 111, 1, 1), grown).ends_with("no"));
    let unknown = alone(Default::default(), vec![side(1, 1)]);
    assert!(line(unknown, "... codex's, relative to request 100").ends_with("n/a"));
}

#[test]
fn the_slowest_first_token_is_compared_to_the_median() {
    assert!(line(load(1, 1, 150, 1), "... p99 to p50").ends_with("yes"));
    assert!(line(load(1, 1, 151, 1), "... p99 to p50").ends_with("no"));
}

#[test]
fn a_lost_stream_misses_its_goal_and_cpu_time_is_relative_to_codex() {
    assert!(line(load(1, 1, 1, 100), "... own CPU time, of codex's").ends_with("yes"));
    assert!(line(load(1, 1, 1, 101), "... own CPU time, of codex's").ends_with("no"));
    let lost = Measured { rounds: vec![vec![failed()]], ..Measured::default() };
    let lost = alone(Default::default(), vec![side(1, 1), side(1, 1), lost]);
    assert!(line(lost, "64 streams of 200 deltas: failed").ends_with("no"));
}

#[test]
fn a_quantile_is_a_measured_value() {
    assert_eq!(median([3, 1, 2]), Some(2.0));
    assert_eq!(median([4, 1, 2, 10]), Some(2.0));
    assert_eq!(median([]), None);
    assert_eq!(quantile(1..=20, 0.95), Some(19.0));
    assert_eq!(quantile(1..=100, 0.95), Some(95.0));
    assert_eq!(quantile(1..=5, 0.95), Some(5.0));
    assert_eq!(quantile(1..=200, 0.99), Some(198.0));
    assert!((median([7_000_000_000]).unwrap() / 7e9 - 1.0).abs() < 1e-5, "any value fits");
}

#[test]
fn eight_chats_at_once_are_compared_with_one() {
    let section = |eight: u64| {
        let sides = |http, official, streams| [side(http, streams), side(official, streams)];
        bursts(vec![sides(30, 10, 1), sides(60, 20, 4), sides(300, eight, 8), sides(50, 40, 1)])
    };
    assert_eq!(line(section(40), "8 at once: first token, median"), "300.0 ms 40.0 ms 0.13 ×");
    assert!(
        outcome(vec![section(40)]).starts_with("not measured")
            || outcome(vec![section(40)]) == "all goals met"
    );
    assert!(outcome(vec![section(41)]).contains("goals missed: ... relative to one (new chats at once"));
    assert_eq!(line(section(40), "new instructions: first token, median"), "50.0 ms 40.0 ms 0.80 ×");
    let table = table(vec![section(40)]).to_string();
    assert!(table.contains("HTTP    WebSocket"), "{table}");
}
