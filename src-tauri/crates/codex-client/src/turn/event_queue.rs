//! The handle of a turn, and the queue of its events: from the connection's reader to the turn's reader.
//!
//! The connection's reader serves all turns, so it never waits here. Text is never dropped either: when more than
//! [`QUEUE_CAPACITY`] is queued, the whole turn ends with an error.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};

use crate::error::CodexError;
use crate::event::{TurnEvent, Usage};

/// Bytes of unread events. When the queue is full the turn ends with [`CodexError::ReaderTooSlow`].
pub(crate) const QUEUE_CAPACITY: usize = 1024 * 1024;

/// Bytes of unread pictures, which are counted apart: a single one is larger than most answers. When it is exceeded the turn
/// ends in the same way.
const PICTURES_CAPACITY: usize = 32 * 1024 * 1024;

/// Counted for each event in addition to its text, so that empty events are bounded too.
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
    picture_bytes: usize,
    ended: bool,
    /// When codex last sent a message for the turn, whether or not it became an event.
    last_activity: Instant,
    /// Whether codex is running a command or tool, during which it may be silent.
    busy: bool,
    /// When codex first reported that it retries, unless an item has arrived since.
    retrying_since: Option<Instant>,
    /// What the answer has used so far, as far as it was reported.
    usage: Option<Usage>,
}

/// What a message from codex says about upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    /// codex retries, which is not activity of the turn: it does so for minutes without a network.
    Retry,
    /// An item of the answer, so upstream was reached.
    Item,
    Other,
}

/// The sending half.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    shared: Arc<Shared>,
    /// Cancelled to interrupt the turn: its reader has dropped it, or the queue is full.
    pub(crate) interrupt: CancellationToken,
    settled: CancellationToken,
    /// Settles the turn when the last clone is gone.
    _gone: Arc<DropGuard>,
}

/// A running turn. Dropping it interrupts the turn; the task behind it lives on until codex has confirmed.
#[derive(Debug)]
pub struct Turn {
    shared: Arc<Shared>,
    settled: CancellationToken,
    _interrupt: DropGuard,
}

/// Creates the queue of a new turn.
pub(crate) fn event_queue() -> (Sender, Turn) {
    let inner = Inner {
        events: VecDeque::new(),
        bytes: 0,
        picture_bytes: 0,
        ended: false,
        last_activity: Instant::now(),
        busy: false,
        retrying_since: None,
        usage: None,
    };
    let shared = Arc::new(Shared { inner: Mutex::new(inner), arrived: Notify::new() });
    let interrupt = CancellationToken::new();
    let settled = CancellationToken::new();
    let turn = Turn {
        shared: Arc::clone(&shared),
        settled: settled.clone(),
        _interrupt: interrupt.clone().drop_guard(),
    };
    let gone = Arc::new(settled.clone().drop_guard());
    (Sender { shared, interrupt, settled, _gone: gone }, turn)
}

impl Sender {
    /// The answer has ended, and codex does nothing more for it.
    pub(crate) fn settle(&self) {
        self.settled.cancel();
    }

    /// Records a message from codex for this turn, and whether codex is now running a command or tool.
    pub(crate) fn record_activity(&self, activity: Activity, busy: bool) {
        let mut inner = self.shared.inner.lock();
        let now = Instant::now();
        inner.busy = busy;
        match activity {
            Activity::Retry => {
                inner.retrying_since.get_or_insert(now);
            }
            Activity::Item => (inner.last_activity, inner.retrying_since) = (now, None),
            Activity::Other => inner.last_activity = now,
        }
    }

    /// Records what the answer has used so far.
    pub(crate) fn record_usage(&self, usage: Option<Usage>) {
        if usage.is_some() {
            self.shared.inner.lock().usage = usage;
        }
    }

    /// Queues an event; one that does not fit ends and interrupts the turn. The first `Ended` closes the queue; later
    /// events are dropped.
    pub(crate) fn send(&self, event: TurnEvent) {
        let mut inner = self.shared.inner.lock();
        if inner.ended {
            return;
        }
        let bytes = EVENT_OVERHEAD + event.text_bytes();
        let pictures = inner.picture_bytes + event.picture_bytes();
        // The first one has room whatever its size.
        let is_first = event.picture_bytes() == 0 || inner.picture_bytes == 0;
        let has_room = inner.bytes + bytes <= QUEUE_CAPACITY && (is_first || pictures <= PICTURES_CAPACITY);
        // An empty queue accepts an event of any size: the bound is on what accumulates.
        if inner.events.is_empty() || has_room || event.is_end() {
            inner.ended = event.is_end();
            inner.bytes += bytes;
            inner.picture_bytes = pictures;
            inner.events.push_back(event);
        } else {
            inner.ended = true;
            (inner.bytes, inner.picture_bytes) = (0, 0);
            inner.events = VecDeque::from([TurnEvent::Ended(Err(CodexError::ReaderTooSlow))]);
            self.interrupt.cancel();
        }
        drop(inner);
        self.shared.arrived.notify_one();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut inner = self.shared.inner.lock();
        inner.ended = true;
        // Declines the questions among them.
        inner.events.clear();
    }
}

impl Turn {
    /// When codex last sent a message for this turn. `None` while it runs a command or a tool of codex, which may be
    /// silent for any time.
    pub fn idle_since(&self) -> Option<Instant> {
        let inner = self.shared.inner.lock();
        (!inner.busy).then_some(inner.last_activity)
    }

    /// Resolves when codex does nothing more for this answer: its turn has ended, has confirmed its interruption, or awaits
    /// outputs of the client's tools.
    pub fn settled(&self) -> WaitForCancellationFutureOwned {
        self.settled.clone().cancelled_owned()
    }

    /// When codex first reported that it retries an upstream request; `None` if an item has arrived since.
    pub fn retrying_since(&self) -> Option<Instant> {
        self.shared.inner.lock().retrying_since
    }

    /// What the answer has used so far, as far as upstream has reported it: the responses of a turn that have ended.
    pub fn usage(&self) -> Option<Usage> {
        self.shared.inner.lock().usage
    }

    /// The next event; `None` after the end.
    pub async fn next(&mut self) -> Option<TurnEvent> {
        loop {
            {
                let mut inner = self.shared.inner.lock();
                if let Some(event) = inner.events.pop_front() {
                    inner.bytes = inner.bytes.saturating_sub(EVENT_OVERHEAD + event.text_bytes());
                    inner.picture_bytes = inner.picture_bytes.saturating_sub(event.picture_bytes());
                    return Some(event);
                }
                if inner.ended {
                    return None;
                }
            }
            // `notify_one` stores a permit if there is no waiter yet, so no event is missed in between.
            self.shared.arrived.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Picture;

    fn text(bytes: usize) -> TurnEvent {
        TurnEvent::Text("x".repeat(bytes))
    }

    #[tokio::test]
    async fn events_arrive_in_order_and_end_once() {
        let (sender, mut receiver) = event_queue();
        sender.send(text(1));
        sender.send(TurnEvent::Ended(Err(CodexError::Disconnected)));
        sender.send(text(2));
        assert!(matches!(receiver.next().await, Some(TurnEvent::Text(t)) if t.len() == 1));
        assert!(matches!(receiver.next().await, Some(TurnEvent::Ended(_))));
        assert!(receiver.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn retries_are_no_activity_and_only_an_item_ends_them() {
        let (sender, turn) = event_queue();
        let started = Instant::now();
        let mut times = Vec::new();
        for activity in [Activity::Other, Activity::Retry, Activity::Retry, Activity::Other, Activity::Item] {
            tokio::time::advance(std::time::Duration::from_secs(1)).await;
            sender.record_activity(activity, false);
            let seconds = |time: Instant| (time - started).as_secs();
            times.push((turn.idle_since().map(seconds), turn.retrying_since().map(seconds)));
        }
        let expected = [(1, None), (1, Some(2)), (1, Some(2)), (4, Some(2)), (5, None)];
        assert_eq!(times, expected.map(|(idle, retrying)| (Some(idle), retrying)));
    }

    #[tokio::test]
    async fn turn_is_settled_when_its_task_says_so_or_is_gone() {
        let (sender, turn) = event_queue();
        let clone = sender.clone();
        sender.send(TurnEvent::Ended(Err(CodexError::Disconnected)));
        let settled = turn.settled();
        drop((sender, turn));
        assert!(!clone.settled.is_cancelled());
        drop(clone);
        settled.await;
        let (sender, turn) = event_queue();
        sender.settle();
        turn.settled().await;
    }

    #[tokio::test]
    async fn full_queue_ends_and_interrupts_the_turn() {
        let (sender, mut receiver) = event_queue();
        sender.send(text(QUEUE_CAPACITY / 2));
        assert!(!sender.interrupt.is_cancelled());
        sender.send(text(QUEUE_CAPACITY));
        assert!(sender.interrupt.is_cancelled());
        assert!(matches!(receiver.next().await, Some(TurnEvent::Ended(Err(CodexError::ReaderTooSlow)))));
        assert!(receiver.next().await.is_none());
    }

    #[tokio::test]
    async fn unread_pictures_have_room_beside_text_up_to_their_limit() {
        let picture = |bytes: usize| {
            let (id, base64) = (String::new(), "x".repeat(bytes).into());
            TurnEvent::Picture(Picture { id, base64, prompt: None })
        };
        let (sender, mut receiver) = event_queue();
        sender.send(text(1));
        sender.send(picture(PICTURES_CAPACITY + 1));
        sender.send(text(1));
        assert!(!sender.interrupt.is_cancelled());
        sender.send(picture(1));
        assert!(sender.interrupt.is_cancelled());
        assert!(matches!(receiver.next().await, Some(TurnEvent::Ended(Err(CodexError::ReaderTooSlow)))));
    }

    #[tokio::test]
    async fn single_event_over_the_capacity_still_arrives() {
        let (sender, mut receiver) = event_queue();
        sender.send(text(2 * QUEUE_CAPACITY));
        assert!(matches!(receiver.next().await, Some(TurnEvent::Text(_))));
        sender.send(text(1));
        assert!(!sender.interrupt.is_cancelled());
    }
}
