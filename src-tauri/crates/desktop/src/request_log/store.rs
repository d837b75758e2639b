//! The database file: opens it, migrates it, and replaces a damaged one.

use std::path::Path;

use rusqlite::Connection;

use super::sql;
use crate::database::{self, OpenError};

/// Migrations of the database; `user_version` is the number applied. Never change a released one; add another.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE exchanges (
        id TEXT NOT NULL PRIMARY KEY, at INTEGER NOT NULL, ended INTEGER,
        key_name TEXT NOT NULL, client TEXT NOT NULL, route TEXT NOT NULL, model TEXT NOT NULL,
        state TEXT NOT NULL, status INTEGER,
        wait_ms INTEGER, first_ms INTEGER, own_ms INTEGER, total_ms INTEGER,
        input INTEGER, cached INTEGER, output INTEGER, reasoning INTEGER,
        commands INTEGER NOT NULL, background INTEGER NOT NULL, error TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX exchanges_by_arrival ON exchanges (at);
    CREATE INDEX exchanges_by_end ON exchanges (ended);
    CREATE TABLE steps (
        id TEXT NOT NULL PRIMARY KEY REFERENCES exchanges (id) ON DELETE CASCADE, steps TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE texts (
        id TEXT NOT NULL PRIMARY KEY REFERENCES exchanges (id) ON DELETE CASCADE, request TEXT, answer TEXT
    ) STRICT;
",
    "
    ALTER TABLE exchanges ADD COLUMN request_id TEXT NOT NULL DEFAULT '';
    ALTER TABLE exchanges ADD COLUMN code TEXT;
",
    "CREATE TABLE clock (ms INTEGER NOT NULL) STRICT",
    "
    ALTER TABLE exchanges ADD COLUMN app TEXT NOT NULL DEFAULT '';
    CREATE TABLE reasons (
        id TEXT NOT NULL PRIMARY KEY REFERENCES exchanges (id) ON DELETE CASCADE, reason TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "
    ALTER TABLE exchanges ADD COLUMN files_changed INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE changes (
        id TEXT NOT NULL PRIMARY KEY REFERENCES exchanges (id) ON DELETE CASCADE, changes TEXT NOT NULL
    ) STRICT;
    CREATE TABLE reviews (
        id TEXT NOT NULL PRIMARY KEY REFERENCES exchanges (id) ON DELETE CASCADE, review TEXT NOT NULL
    ) STRICT;
",
    "
    CREATE TABLE chats (
        id TEXT NOT NULL PRIMARY KEY REFERENCES exchanges (id) ON DELETE CASCADE, chat TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE pictures (
        id TEXT NOT NULL PRIMARY KEY REFERENCES exchanges (id) ON DELETE CASCADE, pictures TEXT NOT NULL
    ) STRICT;
",
];

/// A database, `None` only if even one in memory failed, and what is wrong with it, in a sentence for the window.
pub(super) type Opened = (Option<Connection>, Option<String>);

/// Opens the database, or one in memory if the file cannot be used. A damaged file is renamed, with `now_ms` in the name, and
/// replaced.
pub(super) fn open(path: &Path, keep_texts: bool, now_ms: u64) -> Opened {
    match open_file(path, keep_texts) {
        Ok(connection) => (Some(connection), None),
        Err(error) if error.is_damaged() => replace_damaged(path, keep_texts, now_ms),
        Err(error) => in_memory(path, &format!("couldn't be opened ({error})")),
    }
}

/// Renames a damaged database and creates a new one. It must be closed.
pub(super) fn replace_damaged(path: &Path, keep_texts: bool, now_ms: u64) -> Opened {
    let replaced = database::set_aside(path, now_ms)
        .map_err(OpenError::from)
        .and_then(|aside| Ok((open_file(path, keep_texts)?, aside)));
    match replaced {
        Ok((connection, aside)) => {
            let aside = aside.display();
            let notice =
                format!("The request log was damaged. It was renamed to {aside}, and a new one was created.");
            with_notice(Some(connection), notice)
        }
        Err(error) => in_memory(path, &format!("is damaged and couldn't be replaced ({error})")),
    }
}

fn in_memory(path: &Path, why: &str) -> Opened {
    let path = path.display();
    let notice = format!("The request log {path} {why}. Requests are kept only until Codex Proxy quits.");
    let connection = Connection::open_in_memory().and_then(|connection| {
        let connection = database::prepared(connection, MIGRATIONS, sql::name_apps)?;
        sql::show_all(&connection)?;
        Ok(connection)
    });
    with_notice(connection.ok(), notice)
}

fn with_notice(connection: Option<Connection>, notice: String) -> Opened {
    tracing::warn!("{notice}");
    (connection, Some(notice))
}

fn open_file(path: &Path, keep_texts: bool) -> Result<Connection, OpenError> {
    let connection = database::open(path, MIGRATIONS, sql::name_apps)?;
    sql::show_all(&connection)?;
    sql::end_interrupted(&connection)?;
    if !keep_texts && sql::forget_texts(&connection)? > 0 {
        database::compact(&connection)?;
    }
    Ok(connection)
}
