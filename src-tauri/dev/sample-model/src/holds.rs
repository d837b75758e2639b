//! Answers on hold until a test releases them.
//!
//! A hold is registered before its event is logged, so a test that waits for the event can release it. A release does not
//! affect future holds.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

/// One entry per answer on hold, so bounded by the number of connections.
#[derive(Debug, Default)]
pub(crate) struct Holds(Mutex<HashMap<u64, oneshot::Sender<()>>>);

impl Holds {
    /// Registers a hold. The receiver completes when it is released.
    pub(crate) fn register(&self, id: u64) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, sender);
        receiver
    }

    /// Removes a hold whose client disconnected.
    pub(crate) fn remove(&self, id: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    pub(crate) fn release_all(&self) -> usize {
        let held = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        held.into_values().filter_map(|sender| sender.send(()).ok()).count()
    }

    pub(crate) fn release_one(&self, id: u64) -> bool {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        held.is_some_and(|sender| sender.send(()).is_ok())
    }
}
