//! The queue of one turn's events, between the connection's reader and whoever reads the turn.
//!
//! The reader serves all turns and so never waits here. Text is never dropped either: when events of more than
//! [`MAILBOX_BYTES`] are waiting, the turn is given up as a whole and its reader is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::error::CodexError;
use crate::turn::handle::TurnEvent;

/// How much unread text a turn may hold. When it is full the turn ends with [`CodexError::ReaderTooSlow`].
pub(crate) const MAILBOX_BYTES: usize = 1024 * 1024;

/// What one event weighs beside its text, so that empty events are bounded too.
const EVENT_BYTES: usize = 64;

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
    arrived: Notify,
}

#[derive(Debug)]
struct Inner {
    events: VecDeque<TurnEvent>,
    bytes: usize,
    ended: bool,
    /// When codex last said anything of the turn, whether an event was made of it or not.
    heard: Instant,
    /// Whether it is at work on something of its own, which it may be silent about.
    at_work: bool,
}

/// The writing end.
#[derive(Clone, Debug)]
pub(crate) struct Sender(Arc<Shared>);

/// The reading end.
#[derive(Debug)]
pub(crate) struct Receiver(Arc<Shared>);

/// Whether an event found room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Posted {
    /// It is in the queue, or came after the end and does not matter.
    Yes,
    /// It did not fit; the turn has been ended with an error, and should be interrupted.
    Overflow,
}

/// A new, empty mailbox.
pub(crate) fn mailbox() -> (Sender, Receiver) {
    let inner =
        Inner { events: VecDeque::new(), bytes: 0, ended: false, heard: Instant::now(), at_work: false };
    let shared = Arc::new(Shared { inner: Mutex::new(inner), arrived: Notify::new() });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

impl Sender {
    /// Puts down that codex has said something of the turn, and whether it is at work on something of its own now.
    pub(crate) fn heard(&self, at_work: bool) {
        let mut inner = self.0.lock();
        (inner.heard, inner.at_work) = (Instant::now(), at_work);
    }

    /// Adds an event. The first `Ended` closes the mailbox; what comes after is dropped.
    pub(crate) fn post(&self, event: TurnEvent) -> Posted {
        let mut inner = self.0.lock();
        if inner.ended {
            return Posted::Yes;
        }
        let bytes = EVENT_BYTES + event.text_bytes();
        // One event is always let in, however long: the bound is on what piles up.
        let posted = if inner.events.is_empty() || inner.bytes + bytes <= MAILBOX_BYTES || event.is_end() {
            inner.ended = event.is_end();
            inner.bytes += bytes;
            inner.events.push_back(event);
            Posted::Yes
        } else {
            inner.ended = true;
            inner.events.clear();
            inner.bytes = 0;
            inner.events.push_back(TurnEvent::Ended(Err(CodexError::ReaderTooSlow)));
            Posted::Overflow
        };
        drop(inner);
        self.0.arrived.notify_one();
        posted
    }
}

impl Receiver {
    /// Since when codex has said nothing of the turn; `None` while it is at work on something of its own.
    pub(crate) fn silent_since(&self) -> Option<Instant> {
        let inner = self.0.lock();
        (!inner.at_work).then_some(inner.heard)
    }

    /// The next event; `None` after the end was read.
    pub(crate) async fn next(&mut self) -> Option<TurnEvent> {
        loop {
            {
                let mut inner = self.0.lock();
                if let Some(event) = inner.events.pop_front() {
                    inner.bytes = inner.bytes.saturating_sub(EVENT_BYTES + event.text_bytes());
                    return Some(event);
                }
                if inner.ended {
                    return None;
                }
            }
            // `notify_one` keeps a permit for a waiter that is not there yet, so nothing is missed in between.
            self.0.arrived.notified().await;
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: usize) -> TurnEvent {
        TurnEvent::Text("x".repeat(bytes))
    }

    #[tokio::test]
    async fn events_come_out_in_order_and_end_once() {
        let (sender, mut receiver) = mailbox();
        sender.post(text(1));
        sender.post(TurnEvent::Ended(Err(CodexError::Disconnected)));
        sender.post(text(2));
        assert!(matches!(receiver.next().await, Some(TurnEvent::Text(t)) if t.len() == 1));
        assert!(matches!(receiver.next().await, Some(TurnEvent::Ended(_))));
        assert!(receiver.next().await.is_none());
    }

    #[tokio::test]
    async fn a_turn_that_nobody_reads_is_given_up_as_a_whole() {
        let (sender, mut receiver) = mailbox();
        assert_eq!(sender.post(text(MAILBOX_BYTES / 2)), Posted::Yes);
        assert_eq!(sender.post(text(MAILBOX_BYTES)), Posted::Overflow);
        assert!(matches!(receiver.next().await, Some(TurnEvent::Ended(Err(CodexError::ReaderTooSlow)))));
        assert!(receiver.next().await.is_none());
    }

    #[tokio::test]
    async fn one_event_larger_than_the_bound_still_arrives() {
        let (sender, mut receiver) = mailbox();
        assert_eq!(sender.post(text(2 * MAILBOX_BYTES)), Posted::Yes);
        assert!(matches!(receiver.next().await, Some(TurnEvent::Text(_))));
        assert_eq!(sender.post(text(1)), Posted::Yes);
    }
}
