//! The SQL statements.

use std::sync::Arc;

use proxy::store::{Batch, Item, Kind, Object, Query, Stored};
use rusqlite::{Connection, OptionalExtension, Row};

use super::StoredCounts;
use crate::database::{compact, used_bytes};

/// Migrations of the database. Never change a released one; add another.
///
/// A batch knows the one before it, so a conversation is a chain that objects share: an object has the last batch.
pub(super) const MIGRATIONS: &[&str] = &["
    CREATE TABLE batches (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, key TEXT NOT NULL,
        before INTEGER REFERENCES batches (number)
    ) STRICT;
    CREATE INDEX batches_by_before ON batches (before);
    CREATE TABLE items (
        batch INTEGER NOT NULL REFERENCES batches (number) ON DELETE CASCADE, position INTEGER NOT NULL,
        id TEXT NOT NULL, json BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX items_by_batch ON items (batch, position);
    CREATE INDEX items_by_id ON items (id);
    CREATE TABLE objects (
        id TEXT NOT NULL PRIMARY KEY, key TEXT NOT NULL, kind TEXT NOT NULL, changed INTEGER NOT NULL,
        model TEXT NOT NULL, metadata TEXT NOT NULL, json BLOB NOT NULL, last INTEGER REFERENCES batches (number)
    ) STRICT;
    CREATE INDEX objects_by_key ON objects (key, kind, id);
    CREATE INDEX objects_by_change ON objects (changed);
    CREATE INDEX objects_by_batch ON objects (last);
"];

/// Objects deleted per transaction.
const PRUNE_BATCH: u32 = 500;

/// The columns of an object.
const OBJECT: &str = "id, key, kind, changed, model, metadata, json";

/// Stores or replaces an object, and the batches that are not there yet. `redact` removes keys from their JSON.
pub(super) fn put(
    connection: &mut Connection,
    object: &Object,
    batches: &[Arc<Batch>],
    redact: &dyn Fn(&[u8]) -> String,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    let last = put_batches(&transaction, &object.key, batches, redact)?;
    let before = last_batch(&transaction, &object.id)?;
    let metadata = serde_json::to_vec(&object.metadata)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let metadata = redact(&metadata);
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO objects (id, key, kind, changed, model, metadata, json, last)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute((
            &object.id,
            &object.key,
            object.kind.name(),
            object.changed,
            &object.model,
            metadata,
            redact(&object.json).as_bytes(),
            last,
        ))?;
    if before != last {
        delete_unused(&transaction, before)?;
    }
    transaction.commit()
}

/// Stores the batches that are not there yet, and returns the last one's number.
fn put_batches(
    connection: &Connection,
    key: &str,
    batches: &[Arc<Batch>],
    redact: &dyn Fn(&[u8]) -> String,
) -> rusqlite::Result<Option<i64>> {
    let mut number = connection.prepare_cached("SELECT number FROM batches WHERE id = ?1")?;
    let (mut last, mut first_new) = (None, 0);
    // What comes before a batch that is there is there too.
    for (index, batch) in batches.iter().enumerate().rev() {
        last = number.query_row([&batch.id], |row| row.get::<_, i64>(0)).optional()?;
        if last.is_some() {
            first_new = index + 1;
            break;
        }
    }
    let mut add = connection.prepare_cached("INSERT INTO batches (id, key, before) VALUES (?1, ?2, ?3)")?;
    let mut add_item =
        connection.prepare_cached("INSERT INTO items (batch, position, id, json) VALUES (?1, ?2, ?3, ?4)")?;
    for batch in batches.iter().skip(first_new) {
        add.execute((&batch.id, key, last))?;
        let number = connection.last_insert_rowid();
        for (position, item) in (0_u32..).zip(&batch.items) {
            add_item.execute((number, position, &item.id, redact(&item.json).as_bytes()))?;
        }
        last = Some(number);
    }
    Ok(last)
}

fn last_batch(connection: &Connection, id: &str) -> rusqlite::Result<Option<i64>> {
    let mut last = connection.prepare_cached("SELECT last FROM objects WHERE id = ?1")?;
    Ok(last.query_row([id], |row| row.get(0)).optional()?.flatten())
}

/// Deletes a batch and those before it, as far as no object and no later batch has them.
fn delete_unused(connection: &Connection, mut batch: Option<i64>) -> rusqlite::Result<()> {
    let mut is_used = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM objects WHERE last = ?1) OR EXISTS (SELECT 1 FROM batches WHERE before = ?1)",
    )?;
    let mut delete = connection.prepare_cached("DELETE FROM batches WHERE number = ?1 RETURNING before")?;
    while let Some(number) = batch {
        if is_used.query_row([number], |row| row.get(0))? {
            break;
        }
        batch = delete.query_row([number], |row| row.get(0))?;
    }
    Ok(())
}

/// The object `id` of this key, with its items.
pub(super) fn load(
    connection: &Connection,
    key: &str,
    kind: Kind,
    id: &str,
) -> rusqlite::Result<Option<Stored>> {
    let sql = format!("SELECT {OBJECT}, last FROM objects WHERE id = ?1 AND key = ?2 AND kind = ?3");
    let found = connection
        .prepare_cached(&sql)?
        .query_row((id, key, kind.name()), |row| Ok((object(row, kind)?, row.get::<_, Option<i64>>(7)?)));
    let Some((object, last)) = found.optional()? else { return Ok(None) };
    let mut items = connection.prepare_cached(
        "WITH RECURSIVE chain (number, id, before) AS (
             SELECT number, id, before FROM batches WHERE number = ?1
             UNION ALL SELECT batches.number, batches.id, batches.before
             FROM batches JOIN chain ON batches.number = chain.before
         )
         SELECT chain.id, items.id, items.json FROM chain LEFT JOIN items ON items.batch = chain.number
         ORDER BY chain.number, items.position",
    )?;
    // A batch has a higher number than the one before it.
    let mut rows = items.query([last])?;
    let mut batches: Vec<Batch> = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        let item = match row.get::<_, Option<String>>(1)? {
            Some(id) => Some(Item { id, json: row.get::<_, Vec<u8>>(2)?.into() }),
            None => None,
        };
        match batches.last_mut() {
            Some(batch) if batch.id == id => batch.items.extend(item),
            _ => batches.push(Batch { id, items: item.into_iter().collect() }),
        }
    }
    let batches = batches.into_iter().map(Arc::new).collect();
    Ok(Some(Stored { object: Arc::new(object), batches }))
}

/// The objects of this key that match.
pub(super) fn list(connection: &Connection, key: &str, query: &Query) -> rusqlite::Result<Vec<Object>> {
    let (beyond, order) = if query.descending { ("<", "DESC") } else { (">", "ASC") };
    let sql = format!(
        "SELECT {OBJECT} FROM objects WHERE key = ?1 AND kind = ?2 AND (?3 IS NULL OR id {beyond} ?3)
         AND (?4 IS NULL OR model = ?4) ORDER BY id {order}"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query((key, query.kind.name(), &query.after, &query.model))?;
    let mut found = Vec::new();
    while found.len() < query.limit
        && let Some(row) = rows.next()?
    {
        let object = object(row, query.kind)?;
        if query.metadata.iter().all(|(name, value)| object.metadata.get(name) == Some(value)) {
            found.push(object);
        }
    }
    Ok(found)
}

fn object(row: &Row<'_>, kind: Kind) -> rusqlite::Result<Object> {
    let metadata = serde_json::from_str(row.get_ref(5)?.as_str()?);
    Ok(Object {
        id: row.get(0)?,
        key: row.get(1)?,
        kind,
        changed: row.get(3)?,
        model: row.get(4)?,
        // Written by us.
        metadata: metadata.unwrap_or_default(),
        json: row.get::<_, Vec<u8>>(6)?.into(),
    })
}

/// The items with these ids.
pub(super) fn find_items(connection: &Connection, key: &str, ids: &[String]) -> rusqlite::Result<Vec<Item>> {
    let mut find = connection.prepare_cached(
        "SELECT items.json FROM items JOIN batches ON batches.number = items.batch
         WHERE items.id = ?1 AND batches.key = ?2 ORDER BY batches.number DESC, items.position DESC LIMIT 1",
    )?;
    let mut found = Vec::new();
    for id in ids {
        if let Some(json) = find.query_row((id, key), |row| row.get::<_, Vec<u8>>(0)).optional()? {
            found.push(Item { id: id.clone(), json: json.into() });
        }
    }
    Ok(found)
}

/// Deletes the object `id` of this key.
pub(super) fn delete(connection: &mut Connection, key: &str, kind: Kind, id: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT id FROM objects WHERE id = ?1 AND key = ?2 AND kind = ?3";
    let found: Option<String> =
        connection.prepare_cached(sql)?.query_row((id, key, kind.name()), |row| row.get(0)).optional()?;
    delete_objects(connection, found.as_slice())?;
    Ok(found.is_some())
}

/// Deletes objects with the batches that no other has.
fn delete_objects(connection: &mut Connection, ids: &[String]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for id in ids {
        let last = last_batch(&transaction, id)?;
        transaction.prepare_cached("DELETE FROM objects WHERE id = ?1")?.execute([id])?;
        delete_unused(&transaction, last)?;
    }
    transaction.commit()
}

/// Deletes the objects that `sql` selects, in batches. Returns whether there were any.
fn delete_selected(
    connection: &mut Connection,
    sql: &str,
    parameter: &dyn rusqlite::ToSql,
) -> rusqlite::Result<bool> {
    let mut any = false;
    loop {
        let select = format!("{sql} LIMIT {PRUNE_BATCH}");
        let mut statement = connection.prepare_cached(&select)?;
        let ids: Vec<String> =
            statement.query_map([parameter], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        drop(statement);
        if ids.is_empty() {
            return Ok(any);
        }
        delete_objects(connection, &ids)?;
        any = true;
    }
}

/// Deletes what has not changed since `before_s`.
pub(super) fn prune(connection: &mut Connection, before_s: u64) -> rusqlite::Result<()> {
    // Beyond SQLite's integers, everything is old.
    let before = i64::try_from(before_s).unwrap_or(i64::MAX);
    if delete_selected(connection, "SELECT id FROM objects WHERE changed < ?1", &before)? {
        compact(connection)?;
    }
    Ok(())
}

/// Deletes the tenth that has not changed for longest, until the rest has at most `max_bytes`.
pub(super) fn prune_bytes(connection: &mut Connection, max_bytes: u64) -> rusqlite::Result<()> {
    while used_bytes(connection)? > max_bytes {
        let sql = "SELECT id FROM objects ORDER BY changed, id LIMIT (SELECT count(*) / 10 + 1 FROM objects)";
        let mut statement = connection.prepare_cached(sql)?;
        let ids: Vec<String> = statement.query_map((), |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        drop(statement);
        if ids.is_empty() {
            break;
        }
        delete_objects(connection, &ids)?;
        compact(connection)?;
    }
    Ok(())
}

/// Deletes what belongs to other keys. An empty key stands for requests without one.
pub(super) fn retain_keys(connection: &mut Connection, keys: &[String]) -> rusqlite::Result<()> {
    let keys =
        serde_json::to_string(keys).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let sql = "SELECT id FROM objects WHERE key <> '' AND key NOT IN (SELECT value FROM json_each(?1))";
    if delete_selected(connection, sql, &keys)? {
        compact(connection)?;
    }
    Ok(())
}

/// Deletes everything.
pub(super) fn clear(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    let deleted = transaction.execute("DELETE FROM objects", ())?;
    transaction.execute("DELETE FROM items", ())?;
    // A batch refers to the one before it.
    transaction.execute("UPDATE batches SET before = NULL", ())?;
    transaction.execute("DELETE FROM batches", ())?;
    transaction.commit()?;
    if deleted > 0 {
        compact(connection)?;
    }
    Ok(())
}

/// How much is kept.
pub(super) fn counts(connection: &Connection) -> rusqlite::Result<StoredCounts> {
    let answers = connection.query_row("SELECT count(*) FROM objects", (), |row| row.get(0))?;
    let bytes = if answers > 0 { used_bytes(connection)? } else { 0 };
    Ok(StoredCounts { answers, bytes })
}
