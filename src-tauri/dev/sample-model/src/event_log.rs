//! What happened inside the sample model, kept so that a test can wait for it without sleeping.
//!
//! Deliberately not a channel: a waiter also finds what happened before it began to wait, and two waiters do not take
//! events from each other.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// Events kept for waiters. When full, the oldest is forgotten; a test has long looked at it by then.
pub const KEPT_EVENTS: usize = 65_536;

/// Something that happened to one request for a response. `id` counts these requests from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The request has arrived and is recorded.
    Request {
        /// Which request.
        id: u64,
    },
    /// The `n`th word of the answer, counted from 1, has been handed to the connection.
    Delta {
        /// Which request.
        id: u64,
        /// Which word.
        n: u64,
    },
    /// The answer waits after its `n`th word until it is released.
    Held {
        /// Which request.
        id: u64,
        /// How many words were said before.
        n: u64,
    },
    /// The client went away before the answer was finished.
    ClientGone {
        /// Which request.
        id: u64,
    },
    /// The model has said all it will for this request; a scripted failure or break counts too.
    Finished {
        /// Which request.
        id: u64,
    },
}

#[derive(Debug, Default)]
struct Kept {
    events: VecDeque<Event>,
    /// How many events were forgotten at the front, so that a waiter knows where it had got to.
    forgotten: u64,
}

#[derive(Debug)]
pub(crate) struct EventLog {
    kept: Mutex<Kept>,
    total: watch::Sender<u64>,
}

impl EventLog {
    pub(crate) fn new() -> Self {
        Self { kept: Mutex::default(), total: watch::Sender::new(0) }
    }

    pub(crate) fn push(&self, event: Event) {
        {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.events.len() == KEPT_EVENTS {
                kept.events.pop_front();
                kept.forgotten += 1;
            }
            kept.events.push_back(event);
        }
        self.total.send_modify(|total| *total += 1);
    }

    pub(crate) fn all(&self) -> Vec<Event> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).events.iter().copied().collect()
    }

    pub(crate) async fn wait_for(&self, what: impl Fn(&Event) -> bool, within: Duration) -> Option<Event> {
        let mut changes = self.total.subscribe();
        let mut seen = 0;
        let search = async {
            loop {
                changes.mark_unchanged();
                if let Some(event) = self.find_from(&mut seen, &what) {
                    return Some(event);
                }
                changes.changed().await.ok()?;
            }
        };
        tokio::time::timeout(within, search).await.ok().flatten()
    }

    /// Looks at the events numbered `seen` and later, and moves `seen` behind them.
    fn find_from(&self, seen: &mut u64, what: &impl Fn(&Event) -> bool) -> Option<Event> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let skip = usize::try_from(seen.saturating_sub(kept.forgotten)).unwrap_or(usize::MAX);
        *seen = kept.forgotten + kept.events.len() as u64;
        kept.events.iter().skip(skip).find(|event| what(event)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn past_and_coming_events_are_found_and_the_wait_is_bounded() {
        let log = EventLog::new();
        log.push(Event::Request { id: 0 });
        let long = Duration::from_secs(10);
        assert_eq!(
            log.wait_for(|e| matches!(e, Event::Request { .. }), long).await,
            Some(Event::Request { id: 0 })
        );
        let coming = log.wait_for(|e| matches!(e, Event::Finished { .. }), long);
        let (found, ()) = tokio::join!(coming, async { log.push(Event::Finished { id: 7 }) });
        assert_eq!(found, Some(Event::Finished { id: 7 }));
        assert_eq!(log.wait_for(|e| matches!(e, Event::Held { .. }), Duration::ZERO).await, None);
    }

    #[test]
    fn the_oldest_is_forgotten_when_full() {
        let log = EventLog::new();
        for id in 0..=KEPT_EVENTS as u64 {
            log.push(Event::Request { id });
        }
        assert_eq!(log.all().len(), KEPT_EVENTS);
        assert_eq!(log.all()[0], Event::Request { id: 1 });
    }
}
