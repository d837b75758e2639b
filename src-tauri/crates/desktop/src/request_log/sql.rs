//! The statements: rows into the database and out of it.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params_from_iter};

use super::body::Body;
use super::chart::{Ended, ended_ms};
use super::filter::Filter;
use super::ring::{Unwritten, runs};
use super::types::{ExchangeRow, ExchangeState, Step};

/// What is said of a request that was running when the program ended.
const CUT_OFF_BY_THE_END: &str = "Codex Proxy ended while it ran";

/// The columns of a row, in the order in which [`read_row`] reads them.
const COLUMNS: &str = "id, at, key_name, client, route, model, state, status, wait_ms, first_ms, own_ms, total_ms, input, cached, output, reasoning, commands, background, error, request_id, code";

/// The word for a state in the database.
pub(super) fn state_word(state: ExchangeState) -> &'static str {
    match state {
        ExchangeState::Waiting => "waiting",
        ExchangeState::Streaming => "streaming",
        ExchangeState::Done => "done",
        ExchangeState::Failed => "failed",
        ExchangeState::Stopped => "stopped",
    }
}

/// Requests that were running when the program ended have failed.
pub(super) fn end_what_was_cut_off(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "UPDATE exchanges SET state = 'failed', error = ?1, ended = at WHERE state IN ('waiting', 'streaming')";
    connection.execute(sql, [CUT_OFF_BY_THE_END]).map(drop)
}

/// Takes out all texts, from the file too.
pub(super) fn forget_texts(connection: &Connection) -> rusqlite::Result<()> {
    if connection.execute("DELETE FROM texts", ())? > 0 {
        compact(connection)?;
    }
    Ok(())
}

/// The newest id.
pub(super) fn newest(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection.query_row("SELECT max(id) FROM exchanges", (), |row| row.get(0))
}

/// Writes requests, all of them or none.
pub(super) fn write(connection: &mut Connection, batch: &[Unwritten]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for (row, body) in batch {
        write_row(&transaction, row)?;
        if let Some(body) = body {
            write_body(&transaction, &row.id, body)?;
        }
    }
    transaction.commit()
}

fn write_row(connection: &Connection, row: &ExchangeRow) -> rusqlite::Result<()> {
    // Not INSERT OR REPLACE, which deletes the old row and with it its steps and texts.
    let sql = format!(
        "INSERT INTO exchanges ({COLUMNS}, ended)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)
         ON CONFLICT (id) DO UPDATE SET state = ?7, status = ?8, wait_ms = ?9, first_ms = ?10, own_ms = ?11,
         total_ms = ?12, input = ?13, cached = ?14, output = ?15, reasoning = ?16, commands = ?17, error = ?19,
         code = ?21, ended = ?22"
    );
    let ended = if runs(row) { None } else { Some(signed(ended_ms(row))) };
    let [wait, first, own, total] = [row.wait_ms, row.first_ms, row.own_ms, row.total_ms].map(opt_signed);
    let [input, cached, output, reasoning] =
        [row.input, row.cached, row.output, row.reasoning].map(opt_signed);
    let (at, state) = (signed(row.at), state_word(row.state));
    let values: [&dyn ToSql; 22] = [
        &row.id,
        &at,
        &row.key,
        &row.client,
        &row.route,
        &row.model,
        &state,
        &row.status,
        &wait,
        &first,
        &own,
        &total,
        &input,
        &cached,
        &output,
        &reasoning,
        &row.commands,
        &row.background,
        &row.error,
        &row.request_id,
        &row.code,
        &ended,
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

/// Up to `limit` rows that the filter takes, newest first, of those up to the horizon that are not known already.
pub(super) fn matching(
    connection: &Connection,
    filter: &Filter,
    horizon: &str,
    limit: usize,
    is_known: impl Fn(&str) -> bool,
) -> rusqlite::Result<Vec<ExchangeRow>> {
    // One bound only, whichever is lower: with two, SQLite would begin at the first and walk to the second.
    let (below, bound) = match filter.before() {
        Some(before) if before <= horizon => ("<", before),
        _ => ("<=", horizon),
    };
    let (conditions, mut values) = filter.conditions();
    values.insert(0, Value::Text(bound.to_owned()));
    // There is no LIMIT: rows that are known are passed over, and nothing is read beyond the last one that is taken.
    let sql = format!("SELECT {COLUMNS} FROM exchanges WHERE id {below} ?{conditions} ORDER BY id DESC");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = statement.query(params_from_iter(values))?;
    let mut rows = Vec::new();
    while rows.len() < limit
        && let Some(row) = found.next()?
    {
        if !is_known(row.get_ref(0)?.as_str()?) {
            rows.push(read_row(row)?);
        }
    }
    Ok(rows)
}

/// One row.
pub(super) fn row(connection: &Connection, id: &str) -> rusqlite::Result<Option<ExchangeRow>> {
    let sql = format!("SELECT {COLUMNS} FROM exchanges WHERE id = ?1");
    connection.prepare_cached(&sql)?.query_row([id], read_row).optional()
}

/// What is kept of a request beside its row.
pub(super) fn body(connection: &Connection, id: &str) -> rusqlite::Result<Body> {
    let steps: Option<String> = connection
        .prepare_cached("SELECT steps FROM steps WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    let steps: Vec<Step> = steps.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
    let texts: Option<(Option<String>, Option<String>)> = connection
        .prepare_cached("SELECT request, answer FROM texts WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (request, answer) = texts.unwrap_or_default();
    Ok(Body::stored(steps, request, answer))
}

/// Hands over the requests that ended since `from_ms`, in no order.
pub(super) fn each_ended_since(
    connection: &Connection,
    from_ms: u64,
    mut take: impl FnMut(&str, Ended),
) -> rusqlite::Result<()> {
    let sql = "SELECT id, ended, state, input, output, first_ms FROM exchanges WHERE ended >= ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query([signed(from_ms)])?;
    while let Some(row) = found.next()? {
        let ended = Ended {
            at_ms: unsigned(row.get(1)?),
            failed: row.get_ref(2)?.as_str()? == state_word(ExchangeState::Failed),
            input: opt_unsigned(row.get(3)?),
            output: opt_unsigned(row.get(4)?),
            first_ms: opt_unsigned(row.get(5)?),
        };
        take(row.get_ref(0)?.as_str()?, ended);
    }
    Ok(())
}

/// How many requests that are not known already arrived since `from_ms`.
pub(super) fn count_since(
    connection: &Connection,
    from_ms: u64,
    is_known: impl Fn(&str) -> bool,
) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached("SELECT id FROM exchanges WHERE at >= ?1")?;
    let mut found = statement.query([signed(from_ms)])?;
    let mut count = 0;
    while let Some(row) = found.next()? {
        count += u64::from(!is_known(row.get_ref(0)?.as_str()?));
    }
    Ok(count)
}

/// Takes out up to `most` requests that arrived before `before_ms`, and says how many.
pub(super) fn prune(connection: &Connection, before_ms: u64, most: usize) -> rusqlite::Result<usize> {
    let sql = "DELETE FROM exchanges WHERE id IN (SELECT id FROM exchanges WHERE at < ?1 LIMIT ?2)";
    connection.execute(sql, (signed(before_ms), i64::try_from(most).unwrap_or(i64::MAX)))
}

/// Takes out everything.
pub(super) fn clear(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch("DELETE FROM texts; DELETE FROM steps; DELETE FROM exchanges;")?;
    transaction.commit()?;
    compact(connection)
}

/// Gives room that has become free back to the system, and empties the write-ahead log, where deleted texts would live on.
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
    let number = |at| row.get(at).map(opt_unsigned);
    let state = match row.get_ref(6)?.as_str()? {
        "waiting" => ExchangeState::Waiting,
        "streaming" => ExchangeState::Streaming,
        "done" => ExchangeState::Done,
        "stopped" => ExchangeState::Stopped,
        _ => ExchangeState::Failed,
    };
    Ok(ExchangeRow {
        id: row.get(0)?,
        at: unsigned(row.get(1)?),
        key: row.get(2)?,
        client: row.get(3)?,
        route: row.get(4)?,
        model: row.get(5)?,
        state,
        status: row.get(7)?,
        wait_ms: number(8)?,
        first_ms: number(9)?,
        own_ms: number(10)?,
        total_ms: number(11)?,
        input: number(12)?,
        cached: number(13)?,
        output: number(14)?,
        reasoning: number(15)?,
        commands: row.get(16)?,
        background: row.get(17)?,
        error: row.get(18)?,
        request_id: row.get(19)?,
        code: row.get(20)?,
    })
}

/// SQLite's numbers are signed; none of ours comes near the limit.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn opt_signed(number: Option<u64>) -> Option<i64> {
    number.map(signed)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn opt_unsigned(number: Option<i64>) -> Option<u64> {
    number.map(unsigned)
}
