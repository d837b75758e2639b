//! A running response: its writer, its readers, and its cancellation.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::{History, ResponseStore};
use crate::translate::response_events::ResponseWriter;
use crate::translate::responses::{StoredItem, output_items};

/// A running response.
#[derive(Debug)]
pub(crate) struct RunningResponse {
    writer: Mutex<ResponseWriter>,
    cancelled: CancellationToken,
}

impl RunningResponse {
    /// Locks the writer. Hold it briefly and never across an `await`.
    pub(crate) fn writer(&self) -> MutexGuard<'_, ResponseWriter> {
        self.writer.lock()
    }

    /// Cancels the response unless it has ended, and wakes its writer.
    pub(crate) fn cancel(&self) {
        self.writer().cancel();
        self.cancelled.cancel();
    }

    /// Resolves when the response is cancelled.
    pub(crate) async fn cancelled(&self) {
        self.cancelled.cancelled().await;
    }

    /// The current state of the response as JSON.
    pub(crate) fn body(&self) -> Bytes {
        // Serializing our own types cannot fail.
        serde_json::to_vec(self.writer().response()).unwrap_or_default().into()
    }
}

/// Owns a running response and moves it to the store when it ends. If dropped earlier, its client disconnected or
/// received an error: the response ends as cancelled, and is stored only if its id has been sent.
#[derive(Debug)]
pub(crate) struct Recording {
    running: Arc<RunningResponse>,
    /// Where to store it; `None` if it is ephemeral or already stored.
    destination: Option<Destination>,
}

#[derive(Debug)]
struct Destination {
    store: ResponseStore,
    id: String,
    key: String,
    before: History,
    added: Vec<StoredItem>,
}

impl Recording {
    /// A response that can be retrieved from now on. `before` is the conversation up to it, `added` what its request
    /// adds.
    pub(crate) fn stored(
        writer: ResponseWriter,
        store: &ResponseStore,
        key: &str,
        before: History,
        added: Vec<StoredItem>,
    ) -> Self {
        let id = writer.response().id.clone();
        let mut recording = Self::ephemeral(writer);
        store.begin(key, &id, &recording.running);
        recording.destination =
            Some(Destination { store: store.clone(), id, key: key.to_owned(), before, added });
        recording
    }

    /// A response that cannot be retrieved.
    pub(crate) fn ephemeral(writer: ResponseWriter) -> Self {
        let running = RunningResponse { writer: Mutex::new(writer), cancelled: CancellationToken::new() };
        Self { running: Arc::new(running), destination: None }
    }

    /// The running response.
    pub(crate) fn running(&self) -> &Arc<RunningResponse> {
        &self.running
    }

    /// Moves the ended response to the store.
    pub(crate) fn store(&mut self) {
        let Some(destination) = self.destination.take() else { return };
        let (status, output) = {
            let writer = self.running.writer();
            (writer.response().status, output_items(&writer.response().output))
        };
        let added = destination.added.into_iter().chain(output).collect();
        destination.store.end(&destination.id, status, self.running.body(), destination.before, added);
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.running.cancel();
        let id_is_sent = self.running.writer().is_id_sent();
        if id_is_sent {
            self.store();
        } else if let Some(destination) = self.destination.take() {
            destination.store.remove(&destination.key, &destination.id);
        }
    }
}
