//! A response that is being written: who writes it, who looks at it meanwhile, and who ends it.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::{Conversation, ResponseStore};
use crate::translate::response_events::ResponseWriter;
use crate::translate::responses::{Said, said_by_model};

/// A response that is being written.
#[derive(Debug)]
pub(crate) struct Running {
    writer: Mutex<ResponseWriter>,
    cancelled: CancellationToken,
}

impl Running {
    /// The writer. It is held for as long as a piece takes to be written, and never across an `await`.
    pub(crate) fn writer(&self) -> MutexGuard<'_, ResponseWriter> {
        self.writer.lock()
    }

    /// Ends the response as cancelled, if it has not ended, and wakes whoever writes it.
    pub(crate) fn cancel(&self) {
        self.writer().cancel();
        self.cancelled.cancel();
    }

    /// Resolves when the response was cancelled.
    pub(crate) async fn cancelled(&self) {
        self.cancelled.cancelled().await;
    }

    /// The response as it is now, as a body.
    pub(crate) fn body(&self) -> Bytes {
        // Our own types of strings and numbers always serialise.
        serde_json::to_vec(self.writer().response()).unwrap_or_default().into()
    }
}

/// The one who writes a response. What becomes of it goes into the store when it ends. When it is dropped before, its client
/// has gone or was told of a failure: the response ends as cancelled, and is kept only if somebody knows its id.
#[derive(Debug)]
pub(crate) struct Recording {
    running: Arc<Running>,
    /// Where it is kept; `None` when nobody may ask for it, and when it is settled.
    place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    store: ResponseStore,
    id: String,
    key: String,
    before: Conversation,
    said: Vec<Said>,
}

impl Recording {
    /// A response that is kept from now on. `before` is the conversation up to it, `said` what its request adds.
    pub(crate) fn kept(
        writer: ResponseWriter,
        store: &ResponseStore,
        key: &str,
        before: Conversation,
        said: Vec<Said>,
    ) -> Self {
        let id = writer.response().id.clone();
        let mut recording = Self::forgotten(writer);
        store.begin(key, &id, &recording.running);
        recording.place = Some(Place { store: store.clone(), id, key: key.to_owned(), before, said });
        recording
    }

    /// A response that nobody can ask for.
    pub(crate) fn forgotten(writer: ResponseWriter) -> Self {
        let running = Running { writer: Mutex::new(writer), cancelled: CancellationToken::new() };
        Self { running: Arc::new(running), place: None }
    }

    /// The response that is written.
    pub(crate) fn running(&self) -> &Arc<Running> {
        &self.running
    }

    /// Leaves the response to the store, once it has ended.
    pub(crate) fn settle(&mut self) {
        let Some(place) = self.place.take() else { return };
        let (status, output) = {
            let writer = self.running.writer();
            (writer.response().status, said_by_model(&writer.response().output))
        };
        let said = place.said.into_iter().chain(output).collect();
        place.store.end(&place.id, status, self.running.body(), place.before, said);
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.running.cancel();
        let is_told = self.running.writer().is_told();
        if is_told {
            self.settle();
        } else if let Some(place) = self.place.take() {
            place.store.remove(&place.key, &place.id);
        }
    }
}
