//! Answers that apps asked to keep: how many there are, and their deletion.

use std::path::Path;
use std::sync::Arc;

use proxy::{Key, KeyFile, unix_now};
use serde::Serialize;
use ts_rs::TS;

use super::App;
use crate::answer_store::{AnswerStore, AnswerStoreOptions, MAX_STORE_BYTES, StoredCounts};
use crate::request_log::Removed;
use crate::view::ViewError;

/// What is kept of the answers that apps asked to keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct StoredAnswers {
    /// On disk, where they survive a restart.
    pub on_disk: StoredCounts,
    /// In memory, where the latest ones are in any case.
    #[ts(type = "number")]
    pub in_memory: usize,
}

/// Opens the store.
pub(super) async fn open(data_dir: &Path, keep: bool, keys: Vec<Key>) -> Arc<AnswerStore> {
    let options = AnswerStoreOptions {
        path: data_dir.join("answers.sqlite"),
        keep,
        keys,
        max_bytes: MAX_STORE_BYTES,
        now_ms: unix_now().saturating_mul(1_000),
    };
    let store = Arc::new(AnswerStore::new(options));
    let opened = Arc::clone(&store);
    // Without it, answers are in memory only.
    let _ = tokio::task::spawn_blocking(move || opened.open()).await;
    store
}

/// Removes stored answers with the requests of the log, until the app shuts down.
pub(super) async fn run(app: App) {
    let mut removed = app.0.request_log.removed();
    let mut last = Removed::default();
    loop {
        let now = *removed.borrow_and_update();
        app.remove_with_log(last, now).await;
        last = now;
        tokio::select! {
            changed = removed.changed() => if changed.is_err() { return },
            () = app.0.stop.cancelled() => break,
        }
    }
    *app.0.answers_removed.lock() = last;
}

impl App {
    /// How many answers are kept.
    pub async fn stored_answers(&self) -> StoredAnswers {
        let on_disk = self.in_store(AnswerStore::counts).await.unwrap_or_default();
        let in_memory = self.running().map_or(0, |running| running.proxy.stored_in_memory());
        StoredAnswers { on_disk, in_memory }
    }

    /// Deletes all answers that apps asked to keep, on disk and in memory.
    ///
    /// # Errors
    /// If they could not be deleted from the disk.
    pub async fn forget_stored_answers(&self) -> Result<(), ViewError> {
        if let Some(running) = self.running() {
            running.proxy.forget_stored().await;
        }
        let deleted = self.in_store(AnswerStore::forget_all).await;
        deleted.transpose().map(drop).map_err(|error| {
            ViewError::new(format!("Couldn't delete the stored answers: {error}. Try again."))
        })
    }

    /// Sets whether answers are kept on disk.
    pub(super) async fn keep_answers(&self, keep: bool) {
        self.in_store(move |store| store.set_keep(keep)).await;
        self.0.refresh.notify_one();
    }

    /// Deletes answers of keys that no longer exist: nothing can read them.
    pub(super) async fn forget_revoked_keys(&self) {
        let file = KeyFile::in_folder(&self.0.data_dir);
        let configured = self.env_keys().into_iter().map(|key: Key| key.digest().to_hex());
        let window = self.0.window_key.digest().to_hex();
        let mut known: Vec<String> = configured.chain([window]).collect();
        self.in_store(move |store| {
            // Without the file, no key is known to be revoked.
            if let Ok(keys) = file.entries() {
                known.extend(keys.iter().map(|key| key.sha256.to_hex()));
                store.retain_keys(&known);
            }
        })
        .await;
    }

    /// Removes what the log has removed since.
    async fn remove_with_log(&self, last: Removed, now: Removed) {
        if now.clears > last.clears && self.forget_stored_answers().await.is_err() {
            tracing::warn!("failed to delete stored answers with the request log");
        }
        if now.before_ms != last.before_ms {
            self.in_store(move |store| store.prune(now.before_ms / 1_000)).await;
        }
    }

    /// Removes what the log has removed while it was closed, and closes the store.
    pub(super) async fn close_answers(&self) {
        let (last, now) = (*self.0.answers_removed.lock(), *self.0.request_log.removed().borrow());
        self.remove_with_log(last, now).await;
        self.in_store(AnswerStore::close).await;
    }

    async fn in_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&AnswerStore) -> T + Send + 'static,
    ) -> Option<T> {
        let store = Arc::clone(&self.0.answers);
        tokio::task::spawn_blocking(move || work(&store)).await.ok()
    }
}
