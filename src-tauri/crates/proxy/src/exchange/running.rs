//! The requests that run or wait, so that the owner can stop one.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// The requests that run or wait, by their ids in the request log. Clones share them. Admission and the connection limit bound
/// them.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunningRequests(Arc<Mutex<HashMap<String, CancellationToken>>>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct RunningRequest {
    all: RunningRequests,
    id: String,
    token: CancellationToken,
}

impl RunningRequests {
    pub(super) fn begin(&self, id: &str) -> RunningRequest {
        let (id, token) = (id.to_owned(), CancellationToken::new());
        self.0.lock().insert(id.clone(), token.clone());
        RunningRequest { all: self.clone(), id, token }
    }

    /// Stops a request. Returns whether it was there.
    pub(crate) fn cancel(&self, id: &str) -> bool {
        self.0.lock().get(id).map(CancellationToken::cancel).is_some()
    }
}

impl RunningRequest {
    pub(super) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Resolves when the owner stops the request.
    pub(super) fn cancelled(&self) -> WaitForCancellationFutureOwned {
        self.token.clone().cancelled_owned()
    }
}

impl Drop for RunningRequest {
    fn drop(&mut self) {
        self.all.0.lock().remove(&self.id);
    }
}
