//! Moves a running response to the store when it ends.

use std::sync::Arc;

use super::{History, ResponseStore};
use crate::server::responses::running::RunningResponse;
use crate::translate::responses::{StoredItem, output_items};

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
        running: impl Into<RunningResponse>,
        store: &ResponseStore,
        key: &str,
        before: History,
        added: Vec<StoredItem>,
    ) -> Self {
        let mut recording = Self::ephemeral(running);
        let id = recording.running.writer().response().id.clone();
        store.begin(key, &id, &recording.running);
        recording.destination =
            Some(Destination { store: store.clone(), id, key: key.to_owned(), before, added });
        recording
    }

    /// A response that cannot be retrieved.
    pub(crate) fn ephemeral(running: impl Into<RunningResponse>) -> Self {
        Self { running: Arc::new(running.into()), destination: None }
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
