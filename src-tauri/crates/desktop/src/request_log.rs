//! The request log: what the window shows of every request, while it runs and afterwards.
//!
//! The newest requests are kept in memory (`ring`), where everything that happens to a request is put down without waiting for
//! anything. A task writes what has changed to SQLite (`store`, `sql`) a moment later, and another tells the window (`tasks`). An
//! [`Entry`] is the pen of one request. Reading goes over both, memory first: what memory holds is always the newer truth.
//!
//! There is no queue between a request and the disk that could fill up. What waits to be written is the ring itself, each request
//! once, however often it has changed; so no update is ever dropped, the final one least of all, and a slow disk only makes rows
//! be written less often. The bounds of that are `ring`'s.
//!
//! Deliberately not here: prompts and answers, unless the user chose to keep them; keys, of which only names come in; the clock,
//! which is handed in; and the making of ids. An error of the disk never fails a request: it is a sentence for the window.

mod body;
mod chart;
mod curl;
mod filter;
mod reports;
mod ring;
mod shared;
mod sql;
mod store;
mod tasks;
#[cfg(test)]
mod tests;
mod types;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio_util::sync::DropGuard;

use proxy::RequestLog;

use body::Body;
use filter::Filter;
use shared::Shared;
pub use types::{ChartBar, ChartBy, ExchangeDetail, ExchangeQuery, ExchangeRow, ExchangeState, Step};

/// Changes that a subscriber may be behind. One that is further behind loses the oldest and is told so (`Lagged`); it should
/// then ask for the rows anew.
const CHANGES: usize = 256;

/// Rows that a query gives when it does not say how many.
const ROWS: u32 = 200;

/// Rows that a query gives at most.
const MOST_ROWS: u32 = 1_000;

/// A day, which is how often old requests are taken out.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What time it is, in Unix milliseconds. It may be set back: durations are then 0, and nothing worse happens.
pub type NowMs = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What a journal is opened with.
#[derive(Clone)]
pub struct JournalOptions {
    /// The database; `None` keeps requests in memory only, and few of them.
    pub path: Option<PathBuf>,
    /// For how many days requests are kept, one at least.
    pub keep_days: u32,
    /// Whether the texts of requests and answers are kept. Where they are not, those that were kept earlier are taken out.
    pub keep_texts: bool,
    /// The time.
    pub now_ms: NowMs,
}

impl std::fmt::Debug for JournalOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, keep_days, keep_texts, now_ms: _ } = self;
        f.debug_struct("JournalOptions")
            .field("path", path)
            .field("keep_days", keep_days)
            .field("keep_texts", keep_texts)
            .finish_non_exhaustive()
    }
}

/// What subscribers are told.
#[derive(Clone, Debug)]
pub enum Change {
    /// A request is new, or something of it has changed, which may be no more than a step on its time line.
    Row(Arc<ExchangeRow>),
    /// All requests that have ended were taken out.
    Cleared,
}

/// The request log. Cloning it is cheap; when the last clone is gone, its tasks write what is left and end.
#[derive(Clone, Debug)]
pub struct Journal {
    shared: Arc<Shared>,
    _tasks: Arc<DropGuard>,
}

impl Journal {
    /// Opens the log and starts its tasks. It always opens: where the database cannot be used, [`Journal::notice`] says why, and
    /// requests are kept in memory.
    pub async fn open(options: JournalOptions) -> Self {
        let shared = Shared::open(options).await;
        let tasks = Arc::new(shared.start());
        Self { shared, _tasks: tasks }
    }

    /// What is wrong with the log, in a sentence for the window.
    #[must_use]
    pub fn notice(&self) -> Option<String> {
        self.shared.notice()
    }

    /// Changes for how long requests are kept, and whether with their texts. What is no longer to be kept is taken out at once.
    pub async fn keep(&self, days: u32, texts: bool) {
        self.shared.keep(days, texts).await;
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
        self.shared.ring().running()
    }

    /// The rows that are asked for, newest first.
    pub async fn query(&self, query: ExchangeQuery) -> Vec<ExchangeRow> {
        let limit = query.limit.unwrap_or(ROWS).clamp(1, MOST_ROWS) as usize;
        let filter = Filter::new(query);
        let known = self.shared.ring().snapshot();
        let matching = known.rows.iter().rev().filter(|row| filter.takes(row));
        let mut rows: Vec<ExchangeRow> = matching.take(limit).map(|row| ExchangeRow::clone(row)).collect();
        let Some(horizon) = known.horizon.clone() else { return rows };
        if rows.len() == limit && rows.last().is_some_and(|row| row.id > horizon) {
            // Whatever is on disk only is older than these.
            return rows;
        }
        let older = self
            .shared
            .on_disk(move |store| sql::matching(store, &filter, &horizon, limit, |id| known.has(id)))
            .await;
        rows.extend(older.unwrap_or_default());
        rows.sort_unstable_by(|one, other| other.id.cmp(&one.id));
        rows.truncate(limit);
        rows
    }

    /// Everything that is kept of a request.
    pub async fn detail(&self, id: &str) -> Option<ExchangeDetail> {
        let known = self.shared.ring().find(id);
        let (row, body) = match known {
            Some((row, Some(body))) => (Some(row), Some(body)),
            Some((row, None)) => (Some(row), self.body_on_disk(id).await),
            None => (None, self.body_on_disk(id).await),
        };
        let row = match row {
            Some(row) => ExchangeRow::clone(&row),
            None => {
                let id = id.to_owned();
                self.shared.on_disk(move |store| sql::row(store, &id)).await.ok().flatten()?
            }
        };
        let Body { steps, request, answer, .. } = body.map(Arc::unwrap_or_clone).unwrap_or_default();
        Some(ExchangeDetail { row, steps, request_text: request, answer_text: answer })
    }

    async fn body_on_disk(&self, id: &str) -> Option<Arc<Body>> {
        let id = id.to_owned();
        self.shared.on_disk(move |store| sql::body(store, &id)).await.ok().map(Arc::new)
    }

    /// The request as a command line for curl in a POSIX shell, with `$CODEX_PROXY_KEY` where the key belongs. `base_url` ends
    /// with `/v1`. Without a whole text of the request, its body is an example for the same model.
    pub async fn as_curl(&self, id: &str, base_url: &str) -> Option<String> {
        let detail = self.detail(id).await?;
        Some(curl::command(&detail.row, detail.request_text.as_deref(), base_url))
    }

    /// Takes out all requests that have ended, from memory and from disk. Those that run stay.
    pub async fn clear(&self) {
        self.shared.clear().await;
    }

    /// The charts' bars, oldest first, those without requests too. Hours and days begin as they do `utc_offset_seconds` east of
    /// Greenwich; that the offset was another one before the clocks were last changed is passed over.
    pub async fn chart(&self, by: ChartBy, utc_offset_seconds: i32) -> Vec<ChartBar> {
        let mut bars = chart::Bars::new(by, (self.shared.now_ms)(), utc_offset_seconds);
        let known = self.shared.ring().snapshot();
        for row in &known.rows {
            bars.add(row);
        }
        let (mut with_disk, from_ms) = (bars.clone(), bars.begin_ms());
        let with_disk = self
            .shared
            .on_disk(move |store| {
                sql::each_ended_since(store, from_ms, |id, ended| {
                    if !known.has(id) {
                        with_disk.add_ended(&ended);
                    }
                })?;
                Ok(with_disk)
            })
            .await;
        with_disk.unwrap_or(bars).finish()
    }

    /// How many requests have arrived since `unix_s`, in Unix seconds.
    pub async fn requests_since(&self, unix_s: u64) -> u64 {
        let from_ms = unix_s.saturating_mul(1_000);
        let known = self.shared.ring().snapshot();
        let in_memory = known.rows.iter().filter(|row| row.at >= from_ms).count() as u64;
        let on_disk = self.shared.on_disk(move |store| sql::count_since(store, from_ms, |id| known.has(id)));
        in_memory + on_disk.await.unwrap_or(0)
    }

    /// Writes what is left and ends the tasks. What changes afterwards is kept in memory only, and a request that has not ended
    /// by then will have been cut off by the end of the program.
    pub async fn close(&self) {
        self.shared.close().await;
    }
}
