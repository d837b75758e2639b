//! Pending requests. When the connection closes their callers fail them, as they also wait for that.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

type Response = Result<Box<RawValue>, String>;

/// The pending requests of one connection.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    last_id: AtomicU64,
    waiters: Mutex<HashMap<u64, oneshot::Sender<Response>>>,
}

/// One pending request; dropping it cancels it.
#[derive(Debug)]
pub(crate) struct PendingRequest<'a> {
    pending: &'a Pending,
    pub(crate) id: u64,
    pub(crate) response: oneshot::Receiver<Response>,
}

impl Pending {
    /// Registers a request under a new id.
    pub(crate) fn register(&self) -> PendingRequest<'_> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let (completed, response) = oneshot::channel();
        self.waiters.lock().insert(id, completed);
        PendingRequest { pending: self, id, response }
    }

    /// Passes a response to its waiter; `false` if there is none.
    pub(crate) fn complete(&self, id: u64, response: Response) -> bool {
        let waiter = self.waiters.lock().remove(&id);
        waiter.is_some_and(|completed| completed.send(response).is_ok())
    }
}

impl Drop for PendingRequest<'_> {
    fn drop(&mut self) {
        self.pending.waiters.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn null() -> Box<RawValue> {
        RawValue::NULL.to_owned()
    }

    #[tokio::test]
    async fn responses_reach_their_waiters_in_any_order() {
        let pending = Pending::default();
        let mut first = pending.register();
        let mut second = pending.register();
        assert!(pending.complete(second.id, Err("no".into())));
        assert!(pending.complete(first.id, Ok(null())));
        assert!((&mut first.response).await.unwrap().is_ok());
        assert_eq!((&mut second.response).await.unwrap().unwrap_err(), "no");
    }

    #[test]
    fn dropped_request_is_removed() {
        let pending = Pending::default();
        let id = pending.register().id;
        assert!(!pending.complete(id, Ok(null())));
        assert!(pending.waiters.lock().is_empty());
    }
}
