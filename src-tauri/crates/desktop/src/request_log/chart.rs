//! The bars of the charts: requests by the hour or the day in which they ended.

use rusqlite::Connection;

use super::types::{ChartBar, ChartBy};

const HOUR_S: u64 = 60 * 60;
const DAY_S: u64 = 24 * HOUR_S;

/// Bars without requests, oldest first; the last one is that of `now_ms`.
pub(super) fn empty(by: ChartBy, now_ms: u64, utc_offset_seconds: i32) -> Vec<ChartBar> {
    let (length_s, count) = match by {
        ChartBy::Hour => (HOUR_S, 24),
        ChartBy::Day => (DAY_S, 30),
    };
    let offset = i64::from(utc_offset_seconds);
    let local_s = (now_ms / 1_000).saturating_add_signed(offset);
    let last_s = (local_s - local_s % length_s).saturating_add_signed(-offset);
    let bar = |age| ChartBar {
        from: last_s.saturating_sub(age * length_s),
        requests: 0,
        failed: 0,
        input: 0,
        output: 0,
        first_ms: None,
    };
    (0..count).rev().map(bar).collect()
}

/// Fills in the requests that ended within the bars.
pub(super) fn fill(connection: &Connection, mut bars: Vec<ChartBar>) -> rusqlite::Result<Vec<ChartBar>> {
    let [first, second, ..] = bars.as_slice() else { return Ok(bars) };
    // SQLite has no median, and window functions that make one are five times slower than a list of values.
    let sql = "SELECT (ended / 1000 - ?1) / ?2 AS bar, count(*), count(*) FILTER (WHERE state = 'failed'),
               coalesce(sum(input), 0), coalesce(sum(output), 0), group_concat(first_ms)
               FROM exchanges WHERE ended >= ?1 * 1000 GROUP BY bar";
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query((first.from, second.from - first.from))?;
    while let Some(row) = found.next()? {
        // A request that ended in the future, before the clock was set back, has no bar.
        if let Some(bar) = bars.get_mut(row.get::<_, usize>(0)?) {
            (bar.requests, bar.failed, bar.input, bar.output) =
                (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
            bar.first_ms = row.get_ref(5)?.as_str_or_null()?.and_then(median);
        }
    }
    Ok(bars)
}

/// The median of numbers with commas in between.
fn median(list: &str) -> Option<u64> {
    let mut values: Vec<u64> = list.split(',').filter_map(|value| value.parse().ok()).collect();
    values.sort_unstable();
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(lower.midpoint(upper))
}
