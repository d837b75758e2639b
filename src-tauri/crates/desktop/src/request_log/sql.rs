//! The statements: rows into the database and out of it.

use rusqlite::types::{FromSql, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use super::body::Body;
use super::live::{Unwritten, runs};
use super::types::{ExchangeDetail, ExchangeQuery, ExchangeRow, ExchangeState, Step};

/// The error of a request that was running when the program ended.
const INTERRUPTED: &str = "Codex Proxy ended while it ran";

/// The columns of a row, in the order in which [`read_row`] reads them.
const COLUMNS: &str = "id, at, key_name, client, route, model, state, status, wait_ms, first_ms, own_ms, total_ms, input, cached, output, reasoning, commands, background, error, request_id, code";

/// Rows of a query that does not say how many.
const DEFAULT_ROWS: u32 = 200;

/// Rows of a query at most.
const MAX_ROWS: u32 = 1_000;

/// Characters of a text that are searched for; the rest is ignored. SQLite refuses very long patterns.
const MAX_SEARCHED: usize = 200;

impl ToSql for ExchangeState {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(match self {
            Self::Waiting => "waiting",
            Self::Streaming => "streaming",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }))
    }
}

impl FromSql for ExchangeState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(match value.as_str()? {
            "waiting" => Self::Waiting,
            "streaming" => Self::Streaming,
            "done" => Self::Done,
            "stopped" => Self::Stopped,
            _ => Self::Failed,
        })
    }
}

/// Ends the requests that were running when the program ended.
pub(super) fn end_interrupted(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "UPDATE exchanges SET state = 'failed', error = ?1, ended = at WHERE state IN ('waiting', 'streaming')";
    connection.execute(sql, [INTERRUPTED]).map(drop)
}

/// Writes a batch and does some other work, in one transaction.
///
/// The work comes before the commit, so that it sees the batch even when the disk does not take it. The inner result says
/// whether it did.
pub(super) fn write_then<T>(
    connection: &mut Connection,
    batch: &[Unwritten],
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<(T, rusqlite::Result<()>)> {
    let transaction = connection.transaction()?;
    let written = batch.iter().try_for_each(|(row, body)| {
        write_row(&transaction, row)?;
        body.as_ref().map_or(Ok(()), |body| write_body(&transaction, &row.id, body))
    });
    let found = work(&transaction)?;
    Ok((found, written.and_then(|()| transaction.commit())))
}

fn write_row(connection: &Connection, row: &ExchangeRow) -> rusqlite::Result<()> {
    // A row that is replaced has no steps or texts yet: those come with the end.
    let sql = format!(
        "INSERT OR REPLACE INTO exchanges ({COLUMNS}, ended)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    );
    let ended = (!runs(row)).then(|| row.at.saturating_add(row.total_ms.unwrap_or(0)));
    #[rustfmt::skip]
    let values = params![
        row.id, row.at, row.key, row.client, row.route, row.model, row.state, row.status, row.wait_ms, row.first_ms,
        row.own_ms, row.total_ms, row.input, row.cached, row.output, row.reasoning, row.commands, row.background,
        row.error, row.request_id, row.code, ended,
    ];
    connection.prepare_cached(&sql)?.execute(values).map(drop)
}

fn write_body(connection: &Connection, id: &str, body: &Body) -> rusqlite::Result<()> {
    let steps = serde_json::to_string(&body.steps).unwrap_or_else(|_| "[]".to_owned());
    connection
        .prepare_cached("INSERT OR REPLACE INTO steps (id, steps) VALUES (?1, ?2)")?
        .execute((id, steps))?;
    if body.request.is_some() || body.answer.is_some() {
        connection
            .prepare_cached("INSERT OR REPLACE INTO texts (id, request, answer) VALUES (?1, ?2, ?3)")?
            .execute((id, &body.request, &body.answer))?;
    }
    Ok(())
}

/// The rows that match a query, newest first.
pub(super) fn rows(connection: &Connection, query: &ExchangeQuery) -> rusqlite::Result<Vec<ExchangeRow>> {
    let ExchangeQuery { before, limit, text, state, key, model } = query;
    let sql = format!(
        r"SELECT {COLUMNS} FROM exchanges
          WHERE id < ?1 AND (?2 IS NULL OR state = ?2) AND (?3 IS NULL OR key_name = ?3) AND (?4 IS NULL OR model = ?4)
          AND (?5 IS NULL OR key_name LIKE ?5 ESCAPE '\' OR client LIKE ?5 ESCAPE '\' OR model LIKE ?5 ESCAPE '\'
               OR route LIKE ?5 ESCAPE '\' OR request_id LIKE ?5 ESCAPE '\' OR error LIKE ?5 ESCAPE '\')
          ORDER BY id DESC LIMIT ?6"
    );
    // No id sorts after the last character. A bound that is always there lets SQLite seek to it.
    let before = before.as_deref().unwrap_or("\u{10ffff}");
    let pattern = text.as_deref().filter(|text| !text.is_empty()).map(pattern);
    let limit = limit.unwrap_or(DEFAULT_ROWS).clamp(1, MAX_ROWS);
    let values = params![before, state, key, model, pattern, limit];
    connection.prepare_cached(&sql)?.query_map(values, read_row)?.collect()
}

/// The pattern for LIKE that finds a text anywhere. SQLite ends a pattern at a NUL.
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

/// Everything that is kept of a request.
pub(super) fn detail(connection: &Connection, id: &str) -> rusqlite::Result<Option<ExchangeDetail>> {
    let sql = format!(
        "SELECT {COLUMNS}, steps, request, answer FROM exchanges LEFT JOIN steps USING (id) LEFT JOIN texts USING (id)
         WHERE id = ?1"
    );
    let read = |row: &Row<'_>| {
        let steps: Option<String> = row.get("steps")?;
        let steps: Option<Vec<Step>> = steps.and_then(|json| serde_json::from_str(&json).ok());
        Ok(ExchangeDetail {
            row: read_row(row)?,
            steps: steps.unwrap_or_default(),
            request_text: row.get("request")?,
            answer_text: row.get("answer")?,
        })
    };
    connection.prepare_cached(&sql)?.query_row([id], read).optional()
}

/// How many requests arrived since `from_ms`.
pub(super) fn count_since(connection: &Connection, from_ms: u64) -> rusqlite::Result<u64> {
    // What is asked for may lie beyond SQLite's numbers, and then nothing has arrived since.
    let from_ms = i64::try_from(from_ms).unwrap_or(i64::MAX);
    let sql = "SELECT count(*) FROM exchanges WHERE at >= ?1";
    connection.prepare_cached(sql)?.query_row([from_ms], |row| row.get(0))
}

/// Removes all texts, and says how many there were.
pub(super) fn forget_texts(connection: &Connection) -> rusqlite::Result<usize> {
    connection.execute("DELETE FROM texts", ())
}

/// Removes all requests that have ended.
pub(super) fn clear(connection: &Connection) -> rusqlite::Result<()> {
    // Steps and texts belong to ended requests only, and are removed faster without the cascade.
    connection
        .execute_batch("DELETE FROM texts; DELETE FROM steps; DELETE FROM exchanges WHERE ended IS NOT NULL;")
}

/// Removes some of the ended requests that arrived before `before_ms`, at most `batch`. If there are none and the database is
/// larger than `max_bytes`, removes the oldest tenth of the texts, or of the requests once there are no texts. Says how many.
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

/// Returns free space to the system, and empties the write-ahead log, where removed texts would live on.
pub(super) fn compact(connection: &Connection) -> rusqlite::Result<()> {
    for pragma in ["PRAGMA incremental_vacuum", "PRAGMA wal_checkpoint(TRUNCATE)"] {
        // Each step of the first frees one page, so it is asked until it has no more.
        let mut statement = connection.prepare(pragma)?;
        let mut steps = statement.query(())?;
        while steps.next()?.is_some() {}
    }
    Ok(())
}

fn read_row(row: &Row<'_>) -> rusqlite::Result<ExchangeRow> {
    Ok(ExchangeRow {
        id: row.get(0)?,
        at: row.get(1)?,
        key: row.get(2)?,
        client: row.get(3)?,
        route: row.get(4)?,
        model: row.get(5)?,
        state: row.get(6)?,
        status: row.get(7)?,
        wait_ms: row.get(8)?,
        first_ms: row.get(9)?,
        own_ms: row.get(10)?,
        total_ms: row.get(11)?,
        input: row.get(12)?,
        cached: row.get(13)?,
        output: row.get(14)?,
        reasoning: row.get(15)?,
        commands: row.get(16)?,
        background: row.get(17)?,
        error: row.get(18)?,
        request_id: row.get(19)?,
        code: row.get(20)?,
    })
}
