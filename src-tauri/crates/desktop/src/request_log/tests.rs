//! The journal over real databases in temporary folders. Time is handed in, or paused.

mod charts;
mod damage;
mod disk;
mod entries;
mod queries;
mod texts;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::broadcast::Receiver;

use proxy::{Arrival, Recorder, Step};

use super::*;

/// A Saturday, 12:34:56 in Greenwich, in Unix milliseconds.
const NOON: u64 = 1_795_264_496_000;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// A journal whose clock the test sets, in a folder of its own.
struct Bench {
    folder: TempDir,
    clock: Arc<AtomicU64>,
}

impl Bench {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), clock: Arc::new(AtomicU64::new(NOON)) }
    }

    fn pass(&self, ms: u64) {
        self.clock.fetch_add(ms, Ordering::Relaxed);
    }

    fn set(&self, now_ms: u64) {
        self.clock.store(now_ms, Ordering::Relaxed);
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data").join("journal.sqlite3")
    }

    fn options(&self) -> JournalOptions {
        let clock = Arc::clone(&self.clock);
        JournalOptions {
            path: Some(self.path()),
            keep_days: 30,
            keep_texts: false,
            now_ms: Arc::new(move || clock.load(Ordering::Relaxed)),
        }
    }

    async fn on_disk(&self) -> Journal {
        Journal::open(self.options()).await
    }

    async fn with_texts(&self) -> Journal {
        Journal::open(JournalOptions { keep_texts: true, ..self.options() }).await
    }

    async fn in_memory(&self) -> Journal {
        Journal::open(JournalOptions { path: None, ..self.options() }).await
    }

    /// A second look at the database, past the journal.
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

fn begin(journal: &Journal, arrival: Arrival) -> Recorder {
    Recorder::begin(&journal.reports(), arrival)
}

/// codex starts a command.
fn command(entry: &Recorder, detail: Option<&str>) {
    entry.log_step(Step { what: "Started a command", detail, bad: false, is_command: true });
}

async fn ids(journal: &Journal, query: ExchangeQuery) -> Vec<String> {
    journal.query(query).await.into_iter().map(|row| row.id).collect()
}

async fn all(journal: &Journal) -> Vec<ExchangeRow> {
    journal.query(ExchangeQuery { limit: Some(1_000), ..ExchangeQuery::default() }).await
}

/// What has been told by now.
fn told(changes: &mut Receiver<Change>) -> Vec<Arc<ExchangeRow>> {
    std::iter::from_fn(|| changes.try_recv().ok())
        .filter_map(|change| match change {
            Change::Row(row) => Some(row),
            Change::Cleared => None,
        })
        .collect()
}

/// Time that is paused passes until something has come true. It is given up after a minute of it.
async fn until(what: impl AsyncFn() -> bool) {
    for _ in 0..600 {
        if what().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it did not come true");
}

/// Whether any file in the folder holds these bytes.
fn files_hold(folder: &Path, bytes: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|file| {
        let content = std::fs::read(file.unwrap().path()).unwrap();
        content.windows(bytes.len()).any(|part| part == bytes.as_bytes())
    })
}
