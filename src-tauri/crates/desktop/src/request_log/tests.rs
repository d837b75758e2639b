//! Tests with real databases in temporary folders, with a manual or paused clock.

mod changes;
mod charts;
mod damage;
mod disk;
mod entries;
mod export;
mod queries;
mod reasons;
mod texts;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::broadcast::Receiver;

use proxy::{Arrival, Recorder, Step};

use super::*;

/// A Saturday, 12:34:56 UTC, in Unix milliseconds.
const NOON: u64 = 1_795_264_496_000;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// A log in a temporary folder, with a clock set by the test.
struct TestLog {
    folder: TempDir,
    clock: Arc<AtomicU64>,
}

impl TestLog {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), clock: Arc::new(AtomicU64::new(NOON)) }
    }

    fn advance(&self, ms: u64) {
        self.clock.fetch_add(ms, Ordering::Relaxed);
    }

    fn set(&self, now_ms: u64) {
        self.clock.store(now_ms, Ordering::Relaxed);
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data").join("requests.sqlite")
    }

    fn options(&self) -> RequestDatabaseOptions {
        let clock = Arc::clone(&self.clock);
        RequestDatabaseOptions {
            path: self.path(),
            keep_days: 30,
            keep_texts: false,
            max_bytes: MAX_DATABASE_BYTES,
            now_ms: Arc::new(move || clock.load(Ordering::Relaxed)),
        }
    }

    async fn on_disk(&self) -> RequestDatabase {
        RequestDatabase::open(self.options()).await
    }

    async fn with_texts(&self) -> RequestDatabase {
        RequestDatabase::open(RequestDatabaseOptions { keep_texts: true, ..self.options() }).await
    }

    async fn in_memory(&self) -> RequestDatabase {
        // A folder cannot be opened as a database, so the log is in memory.
        let path = self.folder.path().to_owned();
        RequestDatabase::open(RequestDatabaseOptions { path, keep_texts: true, ..self.options() }).await
    }

    /// A second connection to the database.
    fn sqlite(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }
}

fn id(n: usize) -> String {
    format!("req_{n:08}")
}

fn arrival(n: usize) -> Arrival {
    Arrival {
        id: id(n),
        request_id: format!("of-client-{n}"),
        key: "Default".into(),
        client: "curl/8.5".into(),
        route: "/v1/chat/completions".into(),
        model: "codex-local".into(),
        ..Arrival::default()
    }
}

fn begin(log: &RequestDatabase, arrival: Arrival) -> Recorder {
    Recorder::begin(&log.reports(), arrival)
}

/// Records a started command.
fn command(entry: &Recorder, detail: Option<&str>) {
    entry.log_step(Step { what: "Started a command", detail, bad: false, is_command: true });
}

async fn ids(log: &RequestDatabase, query: ExchangeQuery) -> Vec<String> {
    log.query(query).await.into_iter().map(|row| row.id).collect()
}

async fn all(log: &RequestDatabase) -> Vec<ExchangeRow> {
    log.query(ExchangeQuery { limit: Some(1_000), ..ExchangeQuery::default() }).await
}

/// The changes published so far.
fn received(changes: &mut Receiver<Change>) -> Vec<Arc<ExchangeRow>> {
    std::iter::from_fn(|| changes.try_recv().ok())
        .filter_map(|change| match change {
            Change::Row(row) => Some(row),
            Change::FilesChanged(_) | Change::Cleared => None,
        })
        .collect()
}

/// Advances paused time until `what` is true, for up to a minute.
async fn wait_until(what: impl AsyncFn() -> bool) {
    for _ in 0..600 {
        if what().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("timed out");
}

/// Whether any file in the folder contains these bytes.
fn any_file_contains(folder: &Path, bytes: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|file| {
        let content = std::fs::read(file.unwrap().path()).unwrap();
        content.windows(bytes.len()).any(|part| part == bytes.as_bytes())
    })
}
