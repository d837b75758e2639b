//! Records what requests changed in the working folder, and the reviews of it: in memory for the latest ones, on disk only with
//! texts.

use std::sync::Arc;

use proxy::changes::Changes;

use super::live::LiveRequests;
use super::shared::{Change, Shared};
use super::types::{Review, ReviewState, Step};
use super::{RequestDatabase, sql};

impl LiveRequests {
    /// Forgets the changes of requests that are neither in memory nor in the database.
    fn forget_changes(&mut self, existing: &[String]) {
        let in_memory = self.ids();
        self.changes.retain(|id| existing.iter().chain(&in_memory).any(|one| one == id));
    }
}

impl Shared {
    /// Records what a request changed, which may have ended already.
    pub(super) fn record_changes(&self, id: &str, changes: &Changes) {
        let now = self.now_ms();
        let mut live = self.live.lock();
        live.changes.insert(id, changes.clone());
        if let Some(record) = live.record(id) {
            let at = now.saturating_sub(record.row().at);
            record.edit().row.files_changed = changes.count;
            let count = changes.count;
            let what =
                if count == 1 { "1 file changed".to_owned() } else { format!("{count} files changed") };
            record.step(at, &what, None, false);
            let row = Arc::new(record.row().clone());
            self.send(record);
            let _ = self.changes.send(Change::FilesChanged(row));
        } else {
            live.changes.add_late(id);
        }
        drop(live);
        self.unwritten.notify_one();
    }

    /// Publishes the rows of requests whose changes came after their rows were written. Called when they are written too.
    pub(super) async fn publish_late(self: &Arc<Self>) {
        let late = self.live.lock().changes.take_late();
        for id in late {
            let row = self.run(move |connection| sql::row(connection, &id)).await.0.flatten();
            if let Some(row) = row.map(Arc::new) {
                let _ = self.changes.send(Change::Row(Arc::clone(&row)));
                let _ = self.changes.send(Change::FilesChanged(row));
            }
        }
    }

    /// Forgets what belongs to requests that were removed from the database.
    pub(super) async fn forget_removed(self: &Arc<Self>) {
        let ids = self.live.lock().changes.ids();
        if ids.is_empty() {
            return;
        }
        if let Some(existing) = self.run(move |connection| sql::existing(connection, &ids)).await.0 {
            self.live.lock().forget_changes(&existing);
        }
    }
}

impl RequestDatabase {
    /// Sets the review of a request's changes. It is published, and stored once it has ended, if texts are.
    pub async fn set_review(&self, id: &str, review: Review) {
        let stored = {
            let mut live = self.shared.live.lock();
            live.changes.insert_review(id, review.clone());
            live.keep_texts && review.state != ReviewState::Running
        };
        let id = id.to_owned();
        let row = self.shared.run(move |connection| {
            if stored {
                sql::write_review(connection, &id, &review)?;
            }
            sql::row(connection, &id)
        });
        self.publish(row.await.0.flatten());
    }

    /// The review of a request's changes that is in memory.
    #[must_use]
    pub fn review(&self, id: &str) -> Option<Review> {
        self.shared.live.lock().changes.review(id)
    }

    /// Adds a step to a request that has ended, and publishes it.
    pub async fn add_step(&self, id: &str, what: &str, detail: Option<String>, bad: bool) {
        let (now, id, what) = (self.shared.now_ms(), id.to_owned(), what.to_owned());
        let row = self.shared.run(move |connection| {
            let Some(row) = sql::row(connection, &id)? else { return Ok(None) };
            let at_ms = now.saturating_sub(row.at);
            sql::add_step(connection, &id, &Step { at_ms, what, detail, bad })?;
            Ok(Some(row))
        });
        self.publish(row.await.0.flatten());
    }

    fn publish(&self, row: Option<super::ExchangeRow>) {
        if let Some(row) = row {
            let _ = self.shared.changes.send(Change::Row(Arc::new(row)));
        }
    }
}
