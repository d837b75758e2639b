//! What the handles, the reports and the tasks of a request log share.
//!
//! There are two locks. The one of the live requests is held for moments and never across an await; the one of the database is
//! held for as long as it works, on a thread that may block. Where both are needed, the database's comes first.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::{self, broadcast};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::live::{LiveRequests, Record};
use super::sql;
use super::store;
use super::types::ExchangeRow;

/// Changes that a subscriber may be behind. One that is further behind loses the oldest and gets `Lagged`; it should then query
/// the rows again.
const CHANGES_CAPACITY: usize = 256;

/// A day, which is how often old requests are removed.
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long small changes are collected before they are sent: at most ten times a second.
const NOTIFY_INTERVAL: Duration = Duration::from_millis(100);

/// How long changes are collected before they are written. This is what a sudden end of the program can lose.
const WRITE_INTERVAL: Duration = Duration::from_millis(250);

/// When a database that did not take a write is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Bytes of the database in the app. When there are more, the oldest texts go, and the oldest requests once there are no texts.
pub const MAX_DATABASE_BYTES: u64 = 512 * 1024 * 1024;

/// The same where the database is in memory, because its file cannot be used.
const MAX_MEMORY_BYTES: u64 = 16 * 1024 * 1024;

/// Requests removed in one transaction, so that others get at the database in between.
const PRUNE_BATCH: u32 = 500;

/// The time in Unix milliseconds. It may be set back: durations are then 0, and nothing worse happens.
pub type NowMs = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How a request log is opened.
#[derive(Clone)]
pub struct RequestDatabaseOptions {
    /// The file of the database.
    pub path: PathBuf,
    /// For how many days requests are kept, one at least.
    pub keep_days: u32,
    /// Whether the texts of requests and answers are kept. Where they are not, those that were kept earlier are removed.
    pub keep_texts: bool,
    /// Bytes that the database may have, [`MAX_DATABASE_BYTES`] as a rule. The oldest texts and requests go first.
    pub max_bytes: u64,
    /// The time.
    pub now_ms: NowMs,
}

/// A change of the request log.
#[derive(Clone, Debug)]
pub enum Change {
    /// A request is new, or something of it has changed, which may be no more than a step on its time line.
    Row(Arc<ExchangeRow>),
    /// All requests that have ended were removed.
    Cleared,
}

pub(super) struct Shared {
    options: RequestDatabaseOptions,
    pub(super) changes: broadcast::Sender<Change>,
    /// Wakes the task, to send batched changes.
    batched: sync::Notify,
    /// Wakes the task, to write.
    pub(super) unwritten: sync::Notify,
    pub(super) stop: CancellationToken,
    pub(super) live: Mutex<LiveRequests>,
    database: Arc<sync::Mutex<Option<Connection>>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("path", &self.options.path).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) async fn open(options: RequestDatabaseOptions) -> Arc<Self> {
        let (path, keep_texts, now) = (options.path.clone(), options.keep_texts, (options.now_ms)());
        let opened = tokio::task::spawn_blocking(move || store::open(&path, keep_texts, now)).await;
        let (connection, notice) = opened.unwrap_or_default();
        Arc::new(Self {
            live: Mutex::new(LiveRequests::new(options.keep_days, keep_texts, notice)),
            options,
            changes: broadcast::Sender::new(CHANGES_CAPACITY),
            batched: sync::Notify::new(),
            unwritten: sync::Notify::new(),
            stop: CancellationToken::new(),
            database: Arc::new(sync::Mutex::new(connection)),
        })
    }

    pub(super) fn now_ms(&self) -> u64 {
        (self.options.now_ms)()
    }

    /// Changes a request that runs; `edit` gets the milliseconds since its arrival. Subscribers hear of another state at once,
    /// and of all else together with the other changes of the next moment.
    pub(super) fn edit(&self, id: &str, edit: impl FnOnce(&mut Record, u64)) {
        let now = self.now_ms();
        let mut live = self.live.lock();
        let Some(record) = live.running(id) else { return };
        let (state, at) = (record.row().state, record.row().at);
        // A clock that was set back makes it 0.
        edit(record, now.saturating_sub(at));
        if record.row().state != state {
            self.send(record);
            live.trim();
            self.unwritten.notify_one();
        } else if record.unnotified && self.changes.receiver_count() > 0 {
            // Without subscribers, nothing wakes up for a small change.
            self.batched.notify_one();
        }
    }

    /// The caller holds the live requests, so that the end of a request is the last that is heard of it.
    pub(super) fn send(&self, record: &mut Record) {
        record.unnotified = false;
        // An error means that there are no subscribers.
        let _ = self.changes.send(Change::Row(Arc::new(record.row().clone())));
    }

    /// Until the log is closed, sends small changes, those of one request as one, writes changes, and removes what is too old at
    /// least once a day. In the end it writes what is left and closes the database.
    pub(super) async fn keep_up(self: Arc<Self>) {
        let notify = async {
            loop {
                self.batched.notified().await;
                sleep(NOTIFY_INTERVAL).await;
                self.live.lock().unnotified().for_each(|record| self.send(record));
            }
        };
        let write = async {
            loop {
                if self.write().await.is_err() {
                    sleep(RETRY_INTERVAL).await;
                    continue;
                }
                let _ = timeout(DAY, self.unwritten.notified()).await;
                sleep(WRITE_INTERVAL).await;
            }
        };
        tokio::select! {
            () = notify => {}
            () = write => {}
            () = self.stop.cancelled() => {}
        }
        // There is no later attempt, and the error is in the notice.
        let _ = self.run(|_| Ok(())).await;
        self.with_database(|_, database| *database = None).await;
    }

    /// Writes what is unwritten and does some other work with the database. Gives what the work found, even where nothing could
    /// be written, and whether everything was written. A database that turns out to be damaged is replaced.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> (Option<T>, Result<(), String>) {
        let ran = self.with_database(move |shared, database| {
            let Some(connection) = database else { return (None, Err("it is closed".to_owned())) };
            let batch = shared.live.lock().unwritten();
            let (found, error) = match sql::write_then(connection, &batch, work) {
                Ok((found, written)) => (Some(found), written.err()),
                Err(error) => (None, Some(error)),
            };
            let Some(error) = error else {
                shared.live.lock().written(&batch);
                return (found, Ok(()));
            };
            if store::is_damaged(&error) {
                shared.replace(database);
            } else {
                let again = "It is tried again every few seconds.";
                shared.warn(&format!("The request log cannot be written ({error}). {again}"));
            }
            (found, Err(error.to_string()))
        });
        ran.await.unwrap_or_else(|| (None, Err("it panicked".to_owned())))
    }

    async fn with_database<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self, &mut Option<Connection>) -> T + Send + 'static,
    ) -> Option<T> {
        let mut database = Arc::clone(&self.database).lock_owned().await;
        let shared = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&shared, &mut database)).await.ok()
    }

    /// Says that something could not be written, until something could.
    pub(super) fn warn(&self, notice: &str) {
        if self.live.lock().writing.replace(notice.to_owned()).is_none() {
            tracing::warn!("{notice}");
        }
    }

    fn replace(&self, database: &mut Option<Connection>) {
        // It is closed before its file is renamed.
        *database = None;
        let keep_texts = self.live.lock().keep_texts;
        let (connection, notice) = store::replace_damaged(&self.options.path, keep_texts, self.now_ms());
        *database = connection;
        self.live.lock().rewrite(notice);
        self.unwritten.notify_one();
    }

    /// Writes what is unwritten and removes what is too old or too much.
    pub(super) async fn write(self: &Arc<Self>) -> Result<(), String> {
        let days = u64::from(self.live.lock().keep_days.max(1));
        let before_ms = self.now_ms().saturating_sub(days * DAY.as_secs() * 1_000);
        let max_bytes = self.options.max_bytes;
        let prune = move |connection: &Connection| {
            let in_memory = connection.path().is_none_or(str::is_empty);
            let max_bytes = if in_memory { max_bytes.min(MAX_MEMORY_BYTES) } else { max_bytes };
            sql::prune(connection, before_ms, PRUNE_BATCH, max_bytes)
        };
        self.remove(prune).await
    }

    /// Writes what is unwritten and removes something, until there is no more of it.
    pub(super) async fn remove(
        self: &Arc<Self>,
        work: impl Fn(&Connection) -> rusqlite::Result<usize> + Copy + Send + 'static,
    ) -> Result<(), String> {
        let mut any = false;
        let done = loop {
            match self.run(work).await {
                (Some(1..), Ok(())) => any = true,
                (_, done) => break done,
            }
        };
        let compact = |_: &Self, database: &mut Option<Connection>| database.as_ref().map(sql::compact);
        if any && let Some(Some(Err(error))) = self.with_database(compact).await {
            tracing::warn!(%error, "the request log was not compacted");
        }
        done
    }
}
