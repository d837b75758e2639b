//! The answers that wait for a test to let them go on.
//!
//! A hold is registered before it is announced, so a release that follows the announcement can never miss it.
//! Deliberately not here: holds to come. A release lets go only of what is held now.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

/// One entry a held answer: bounded by the bound on connections.
#[derive(Debug, Default)]
pub(crate) struct Holds(Mutex<HashMap<u64, oneshot::Sender<()>>>);

impl Holds {
    /// Registers a hold; it ends when the receiver gets its value.
    pub(crate) fn register(&self, id: u64) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, sender);
        receiver
    }

    /// Forgets a hold whose client went away.
    pub(crate) fn forget(&self, id: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// Lets every present hold go on, and says how many there were.
    pub(crate) fn release_all(&self) -> usize {
        let held = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        held.into_values().filter_map(|sender| sender.send(()).ok()).count()
    }

    /// Lets one hold go on, and says whether there was one.
    pub(crate) fn release_one(&self, id: u64) -> bool {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        held.is_some_and(|sender| sender.send(()).is_ok())
    }
}
