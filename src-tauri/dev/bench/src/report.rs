//! The rows and goals of each scenario.
//!
//! The times of failed streams are not used. Quantiles are nearest rank, to five significant digits.

use hdrhistogram::Histogram;

use crate::measure::Measured;
use crate::processes::Memory;
use crate::round_spec::{DENSE, WORDS};
use crate::stream::Stream;
use crate::table::Goal::{self, AtLeast, AtMost, RatioAtMost};
use crate::table::{COUNT, MEGABYTES, MICROS, MILLIS, PERCENT, RATIO, Row, Section, TIMES, Unit};

/// The number of concurrent streams with goals relative to the baseline.
const MANY: usize = 32;
/// Concurrent streams on codex-proxyd alone: paced ones, with a goal for the slowest first token, and dense ones.
pub(crate) const EIGHT: usize = 8;
pub(crate) const DENSE_STREAMS: usize = 64;
/// New chats at once, with each kind of provider.
pub(crate) const BURSTS: [usize; 3] = [1, 4, EIGHT];
/// The first token of eight chats at once, relative to that of one.
const MAX_EIGHT_RATIO: f64 = 4.0;
/// Resident bytes of codex-proxyd.
const MAX_RESIDENT: f64 = 25_000_000.0;
/// Requests after which memory should stay constant: the thread cache is full and the request log in use.
pub(crate) const SETTLED_AFTER: u32 = 100;

/// Memory of a side and of its codex.
pub(crate) type SideMemory = [Option<Memory>; 2];

/// The nearest-rank quantile.
fn quantile(values: impl IntoIterator<Item = u64>, part: f64) -> Option<f64> {
    let mut histogram = Histogram::<u64>::new(5).ok()?;
    // Resizes itself, so any value can be recorded.
    for value in values {
        histogram.record(value).ok()?;
    }
    (!histogram.is_empty()).then(|| histogram.value_at_quantile(part) as f64)
}

pub(crate) fn median(values: impl IntoIterator<Item = u64>) -> Option<f64> {
    quantile(values, 0.5)
}

impl Measured {
    fn completed(&self) -> impl Iterator<Item = &Stream> {
        self.rounds.iter().flatten().filter(|stream| stream.failure.is_none())
    }

    pub(crate) fn first_token(&self, part: f64) -> Option<f64> {
        quantile(self.completed().filter_map(|stream| stream.arrivals.first().copied()), part)
    }

    /// Time until a round's last stream ended, over the rounds without a failed stream.
    pub(crate) fn total_time(&self, part: f64) -> Option<f64> {
        let rounds = self.rounds.iter().filter(|round| round.iter().all(|stream| stream.failure.is_none()));
        quantile(rounds.filter_map(|round| round.iter().map(|stream| stream.ended).max()), part)
    }

    fn failed(&self) -> Option<f64> {
        let failed = self.rounds.iter().flatten().map(|stream| u64::from(stream.failure.is_some()));
        float(failed.reduce(|all, one| all + one))
    }

    fn count(&self, count: impl Fn(&Stream) -> usize) -> Option<f64> {
        self.completed().map(count).reduce(|all, one| all + one).map(|count| count as f64)
    }

    fn chunks_per_stream(&self) -> Option<f64> {
        median(self.completed().map(|stream| stream.arrivals.len() as u64))
    }

    fn worst_lags(&self) -> impl Iterator<Item = u64> {
        self.completed().filter_map(|stream| stream.lags().into_iter().max())
    }

    fn per_chunk(&self, cpu: Option<u64>) -> Option<f64> {
        let chunks = self.rounds.iter().flatten().map(|stream| stream.arrivals.len() as u64).sum();
        divide(float(cpu), float(Some(chunks)))
    }

    fn cpu_per_chunk(&self) -> Option<f64> {
        self.per_chunk(self.cpu)
    }
}

/// A row with one number for each side.
pub(crate) fn row(
    what: impl Into<String>,
    unit: Unit,
    sides: [Option<&Measured>; 3],
    number: impl Fn(&Measured) -> Option<f64>,
) -> Row {
    Row::new(what, unit, sides.map(|side| side.and_then(&number)))
}

/// Single streams on the baseline, codex-proxyd, a prewarmed baseline and `codex exec`.
pub(crate) fn single(measured: Vec<Measured>) -> Section {
    let [baseline, proxyd, prewarmed, exec] = [0, 1, 2, 3].map(|side| measured.get(side));
    let (two, three) = ([baseline, proxyd, None], [baseline, proxyd, exec]);
    let median = |side: &Measured| side.first_token(0.5);
    let speedup = divide(exec.and_then(median), proxyd.and_then(median));
    let mut rows = vec![
        row("first token, median", MILLIS, three, median).goal(RatioAtMost(1.05)),
        row("... with prewarmed threads", MILLIS, two, median).goal(RatioAtMost(0.85)),
        Row::alone("... speedup over exec", TIMES, speedup).goal(AtLeast(10.0)),
        row("... if the baseline prewarms too", MILLIS, [prewarmed, proxyd, None], median),
        row("first token, p95", MILLIS, three, |side| side.first_token(0.95)),
    ];
    // Only with a single stream: when many streams saturate the CPUs, chunks pile up before they reach either side.
    rows.extend(pieces(three, Some(RatioAtMost(1.0))));
    rows.extend([
        row("total time, median", MILLIS, three, |side| side.total_time(0.5)),
        row("total time, p95", MILLIS, three, |side| side.total_time(0.95)),
        row("own CPU time per chunk", MICROS, two, Measured::cpu_per_chunk),
    ]);
    section("one stream", "with a pause before each", rows, measured)
}

/// Second turns on the baseline and codex-proxyd: in the first turn's thread, then in a new one.
pub(crate) fn second_turns(measured: Vec<Measured>) -> Section {
    let [baseline, proxyd, new_baseline, new_proxyd] = [0, 1, 2, 3].map(|side| measured.get(side));
    let (same, new) = ([baseline, proxyd, None], [new_baseline, new_proxyd, None]);
    let median = |side: &Measured| side.first_token(0.5);
    let speedup = |than: Option<&Measured>| divide(than.and_then(median), proxyd.and_then(median));
    let rows = vec![
        row("first token, median", MILLIS, same, median).goal(RatioAtMost(1.1)),
        // The proxy's threads are prewarmed, the baseline's are not.
        row("... in a new thread", MILLIS, new, median),
        Row::alone("... speedup over a new thread", TIMES, speedup(new_proxyd)).goal(AtLeast(1.5)),
        Row::alone("... over the baseline's new thread", TIMES, speedup(new_baseline)),
        row("first token, p95", MILLIS, same, |side| side.first_token(0.95)),
        row("failed streams", COUNT, same, Measured::failed).goal(AtMost(0.0)),
        row("failed streams in a new thread", COUNT, new, Measured::failed).goal(AtMost(0.0)),
        row("total time, median", MILLIS, same, |side| side.total_time(0.5)),
    ];
    section("second turn", "with a pause before each turn", rows, measured)
}

pub(crate) fn concurrent(streams: usize, measured: Vec<Measured>) -> Section {
    let both = [measured.first(), measured.get(1), None];
    let mut rows = vec![
        row("first token, median", MILLIS, both, |side| side.first_token(0.5)),
        row("first token, p95", MILLIS, both, |side| side.first_token(0.95)),
    ];
    rows.extend(pieces(both, None));
    let goal = (streams == MANY).then_some(RatioAtMost(1.1));
    rows.extend([
        row("total time of all, median", MILLIS, both, |side| side.total_time(0.5)).goal(goal),
        row("own CPU time per chunk", MICROS, both, Measured::cpu_per_chunk),
    ]);
    section(&format!("{streams} concurrent streams"), "", rows, measured)
}

/// New chats at once on codex-proxyd with an HTTP provider and with the official one: for each of [`BURSTS`], and then one with new
/// instructions, the two sides.
pub(crate) fn bursts(measured: Vec<[Measured; 2]>) -> Section {
    let sides = |index: usize| {
        let sides = measured.get(index);
        [sides.map(|sides| &sides[0]), sides.map(|sides| &sides[1]), None]
    };
    let median = |side: &Measured| side.first_token(0.5);
    let one = sides(0);
    let mut rows = Vec::new();
    for (index, count) in BURSTS.into_iter().enumerate() {
        let sides = sides(index);
        rows.push(row(format!("{count} at once: first token, median"), MILLIS, sides, median));
        if count > 1 {
            let ratio = [0, 1, 2].map(|of| divide(sides[of].and_then(median), one[of].and_then(median)));
            let goal = (count == EIGHT).then_some(AtMost(MAX_EIGHT_RATIO));
            rows.push(Row::new("... relative to one", RATIO, ratio).goal(goal));
        }
        rows.push(row("... p95", MILLIS, sides, |side| side.first_token(0.95)));
        let per_round =
            |cpu: Option<u64>, side: &Measured| divide(float(cpu), Some(side.rounds.len() as f64));
        rows.push(row("... codex's CPU time for all", MILLIS, sides, |side| per_round(side.codex_cpu, side)));
        rows.push(row("... the proxy's", MILLIS, sides, |side| per_round(side.cpu, side)));
        rows.push(row("... failed streams", COUNT, sides, Measured::failed).goal(AtMost(0.0)));
    }
    let new = sides(BURSTS.len());
    rows.push(row("new instructions: first token, median", MILLIS, new, median));
    rows.push(row("... failed streams", COUNT, new, Measured::failed).goal(AtMost(0.0)));
    let rounds = one[1].map_or(0, |side| side.rounds.len());
    Section {
        title: format!("new chats at once, {rounds} rounds with a pause before each"),
        columns: Some(["HTTP", "WebSocket", ""]),
        rows,
        measured: measured.into_iter().flatten().collect(),
    }
}

/// codex-proxyd alone: many sequential requests, with the memory after the hundredth and the last; rounds of eight streams; and
/// dense streams.
pub(crate) fn alone([early, late]: [SideMemory; 2], measured: Vec<Measured>) -> Section {
    let [in_a_row, eight, dense] = [0, 1, 2].map(|part| [None, measured.get(part), None]);
    let resident = |memory: SideMemory, of: usize| memory[of].map(|memory| memory.resident as f64);
    let grown = |of| divide(resident(late, of).map(|late| 100.0 * late), resident(early, of));
    let rounds = |part: [Option<&Measured>; 3]| part[1].map_or(0, |side| side.rounds.len());
    let p99_to_p50 = |side: &Measured| divide(side.first_token(0.99), side.first_token(0.5));
    let share = |side: &Measured| divide(side.cpu.map(|cpu| 100.0 * cpu as f64), float(side.codex_cpu));
    let lost = |what, part| row(what, COUNT, part, Measured::failed).goal(AtMost(0.0));
    let rows = vec![
        lost(format!("{} sequential: failed", rounds(in_a_row)), in_a_row),
        Row::alone("... resident, relative to request 100", PERCENT, grown(0)).goal(AtMost(110.0)),
        Row::alone("... resident", MEGABYTES, resident(late, 0)),
        Row::alone("... codex's, relative to request 100", PERCENT, grown(1)).goal(AtMost(110.0)),
        Row::alone("... codex's", MEGABYTES, resident(late, 1)),
        lost(format!("{EIGHT} streams, {} rounds: failed", rounds(eight)), eight),
        row("... first token, p50", MILLIS, eight, |side| side.first_token(0.5)),
        row("... first token, p99", MILLIS, eight, |side| side.first_token(0.99)),
        row("... p99 to p50", RATIO, eight, p99_to_p50).goal(AtMost(1.5)),
        lost(format!("{DENSE_STREAMS} streams of {DENSE} deltas: failed"), dense),
        row("... chunks per stream, median", COUNT, dense, Measured::chunks_per_stream),
        row("... own CPU time, of codex's", PERCENT, dense, share).goal(AtMost(25.0)),
        row("... own CPU time per chunk", MICROS, dense, Measured::cpu_per_chunk),
        row("... codex's CPU time per chunk", MICROS, dense, |side| side.per_chunk(side.codex_cpu)),
    ];
    Section { title: "codex-proxyd alone".to_owned(), rows, measured, ..Section::default() }
}

/// Memory of the baseline, codex-proxyd and their codexes; resident bytes of each `codex exec`; and microseconds until
/// codex-proxyd was ready.
pub(crate) fn processes([baseline, ours]: [SideMemory; 2], exec: Vec<u64>, ready_after: u64) -> Section {
    let resident = |memory: Memory| memory.resident as f64;
    let peak = |memory: Memory| memory.peak as f64;
    let proxyd = |bytes: fn(Memory) -> f64| [baseline[0].map(bytes), ours[0].map(bytes), None];
    let codex = |bytes: fn(Memory) -> f64, exec| [baseline[1].map(bytes), ours[1].map(bytes), exec];
    let rows = vec![
        Row::new("resident at the end", MEGABYTES, proxyd(resident)).goal(AtMost(MAX_RESIDENT)),
        Row::new("peak resident", MEGABYTES, proxyd(peak)).goal(AtMost(MAX_RESIDENT)),
        Row::new("its codex, resident at the end", MEGABYTES, codex(resident, median(exec))),
        Row::new("its codex, peak resident", MEGABYTES, codex(peak, None)),
        Row::alone("from start to listening", MILLIS, Some(ready_after as f64)),
    ];
    Section { title: "processes".to_owned(), rows, ..Section::default() }
}

/// Failures, and how chunks arrived. `codex exec` has one chunk, so most rows leave it out.
fn pieces(sides: [Option<&Measured>; 3], goal: Option<Goal>) -> [Row; 7] {
    let both = [sides[0], sides[1], None];
    let held_back = |side: &Measured| side.count(Stream::held_back);
    let merged = |side: &Measured| side.count(|stream| usize::from(stream.arrivals.len() != WORDS));
    [
        row("failed streams", COUNT, sides, Measured::failed).goal(AtMost(0.0)),
        row("chunks per stream, median", COUNT, sides, Measured::chunks_per_stream),
        row("streams without one chunk per delta", COUNT, both, merged).goal(AtMost(0.0)),
        row("chunks held back until the next", COUNT, both, held_back).goal(goal),
        row("between chunks, median", MILLIS, both, |side| median(side.completed().flat_map(Stream::gaps))),
        row("worst lag of a stream, median", MILLIS, both, |side| median(side.worst_lags())),
        row("worst lag of all", MILLIS, both, |side| float(side.worst_lags().max())),
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
    let title = format!("{what}, {rounds} rounds {pause}").trim_end().to_owned();
    Section { title, rows, measured, ..Section::default() }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
