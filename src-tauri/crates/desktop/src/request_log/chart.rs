//! The bars of the charts: requests by the hour or day they ended.

use rusqlite::Connection;

use super::types::{ChartBar, ChartBy};

const HOUR_S: u64 = 60 * 60;
const DAY_S: u64 = 24 * HOUR_S;

/// The bars, oldest first, including empty ones. The last one contains `now_ms`.
pub(super) fn bars(
    connection: &Connection,
    by: ChartBy,
    now_ms: u64,
    utc_offset_seconds: i32,
) -> rusqlite::Result<Vec<ChartBar>> {
    let (length_s, count) = match by {
        ChartBy::Hour => (HOUR_S, 24),
        ChartBy::Day => (DAY_S, 30),
    };
    let local_s = (now_ms / 1_000).saturating_add_signed(utc_offset_seconds.into());
    let last_s = (local_s - local_s % length_s).saturating_add_signed((-utc_offset_seconds).into());
    let first_s = last_s.saturating_sub((count - 1) * length_s);
    // SQLite has no median, and computing it with window functions is five times slower than listing the values.
    let sql = "WITH RECURSIVE bars (start) AS (VALUES (?1) UNION ALL SELECT start + ?2 FROM bars LIMIT ?3)
               SELECT start, count(id), count(id) FILTER (WHERE state = 'failed'),
               coalesce(sum(input), 0), coalesce(sum(output), 0), group_concat(first_ms)
               FROM bars LEFT JOIN exchanges ON ended >= start * 1000 AND ended < (start + ?2) * 1000
               GROUP BY start";
    let mut statement = connection.prepare_cached(sql)?;
    let bars = statement.query_map((first_s, length_s, count), |row| {
        Ok(ChartBar {
            from: row.get(0)?,
            requests: row.get(1)?,
            failed: row.get(2)?,
            input: row.get(3)?,
            output: row.get(4)?,
            first_ms: row.get_ref(5)?.as_str_or_null()?.and_then(median),
        })
    })?;
    bars.collect()
}

/// The median of comma-separated numbers.
fn median(list: &str) -> Option<u64> {
    let mut values: Vec<u64> = list.split(',').filter_map(|value| value.parse().ok()).collect();
    values.sort_unstable();
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(lower.midpoint(upper))
}
