//! Pending requests: register, complete, cancel, fail all.
//!
//! A waiter always hears something: its answer, an error, or, when the table closes, that codex is gone.

use std::collections::HashMap;

use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::wire::RemoteError;

type Outcome = Result<Box<RawValue>, RemoteError>;

/// The pending requests of one connection.
#[derive(Debug, Default)]
pub(crate) struct Pending(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    last_id: u64,
    closed: bool,
    waiting: HashMap<u64, oneshot::Sender<Outcome>>,
}

/// One pending request; dropping it cancels it.
#[derive(Debug)]
pub(crate) struct Waiting<'a> {
    table: &'a Pending,
    pub(crate) id: u64,
    /// Fails when the table was closed first.
    pub(crate) answer: oneshot::Receiver<Outcome>,
}

impl Pending {
    /// Adds a request; `None` once the table is closed.
    pub(crate) fn register(&self) -> Option<Waiting<'_>> {
        let mut inner = self.0.lock();
        if inner.closed {
            return None;
        }
        inner.last_id += 1;
        let id = inner.last_id;
        let (completed, answer) = oneshot::channel();
        inner.waiting.insert(id, completed);
        Some(Waiting { table: self, id, answer })
    }

    /// Hands an answer to its waiter; `false` if there is none.
    pub(crate) fn complete(&self, id: u64, outcome: Outcome) -> bool {
        let waiter = self.0.lock().waiting.remove(&id);
        waiter.is_some_and(|completed| completed.send(outcome).is_ok())
    }

    /// Fails every request, and those to come.
    pub(crate) fn close(&self) {
        let mut inner = self.0.lock();
        inner.closed = true;
        // Dropping the senders wakes the waiters.
        inner.waiting.clear();
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.table.0.lock().waiting.remove(&self.id);
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
        let mut first = table.register().unwrap();
        let mut second = table.register().unwrap();
        assert!(table.complete(second.id, Err(RemoteError { message: "no".into() })));
        assert!(table.complete(first.id, Ok(null())));
        assert!((&mut first.answer).await.unwrap().is_ok());
        assert_eq!((&mut second.answer).await.unwrap().unwrap_err().message, "no");
    }

    #[tokio::test]
    async fn closing_tells_every_waiter_and_refuses_new_ones() {
        let table = Pending::default();
        let mut waiting = table.register().unwrap();
        table.close();
        assert!((&mut waiting.answer).await.is_err());
        assert!(table.register().is_none());
    }

    #[test]
    fn a_withdrawn_request_leaves_no_trace() {
        let table = Pending::default();
        let id = table.register().unwrap().id;
        assert!(!table.complete(id, Ok(null())));
        assert!(table.0.lock().waiting.is_empty());
    }
}
