//! The SQL statements.

use std::sync::Arc;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::types::{ExchangeDetail, ExchangeQuery, ExchangeRow};

/// The error of a request that was running when the app quit.
const INTERRUPTED: &str = "Codex Proxy quit during this request";

/// An [`ExchangeRow`] as a JSON array of its fields in order, which parses faster than an object.
const ROW: &str = "json_array(id, request_id, at, key_name, client, route, model, state, status, wait_ms, first_ms,
    own_ms, total_ms, input, cached, output, reasoning, commands, json(iif(background, 'true', 'false')), code, error)";

/// Writes an [`ExchangeRow`] from JSON. A running request has no total time and so no end.
const WRITE_ROW: &str = "INSERT OR REPLACE INTO exchanges
    (id, request_id, at, key_name, client, route, model, state, status, wait_ms, first_ms, own_ms, total_ms,
     input, cached, output, reasoning, commands, background, code, error, ended)
    SELECT row ->> 'id', row ->> 'requestId', row ->> 'at', row ->> 'key', row ->> 'client', row ->> 'route',
    row ->> 'model', row ->> 'state', row ->> 'status', row ->> 'waitMs', row ->> 'firstMs', row ->> 'ownMs',
    row ->> 'totalMs', row ->> 'input', row ->> 'cached', row ->> 'output', row ->> 'reasoning',
    row ->> 'commands', row ->> 'background', row ->> 'code', row ->> 'error', row ->> 'at' + row ->> 'totalMs'
    FROM (SELECT ?1 AS row)";

/// Default number of rows of a query.
const DEFAULT_ROWS: u32 = 200;

/// Maximum number of rows of a query.
const MAX_ROWS: u32 = 1_000;

/// Limit of a search text in characters, because SQLite rejects very long patterns. The rest is ignored.
const MAX_SEARCHED: usize = 200;

/// A JSON column.
struct Json<T>(T);

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Self).map_err(FromSqlError::other)
    }
}

fn from_json<T: DeserializeOwned>(row: &Row<'_>) -> rusqlite::Result<T> {
    row.get(0).map(|Json(value)| value)
}

fn to_json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// Fails the requests that were running when the app quit.
pub(super) fn end_interrupted(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "UPDATE exchanges SET state = 'failed', error = ?1, ended = at WHERE state IN ('waiting', 'streaming')";
    connection.execute(sql, [INTERRUPTED]).map(drop)
}

/// Writes a batch and does other work in one transaction.
///
/// The work runs before the commit, so it sees the batch even if the disk is full. The inner result is that of the commit.
pub(super) fn write_then<T>(
    connection: &mut Connection,
    batch: &[Arc<ExchangeDetail>],
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<(T, rusqlite::Result<()>)> {
    let transaction = connection.transaction()?;
    let written = batch.iter().try_for_each(|detail| write(&transaction, detail));
    let found = work(&transaction)?;
    Ok((found, written.and_then(|()| transaction.commit())))
}

fn write(connection: &Connection, detail: &ExchangeDetail) -> rusqlite::Result<()> {
    let ExchangeDetail { row, steps, request_text, answer_text } = detail;
    // Replacing the row loses no steps or texts, which are written only at the end.
    connection.prepare_cached(WRITE_ROW)?.execute([to_json(row)?])?;
    if row.runs() {
        return Ok(());
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO steps (id, steps) VALUES (?1, ?2)")?
        .execute((&row.id, to_json(steps)?))?;
    if request_text.is_some() || answer_text.is_some() {
        connection
            .prepare_cached("INSERT OR REPLACE INTO texts (id, request, answer) VALUES (?1, ?2, ?3)")?
            .execute((&row.id, request_text, answer_text))?;
    }
    Ok(())
}

/// The matching rows, newest first.
pub(super) fn rows(connection: &Connection, query: &ExchangeQuery) -> rusqlite::Result<Vec<ExchangeRow>> {
    let ExchangeQuery { before, limit, text, state, key, model } = query;
    let sql = format!(
        r"SELECT {ROW} FROM exchanges
          WHERE id < ?1 AND (?2 ->> '$' IS NULL OR state = ?2 ->> '$') AND (?3 IS NULL OR key_name = ?3) AND (?4 IS NULL OR model = ?4)
          AND (?5 IS NULL OR key_name LIKE ?5 ESCAPE '\' OR client LIKE ?5 ESCAPE '\' OR model LIKE ?5 ESCAPE '\'
               OR route LIKE ?5 ESCAPE '\' OR request_id LIKE ?5 ESCAPE '\' OR error LIKE ?5 ESCAPE '\')
          ORDER BY id DESC LIMIT ?6"
    );
    // No id sorts after the last character. With a bound in every query, SQLite can seek.
    let before = before.as_deref().unwrap_or("\u{10ffff}");
    let pattern = text.as_deref().filter(|text| !text.is_empty()).map(pattern);
    let limit = limit.unwrap_or(DEFAULT_ROWS).clamp(1, MAX_ROWS);
    let values = params![before, to_json(state)?, key, model, pattern, limit];
    connection.prepare_cached(&sql)?.query_map(values, from_json)?.collect()
}

/// A LIKE pattern that finds a text anywhere. SQLite ends a pattern at a NUL.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars().take_while(|&c| c != '\0').take(MAX_SEARCHED) {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// All details of a request.
pub(super) fn detail(connection: &Connection, id: &str) -> rusqlite::Result<Option<ExchangeDetail>> {
    let sql = format!(
        "SELECT json_object('row', {ROW}, 'steps', json(coalesce(steps, '[]')), 'requestText', request, 'answerText', answer)
         FROM exchanges LEFT JOIN steps USING (id) LEFT JOIN texts USING (id) WHERE id = ?1"
    );
    connection.prepare_cached(&sql)?.query_row([id], from_json).optional()
}

/// The number of requests since `from_ms`.
pub(super) fn count_since(connection: &Connection, from_ms: u64) -> rusqlite::Result<u64> {
    // Beyond SQLite's integers, nothing has arrived since.
    let from_ms = i64::try_from(from_ms).unwrap_or(i64::MAX);
    let sql = "SELECT count(*) FROM exchanges WHERE at >= ?1";
    connection.prepare_cached(sql)?.query_row([from_ms], |row| row.get(0))
}

/// Removes all texts, and returns their number.
pub(super) fn forget_texts(connection: &Connection) -> rusqlite::Result<usize> {
    connection.execute("DELETE FROM texts", ())
}

/// Removes all ended requests, and returns their number.
pub(super) fn clear(connection: &Connection) -> rusqlite::Result<usize> {
    // Only ended requests have steps and texts. Deleting them directly is faster than the cascade.
    connection.execute_batch("DELETE FROM texts; DELETE FROM steps")?;
    connection.execute("DELETE FROM exchanges WHERE ended IS NOT NULL", ())
}

/// The time that old requests are measured against. A clock that is more than `max_step_ms` ahead of the last one is not believed
/// yet; the last one is then returned.
pub(super) fn believed_clock(
    connection: &Connection,
    now_ms: u64,
    max_step_ms: u64,
) -> rusqlite::Result<u64> {
    let last = connection.query_row("SELECT ms FROM clock", (), |row| row.get::<_, u64>(0)).optional()?;
    match last {
        Some(last) if now_ms > last.saturating_add(max_step_ms) => return Ok(last),
        // Precise enough, and saves a write.
        Some(last) if now_ms.abs_diff(last) < 60_000 => return Ok(now_ms),
        _ => {}
    }
    connection.execute("DELETE FROM clock", ())?;
    connection.execute("INSERT INTO clock (ms) VALUES (?1)", [now_ms])?;
    Ok(now_ms)
}

/// Removes up to `batch` ended requests from before `before_ms`. If there are none and the database exceeds `max_bytes`, removes
/// the oldest tenth of the texts, or of the requests if there are no texts. Returns how many it removed.
pub(super) fn prune(
    connection: &Connection,
    before_ms: u64,
    batch: u32,
    max_bytes: u64,
) -> rusqlite::Result<usize> {
    let sql = "DELETE FROM exchanges WHERE id IN
               (SELECT id FROM exchanges WHERE at < ?1 AND ended IS NOT NULL LIMIT ?2)";
    let old = connection.prepare_cached(sql)?.execute((before_ms, batch))?;
    let sql = "SELECT (page_count - freelist_count) * page_size
               FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    if old > 0 || connection.prepare_cached(sql)?.query_row((), |row| row.get::<_, u64>(0))? <= max_bytes {
        return Ok(old);
    }
    let texts = "DELETE FROM texts WHERE id IN
                 (SELECT id FROM texts ORDER BY id LIMIT (SELECT count(*) / 10 + 1 FROM texts))";
    let requests = "DELETE FROM exchanges WHERE id IN
                    (SELECT id FROM exchanges WHERE ended IS NOT NULL ORDER BY id
                     LIMIT (SELECT count(*) / 10 + 1 FROM exchanges))";
    match connection.execute(texts, ())? {
        0 => connection.execute(requests, ()),
        removed => Ok(removed),
    }
}

/// Returns free space to the system, and truncates the write-ahead log, which may still contain removed texts.
pub(super) fn compact(connection: &Connection) -> rusqlite::Result<()> {
    for pragma in ["PRAGMA incremental_vacuum", "PRAGMA wal_checkpoint(TRUNCATE)"] {
        // Each step of the vacuum frees one page.
        let mut statement = connection.prepare(pragma)?;
        let mut steps = statement.query(())?;
        while steps.next()?.is_some() {}
    }
    Ok(())
}
