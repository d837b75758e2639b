//! The state of a request log, shared by its handles, reports and task.
//!
//! The lock of the live requests is held only briefly, never across an await; the lock of the database during its work, on a
//! blocking thread. If both are needed, the database's is taken first.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::{self, broadcast, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::live::{LiveRequests, Record};
use super::sql;
use super::store;
use super::types::ExchangeRow;
use crate::database;

/// Changes buffered for a subscriber. A slower one loses the oldest and gets `Lagged`, and should query the rows again.
const CHANGES_CAPACITY: usize = 256;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const HOUR_MS: u64 = 60 * 60 * 1_000;

/// How often old requests are removed without writes.
const PRUNE_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// A clock that is further ahead than this may be wrong, so it must stay so for [`CLOCK_CONFIRMATION`] before it makes requests
/// old: a wrong one would empty the log.
pub(super) const MAX_CLOCK_STEP: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// How long the app must have seen such a clock.
pub(super) const CLOCK_CONFIRMATION: Duration = Duration::from_secs(60 * 60);

/// How long small changes are batched before they are published.
const NOTIFY_INTERVAL: Duration = Duration::from_millis(100);

/// How long changes are batched before they are written. A crash loses at most these.
const WRITE_INTERVAL: Duration = Duration::from_millis(250);

/// How long until a failed write is retried.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Limit of the database in bytes. Beyond it, the oldest texts are removed, then the oldest requests.
pub const MAX_DATABASE_BYTES: u64 = 512 * 1024 * 1024;

/// The same for a database in memory, used when the file cannot be.
const MAX_MEMORY_BYTES: u64 = 16 * 1024 * 1024;

/// How long cleared requests are only hidden, so that the user can take it back: a little longer than the window offers it.
const UNDO_TIME: Duration = Duration::from_secs(10);

/// Requests removed per transaction, so that queries can run in between.
const PRUNE_BATCH: u32 = 500;

/// The time in Unix milliseconds. If the clock is set back, durations are 0.
pub type NowMs = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How to open a request log.
#[derive(Clone)]
pub struct RequestDatabaseOptions {
    /// The database file.
    pub path: PathBuf,
    /// How many days requests are stored, at least one.
    pub keep_days: u32,
    /// Whether prompts and answers are stored. If not, stored ones are removed.
    pub keep_texts: bool,
    /// Limit of the database in bytes, usually [`MAX_DATABASE_BYTES`].
    pub max_bytes: u64,
    /// The clock.
    pub now_ms: NowMs,
}

/// What has been removed from the request log, so that what belongs to it elsewhere can be removed too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Requests from before this time are too old, in Unix milliseconds.
    pub before_ms: u64,
    /// How often all requests were removed, past the time in which that can be undone.
    pub clears: u64,
}

/// A change of the request log.
#[derive(Clone, Debug)]
pub enum Change {
    /// A request is new or has changed, possibly only by a step.
    Row(Arc<ExchangeRow>),
    /// A request changed files. Sent once, with its row, beside the change of the row.
    FilesChanged(Arc<ExchangeRow>),
    /// All ended requests were cleared, or brought back.
    Cleared,
}

pub(super) struct Shared {
    options: RequestDatabaseOptions,
    pub(super) changes: broadcast::Sender<Change>,
    /// Wakes the task to publish batched changes.
    batched: sync::Notify,
    /// Wakes the task to write.
    pub(super) unwritten: sync::Notify,
    pub(super) stop: CancellationToken,
    pub(super) live: Mutex<LiveRequests>,
    /// Since when the clock is ahead of what is believed.
    ahead_since: Mutex<Option<Instant>>,
    pub(super) removed: watch::Sender<Removed>,
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
            ahead_since: Mutex::default(),
            live: Mutex::new(LiveRequests::new(options.keep_days, keep_texts, notice)),
            options,
            changes: broadcast::Sender::new(CHANGES_CAPACITY),
            batched: sync::Notify::new(),
            unwritten: sync::Notify::new(),
            stop: CancellationToken::new(),
            removed: watch::Sender::default(),
            database: Arc::new(sync::Mutex::new(connection)),
        })
    }

    pub(super) fn now_ms(&self) -> u64 {
        (self.options.now_ms)()
    }

    /// Changes a running request; `edit` gets the milliseconds since arrival. A new state is published immediately, other changes
    /// in batches.
    pub(super) fn edit(&self, id: &str, edit: impl FnOnce(&mut Record, u64)) {
        let now = self.now_ms();
        let mut live = self.live.lock();
        let Some(record) = live.running(id) else { return };
        let (state, at) = (record.row().state, record.row().at);
        // 0 if the clock was set back.
        edit(record, now.saturating_sub(at));
        if record.row().state != state {
            self.send(record);
            live.trim();
            self.unwritten.notify_one();
        } else if record.unnotified && self.changes.receiver_count() > 0 {
            // Without subscribers, a small change wakes nothing.
            self.batched.notify_one();
        }
    }

    /// The caller holds the lock of the live requests, so that the end of a request is published last.
    pub(super) fn send(&self, record: &mut Record) {
        record.unnotified = false;
        // An error only means that there are no subscribers.
        let _ = self.changes.send(Change::Row(Arc::new(record.row().clone())));
    }

    /// Publishes batched changes, writes, and removes old requests. When the log is closed, writes the remaining changes
    /// and closes the database.
    pub(super) async fn run_tasks(self: Arc<Self>) {
        let notify = async {
            loop {
                self.batched.notified().await;
                sleep(NOTIFY_INTERVAL).await;
                self.live.lock().unnotified().for_each(|record| self.send(record));
            }
        };
        let write = async {
            loop {
                if self.write(MAX_CLOCK_STEP).await.is_err() {
                    sleep(RETRY_INTERVAL).await;
                    continue;
                }
                self.publish_late().await;
                let _ = timeout(PRUNE_INTERVAL, self.unwritten.notified()).await;
                sleep(WRITE_INTERVAL).await;
            }
        };
        tokio::select! {
            () = notify => {}
            () = write => {}
            () = self.stop.cancelled() => {}
        }
        // No retry; the error is in the notice.
        let _ = self.run(|_| Ok(())).await;
        self.remove_cleared().await;
        self.with_database(|_, database| *database = None).await;
    }

    /// Writes pending changes and does other work in the database. Returns the result of the work, even if writing failed, and
    /// that of writing. Replaces a damaged database.
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
            if database::is_damaged(&error) {
                shared.replace(database);
            } else {
                let retry = "Retrying every few seconds.";
                shared.warn(&format!("The request log couldn't be written ({error}). {retry}"));
            }
            (found, Err(error.to_string()))
        });
        ran.await.unwrap_or_else(|| (None, Err("it panicked".to_owned())))
    }

    /// Hides all ended requests, and deletes the ones hidden earlier.
    pub(super) async fn clear(self: &Arc<Self>) {
        self.remove_cleared().await;
        let now_ms = self.now_ms();
        if let Err(error) = self.run(move |connection| sql::hide_until(connection, now_ms)).await.1 {
            self.warn(&format!("The request log couldn't be cleared ({error}). Try again."));
            return;
        }
        self.live.lock().cleared_ms = Some(now_ms);
        let _ = self.changes.send(Change::Cleared);
    }

    /// Removes the hidden requests once they cannot be brought back any more.
    pub(super) async fn remove_cleared_later(self: Arc<Self>) {
        let cleared_ms = self.live.lock().cleared_ms;
        if self.stop.run_until_cancelled(sleep(UNDO_TIME)).await.is_some()
            && self.live.lock().cleared_ms == cleared_ms
        {
            self.remove_cleared().await;
        }
    }

    /// Removes the hidden requests.
    async fn remove_cleared(self: &Arc<Self>) {
        let Some(cleared_ms) = self.live.lock().cleared_ms.take() else { return };
        let removed = self.remove(move |connection| sql::clear(connection, cleared_ms)).await;
        match removed.and(self.run(sql::show_all).await.1) {
            Ok(()) => self.removed.send_modify(|removed| removed.clears += 1),
            Err(error) => {
                self.warn(&format!("The request log couldn't be cleared ({error}). Try again."));
            }
        }
    }

    /// Shows the hidden requests again.
    pub(super) async fn undo_clear(self: &Arc<Self>) {
        if self.live.lock().cleared_ms.take().is_some() {
            let _ = self.run(sql::show_all).await;
            let _ = self.changes.send(Change::Cleared);
        }
    }

    async fn with_database<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self, &mut Option<Connection>) -> T + Send + 'static,
    ) -> Option<T> {
        let mut database = Arc::clone(&self.database).lock_owned().await;
        let shared = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&shared, &mut database)).await.ok()
    }

    /// Shows the notice until the next successful write.
    pub(super) fn warn(&self, notice: &str) {
        if self.live.lock().write_error.replace(notice.to_owned()).is_none() {
            tracing::warn!("{notice}");
        }
    }

    fn replace(&self, database: &mut Option<Connection>) {
        // Closed before the file is renamed.
        *database = None;
        let keep_texts = self.live.lock().keep_texts;
        let (connection, notice) = store::replace_damaged(&self.options.path, keep_texts, self.now_ms());
        *database = connection;
        self.live.lock().rewrite(notice);
        self.unwritten.notify_one();
    }

    /// Writes pending changes, and removes old requests and those beyond the size limit. A clock that is ahead by more than
    /// `max_step` is not believed at first.
    pub(super) async fn write(self: &Arc<Self>, max_step: Duration) -> Result<(), String> {
        let days = u64::from(self.live.lock().keep_days.max(1));
        let clock = self.believed_clock(max_step).await?;
        let before_ms = clock.saturating_sub(days * DAY.as_secs() * 1_000);
        self.removed.send_if_modified(|removed| {
            let is_news = before_ms.abs_diff(removed.before_ms) >= HOUR_MS;
            if is_news {
                removed.before_ms = before_ms;
            }
            is_news
        });
        let max_bytes = self.options.max_bytes;
        let prune = move |connection: &Connection| {
            let in_memory = connection.path().is_none_or(str::is_empty);
            let max_bytes = if in_memory { max_bytes.min(MAX_MEMORY_BYTES) } else { max_bytes };
            sql::prune(connection, before_ms, PRUNE_BATCH, max_bytes)
        };
        self.remove(prune).await
    }

    /// The time to measure age with.
    async fn believed_clock(self: &Arc<Self>, max_step: Duration) -> Result<u64, String> {
        let now_ms = self.now_ms();
        let confirmed = self.ahead_since.lock().is_some_and(|since| since.elapsed() >= CLOCK_CONFIRMATION);
        let max_step = if confirmed { Duration::MAX } else { max_step };
        let max_step_ms = u64::try_from(max_step.as_millis()).unwrap_or(u64::MAX);
        let (clock, done) =
            self.run(move |connection| sql::believed_clock(connection, now_ms, max_step_ms)).await;
        let clock = clock.unwrap_or_default();
        let mut ahead_since = self.ahead_since.lock();
        *ahead_since =
            if clock < now_ms && done.is_ok() { ahead_since.or(Some(Instant::now())) } else { None };
        done.map(|()| clock)
    }

    /// Writes pending changes, and repeats `work` until it removes nothing.
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
        if any {
            Box::pin(self.forget_removed()).await;
        }
        let compact = |_: &Self, database: &mut Option<Connection>| database.as_ref().map(database::compact);
        if any && let Some(Some(Err(error))) = self.with_database(compact).await {
            tracing::warn!(%error, "failed to compact the request log");
        }
        done
    }
}
