//! A turn as its reader has it, and the queue of its events: between the connection's reader and the reader of the turn.
//!
//! The connection's reader serves all turns, so it never waits here. Text is never dropped either: when more than
//! [`QUEUE_CAPACITY`] waits, the whole turn ends with an error.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::error::CodexError;
use crate::event::TurnEvent;

/// Bytes of unread events. When the queue is full the turn ends with [`CodexError::ReaderTooSlow`].
pub(crate) const QUEUE_CAPACITY: usize = 1024 * 1024;

/// What one event counts beside its text, so that empty events are bounded too.
const EVENT_OVERHEAD: usize = 64;

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
    /// When codex last said anything of the turn, whether or not that became an event.
    last_activity: Instant,
    /// Whether codex runs something that it may be silent about.
    busy: bool,
}

/// The writing end.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    shared: Arc<Shared>,
    /// Cancelled when the turn is to be interrupted: its reader has dropped it, or its events no longer fit.
    pub(crate) interrupt: CancellationToken,
}

/// A running turn. Dropping it interrupts the run; the task behind it outlives it, to interrupt codex.
#[derive(Debug)]
pub struct Turn {
    shared: Arc<Shared>,
    _interrupt: DropGuard,
}

/// A turn without events so far.
pub(crate) fn event_queue() -> (Sender, Turn) {
    let inner =
        Inner { events: VecDeque::new(), bytes: 0, ended: false, last_activity: Instant::now(), busy: false };
    let shared = Arc::new(Shared { inner: Mutex::new(inner), arrived: Notify::new() });
    let interrupt = CancellationToken::new();
    let turn = Turn { shared: Arc::clone(&shared), _interrupt: interrupt.clone().drop_guard() };
    (Sender { shared, interrupt }, turn)
}

impl Sender {
    /// Records that codex has said something of the turn, and whether it now runs something that it may be silent about.
    pub(crate) fn record_activity(&self, busy: bool) {
        let mut inner = self.shared.inner.lock();
        (inner.last_activity, inner.busy) = (Instant::now(), busy);
    }

    /// Adds an event; one that does not fit ends and interrupts the turn. The first `Ended` closes the queue; later events
    /// are dropped.
    pub(crate) fn send(&self, event: TurnEvent) {
        let mut inner = self.shared.inner.lock();
        if inner.ended {
            return;
        }
        let bytes = EVENT_OVERHEAD + event.text_bytes();
        // An empty queue takes any event, however long: the bound is on what piles up.
        if inner.events.is_empty() || inner.bytes + bytes <= QUEUE_CAPACITY || event.is_end() {
            inner.ended = event.is_end();
            inner.bytes += bytes;
            inner.events.push_back(event);
        } else {
            inner.ended = true;
            inner.bytes = 0;
            inner.events = VecDeque::from([TurnEvent::Ended(Err(CodexError::ReaderTooSlow))]);
            self.interrupt.cancel();
        }
        drop(inner);
        self.shared.arrived.notify_one();
    }
}

impl Turn {
    /// Since when codex has been silent about this turn. `None` while it runs a command or waits for one of its own tools:
    /// until that has ended it need not say more.
    pub fn idle_since(&self) -> Option<Instant> {
        let inner = self.shared.inner.lock();
        (!inner.busy).then_some(inner.last_activity)
    }

    /// The next event; `None` after the end.
    pub async fn next(&mut self) -> Option<TurnEvent> {
        loop {
            {
                let mut inner = self.shared.inner.lock();
                if let Some(event) = inner.events.pop_front() {
                    inner.bytes = inner.bytes.saturating_sub(EVENT_OVERHEAD + event.text_bytes());
                    return Some(event);
                }
                if inner.ended {
                    return None;
                }
            }
            // `notify_one` keeps a permit for a waiter that is not there yet, so no event is missed in between.
            self.shared.arrived.notified().await;
        }
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
        let (sender, mut receiver) = event_queue();
        sender.send(text(1));
        sender.send(TurnEvent::Ended(Err(CodexError::Disconnected)));
        sender.send(text(2));
        assert!(matches!(receiver.next().await, Some(TurnEvent::Text(t)) if t.len() == 1));
        assert!(matches!(receiver.next().await, Some(TurnEvent::Ended(_))));
        assert!(receiver.next().await.is_none());
    }

    #[tokio::test]
    async fn a_turn_that_nobody_reads_is_given_up_as_a_whole() {
        let (sender, mut receiver) = event_queue();
        sender.send(text(QUEUE_CAPACITY / 2));
        assert!(!sender.interrupt.is_cancelled());
        sender.send(text(QUEUE_CAPACITY));
        assert!(sender.interrupt.is_cancelled());
        assert!(matches!(receiver.next().await, Some(TurnEvent::Ended(Err(CodexError::ReaderTooSlow)))));
        assert!(receiver.next().await.is_none());
    }

    #[tokio::test]
    async fn one_event_larger_than_the_bound_still_arrives() {
        let (sender, mut receiver) = event_queue();
        sender.send(text(2 * QUEUE_CAPACITY));
        assert!(matches!(receiver.next().await, Some(TurnEvent::Text(_))));
        sender.send(text(1));
        assert!(!sender.interrupt.is_cancelled());
    }
}
