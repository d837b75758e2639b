//! The request log: what the window shows of every request, while it runs and afterwards.
//!
//! What the proxy reports of a request goes into memory (`live`) without waiting for anything. A task notifies subscribers
//! and writes what has changed to SQLite a moment later (`shared`). Every read is a statement (`sql`, `chart`) in a transaction
//! that first writes what is unwritten, so the database is all that is read and memory is all that is written to.
//!
//! Between the two there is no queue of reports that could fill up: a request waits to be written once, however often it has
//! changed. `live` bounds the requests that have ended and wait; those that are dropped are counted in the notice. The database
//! is bounded by days and by bytes.
//!
//! Prompts and answers are kept only if the user chose so, and keys never: only their names come in. An error of the disk never
//! fails a request: it is a sentence for the window.

mod chart;
mod curl;
mod live;
mod reports;
mod shared;
mod sql;
mod store;
#[cfg(test)]
mod tests;
mod types;

use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::broadcast;
use tokio_util::sync::DropGuard;
use tokio_util::task::TaskTracker;

use proxy::RequestLog;
use shared::Shared;

pub use shared::{Change, MAX_DATABASE_BYTES, NowMs, RequestDatabaseOptions};
pub use types::{ChartBar, ChartBy, ExchangeDetail, ExchangeQuery, ExchangeRow, ExchangeState, Step};

/// The request log. Cloning it is cheap; when the last clone is dropped, its task writes what is left and ends.
#[derive(Clone, Debug)]
pub struct RequestDatabase {
    shared: Arc<Shared>,
    tasks: TaskTracker,
    _stop: Arc<DropGuard>,
}

impl RequestDatabase {
    /// Opens the log and starts its task. It always opens: where the file cannot be used, [`RequestDatabase::notice`] says why,
    /// and a database in memory takes its place.
    pub async fn open(options: RequestDatabaseOptions) -> Self {
        let shared = Shared::open(options).await;
        let tasks = TaskTracker::new();
        tasks.spawn(Arc::clone(&shared).keep_up());
        tasks.close();
        let stop = Arc::new(shared.stop.clone().drop_guard());
        Self { shared, tasks, _stop: stop }
    }

    /// What is wrong with the log, in a sentence for the window.
    #[must_use]
    pub fn notice(&self) -> Option<String> {
        self.shared.live.lock().notice()
    }

    /// Changes for how long requests are kept, and whether with their texts. What is no longer to be kept is removed at once.
    pub async fn keep(&self, days: u32, texts: bool) {
        self.shared.live.lock().keep(days, texts);
        // An error is in the notice, and the next start tries again.
        if !texts {
            let _ = self.shared.remove(sql::forget_texts).await;
        }
        let _ = self.shared.write().await;
    }

    /// The end that the proxy reports to.
    #[must_use]
    pub fn reports(&self) -> Arc<dyn RequestLog> {
        Arc::clone(&self.shared) as Arc<dyn RequestLog>
    }

    /// Everything that changes from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.shared.changes.subscribe()
    }

    /// How many requests run now.
    #[must_use]
    pub fn running(&self) -> u64 {
        self.shared.live.lock().count_running()
    }

    /// The rows that match, newest first.
    pub async fn query(&self, query: ExchangeQuery) -> Vec<ExchangeRow> {
        self.shared.run(move |connection| sql::rows(connection, &query)).await.0.unwrap_or_default()
    }

    /// Everything that is kept of a request.
    pub async fn detail(&self, id: &str) -> Option<ExchangeDetail> {
        // The steps and texts of a request that runs are in memory only.
        if let Some(detail) = self.shared.live.lock().find(id) {
            return Some(detail);
        }
        let id = id.to_owned();
        self.shared.run(move |connection| sql::detail(connection, &id)).await.0.flatten()
    }

    /// Removes all requests that have ended. Those that run stay.
    pub async fn clear(&self) {
        match self.shared.remove(sql::clear).await {
            Ok(()) => drop(self.shared.changes.send(Change::Cleared)),
            Err(error) => {
                self.shared.warn(&format!("The request log could not be cleared ({error}). Try again."));
            }
        }
    }

    /// The charts' bars, oldest first, those without requests too. Hours and days begin as they do `utc_offset_seconds` east of
    /// Greenwich; that the offset was another one before the clocks were last changed is ignored.
    pub async fn chart(&self, by: ChartBy, utc_offset_seconds: i32) -> Vec<ChartBar> {
        let now_ms = self.shared.now_ms();
        let bars = move |connection: &Connection| chart::bars(connection, by, now_ms, utc_offset_seconds);
        self.shared.run(bars).await.0.unwrap_or_default()
    }

    /// How many requests have arrived since `unix_s`, in Unix seconds.
    pub async fn requests_since(&self, unix_s: u64) -> u64 {
        let from_ms = unix_s.saturating_mul(1_000);
        self.shared.run(move |connection| sql::count_since(connection, from_ms)).await.0.unwrap_or(0)
    }

    /// Writes what is left and ends the task. What changes afterwards is not written, and a request that has not ended by then
    /// counts as interrupted by the end of the program.
    pub async fn close(&self) {
        self.shared.stop.cancel();
        self.tasks.wait().await;
    }
}
