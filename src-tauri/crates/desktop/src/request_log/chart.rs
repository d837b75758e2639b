//! The bars of the charts: requests by the hour or the day in which they ended. Pure functions over rows.

use super::ring::runs;
use super::types::{ChartBar, ChartBy, ExchangeRow, ExchangeState};

const HOUR_S: i64 = 60 * 60;
const DAY_S: i64 = 24 * HOUR_S;

/// What the charts need of a request that has ended.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) at_ms: u64,
    pub(super) failed: bool,
    pub(super) input: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) first_ms: Option<u64>,
}

/// Bars that are being filled.
#[derive(Clone, Debug)]
pub(super) struct Bars {
    begin_s: i64,
    length_s: i64,
    bars: Vec<ChartBar>,
    /// The times to the first piece of each bar's answers, of which the median is taken in the end.
    firsts: Vec<Vec<u64>>,
}

impl Bars {
    /// Empty bars, of which the last is the one of `now_ms`.
    pub(super) fn new(by: ChartBy, now_ms: u64, utc_offset_seconds: i32) -> Self {
        let (length_s, count) = match by {
            ChartBy::Hour => (HOUR_S, 24),
            ChartBy::Day => (DAY_S, 30),
        };
        let local_now = signed(now_ms / 1_000).saturating_add(i64::from(utc_offset_seconds));
        let last_s = local_now - local_now.rem_euclid(length_s) - i64::from(utc_offset_seconds);
        let begin_s = last_s - (count - 1) * length_s;
        let bar = |n| ChartBar {
            from: u64::try_from(begin_s + n * length_s).unwrap_or(0),
            requests: 0,
            failed: 0,
            input: 0,
            output: 0,
            first_ms: None,
        };
        let bars: Vec<_> = (0..count).map(bar).collect();
        let firsts = vec![Vec::new(); bars.len()];
        Self { begin_s, length_s, bars, firsts }
    }

    /// Where the first bar begins, in Unix milliseconds.
    pub(super) fn begin_ms(&self) -> u64 {
        u64::try_from(self.begin_s).unwrap_or(0).saturating_mul(1_000)
    }

    /// Counts a request, if it has ended and did so within the bars.
    pub(super) fn add(&mut self, row: &ExchangeRow) {
        if !runs(row) {
            self.add_ended(&Ended {
                at_ms: ended_ms(row),
                failed: row.state == ExchangeState::Failed,
                input: row.input,
                output: row.output,
                first_ms: row.first_ms,
            });
        }
    }

    /// Counts a request that has ended, if it did so within the bars.
    pub(super) fn add_ended(&mut self, ended: &Ended) {
        let offset_s = signed(ended.at_ms / 1_000) - self.begin_s;
        let Ok(n) = usize::try_from(offset_s.div_euclid(self.length_s)) else { return };
        let (Some(bar), Some(firsts)) = (self.bars.get_mut(n), self.firsts.get_mut(n)) else { return };
        bar.requests += 1;
        bar.failed += u64::from(ended.failed);
        bar.input += ended.input.unwrap_or(0);
        bar.output += ended.output.unwrap_or(0);
        firsts.extend(ended.first_ms);
    }

    /// The bars as they are shown.
    pub(super) fn finish(mut self) -> Vec<ChartBar> {
        for (bar, firsts) in self.bars.iter_mut().zip(&mut self.firsts) {
            bar.first_ms = median(firsts);
        }
        self.bars
    }
}

/// When a request ended, in Unix milliseconds. One that the end of the program cut off has no duration.
pub(super) fn ended_ms(row: &ExchangeRow) -> u64 {
    row.at.saturating_add(row.total_ms.unwrap_or(0))
}

fn median(values: &mut [u64]) -> Option<u64> {
    values.sort_unstable();
    let upper = values.len() / 2;
    if values.len() % 2 == 1 {
        values.get(upper).copied()
    } else {
        let lower = values.get(upper.checked_sub(1)?)?;
        Some(lower.midpoint(*values.get(upper)?))
    }
}

fn signed(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}
