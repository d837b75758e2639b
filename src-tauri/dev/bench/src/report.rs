//! What the numbers of each scenario come to: its rows, and what is to be reached.
//!
//! A stream that failed is counted as failed, and none of its times are used. A quantile is a number that was measured
//! (nearest rank), to a hundred-thousandth.

use hdrhistogram::Histogram;

use crate::measure::Measured;
use crate::processes::Memory;
use crate::round_spec::{DENSE, WORDS};
use crate::stream::Stream;
use crate::table::Goal::{self, AtLeast, AtMost, RatioAtMost};
use crate::table::{COUNT, MEGABYTES, MICROS, MILLIS, PERCENT, RATIO, Row, Section, TIMES, Unit};

/// How many streams at once have goals beside the baseline.
const MANY: usize = 32;
/// How many streams, on codex-proxyd alone, have a goal for their slowest first token, and how many dense ones there are.
pub(crate) const EIGHT: usize = 8;
pub(crate) const DENSE_STREAMS: usize = 64;
/// Bytes of codex-proxyd that may be resident.
const MAX_RESIDENT: f64 = 25_000_000.0;
/// Requests after which the memory is what it is: the thread cache and the first entries of the request log are there.
pub(crate) const SETTLED_AFTER: u32 = 100;

/// The memory of a side and of its codex.
pub(crate) type SideMemory = [Option<Memory>; 2];

/// The value that this part of the values does not exceed.
fn quantile(values: impl IntoIterator<Item = u64>, part: f64) -> Option<f64> {
    let mut histogram = Histogram::<u64>::new(5).ok()?;
    // It grows with what it gets, so it takes any value.
    for value in values {
        histogram.record(value).ok()?;
    }
    (!histogram.is_empty()).then(|| histogram.value_at_quantile(part) as f64)
}

pub(crate) fn median(values: impl IntoIterator<Item = u64>) -> Option<f64> {
    quantile(values, 0.5)
}

impl Measured {
    /// The streams that did not fail.
    fn whole(&self) -> impl Iterator<Item = &Stream> {
        self.rounds.iter().flatten().filter(|stream| stream.failure.is_none())
    }

    pub(crate) fn first(&self, part: f64) -> Option<f64> {
        quantile(self.whole().filter_map(|stream| stream.arrivals.first().copied()), part)
    }

    /// How long each round took until its last stream had ended. One with a failed stream has no such time.
    pub(crate) fn whole_time(&self, part: f64) -> Option<f64> {
        let rounds = self.rounds.iter().filter(|round| round.iter().all(|stream| stream.failure.is_none()));
        quantile(rounds.filter_map(|round| round.iter().map(|stream| stream.ended).max()), part)
    }

    fn failed(&self) -> Option<f64> {
        let failed = self.rounds.iter().flatten().map(|stream| u64::from(stream.failure.is_some()));
        float(failed.reduce(|all, one| all + one))
    }

    fn count(&self, count: impl Fn(&Stream) -> usize) -> Option<f64> {
        self.whole().map(count).reduce(|all, one| all + one).map(|count| count as f64)
    }

    fn chunks_a_stream(&self) -> Option<f64> {
        median(self.whole().map(|stream| stream.arrivals.len() as u64))
    }

    fn worst_lags(&self) -> impl Iterator<Item = u64> {
        self.whole().filter_map(|stream| stream.lags().into_iter().max())
    }

    fn a_chunk(&self, cpu: Option<u64>) -> Option<f64> {
        let chunks = self.rounds.iter().flatten().map(|stream| stream.arrivals.len() as u64).sum();
        divide(float(cpu), float(Some(chunks)))
    }

    fn cpu_a_chunk(&self) -> Option<f64> {
        self.a_chunk(self.cpu)
    }
}

/// A row of what a number is on up to three sides.
pub(crate) fn row(
    what: impl Into<String>,
    unit: Unit,
    sides: [Option<&Measured>; 3],
    number: impl Fn(&Measured) -> Option<f64>,
) -> Row {
    Row::new(what, unit, sides.map(|side| side.and_then(&number)))
}

/// One stream on the baseline, codex-proxyd, a second baseline with prewarmed threads and `codex exec`.
pub(crate) fn single(measured: Vec<Measured>) -> Section {
    let [baseline, proxyd, prewarmed, exec] = [0, 1, 2, 3].map(|side| measured.get(side));
    let (two, three) = ([baseline, proxyd, None], [baseline, proxyd, exec]);
    let median = |side: &Measured| side.first(0.5);
    let sooner = divide(exec.and_then(median), proxyd.and_then(median));
    let mut rows = vec![
        row("first token, median", MILLIS, three, median).goal(RatioAtMost(1.05)),
        row("... with prewarmed threads", MILLIS, two, median).goal(RatioAtMost(0.85)),
        Row::alone("... how many times sooner than exec", TIMES, sooner).goal(AtLeast(10.0)),
        row("... if the baseline prewarms too", MILLIS, [prewarmed, proxyd, None], median),
        row("first token, p95", MILLIS, three, |side| side.first(0.95)),
    ];
    // Only here: when many streams want more than the CPUs can do, pieces pile up before they reach either side.
    rows.extend(pieces(three, Some(RatioAtMost(1.0))));
    rows.extend([
        row("whole time, median", MILLIS, three, |side| side.whole_time(0.5)),
        row("whole time, p95", MILLIS, three, |side| side.whole_time(0.95)),
        row("own CPU time a chunk", MICROS, two, Measured::cpu_a_chunk),
    ]);
    section("one stream", "with a pause before each", rows, measured)
}

/// Second turns in the first turn's thread on the baseline and codex-proxyd, and in a new one on the same two.
pub(crate) fn second_turns(measured: Vec<Measured>) -> Section {
    let [baseline, proxyd, new_baseline, new_proxyd] = [0, 1, 2, 3].map(|side| measured.get(side));
    let (same, new) = ([baseline, proxyd, None], [new_baseline, new_proxyd, None]);
    let median = |side: &Measured| side.first(0.5);
    let sooner = |than: Option<&Measured>| divide(than.and_then(median), proxyd.and_then(median));
    let rows = vec![
        row("first token, median", MILLIS, same, median).goal(RatioAtMost(1.1)),
        // The proxy's threads are prewarmed, and the baseline's are not.
        row("... in a new thread", MILLIS, new, median),
        Row::alone("... how many times sooner than there", TIMES, sooner(new_proxyd)).goal(AtLeast(1.5)),
        Row::alone("... than in the baseline's new thread", TIMES, sooner(new_baseline)),
        row("first token, p95", MILLIS, same, |side| side.first(0.95)),
        row("failed streams", COUNT, same, Measured::failed).goal(AtMost(0.0)),
        row("failed streams in a new thread", COUNT, new, Measured::failed).goal(AtMost(0.0)),
        row("whole time, median", MILLIS, same, |side| side.whole_time(0.5)),
    ];
    section("second turn", "with a pause before each turn", rows, measured)
}

/// Several streams at once.
pub(crate) fn at_once(streams: usize, measured: Vec<Measured>) -> Section {
    let both = [measured.first(), measured.get(1), None];
    let mut rows = vec![
        row("first token, median", MILLIS, both, |side| side.first(0.5)),
        row("first token, p95", MILLIS, both, |side| side.first(0.95)),
    ];
    rows.extend(pieces(both, None));
    let goal = (streams == MANY).then_some(RatioAtMost(1.1));
    rows.extend([
        row("whole time of all, median", MILLIS, both, |side| side.whole_time(0.5)).goal(goal),
        row("own CPU time a chunk", MICROS, both, Measured::cpu_a_chunk),
    ]);
    section(&format!("{streams} streams at once"), "", rows, measured)
}

/// codex-proxyd alone: many requests in a row with the memory after the hundredth and the last, eight streams again and again,
/// and dense ones.
pub(crate) fn alone([early, late]: [SideMemory; 2], measured: Vec<Measured>) -> Section {
    let [in_a_row, eight, dense] = [0, 1, 2].map(|part| [None, measured.get(part), None]);
    let resident = |memory: SideMemory, of: usize| memory[of].map(|memory| memory.resident as f64);
    let grown = |of| divide(resident(late, of).map(|late| 100.0 * late), resident(early, of));
    let rounds = |part: [Option<&Measured>; 3]| part[1].map_or(0, |side| side.rounds.len());
    let p99_to_p50 = |side: &Measured| divide(side.first(0.99), side.first(0.5));
    let share = |side: &Measured| divide(side.cpu.map(|cpu| 100.0 * cpu as f64), float(side.codex_cpu));
    let lost = |what, part| row(what, COUNT, part, Measured::failed).goal(AtMost(0.0));
    let rows = vec![
        lost(format!("{} in a row: failed", rounds(in_a_row)), in_a_row),
        Row::alone("... resident, to after the 100th", PERCENT, grown(0)).goal(AtMost(110.0)),
        Row::alone("... resident", MEGABYTES, resident(late, 0)),
        Row::alone("... codex's, to after the 100th", PERCENT, grown(1)).goal(AtMost(110.0)),
        Row::alone("... codex's", MEGABYTES, resident(late, 1)),
        lost(format!("{EIGHT} streams, {} rounds: failed", rounds(eight)), eight),
        row("... first token, p50", MILLIS, eight, |side| side.first(0.5)),
        row("... first token, p99", MILLIS, eight, |side| side.first(0.99)),
        row("... p99 to p50", RATIO, eight, p99_to_p50).goal(AtMost(1.5)),
        lost(format!("{DENSE_STREAMS} streams of {DENSE} deltas: failed"), dense),
        row("... chunks a stream, median", COUNT, dense, Measured::chunks_a_stream),
        row("... own CPU time, to codex's", PERCENT, dense, share).goal(AtMost(25.0)),
        row("... own CPU time a chunk", MICROS, dense, Measured::cpu_a_chunk),
        row("... codex's CPU time a chunk", MICROS, dense, |side| side.a_chunk(side.codex_cpu)),
    ];
    Section { title: "codex-proxyd alone".to_owned(), rows, measured }
}

/// The memory of the baseline and of codex-proxyd, with their codexes; bytes of each `codex exec`; and the microseconds from
/// the start of codex-proxyd's process to its `listening` line.
pub(crate) fn processes([beside, ours]: [SideMemory; 2], exec: Vec<u64>, ready_after: u64) -> Section {
    let resident = |memory: Memory| memory.resident as f64;
    let peak = |memory: Memory| memory.peak as f64;
    let proxyd = |bytes: fn(Memory) -> f64| [beside[0].map(bytes), ours[0].map(bytes), None];
    let codex = |bytes: fn(Memory) -> f64, exec| [beside[1].map(bytes), ours[1].map(bytes), exec];
    let rows = vec![
        Row::new("resident at the end", MEGABYTES, proxyd(resident)).goal(AtMost(MAX_RESIDENT)),
        Row::new("resident at most", MEGABYTES, proxyd(peak)).goal(AtMost(MAX_RESIDENT)),
        Row::new("codex behind it, at the end", MEGABYTES, codex(resident, median(exec))),
        Row::new("codex behind it, at most", MEGABYTES, codex(peak, None)),
        Row::alone("from start to listening", MILLIS, Some(ready_after as f64)),
    ];
    Section { title: "processes".to_owned(), rows, measured: Vec::new() }
}

/// Failures, and what came of the answer's pieces. `codex exec` has one piece, so most of it says nothing there.
fn pieces(sides: [Option<&Measured>; 3], goal: Option<Goal>) -> [Row; 7] {
    let both = [sides[0], sides[1], None];
    let held_back = |side: &Measured| side.count(Stream::held_back);
    let merged = |side: &Measured| side.count(|stream| usize::from(stream.arrivals.len() != WORDS));
    [
        row("failed streams", COUNT, sides, Measured::failed).goal(AtMost(0.0)),
        row("chunks a stream, median", COUNT, sides, Measured::chunks_a_stream),
        row("streams without a chunk a delta", COUNT, both, merged).goal(AtMost(0.0)),
        row("chunks late and with the next one", COUNT, both, held_back).goal(goal),
        row("between chunks, median", MILLIS, both, |side| median(side.whole().flat_map(Stream::gaps))),
        row("behind the pace, worst of a stream", MILLIS, both, |side| median(side.worst_lags())),
        row("behind the pace, worst of all", MILLIS, both, |side| float(side.worst_lags().max())),
    ]
}

fn float(number: Option<u64>) -> Option<f64> {
    number.map(|number| number as f64)
}

fn divide(dividend: Option<f64>, divisor: Option<f64>) -> Option<f64> {
    Some(dividend? / divisor.filter(|divisor| *divisor > 0.0)?)
}

fn section(what: &str, pause: &str, rows: Vec<Row>, measured: Vec<Measured>) -> Section {
    let rounds = measured.get(1).map_or(0, |side| side.rounds.len());
    Section { title: format!("{what}, {rounds} rounds {pause}").trim_end().to_owned(), rows, measured }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
