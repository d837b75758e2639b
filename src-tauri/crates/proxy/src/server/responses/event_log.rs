//! The events of streamed background responses, for clients that leave and come back.
//!
//! They are kept while the response runs and for some time after, within bounds. At a bound the events of responses that
//! have ended go first, then the response's own oldest ones: a reader that needs them gets an error, and the response
//! itself stays readable.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::{Stream, stream};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::error::ApiError;
use crate::openai::responses::event::ResponseEvent;

/// Maximum size of the events of one response, in bytes.
const MAX_LOG: usize = 8 * 1024 * 1024;

/// Maximum size of all kept events, in bytes.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// How long the events of a response are kept after its end.
const KEPT: Duration = Duration::from_mins(5);

/// Maximum events that a reader takes at once.
const BATCH: usize = 64;

/// Approximate size of an event without its JSON.
const EVENT_OVERHEAD: usize = 64;

/// The events of all responses. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct EventLogs(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// By the response's id.
    logs: Mutex<HashMap<String, Arc<EventLog>>>,
    /// Total size.
    bytes: AtomicUsize,
    max_log: usize,
    max_bytes: usize,
}

/// The events of one response.
#[derive(Debug)]
pub(crate) struct EventLog {
    key: String,
    state: Mutex<State>,
    /// Wakes the readers.
    changed: Notify,
    all: Weak<Shared>,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<ResponseEvent>,
    bytes: usize,
    /// Events so far, also the ones no longer kept.
    count: u64,
    ended: Option<Instant>,
}

/// What a reader finds.
enum Read {
    Events(Vec<ResponseEvent>),
    /// Nothing yet.
    Wait,
    /// The next event is no longer kept.
    Gone,
    End,
}

impl Default for EventLogs {
    fn default() -> Self {
        Self::bounded(MAX_LOG, MAX_BYTES)
    }
}

impl EventLogs {
    fn bounded(max_log: usize, max_bytes: usize) -> Self {
        Self(Arc::new(Shared { logs: Mutex::default(), bytes: AtomicUsize::new(0), max_log, max_bytes }))
    }

    /// Keeps the events of the response `id` of this key from now on.
    pub(crate) fn begin(&self, key: &str, id: &str) -> Arc<EventLog> {
        let log = Arc::new(EventLog {
            key: key.to_owned(),
            state: Mutex::default(),
            changed: Notify::new(),
            all: Arc::downgrade(&self.0),
        });
        self.0.forget_expired();
        self.0.logs.lock().insert(id.to_owned(), Arc::clone(&log));
        log
    }

    /// The events of the response `id` of this key, if they are kept.
    pub(crate) fn find(&self, key: &str, id: &str) -> Option<Arc<EventLog>> {
        self.0.forget_expired();
        self.0.logs.lock().get(id).filter(|log| log.key == key).cloned()
    }

    /// Forgets the response `id` of this key, which has been deleted. Its readers still get what they have not read.
    pub(crate) fn remove(&self, key: &str, id: &str) {
        let mut logs = self.0.logs.lock();
        if logs.get(id).is_some_and(|log| log.key == key) {
            logs.remove(id);
        }
    }
}

impl Shared {
    fn forget_expired(&self) {
        let is_expired = |log: &EventLog| log.state.lock().ended.is_some_and(|at| at.elapsed() >= KEPT);
        self.logs.lock().retain(|_, log| !is_expired(log));
    }

    fn is_full(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.max_bytes
    }

    /// Frees memory at the cost of the responses that ended first.
    fn evict_ended(&self) {
        while self.is_full() {
            let mut logs = self.logs.lock();
            let ended = logs.iter().filter_map(|(id, log)| Some((log.state.lock().ended?, id)));
            let Some(id) = ended.min().map(|(_, id)| id.clone()) else { return };
            let evicted = logs.remove(&id);
            drop(logs);
            // A reader may still hold it.
            if let Some(log) = evicted {
                log.state.lock().drop_oldest(self, |_| true);
                log.changed.notify_waiters();
            }
        }
    }
}

impl State {
    /// Drops events from the oldest on, while `condition` holds.
    fn drop_oldest(&mut self, all: &Shared, condition: impl Fn(&Self) -> bool) {
        while condition(self)
            && let Some(event) = self.events.pop_front()
        {
            self.bytes -= size(&event);
            all.bytes.fetch_sub(size(&event), Ordering::Relaxed);
        }
    }

    /// The event number `next` and those after it.
    fn read(&self, next: u64) -> Read {
        let first = self.count - self.events.len() as u64;
        if next < first {
            return Read::Gone;
        }
        let skipped = usize::try_from(next - first).unwrap_or(usize::MAX);
        let events: Vec<_> = self.events.iter().skip(skipped).take(BATCH).cloned().collect();
        match (events.is_empty(), self.ended) {
            (false, _) => Read::Events(events),
            (true, Some(_)) => Read::End,
            (true, None) => Read::Wait,
        }
    }
}

impl EventLog {
    /// Adds events, whose numbers follow each other.
    pub(super) fn push(&self, events: Vec<ResponseEvent>) {
        let Some(all) = self.all.upgrade() else { return };
        if events.is_empty() {
            return;
        }
        {
            let mut state = self.state.lock();
            for event in events {
                let size = size(&event);
                state.bytes += size;
                all.bytes.fetch_add(size, Ordering::Relaxed);
                state.count = event.sequence_number + 1;
                state.events.push_back(event);
            }
            state.drop_oldest(&all, |state| state.bytes > all.max_log);
        }
        all.evict_ended();
        self.state.lock().drop_oldest(&all, |_| all.is_full());
        self.changed.notify_waiters();
    }

    /// The response has ended: no more events come.
    pub(super) fn end(&self) {
        self.state.lock().ended = Some(Instant::now());
        self.changed.notify_waiters();
    }

    /// The events after number `after`, or all, as they come. An event that is no longer kept is an error, and the last
    /// item.
    pub(crate) fn events_after(
        self: &Arc<Self>,
        after: Option<u64>,
    ) -> impl Stream<Item = Result<Vec<ResponseEvent>, ApiError>> + Send + use<> {
        let next = after.map_or(0, |after| after.saturating_add(1));
        stream::unfold(Some((Arc::clone(self), next)), async |reader| {
            let (log, next) = reader?;
            loop {
                // Created before reading, so that no change is missed.
                let changed = log.changed.notified();
                let read = log.state.lock().read(next);
                match read {
                    Read::Events(events) => {
                        let next = events.last().map_or(next, |event| event.sequence_number + 1);
                        return Some((Ok(events), Some((Arc::clone(&log), next))));
                    }
                    Read::Gone => return Some((Err(ApiError::events_gone()), None)),
                    Read::End => return None,
                    Read::Wait => changed.await,
                }
            }
        })
    }
}

impl Drop for EventLog {
    fn drop(&mut self) {
        if let Some(all) = self.all.upgrade() {
            all.bytes.fetch_sub(self.state.get_mut().bytes, Ordering::Relaxed);
        }
    }
}

fn size(event: &ResponseEvent) -> usize {
    EVENT_OVERHEAD + event.json.len()
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use bytes::Bytes;
    use futures_util::{FutureExt as _, StreamExt as _};

    use super::*;

    fn event(sequence_number: u64, size: usize) -> ResponseEvent {
        let json = Bytes::from("x".repeat(size - EVENT_OVERHEAD));
        ResponseEvent { kind: "response.output_text.delta", sequence_number, json }
    }

    fn push(log: &EventLog, numbers: std::ops::Range<u64>) {
        log.push(numbers.map(|number| event(number, 100)).collect());
    }

    /// The numbers of what a reader gets without waiting; `Err` at the end if an event is gone.
    fn read(log: &Arc<EventLog>, after: Option<u64>) -> Vec<Result<u64, ApiError>> {
        let mut events = pin!(log.events_after(after));
        let mut read = Vec::new();
        while let Some(Some(batch)) = events.next().now_or_never() {
            match batch {
                Ok(batch) => read.extend(batch.iter().map(|event| Ok(event.sequence_number))),
                Err(error) => read.push(Err(error)),
            }
        }
        read
    }

    fn numbers(numbers: std::ops::Range<u64>) -> Vec<Result<u64, ApiError>> {
        numbers.map(Ok).collect()
    }

    #[tokio::test]
    async fn readers_get_every_event_from_where_they_left_and_then_the_end() {
        let logs = EventLogs::default();
        let log = logs.begin("k", "r");
        let mut live = pin!(log.events_after(None));
        assert!(live.next().now_or_never().is_none(), "nothing yet");
        push(&log, 0..200);
        assert_eq!(read(&log, None), numbers(0..200));
        assert_eq!(read(&log, Some(9)), numbers(10..200));
        assert!(read(&log, Some(10_000)).is_empty());
        let mut seen = 0;
        while seen < 200 {
            seen += live.next().await.unwrap().unwrap().len();
        }
        let (more, ()) = tokio::join!(live.next(), async {
            tokio::task::yield_now().await;
            push(&log, 200..201);
        });
        assert_eq!(more.unwrap().unwrap()[0].sequence_number, 200);
        let (end, ()) = tokio::join!(live.next(), async {
            tokio::task::yield_now().await;
            log.end();
        });
        assert!(end.is_none());
        assert_eq!(read(&logs.find("k", "r").unwrap(), Some(199)), numbers(200..201));
    }

    #[tokio::test]
    async fn a_response_keeps_its_newest_events_and_a_reader_of_older_ones_gets_an_error() {
        let logs = EventLogs::bounded(1000, 10_000);
        let log = logs.begin("k", "r");
        let mut slow = pin!(log.events_after(None));
        push(&log, 0..5);
        assert_eq!(slow.next().await.unwrap().unwrap().len(), 5);
        push(&log, 5..25);
        assert_eq!(slow.next().await, Some(Err(ApiError::events_gone())));
        assert_eq!(slow.next().await, None);
        assert_eq!(read(&log, Some(14)), numbers(15..25));
        assert_eq!(read(&log, Some(13)), [Err(ApiError::events_gone())]);
        log.push(vec![event(25, 5000)]);
        assert_eq!(logs.0.bytes.load(Ordering::Relaxed), 0, "an event above the bound is not kept");
    }

    #[tokio::test]
    async fn the_bytes_of_all_responses_are_bounded_and_ended_ones_go_first() {
        let logs = EventLogs::bounded(1000, 2000);
        let [old, newer, running] = ["old", "newer", "running"].map(|id| logs.begin("k", id));
        push(&old, 0..8);
        old.end();
        push(&newer, 0..8);
        newer.end();
        push(&running, 0..8);
        assert!(logs.find("k", "old").is_none());
        assert_eq!(read(&old, None), [Err(ApiError::events_gone())], "a reader has no claim to the memory");
        assert_eq!(read(&newer, None), numbers(0..8));
        let others = ["a", "b"].map(|id| logs.begin("k", id));
        for log in &others {
            push(log, 0..8);
            assert!(logs.0.bytes.load(Ordering::Relaxed) <= 2000);
        }
        assert_eq!(read(&running, None), numbers(0..8), "a running one loses nothing to others");
        assert_eq!(read(&others[1], Some(3)), numbers(4..8), "it makes room for its own");
        drop((old, newer, running, others));
        for id in ["newer", "running", "a", "b"] {
            logs.remove("k", id);
        }
        assert_eq!(logs.0.bytes.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn events_are_kept_for_five_minutes_after_the_end_and_only_for_their_key() {
        let logs = EventLogs::default();
        let log = logs.begin("k", "r");
        push(&log, 0..1);
        tokio::time::advance(KEPT * 2).await;
        assert!(logs.find("other", "r").is_none());
        assert!(logs.find("k", "r").is_some(), "it still runs");
        log.end();
        tokio::time::advance(KEPT - Duration::from_secs(1)).await;
        assert!(logs.find("k", "r").is_some());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(logs.find("k", "r").is_none());
    }
}
