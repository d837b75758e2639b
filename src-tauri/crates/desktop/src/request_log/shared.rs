//! What the handles, the reports and the tasks of a request log share.
//!
//! There are two locks. The one of the live requests is held for moments and never across an await; the one of the database is
//! held for as long as it works, on a thread that may block. Where both are needed, the database's comes first.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::{self, broadcast};
use tokio_util::sync::CancellationToken;

use super::body::Body;
use super::live::{LiveRequests, Notify};
use super::sql;
use super::store::{self, Opened};
use super::types::ExchangeRow;

/// Changes that a subscriber may be behind. One that is further behind loses the oldest and gets `Lagged`; it should then query
/// the rows again.
const CHANGES_CAPACITY: usize = 256;

/// A day, which is how often old requests are removed.
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Bytes of the database in the app. When there are more, the oldest texts go, and the oldest requests once there are no texts.
pub const MAX_DATABASE_BYTES: u64 = 512 * 1024 * 1024;

/// The same where the database is in memory, because its file cannot be used.
const MAX_MEMORY_BYTES: u64 = 16 * 1024 * 1024;

/// Requests removed in one transaction.
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
    keep_days: AtomicU32,
    keep_texts: AtomicBool,
    pub(super) changes: broadcast::Sender<Change>,
    /// Wakes the task that sends batched changes.
    pub(super) batched: sync::Notify,
    /// Wakes the task that writes.
    pub(super) unwritten: sync::Notify,
    pub(super) stop: CancellationToken,
    pub(super) live: Mutex<LiveRequests>,
    database: Arc<sync::Mutex<Option<Connection>>>,
    notices: Mutex<Notices>,
}

#[derive(Debug, Default)]
struct Notices {
    /// Shown for as long as the program runs.
    opening: Option<String>,
    /// Shown until writing works again.
    writing: Option<String>,
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
        let Opened { connection, notice } = opened.unwrap_or_default();
        if let Some(notice) = &notice {
            tracing::warn!("{notice}");
        }
        Arc::new(Self {
            keep_days: AtomicU32::new(options.keep_days),
            keep_texts: AtomicBool::new(keep_texts),
            options,
            changes: broadcast::Sender::new(CHANGES_CAPACITY),
            batched: sync::Notify::new(),
            unwritten: sync::Notify::new(),
            stop: CancellationToken::new(),
            live: Mutex::default(),
            database: Arc::new(sync::Mutex::new(connection)),
            notices: Mutex::new(Notices { opening: notice, writing: None }),
        })
    }

    pub(super) fn now_ms(&self) -> u64 {
        (self.options.now_ms)()
    }

    pub(super) fn keeps_texts(&self) -> bool {
        self.keep_texts.load(Ordering::Acquire)
    }

    pub(super) fn notice(&self) -> Option<String> {
        let dropped = self.live.lock().dropped();
        let dropped = (dropped > 0).then(|| {
            format!(
                "{dropped} requests are missing from the request log, which could not be written in time."
            )
        });
        let notices = self.notices.lock();
        let all: Vec<String> =
            [notices.writing.clone(), dropped, notices.opening.clone()].into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join(" "))
    }

    pub(super) fn begin(&self, row: ExchangeRow, mut body: Body, request: Option<String>) {
        let mut live = self.live.lock();
        // Asked under the lock, so that a request that begins while texts are switched off is among those that forget theirs.
        if self.keeps_texts() {
            (body.request, body.answer) = (request, Some(String::new()));
        }
        let row = live.insert(row, body);
        self.send(row);
        drop(live);
        self.unwritten.notify_one();
    }

    /// Changes a request that runs; `edit` gets the time and says whether it changed anything.
    pub(super) fn edit(
        &self,
        id: &str,
        notify: Notify,
        edit: impl FnOnce(&mut ExchangeRow, &mut Body, u64) -> bool,
    ) {
        let now = self.now_ms();
        let mut live = self.live.lock();
        let Some(row) = live.edit(id, notify, |row, body| edit(row, body, now)) else { return };
        match notify {
            Notify::Now => {
                self.send(row);
                self.unwritten.notify_one();
            }
            // Without subscribers, nothing wakes up for a small change.
            Notify::Batched if self.changes.receiver_count() > 0 => self.batched.notify_one(),
            Notify::Batched => {}
        }
    }

    /// Sends the batched changes.
    pub(super) fn send_batched(&self) {
        let mut live = self.live.lock();
        live.take_unnotified().into_iter().for_each(|row| self.send(row));
    }

    /// The caller holds the live requests, so that the end of a request is the last that is heard of it.
    fn send(&self, row: Arc<ExchangeRow>) {
        // An error means that there are no subscribers.
        let _ = self.changes.send(Change::Row(row));
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
                shared.notices.lock().writing = None;
                return (found, Ok(()));
            };
            if store::is_damaged(&error) {
                shared.replace(database);
            } else {
                let again = "It is tried again every few seconds.";
                shared.set_writing_notice(format!("The request log cannot be written ({error}). {again}"));
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

    fn set_writing_notice(&self, notice: String) {
        let mut notices = self.notices.lock();
        if notices.writing.is_none() {
            tracing::warn!("{notice}");
        }
        notices.writing = Some(notice);
    }

    fn replace(&self, database: &mut Option<Connection>) {
        // It is closed before its file is renamed.
        *database = None;
        let Opened { connection, notice } =
            store::replace_damaged(&self.options.path, self.keeps_texts(), self.now_ms());
        *database = connection;
        if let Some(notice) = &notice {
            tracing::warn!("{notice}");
        }
        self.notices.lock().opening = notice;
        self.live.lock().rewrite();
        self.unwritten.notify_one();
    }

    /// Closes the database, which flushes it.
    pub(super) async fn close(self: &Arc<Self>) {
        self.with_database(|_, database| *database = None).await;
    }

    pub(super) async fn clear(self: &Arc<Self>) {
        match self.run(sql::clear).await.1 {
            Ok(()) => {
                let _ = self.changes.send(Change::Cleared);
                self.compact().await;
            }
            Err(error) => {
                self.set_writing_notice(format!(
                    "The request log could not be cleared ({error}). Try again."
                ));
            }
        }
    }

    pub(super) async fn keep(self: &Arc<Self>, days: u32, texts: bool) {
        self.keep_days.store(days, Ordering::Release);
        self.keep_texts.store(texts, Ordering::Release);
        if !texts {
            self.live.lock().forget_texts();
            // On an error, the next start tries again.
            if let (Some(1..), Ok(())) = self.run(sql::forget_texts).await {
                self.compact().await;
            }
        }
        // The error is in the notice.
        let _ = self.write().await;
    }

    /// Writes what is unwritten and removes what is too old or too much, in batches, so that others get at the database in
    /// between.
    pub(super) async fn write(self: &Arc<Self>) -> Result<(), String> {
        let days = u64::from(self.keep_days.load(Ordering::Acquire).max(1));
        let before_ms = self.now_ms().saturating_sub(days * DAY.as_secs() * 1_000);
        let max_bytes = self.options.max_bytes;
        let mut any = false;
        loop {
            let pruned = self.run(move |connection| {
                let in_memory = connection.path().is_none_or(str::is_empty);
                let max_bytes = if in_memory { max_bytes.min(MAX_MEMORY_BYTES) } else { max_bytes };
                sql::prune(connection, before_ms, PRUNE_BATCH, max_bytes)
            });
            match pruned.await {
                (Some(1..), Ok(())) => any = true,
                (_, written) => {
                    if any {
                        self.compact().await;
                    }
                    return written;
                }
            }
        }
    }

    async fn compact(self: &Arc<Self>) {
        let compact = |_: &Self, database: &mut Option<Connection>| database.as_ref().map(sql::compact);
        if let Some(Some(Err(error))) = self.with_database(compact).await {
            tracing::warn!(%error, "the request log was not compacted");
        }
    }
}
