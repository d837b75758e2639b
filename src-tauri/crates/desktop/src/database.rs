//! What the app's SQLite files have in common: private, in WAL mode, migrated, and set aside when damaged.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

/// How long to wait for another program that has the file.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);

/// SQLite itself waits for about a second each time.
const OPEN_RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Why a database file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("it was written by a newer version of Codex Proxy")]
    Newer,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

impl OpenError {
    /// Whether the file is damaged: not a database, or one of this version that rejects our statements.
    pub(crate) fn is_damaged(&self) -> bool {
        let Self::Sqlite(error) = self else { return false };
        is_damaged(error) || error.sqlite_error_code() == Some(ErrorCode::Unknown)
    }
}

/// Whether the file is not a database, or a damaged one.
pub(crate) fn is_damaged(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

/// Opens a file, readable only by its owner, and migrates it. `user_version` is the number of migrations applied; `then`
/// completes them.
pub(crate) fn open(
    path: &Path,
    migrations: &[&str],
    then: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> Result<Connection, OpenError> {
    create_private(path)?;
    let connection = connect(path)?;
    // Before any change, so that a newer file stays unchanged.
    if version(&connection)? > migrations.len() {
        return Err(OpenError::Newer);
    }
    Ok(prepared(connection, migrations, then)?)
}

/// Opens the file. A virus scanner or a backup may have it for a moment, and on Windows for itself.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let deadline = Instant::now() + OPEN_TIMEOUT;
    loop {
        // Waits up to five seconds for another process's lock.
        let connected =
            Connection::open(path).and_then(|connection| version(&connection).map(|_| connection));
        match connected {
            Err(error) if cfg!(windows) && is_in_use(&error) && Instant::now() < deadline => {
                std::thread::sleep(OPEN_RETRY_INTERVAL);
            }
            // What SQLite opens when it may not write at first.
            Ok(connection) if cfg!(windows) && is_read_only(&connection) && Instant::now() < deadline => {
                drop(connection);
                std::thread::sleep(OPEN_RETRY_INTERVAL);
            }
            connected => return connected,
        }
    }
}

/// Whether another program may have the file.
fn is_in_use(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure | ErrorCode::PermissionDenied)
    )
}

fn is_read_only(connection: &Connection) -> bool {
    connection.is_readonly("main").unwrap_or(false)
}

/// Migrates a database to the current version.
pub(crate) fn prepared(
    mut connection: Connection,
    migrations: &[&str],
    then: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> rusqlite::Result<Connection> {
    // auto_vacuum applies only before the first table. Deleted data, which may be texts, is overwritten. Without spilling before
    // the commit, reads work while the disk is full.
    connection.execute_batch(
        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
         PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; PRAGMA cache_size = -1024; PRAGMA cache_spill = OFF;",
    )?;
    // Only one process migrates at a time.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let before = version(&transaction)?;
    for migration in migrations.iter().skip(before) {
        transaction.execute_batch(migration)?;
    }
    if before < migrations.len() {
        then(&transaction)?;
    }
    transaction.pragma_update(None, "user_version", migrations.len())?;
    transaction.commit()?;
    Ok(connection)
}

/// Renames a damaged database and SQLite's files beside it, and returns its new name. It must be closed.
pub(crate) fn set_aside(path: &Path, now_ms: u64) -> io::Result<PathBuf> {
    let aside = path.with_added_extension(format!("damaged-{now_ms}"));
    fs::rename(path, &aside)?;
    for suffix in ["-wal", "-shm"] {
        let beside = |path: &Path| OsString::from_iter([path.as_os_str(), suffix.as_ref()]);
        match fs::rename(beside(path), beside(&aside)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}

/// The bytes in use, without free pages.
pub(crate) fn used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT (page_count - freelist_count) * page_size
               FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    connection.prepare_cached(sql)?.query_row((), |row| row.get(0))
}

/// Returns free space to the system, and truncates the write-ahead log, which may still contain removed texts.
pub(crate) fn compact(connection: &Connection) -> rusqlite::Result<()> {
    for pragma in ["PRAGMA incremental_vacuum", "PRAGMA wal_checkpoint(TRUNCATE)"] {
        // Each step of the vacuum frees one page.
        let mut statement = connection.prepare(pragma)?;
        let mut steps = statement.query(())?;
        while steps.next()?.is_some() {}
    }
    Ok(())
}

fn version(connection: &Connection) -> rusqlite::Result<usize> {
    connection.query_row("PRAGMA user_version", (), |row| row.get(0))
}

/// Creates the folder, and the file before SQLite does, readable only by its owner. On Windows, files of the user's folders are so anyway.
fn create_private(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    #[cfg(unix)]
    {
        let mut options = fs::OpenOptions::new();
        options.append(true).create(true);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path)?;
    }
    Ok(())
}
