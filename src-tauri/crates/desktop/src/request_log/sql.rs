//! The SQL statements.

use std::sync::Arc;

use proxy::changes::Changes;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, Value as SqlValue, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::live::Batch;
use super::types::{ExchangeCounts, ExchangeDetail, ExchangeQuery, ExchangeRow, Review, Show, Step, Today};
use crate::client_name::{OWN, client_name};
use crate::database::used_bytes;

/// The error of a request that was running when the app quit.
const INTERRUPTED: &str = "Codex Proxy quit during this request";

/// An [`ExchangeRow`] as a JSON array of its fields in order, which parses faster than an object.
const ROW: &str = "json_array(id, request_id, at, key_name, client, app, route, model, state, status, wait_ms, first_ms,
    own_ms, total_ms, input, cached, output, reasoning, commands, files_changed, json(iif(background, 'true', 'false')), code,
    coalesce((SELECT reason FROM reasons WHERE reasons.id = shown.id), error))";

/// Writes an [`ExchangeRow`] from JSON. A running request has no total time and so no end.
const WRITE_ROW: &str = "INSERT OR REPLACE INTO exchanges
    (id, request_id, at, key_name, client, app, route, model, state, status, wait_ms, first_ms, own_ms, total_ms,
     input, cached, output, reasoning, commands, files_changed, background, code, error, ended)
    SELECT row ->> 'id', row ->> 'requestId', row ->> 'at', row ->> 'key', row ->> 'client', row ->> 'app', row ->> 'route',
    row ->> 'model', row ->> 'state', row ->> 'status', row ->> 'waitMs', row ->> 'firstMs', row ->> 'ownMs',
    row ->> 'totalMs', row ->> 'input', row ->> 'cached', row ->> 'output', row ->> 'reasoning',
    row ->> 'commands', row ->> 'filesChanged', row ->> 'background', row ->> 'code', ?2, row ->> 'at' + row ->> 'totalMs'
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
    batch: &Batch,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<(T, rusqlite::Result<()>)> {
    let transaction = connection.transaction()?;
    let rows = batch.requests.iter().try_for_each(|detail| write(&transaction, detail));
    let written = rows.and_then(|()| {
        batch.changes.iter().try_for_each(|one| write_changes(&transaction, one, batch.texts))
    });
    let found = work(&transaction)?;
    Ok((found, written.and_then(|()| transaction.commit())))
}

fn write(connection: &Connection, detail: &ExchangeDetail) -> rusqlite::Result<()> {
    let ExchangeDetail { row, steps, request_text, answer_text, pictures, chat, summary, .. } = detail;
    let stored_error = summary.as_ref().or(row.error.as_ref());
    // Replacing the row loses no steps or texts, which are written only at the end.
    connection.prepare_cached(WRITE_ROW)?.execute((to_json(row)?, stored_error))?;
    if row.runs() {
        return Ok(());
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO steps (id, steps) VALUES (?1, ?2)")?
        .execute((&row.id, to_json(steps)?))?;
    if let Some(chat) = chat {
        connection
            .prepare_cached("INSERT OR REPLACE INTO chats (id, chat) VALUES (?1, ?2)")?
            .execute((&row.id, to_json(chat)?))?;
    }
    if !pictures.is_empty() {
        connection
            .prepare_cached("INSERT OR REPLACE INTO pictures (id, pictures) VALUES (?1, ?2)")?
            .execute((&row.id, to_json(pictures)?))?;
    }
    if request_text.is_some() || answer_text.is_some() {
        connection
            .prepare_cached("INSERT OR REPLACE INTO texts (id, request, answer) VALUES (?1, ?2, ?3)")?
            .execute((&row.id, request_text, answer_text))?;
        if summary.is_some() {
            connection
                .prepare_cached("INSERT OR REPLACE INTO reasons (id, reason) VALUES (?1, ?2)")?
                .execute((&row.id, &row.error))?;
        }
    }
    Ok(())
}

/// Writes what an ended request changed: the number of files, and the rest only with `texts`.
fn write_changes(
    connection: &Connection,
    (id, changes): &(String, Arc<Changes>),
    texts: bool,
) -> rusqlite::Result<()> {
    let sql = "UPDATE exchanges SET files_changed = ?2 WHERE id = ?1";
    // A request that was dropped or removed has no row.
    let found = connection.prepare_cached(sql)?.execute((id, changes.count))?;
    if found > 0 && texts {
        let sql = "INSERT OR REPLACE INTO changes (id, changes) VALUES (?1, ?2)";
        connection.prepare_cached(sql)?.execute((id, to_json(&**changes)?))?;
    }
    Ok(())
}

/// Writes the review of a request's changes.
pub(super) fn write_review(connection: &Connection, id: &str, review: &Review) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO reviews (id, review) SELECT id, ?2 FROM exchanges WHERE id = ?1";
    connection.execute(sql, (id, to_json(review)?)).map(drop)
}

/// Adds a step to an ended request that is in the database.
pub(super) fn add_step(connection: &Connection, id: &str, step: &Step) -> rusqlite::Result<()> {
    let sql = "UPDATE steps SET steps = json_insert(steps, '$[#]', json(?2)) WHERE id = ?1";
    connection.execute(sql, (id, to_json(step)?)).map(drop)
}

/// The row of a request.
pub(super) fn row(connection: &Connection, id: &str) -> rusqlite::Result<Option<ExchangeRow>> {
    let sql = format!("SELECT {ROW} FROM shown WHERE id = ?1");
    connection.prepare_cached(&sql)?.query_row([id], from_json).optional()
}

/// Those of the requests that are in the database.
pub(super) fn existing(connection: &Connection, ids: &[String]) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM exchanges WHERE id = ?1)")?;
    let mut found = Vec::new();
    for id in ids {
        if statement.query_row([id], |row| row.get(0))? {
            found.push(id.clone());
        }
    }
    Ok(found)
}

/// The conditions of a query, with the parameters of [`filter`].
const FILTER: &str = r"id < ?1 AND (?2 IS NULL OR CASE ?2 WHEN 'running' THEN ended IS NULL WHEN 'background' THEN background
         WHEN 'stopped' THEN state IN ('stopped', 'cancelled') ELSE state = ?2 END)
     AND (?3 IS NULL OR key_name = ?3) AND (?4 IS NULL OR model = ?4) AND (?5 IS NULL OR app = ?5)
     AND (?6 IS NULL OR at >= ?6) AND (?7 IS NULL OR at < ?7)
     AND (?8 IS NULL OR key_name LIKE ?8 ESCAPE '\' OR client LIKE ?8 ESCAPE '\' OR app LIKE ?8 ESCAPE '\'
          OR model LIKE ?8 ESCAPE '\' OR route LIKE ?8 ESCAPE '\' OR request_id LIKE ?8 ESCAPE '\' OR error LIKE ?8 ESCAPE '\')";

/// The parameters of [`FILTER`].
fn filter(query: &ExchangeQuery) -> Vec<SqlValue> {
    let ExchangeQuery { before, limit: _, text, show, key, model, app, since, until } = query;
    let show = show.map(|show| match show {
        Show::Running => "running",
        Show::Failed => "failed",
        Show::Stopped => "stopped",
        Show::Background => "background",
    });
    // Beyond SQLite's integers, nothing has arrived.
    let time = |ms: &Option<u64>| ms.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX)).into();
    vec![
        // No id sorts after the last character. With a bound in every query, SQLite can seek.
        before.clone().unwrap_or_else(|| "\u{10ffff}".to_owned()).into(),
        show.map(str::to_owned).into(),
        key.clone().into(),
        model.clone().into(),
        app.clone().into(),
        time(since),
        time(until),
        text.as_deref().filter(|text| !text.is_empty()).map(pattern).into(),
    ]
}

/// The matching rows, newest first.
pub(super) fn rows(connection: &Connection, query: &ExchangeQuery) -> rusqlite::Result<Vec<ExchangeRow>> {
    let sql = format!("SELECT {ROW} FROM shown WHERE {FILTER} ORDER BY id DESC LIMIT ?9");
    let limit = query.limit.unwrap_or(DEFAULT_ROWS).clamp(1, MAX_ROWS);
    let values = filter(query).into_iter().chain([i64::from(limit).into()]);
    connection.prepare_cached(&sql)?.query_map(params_from_iter(values), from_json)?.collect()
}

/// How many requests match.
pub(super) fn counts(connection: &Connection, query: &ExchangeQuery) -> rusqlite::Result<ExchangeCounts> {
    let sql = format!("SELECT count(*), count(*) FILTER (WHERE state = 'failed') FROM shown WHERE {FILTER}");
    let counts = |row: &Row<'_>| Ok(ExchangeCounts { total: row.get(0)?, failed: row.get(1)? });
    connection.prepare_cached(&sql)?.query_row(params_from_iter(filter(query)), counts)
}

/// Calls `each` with the matching rows as exported, newest first: the names of the columns and their values. Returns the last
/// row's id, if there may be more.
pub(super) fn export(
    connection: &Connection,
    query: &ExchangeQuery,
    mut each: impl FnMut(&[String], &Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<Option<String>> {
    let sql = format!(
        "SELECT id, strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000.0, 'unixepoch') AS time, app, client AS user_agent, key_name AS key,
         route, model, state, status, code, coalesce((SELECT reason FROM reasons WHERE reasons.id = shown.id), error) AS error,
         background, wait_ms AS queued_ms, first_ms AS first_token_ms, own_ms AS proxy_ms, total_ms, input AS input_tokens,
         cached AS cached_tokens, output AS output_tokens, reasoning AS reasoning_tokens, commands, request_id, files_changed
         FROM shown WHERE {FILTER} ORDER BY id DESC LIMIT ?9"
    );
    let values = filter(query).into_iter().chain([i64::from(MAX_ROWS).into()]);
    let mut statement = connection.prepare_cached(&sql)?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut rows = statement.query(params_from_iter(values))?;
    let (mut count, mut last) = (0, None);
    while let Some(row) = rows.next()? {
        each(&names, row)?;
        count += 1;
        last = Some(row.get(0)?);
    }
    Ok(last.filter(|_| count == MAX_ROWS))
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
        "SELECT json_object('row', {ROW}, 'steps', json(coalesce(steps, '[]')), 'requestText', request, 'answerText', answer,
         'pictures', json(coalesce(pictures, '[]')), 'chat', json(chat), 'changes', json(changes), 'review', json(review))
         FROM shown LEFT JOIN steps USING (id) LEFT JOIN texts USING (id) LEFT JOIN pictures USING (id)
         LEFT JOIN changes USING (id) LEFT JOIN reviews USING (id) LEFT JOIN chats USING (id) WHERE id = ?1"
    );
    connection.prepare_cached(&sql)?.query_row([id], from_json).optional()
}

/// Requests since `from_ms`, without the window's own.
pub(super) fn today(connection: &Connection, from_ms: u64) -> rusqlite::Result<Today> {
    // Beyond SQLite's integers, nothing has arrived since.
    let from_ms = i64::try_from(from_ms).unwrap_or(i64::MAX);
    let sql = "SELECT count(*), count(*) FILTER (WHERE state = 'failed'), coalesce(sum(input), 0), coalesce(sum(output), 0),
               group_concat(first_ms), group_concat(own_ms)
               FROM shown WHERE at >= ?1 AND app NOT IN (?2, ?3, ?4)";
    let [check, prompt, playground] = OWN;
    connection.prepare_cached(sql)?.query_row((from_ms, check, prompt, playground), |row| {
        let median_of =
            |at| -> rusqlite::Result<_> { Ok(row.get_ref(at)?.as_str_or_null()?.and_then(median)) };
        Ok(Today {
            requests: row.get(0)?,
            failed: row.get(1)?,
            input: row.get(2)?,
            output: row.get(3)?,
            first_ms: median_of(4)?,
            own_ms: median_of(5)?,
        })
    })
}

/// The median of comma-separated numbers.
pub(super) fn median(list: &str) -> Option<u64> {
    let mut values: Vec<u64> = list.split(',').filter_map(|value| value.parse().ok()).collect();
    values.sort_unstable();
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(lower.midpoint(upper))
}

/// Names the apps of all rows, after the table of names may have changed.
pub(super) fn name_apps(connection: &Connection) -> rusqlite::Result<()> {
    let mut clients = connection.prepare("SELECT DISTINCT client FROM exchanges")?;
    let clients: Vec<String> = clients.query_map((), |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for client in clients {
        let sql = "UPDATE exchanges SET app = ?1 WHERE client = ?2 AND app <> ?1";
        connection.execute(sql, (client_name(&client), &client))?;
    }
    Ok(())
}

/// Reads see all requests.
pub(super) fn show_all(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .execute_batch("DROP VIEW IF EXISTS temp.shown; CREATE TEMP VIEW shown AS SELECT * FROM exchanges;")
}

/// Reads see only requests that have not ended by `ended_ms`.
pub(super) fn hide_until(connection: &Connection, ended_ms: u64) -> rusqlite::Result<()> {
    // A view has no parameters.
    connection.execute_batch(&format!(
        "DROP VIEW IF EXISTS temp.shown;
         CREATE TEMP VIEW shown AS SELECT * FROM exchanges WHERE ended IS NULL OR ended > {ended_ms};"
    ))
}

/// Removes all texts, and returns their number.
pub(super) fn forget_texts(connection: &Connection) -> rusqlite::Result<usize> {
    let tables = [
        "DELETE FROM texts",
        "DELETE FROM reasons",
        "DELETE FROM pictures",
        "DELETE FROM changes",
        "DELETE FROM reviews",
    ];
    tables.iter().map(|sql| connection.execute(sql, ())).sum()
}

/// Removes all requests that have ended by `ended_ms`, and returns their number.
pub(super) fn clear(connection: &Connection, ended_ms: u64) -> rusqlite::Result<usize> {
    if connection.query_row("SELECT count(*) FROM exchanges WHERE ended > ?1", [ended_ms], |row| {
        row.get::<_, u64>(0)
    })? == 0
    {
        // Only ended requests have steps and texts. Deleting them directly is faster than the cascade.
        connection.execute_batch("DELETE FROM texts; DELETE FROM reasons; DELETE FROM pictures; DELETE FROM changes; DELETE FROM reviews; DELETE FROM chats; DELETE FROM steps")?;
    }
    connection.execute("DELETE FROM exchanges WHERE ended <= ?1", [ended_ms])
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
/// the oldest tenth of the texts, pictures and changes, or of the requests if there are none. Returns how many it removed.
pub(super) fn prune(
    connection: &Connection,
    before_ms: u64,
    batch: u32,
    max_bytes: u64,
) -> rusqlite::Result<usize> {
    let sql = "DELETE FROM exchanges WHERE id IN
               (SELECT id FROM exchanges WHERE at < ?1 AND ended IS NOT NULL LIMIT ?2)";
    let old = connection.prepare_cached(sql)?.execute((before_ms, batch))?;
    if old > 0 || used_bytes(connection)? <= max_bytes {
        return Ok(old);
    }
    let texts = "DELETE FROM texts WHERE id IN
                 (SELECT id FROM texts ORDER BY id LIMIT (SELECT count(*) / 10 + 1 FROM texts))";
    let requests = "DELETE FROM exchanges WHERE id IN
                    (SELECT id FROM exchanges WHERE ended IS NOT NULL ORDER BY id
                     LIMIT (SELECT count(*) / 10 + 1 FROM exchanges))";
    let changes = "DELETE FROM changes WHERE id IN
                   (SELECT id FROM changes ORDER BY id LIMIT (SELECT count(*) / 10 + 1 FROM changes))";
    let pictures = "DELETE FROM pictures WHERE id IN
                    (SELECT id FROM pictures ORDER BY id LIMIT (SELECT count(*) / 10 + 1 FROM pictures))";
    match connection.execute(texts, ())?
        + connection.execute(changes, ())?
        + connection.execute(pictures, ())?
    {
        0 => connection.execute(requests, ()),
        removed => Ok(removed),
    }
}
