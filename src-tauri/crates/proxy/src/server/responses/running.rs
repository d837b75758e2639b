//! A running response: its writer, its readers, and its cancellation.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use parking_lot::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

use super::event_log::EventLog;
use crate::error::ApiError;
use crate::openai::responses::event::ResponseEvent;
use crate::store::Item;
use crate::translate::response_events::ResponseWriter;

/// A running response.
#[derive(Debug)]
pub(crate) struct RunningResponse {
    writer: Mutex<ResponseWriter>,
    cancelled: CancellationToken,
    /// What it is generated from, as far as it is stored.
    input: Vec<Item>,
    /// Keeps the events of a response in the background that is streamed.
    log: Option<Arc<EventLog>>,
}

impl From<ResponseWriter> for RunningResponse {
    fn from(writer: ResponseWriter) -> Self {
        Self::new(writer, None)
    }
}

impl RunningResponse {
    /// A response whose events are kept in `log`.
    pub(crate) fn new(writer: ResponseWriter, log: Option<Arc<EventLog>>) -> Self {
        Self { writer: Mutex::new(writer), cancelled: CancellationToken::new(), input: Vec::new(), log }
    }

    /// The response with what it is generated from.
    pub(super) fn with_input(self, input: Vec<Item>) -> Self {
        Self { input, ..self }
    }

    /// What the response is generated from, oldest first.
    pub(crate) fn input(&self) -> &[Item] {
        &self.input
    }

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

    /// Moves the pending events to the log. Only its driver calls this, so they stay in order.
    pub(super) fn keep_events(&self) {
        let events = self.writer().take_events();
        if let Some(log) = &self.log {
            log.push(events);
        }
    }

    /// The events after number `after`, or all, as they come; see [`EventLog::events_after`]. None if none are kept.
    pub(crate) fn events_after(
        &self,
        after: Option<u64>,
    ) -> Option<impl Stream<Item = Result<Vec<ResponseEvent>, ApiError>> + Send + use<>> {
        self.log.as_ref().map(|log| log.events_after(after))
    }
}
