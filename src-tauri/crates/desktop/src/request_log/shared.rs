//! What the handles, the entries and the tasks of a journal share.
//!
//! There are two locks. The one of the ring is held for moments and never across an await; the one of the database is held for as
//! long as it works, and whoever waits for it does so without blocking a thread. Where both are needed, the database's comes first.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::{Mutex as AsyncMutex, Notify, broadcast};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::body::Body;
use super::ring::{News, RING, Ring};
use super::store::{self, Opened};
use super::types::ExchangeRow;
use super::{CHANGES, Change, DAY, JournalOptions, NowMs, sql, tasks};

/// Requests that are kept in memory where no disk was wanted, which means that there is no window to show them.
pub(super) const UNSEEN: usize = 100;

/// Why something was not done with the database.
#[derive(Debug)]
pub(super) enum OffDisk {
    /// There is none, or no longer.
    Absent,
    /// It did not work.
    Refused(String),
}

pub(super) struct Shared {
    pub(super) now_ms: NowMs,
    pub(super) changes: broadcast::Sender<Change>,
    /// Rung when there is something to tell.
    pub(super) tell: Notify,
    /// Rung when there is something to write.
    pub(super) write: Notify,
    pub(super) stop: CancellationToken,
    path: Option<PathBuf>,
    keep_days: AtomicU32,
    keep_texts: AtomicBool,
    ring: Mutex<Ring>,
    disk: Arc<AsyncMutex<Option<Connection>>>,
    notices: Mutex<Notices>,
    tasks: TaskTracker,
}

/// What is wrong with the log.
#[derive(Debug, Default)]
struct Notices {
    /// Said for as long as the program runs.
    opening: Option<String>,
    /// Said until writing works again.
    writing: Option<String>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) async fn open(options: JournalOptions) -> Arc<Self> {
        let JournalOptions { path, keep_days, keep_texts, now_ms } = options;
        let now = now_ms();
        let Opened { connection, newest, notice } = match path.clone() {
            Some(path) => tokio::task::spawn_blocking(move || store::open(&path, keep_texts, now))
                .await
                .unwrap_or_else(|error| store::unusable(format!(
                    "The request log could not be opened ({error}). Requests are kept only until Codex Proxy ends."
                ))),
            None => Opened::default(),
        };
        let ring = match (&connection, &path) {
            (Some(_), _) => Ring::before_disk(newest),
            (None, Some(_)) => Ring::without_disk(RING),
            (None, None) => Ring::without_disk(UNSEEN),
        };
        if let Some(notice) = &notice {
            tracing::warn!("{notice}");
        }
        Arc::new(Self {
            now_ms,
            changes: broadcast::Sender::new(CHANGES),
            tell: Notify::new(),
            write: Notify::new(),
            stop: CancellationToken::new(),
            path,
            keep_days: AtomicU32::new(keep_days),
            keep_texts: AtomicBool::new(keep_texts),
            ring: Mutex::new(ring),
            disk: Arc::new(AsyncMutex::new(connection)),
            notices: Mutex::new(Notices { opening: notice, writing: None }),
            tasks: TaskTracker::new(),
        })
    }

    /// Starts the tasks. They end when the guard is dropped.
    pub(super) fn start(self: &Arc<Self>) -> DropGuard {
        self.tasks.spawn(tasks::tell(Arc::clone(self)));
        self.tasks.spawn(tasks::write(Arc::clone(self)));
        self.tasks.close();
        self.stop.clone().drop_guard()
    }

    pub(super) async fn close(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }

    /// The ring. A panic while it was held leaves it whole: nothing in there can panic half-way.
    pub(super) fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn keeps_texts(&self) -> bool {
        self.keep_texts.load(Ordering::Acquire)
    }

    pub(super) fn notice(&self) -> Option<String> {
        let notices = self.notices();
        notices.writing.clone().or_else(|| notices.opening.clone())
    }

    /// Says that writing does not work, or that it does again.
    pub(super) fn set_writing_notice(&self, notice: Option<String>) {
        let mut notices = self.notices();
        if notices.writing.is_none()
            && let Some(notice) = &notice
        {
            tracing::warn!("{notice}");
        }
        notices.writing = notice;
    }

    fn notices(&self) -> MutexGuard<'_, Notices> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a request down and tells of it.
    pub(super) fn begin(&self, row: ExchangeRow, mut body: Body, request: Option<String>) {
        let mut ring = self.ring();
        // Asked under the lock, so that a request that begins while texts are switched off is among those that forget theirs.
        if self.keeps_texts() {
            (body.request, body.answer) = (request, Some(String::new()));
        }
        let row = ring.insert(row, body);
        self.tell_at_once(row);
        drop(ring);
        self.write.notify_one();
    }

    /// Changes a request that has not ended; `edit` says whether it did.
    pub(super) fn change(
        &self,
        id: &str,
        news: News,
        edit: impl FnOnce(&mut ExchangeRow, &mut Body) -> bool,
    ) {
        let mut ring = self.ring();
        let Some((row, body)) = ring.running_mut(id) else { return };
        // While nobody listens, nothing wakes up for what is only told.
        if !edit(row, body) || (news == News::Soon && self.changes.receiver_count() == 0) {
            return;
        }
        match ring.changed(id, news) {
            Some(row) => {
                self.tell_at_once(row);
                self.write.notify_one();
            }
            None => self.tell.notify_one(),
        }
    }

    /// Ends a request that has not ended yet.
    pub(super) fn end(&self, id: &str, edit: impl FnOnce(&mut ExchangeRow, &mut Body)) {
        let mut ring = self.ring();
        let Some((row, body)) = ring.running_mut(id) else { return };
        edit(row, body);
        if let Some(row) = ring.ended(id) {
            self.tell_at_once(row);
        }
        drop(ring);
        self.write.notify_one();
    }

    /// Told while the ring is held, so that the last word about a request is the last that is heard.
    fn tell_at_once(&self, row: Arc<ExchangeRow>) {
        // An error means that nobody listens.
        let _ = self.changes.send(Change::Row(row));
    }

    /// Does something with the database on a thread that may block, one at a time. A database that turns out to be damaged is
    /// replaced by a new one.
    pub(super) async fn on_disk<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, OffDisk> {
        let mut disk = Arc::clone(&self.disk).lock_owned().await;
        if disk.is_none() {
            return Err(OffDisk::Absent);
        }
        let shared = Arc::clone(self);
        let worked = tokio::task::spawn_blocking(move || {
            let connection = disk.as_mut().ok_or(OffDisk::Absent)?;
            work(connection).map_err(|error| {
                tracing::warn!(%error, "the request log's database did not work");
                if store::is_damaged(&error) {
                    shared.replace(&mut disk);
                }
                OffDisk::Refused(error.to_string())
            })
        });
        worked.await.unwrap_or_else(|error| Err(OffDisk::Refused(error.to_string())))
    }

    fn replace(&self, disk: &mut Option<Connection>) {
        let Some(path) = &self.path else { return };
        // It is closed before its file is renamed.
        *disk = None;
        let Opened { connection, newest: _, notice } =
            store::begin_anew(path, self.keeps_texts(), (self.now_ms)());
        let mut ring = self.ring();
        if connection.is_some() {
            ring.disk_is_empty();
            self.write.notify_one();
        } else {
            ring.disk_is_gone();
        }
        drop(ring);
        *disk = connection;
        self.notices().opening = notice;
    }

    /// Lets go of the database, which flushes it.
    pub(super) async fn close_disk(&self) {
        let mut disk = Arc::clone(&self.disk).lock_owned().await;
        self.ring().disk_is_gone();
        // Closing may block; the thread that does it ends with it.
        let _ = tokio::task::spawn_blocking(move || drop(disk.take())).await;
    }

    pub(super) async fn clear(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        let cleared = self.on_disk(move |connection| {
            sql::clear(connection)?;
            // While the database is held, so that nothing that has just been taken out is written once more.
            shared.clear_memory();
            Ok(())
        });
        match cleared.await {
            Ok(()) => {}
            Err(OffDisk::Absent) => self.clear_memory(),
            Err(OffDisk::Refused(error)) => self.set_writing_notice(Some(format!(
                "The request log could not be cleared ({error}). Try again."
            ))),
        }
    }

    fn clear_memory(&self) {
        let mut ring = self.ring();
        ring.remove_ended(u64::MAX);
        ring.disk_is_empty();
        let _ = self.changes.send(Change::Cleared);
        drop(ring);
        self.write.notify_one();
    }

    pub(super) async fn keep(self: &Arc<Self>, days: u32, texts: bool) {
        self.keep_days.store(days, Ordering::Release);
        self.keep_texts.store(texts, Ordering::Release);
        if !texts {
            self.ring().forget_texts();
            // Without a database there is nothing to forget; an error of it is in our log, and the next start tries again.
            let _ = self.on_disk(|connection| sql::forget_texts(connection)).await;
        }
        tasks::prune(self).await;
    }

    /// Requests that arrived before this time, in Unix milliseconds, are no longer kept.
    pub(super) fn kept_since_ms(&self) -> u64 {
        let days = u64::from(self.keep_days.load(Ordering::Acquire).max(1));
        (self.now_ms)().saturating_sub(days * DAY.as_secs() * 1_000)
    }
}
