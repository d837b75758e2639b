//! The database file: opens it, migrates it, and replaces a damaged one.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::sql;

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
];

/// A database, `None` only if even one in memory failed, and what is wrong with it, in a sentence for the window.
pub(super) type Opened = (Option<Connection>, Option<String>);

#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error("it was written by a newer version of Codex Proxy")]
    Newer,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

/// Opens the database, or one in memory if the file cannot be used. A damaged file is renamed, with `now_ms` in the name, and
/// replaced.
pub(super) fn open(path: &Path, keep_texts: bool, now_ms: u64) -> Opened {
    match open_file(path, keep_texts) {
        Ok(connection) => (Some(connection), None),
        // A database of this version that rejects our statements is damaged.
        Err(OpenError::Sqlite(error))
            if is_damaged(&error) || error.sqlite_error_code() == Some(ErrorCode::Unknown) =>
        {
            replace_damaged(path, keep_texts, now_ms)
        }
        Err(error) => in_memory(path, &format!("couldn't be opened ({error})")),
    }
}

/// Renames a damaged database and creates a new one. It must be closed.
pub(super) fn replace_damaged(path: &Path, keep_texts: bool, now_ms: u64) -> Opened {
    let aside = path.with_added_extension(format!("damaged-{now_ms}"));
    match set_aside(path, &aside).map_err(OpenError::from).and_then(|()| open_file(path, keep_texts)) {
        Ok(connection) => {
            let aside = aside.display();
            let notice =
                format!("The request log was damaged. It was renamed to {aside}, and a new one was created.");
            with_notice(Some(connection), notice)
        }
        Err(error) => in_memory(path, &format!("is damaged and couldn't be replaced ({error})")),
    }
}

/// Whether the file is not a database, or a damaged one.
pub(super) fn is_damaged(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

fn in_memory(path: &Path, why: &str) -> Opened {
    let path = path.display();
    let notice = format!("The request log {path} {why}. Requests are kept only until Codex Proxy quits.");
    with_notice(Connection::open_in_memory().and_then(prepared).ok(), notice)
}

fn with_notice(connection: Option<Connection>, notice: String) -> Opened {
    tracing::warn!("{notice}");
    (connection, Some(notice))
}

fn open_file(path: &Path, keep_texts: bool) -> Result<Connection, OpenError> {
    create_private(path)?;
    // Waits up to five seconds for another process's lock.
    let connection = Connection::open(path)?;
    // Before any change, so that a newer file stays unchanged.
    if version(&connection)? > MIGRATIONS.len() {
        return Err(OpenError::Newer);
    }
    let connection = prepared(connection)?;
    sql::end_interrupted(&connection)?;
    if !keep_texts && sql::forget_texts(&connection)? > 0 {
        sql::compact(&connection)?;
    }
    Ok(connection)
}

/// Migrates a database to the current version.
fn prepared(mut connection: Connection) -> rusqlite::Result<Connection> {
    // auto_vacuum applies only before the first table. Deleted data, which may be texts, is overwritten. Without spilling before
    // the commit, reads work while the disk is full.
    connection.execute_batch(
        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
         PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; PRAGMA cache_size = -1024; PRAGMA cache_spill = OFF;",
    )?;
    // Only one process migrates at a time.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let before = version(&transaction)?;
    for migration in MIGRATIONS.iter().skip(before) {
        transaction.execute_batch(migration)?;
    }
    if before < MIGRATIONS.len() {
        sql::name_apps(&transaction)?;
    }
    transaction.pragma_update(None, "user_version", MIGRATIONS.len())?;
    transaction.commit()?;
    sql::show_all(&connection)?;
    Ok(connection)
}

fn version(connection: &Connection) -> rusqlite::Result<usize> {
    connection.query_row("PRAGMA user_version", (), |row| row.get(0))
}

/// Creates the file before SQLite does, readable only by its owner.
fn create_private(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Renames the database and SQLite's files beside it.
fn set_aside(path: &Path, aside: &Path) -> io::Result<()> {
    fs::rename(path, aside)?;
    for suffix in ["-wal", "-shm"] {
        let beside = |path: &Path| OsString::from_iter([path.as_os_str(), suffix.as_ref()]);
        match fs::rename(beside(path), beside(aside)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
