//! The request log that the window shows, of running and past requests.
//!
//! Reports of the proxy go to memory (`live`) and never wait. A task notifies subscribers and writes changes to SQLite a moment
//! later (`shared`). Every read is a statement (`sql`, `chart`) in a transaction that first writes pending changes, so reads come
//! only from the database and reports only go to memory.
//!
//! There is no queue of reports: a changed request waits to be written once, however often it changes. `live` bounds the ended
//! requests that wait; the notice counts dropped ones. The database is bounded by days and bytes.
//!
//! Prompts and answers are stored only if the user chose to, and keys never, only their names. A disk error never fails a
//! request; the window shows it.

mod changes;
mod chart;
mod curl;
mod export;
mod kept_changes;
mod live;
mod reports;
mod resume;
mod shared;
mod sql;
mod store;
#[cfg(test)]
mod tests;
mod types;

use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::DropGuard;
use tokio_util::task::TaskTracker;

use proxy::RequestLog;
use shared::{MAX_CLOCK_STEP, Shared};

pub use shared::{Change, MAX_DATABASE_BYTES, NowMs, Removed, RequestDatabaseOptions};
pub use types::{
    Chart, ChartBar, ChartGroup, ChartRange, ChartStack, ExchangeCounts, ExchangeDetail, ExchangeQuery,
    ExchangeRow, ExchangeState, ExportFormat, Finding, KeptChat, Review, ReviewState, Show, Step, Today,
};

/// The request log. Clones share it. When the last one is dropped, the task writes the remaining changes and ends.
#[derive(Clone, Debug)]
pub struct RequestDatabase {
    shared: Arc<Shared>,
    tasks: TaskTracker,
    _stop: Arc<DropGuard>,
}

impl RequestDatabase {
    /// Opens the log and starts its task. If the file cannot be used, it falls back to memory, and [`RequestDatabase::notice`]
    /// says why.
    pub async fn open(options: RequestDatabaseOptions) -> Self {
        let shared = Shared::open(options).await;
        let tasks = TaskTracker::new();
        tasks.spawn(Arc::clone(&shared).run_tasks());
        tasks.close();
        let stop = Arc::new(shared.stop.clone().drop_guard());
        Self { shared, tasks, _stop: stop }
    }

    /// What is wrong with the log, in a sentence for the window.
    #[must_use]
    pub fn notice(&self) -> Option<String> {
        self.shared.live.lock().notice()
    }

    /// Sets how many days requests are stored, and whether with texts. Removes the rest immediately.
    pub async fn set_retention(&self, days: u32, texts: bool) {
        let fewer_days = {
            let mut live = self.shared.live.lock();
            let before = live.keep_days;
            live.set_retention(days, texts);
            days < before
        };
        // An error is in the notice, and the next start retries.
        if !texts {
            let _ = self.shared.remove(sql::forget_texts).await;
        }
        // Asking for fewer days is a request to remove now.
        let _ = self.shared.write(if fewer_days { Duration::MAX } else { MAX_CLOCK_STEP }).await;
    }

    /// Where the proxy reports requests.
    #[must_use]
    pub fn reports(&self) -> Arc<dyn RequestLog> {
        Arc::clone(&self.shared) as Arc<dyn RequestLog>
    }

    /// Subscribes to changes.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.shared.changes.subscribe()
    }

    /// What has been removed, and its changes.
    #[must_use]
    pub fn removed(&self) -> watch::Receiver<Removed> {
        self.shared.removed.subscribe()
    }

    /// The number of running requests.
    #[must_use]
    pub fn running(&self) -> u64 {
        self.shared.live.lock().count_running()
    }

    /// The matching rows, newest first.
    pub async fn query(&self, query: ExchangeQuery) -> Vec<ExchangeRow> {
        let rows = self.shared.run(move |connection| sql::rows(connection, &query)).await.0;
        let mut rows = rows.unwrap_or_default();
        let live = self.shared.live.lock();
        rows.iter_mut().for_each(|row| live.show_reason(row));
        drop(live);
        rows
    }

    /// How many requests match.
    pub async fn counts(&self, query: ExchangeQuery) -> ExchangeCounts {
        self.shared.run(move |connection| sql::counts(connection, &query)).await.0.unwrap_or_default()
    }

    /// All details of a request.
    pub async fn detail(&self, id: &str) -> Option<ExchangeDetail> {
        // Steps and texts of running requests are only in memory.
        {
            let live = self.shared.live.lock();
            if let Some(mut detail) = live.find(id) {
                live.changes.complete(&mut detail);
                return Some(detail);
            }
        }
        let id = id.to_owned();
        let mut detail = self.shared.run(move |connection| sql::detail(connection, &id)).await.0.flatten()?;
        let live = self.shared.live.lock();
        live.show_reason(&mut detail.row);
        live.changes.complete(&mut detail);
        drop(live);
        Some(detail)
    }

    /// Hides all ended requests, and removes them ten seconds later, or when the log is closed.
    pub async fn clear(&self) {
        self.shared.clear().await;
        self.tasks.spawn(Arc::clone(&self.shared).remove_cleared_later());
    }

    /// Brings back what has just been cleared.
    pub async fn undo_clear(&self) {
        self.shared.undo_clear().await;
    }

    /// The charts of a period, or of the one that fits the data. Hours and days start in the given UTC offset, ignoring changes to
    /// and from summer time.
    pub async fn chart(
        &self,
        range: Option<ChartRange>,
        stack: Option<ChartStack>,
        utc_offset_seconds: i32,
    ) -> Chart {
        let now_ms = self.shared.now_ms();
        let chart =
            move |connection: &Connection| chart::chart(connection, range, stack, now_ms, utc_offset_seconds);
        self.shared.run(chart).await.0.unwrap_or_default()
    }

    /// The requests since `unix_s`, in Unix seconds, without the window's own.
    pub async fn today(&self, unix_s: u64) -> Today {
        let from_ms = unix_s.saturating_mul(1_000);
        self.shared.run(move |connection| sql::today(connection, from_ms)).await.0.unwrap_or_default()
    }

    /// Writes the remaining changes and ends the task. Later changes are lost, and unfinished requests count as failed.
    pub async fn close(&self) {
        self.shared.stop.cancel();
        self.tasks.wait().await;
    }
}
