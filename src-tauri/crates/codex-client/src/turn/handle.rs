//! The handle to a running turn.

use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::event_queue::Receiver;
use crate::event::TurnEvent;

/// A running turn. Dropping it interrupts the run.
#[derive(Debug)]
pub struct Turn {
    events: Receiver,
    _interrupt: DropGuard,
}

impl Turn {
    /// A handle that reads `events` and cancels `interrupt` when it is dropped. The task behind it outlives it, to
    /// interrupt codex.
    pub(crate) fn new(events: Receiver, interrupt: CancellationToken) -> Self {
        Self { events, _interrupt: interrupt.drop_guard() }
    }

    /// Since when codex has been silent about this turn. `None` while it runs a command or waits for one of its own tools:
    /// until that has ended it need not say more.
    #[must_use]
    pub fn silent_since(&self) -> Option<Instant> {
        self.events.silent_since()
    }

    /// The next event; `None` after the end.
    pub async fn next(&mut self) -> Option<TurnEvent> {
        self.events.next().await
    }
}
