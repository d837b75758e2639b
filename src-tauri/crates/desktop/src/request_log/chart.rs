//! The bars of the charts: ended requests by their arrival.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::sql::median;
use super::types::{Chart, ChartBar, ChartGroup, ChartRange, ChartStack};

const HOUR_S: u64 = 60 * 60;
const DAY_S: u64 = 24 * HOUR_S;

impl ChartRange {
    /// The length of a bar in seconds, and the number of bars.
    fn bars(self) -> (u64, u64) {
        match self {
            Self::Hour => (2 * 60, 30),
            Self::Day => (HOUR_S, 24),
            Self::Week => (6 * HOUR_S, 28),
            Self::Month => (DAY_S, 30),
        }
    }

    /// The shortest period that has all requests, up to a week.
    fn fitting(connection: &Connection, now_ms: u64) -> rusqlite::Result<Self> {
        let oldest: Option<u64> =
            connection
                .query_row("SELECT min(at) FROM shown WHERE ended IS NOT NULL", (), |row| row.get(0))?;
        let age_s = oldest.map_or(u64::MAX, |oldest| now_ms.saturating_sub(oldest) / 1_000);
        let fits = |range: &Self| {
            let (length_s, count) = range.bars();
            // The last bar has just begun.
            age_s < length_s * (count - 1)
        };
        let empty = oldest.is_none().then_some(Self::Day);
        Ok(empty.or([Self::Hour, Self::Day].into_iter().find(fits)).unwrap_or(Self::Week))
    }
}

/// The charts of a period, or of the one that fits the data. The last bar contains `now_ms`.
pub(super) fn chart(
    connection: &Connection,
    range: Option<ChartRange>,
    stack: Option<ChartStack>,
    now_ms: u64,
    utc_offset_seconds: i32,
) -> rusqlite::Result<Chart> {
    let range = range.map_or_else(|| ChartRange::fitting(connection, now_ms), Ok)?;
    let (length_s, count) = range.bars();
    let local_s = (now_ms / 1_000).saturating_add_signed(utc_offset_seconds.into());
    let last_s = (local_s - local_s % length_s).saturating_add_signed((-utc_offset_seconds).into());
    let first_s = last_s.saturating_sub((count - 1) * length_s);
    let mut bars = bars(connection, first_s, length_s, count)?;
    if let Some(stack) = stack {
        let mut groups = groups(connection, stack, first_s, length_s)?;
        for bar in &mut bars {
            bar.groups = groups.remove(&bar.from).unwrap_or_default();
        }
    }
    Ok(Chart { range, bar_seconds: length_s, bars })
}

fn bars(connection: &Connection, first_s: u64, length_s: u64, count: u64) -> rusqlite::Result<Vec<ChartBar>> {
    // SQLite has no median, and computing it with window functions is five times slower than listing the values.
    let sql = "WITH RECURSIVE bars (start) AS (VALUES (?1) UNION ALL SELECT start + ?2 FROM bars LIMIT ?3)
               SELECT start, count(id), count(id) FILTER (WHERE state = 'failed'),
               coalesce(sum(input), 0), coalesce(sum(output), 0), group_concat(first_ms)
               FROM bars LEFT JOIN shown ON at >= start * 1000 AND at < (start + ?2) * 1000 AND ended IS NOT NULL
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
            groups: Vec::new(),
        })
    })?;
    bars.collect()
}

/// The requests since `first_s` by model, key or app, by the start of their bar.
fn groups(
    connection: &Connection,
    stack: ChartStack,
    first_s: u64,
    length_s: u64,
) -> rusqlite::Result<BTreeMap<u64, Vec<ChartGroup>>> {
    let column = match stack {
        ChartStack::Model => "model",
        ChartStack::Key => "key_name",
        ChartStack::App => "app",
    };
    let sql = format!(
        "SELECT ?1 + (at / 1000 - ?1) / ?2 * ?2 AS start, {column}, count(*),
         coalesce(sum(input), 0) + coalesce(sum(output), 0)
         FROM shown WHERE at >= ?1 * 1000 AND ended IS NOT NULL GROUP BY start, {column} ORDER BY start, {column}"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query((first_s, length_s))?;
    let mut groups = BTreeMap::<u64, Vec<ChartGroup>>::new();
    while let Some(row) = rows.next()? {
        let group = ChartGroup { name: row.get(1)?, requests: row.get(2)?, tokens: row.get(3)? };
        groups.entry(row.get(0)?).or_default().push(group);
    }
    Ok(groups)
}
