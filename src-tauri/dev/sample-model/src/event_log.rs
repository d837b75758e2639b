//! A log of what the sample model did, so that tests can wait for it without sleeping.
//!
//! Not a channel: a waiter also finds past events, and does not consume those of other waiters.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// Capacity of the log. When full, the oldest event is dropped; tests have long seen it by then.
pub const MAX_EVENTS: usize = 65_536;

/// An event of one request. `id` numbers the requests for a response, starting at 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The request has been received and recorded.
    Request {
        /// Which request.
        id: u64,
    },
    /// Word `n` of the answer, counted from 1, has been passed to the connection.
    Delta {
        /// Which request.
        id: u64,
        /// Which word.
        n: u64,
    },
    /// The answer is on hold after its `n`th word.
    Held {
        /// Which request.
        id: u64,
        /// How many words have been sent.
        n: u64,
    },
    /// The client disconnected before the end of the answer.
    ClientGone {
        /// Which request.
        id: u64,
    },
    /// The answer has ended, perhaps with a scripted failure or break.
    Finished {
        /// Which request.
        id: u64,
    },
}

#[derive(Debug, Default)]
struct Buffer {
    events: VecDeque<Event>,
    /// How many events were dropped, so that waiters can keep their position.
    dropped: u64,
}

#[derive(Debug)]
pub(crate) struct EventLog {
    buffer: Mutex<Buffer>,
    total: watch::Sender<u64>,
}

impl EventLog {
    pub(crate) fn new() -> Self {
        Self { buffer: Mutex::default(), total: watch::Sender::new(0) }
    }

    pub(crate) fn push(&self, event: Event) {
        {
            let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
            if buffer.events.len() == MAX_EVENTS {
                buffer.events.pop_front();
                buffer.dropped += 1;
            }
            buffer.events.push_back(event);
        }
        self.total.send_modify(|total| *total += 1);
    }

    pub(crate) fn all(&self) -> Vec<Event> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner).events.iter().copied().collect()
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

    /// Searches the events from number `seen` on, and advances `seen` past them.
    fn find_from(&self, seen: &mut u64, what: &impl Fn(&Event) -> bool) -> Option<Event> {
        let buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        let skip = usize::try_from(seen.saturating_sub(buffer.dropped)).unwrap_or(usize::MAX);
        *seen = buffer.dropped + buffer.events.len() as u64;
        buffer.events.iter().skip(skip).find(|event| what(event)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn past_and_future_events_are_found_and_the_wait_times_out() {
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
    fn the_oldest_event_is_dropped_when_full() {
        let log = EventLog::new();
        for id in 0..=MAX_EVENTS as u64 {
            log.push(Event::Request { id });
        }
        assert_eq!(log.all().len(), MAX_EVENTS);
        assert_eq!(log.all()[0], Event::Request { id: 1 });
    }
}
