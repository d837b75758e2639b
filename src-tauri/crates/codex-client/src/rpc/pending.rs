//! Pending requests: register, complete, cancel. Those of a connection that closes are failed by their callers, who wait for
//! its end too.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

type Answer = Result<Box<RawValue>, String>;

/// The pending requests of one connection.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    last_id: AtomicU64,
    waiters: Mutex<HashMap<u64, oneshot::Sender<Answer>>>,
}

/// One pending request; dropping it cancels it.
#[derive(Debug)]
pub(crate) struct PendingRequest<'a> {
    pending: &'a Pending,
    pub(crate) id: u64,
    pub(crate) answer: oneshot::Receiver<Answer>,
}

impl Pending {
    /// Adds a request.
    pub(crate) fn register(&self) -> PendingRequest<'_> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let (completed, answer) = oneshot::channel();
        self.waiters.lock().insert(id, completed);
        PendingRequest { pending: self, id, answer }
    }

    /// Hands an answer to its waiter; `false` if there is none.
    pub(crate) fn complete(&self, id: u64, answer: Answer) -> bool {
        let waiter = self.waiters.lock().remove(&id);
        waiter.is_some_and(|completed| completed.send(answer).is_ok())
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
    async fn answers_reach_their_own_waiter_in_any_order() {
        let table = Pending::default();
        let mut first = table.register();
        let mut second = table.register();
        assert!(table.complete(second.id, Err("no".into())));
        assert!(table.complete(first.id, Ok(null())));
        assert!((&mut first.answer).await.unwrap().is_ok());
        assert_eq!((&mut second.answer).await.unwrap().unwrap_err(), "no");
    }

    #[test]
    fn a_withdrawn_request_leaves_no_trace() {
        let table = Pending::default();
        let id = table.register().id;
        assert!(!table.complete(id, Ok(null())));
        assert!(table.waiters.lock().is_empty());
    }
}
