//! Decides which requests run now, which wait, and which are rejected.
//!
//! A free permit goes to the queued request whose key has the fewest running turns; ties go to the key served least
//! recently, and requests of one key are served in order. So one key may use every permit while no other waits, but
//! cannot starve the others. When a request for several turns is next, freed permits are reserved for it until it has
//! enough, so smaller requests cannot starve it; it delays the others at most by the queue timeout.
//!
//! A full queue is fair in the same way: a new request evicts the youngest request of the key with the most turns,
//! running and queued, provided its own key then has no more than that one.

mod state;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::Limits;
use crate::error::{Refused, RejectReason};
use state::{State, Waiter};

/// `Retry-After` while no turn has ended yet.
const DEFAULT_RETRY: Duration = Duration::from_secs(5);

/// Bounds of `Retry-After`. OpenAI's client libraries ignore more than a minute.
const RETRY_RANGE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// A permit for one or more concurrent turns. Dropping it releases it.
#[derive(Debug)]
pub(crate) struct Permit {
    admission: Admission,
    key: Arc<str>,
    turns: u32,
    since: Instant,
}

/// The current load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// Running turns.
    pub running: u32,
    /// Queued requests.
    pub waiting: u32,
}

/// How a request was admitted.
#[derive(Debug)]
pub(crate) enum Admit {
    /// It may run now.
    Now(Permit),
    /// It waits in the queue.
    Queued(QueuedRequest),
}

/// A queued request. Dropping it leaves the queue.
#[derive(Debug)]
pub(crate) struct QueuedRequest {
    admission: Admission,
    id: u64,
    deadline: Instant,
    answer: oneshot::Receiver<Result<Permit, Refused>>,
}

/// The running turns and the queue. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Admission(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Nothing panics while holding the lock.
    state: Mutex<State>,
    occupancy: watch::Sender<Occupancy>,
}

impl Admission {
    /// As many permits as the limits allow.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self(Arc::new(Inner { state: Mutex::new(State::new(limits)), occupancy: watch::Sender::default() }))
    }

    /// Changes the limits. Turns that run and requests that wait stay, whatever the new limits.
    pub(crate) fn set_limits(&self, limits: &Limits) {
        let mut state = self.0.state.lock();
        state.set_limits(limits);
        // A higher limit has room for requests that wait.
        self.serve(state);
    }

    /// Watches the load.
    pub(crate) fn occupancy(&self) -> watch::Receiver<Occupancy> {
        self.0.occupancy.subscribe()
    }

    /// Requests permits for `turns` turns of a key, capped at the total.
    ///
    /// # Errors
    /// When the queue is full and no other request is evicted.
    pub(crate) fn admit(&self, key: &str, turns: u32) -> Result<Admit, Refused> {
        let mut state = self.0.state.lock();
        let (key, turns) = (Arc::from(key), turns.clamp(1, state.max_turns));
        if state.queue.is_empty() && turns <= state.free() {
            let permit = self.issue(&mut state, key, turns);
            self.publish(&state);
            return Ok(Admit::Now(permit));
        }
        let evicted = if state.queue.len() < state.max_queued {
            None
        } else {
            Some(state.evict_for(&key, turns).ok_or_else(|| self.rejection(&state, RejectReason::Full))?)
        };
        let rejection = self.rejection(&state, RejectReason::Evicted);
        let (send, answer) = oneshot::channel();
        state.last_id += 1;
        let id = state.last_id;
        state.queue.push_back(Waiter { id, key, turns, answer: send });
        let deadline = Instant::now() + state.queue_timeout;
        self.serve(state);
        if let Some(waiter) = evicted {
            // The evicted request may have been dropped already.
            let _ = waiter.answer.send(Err(rejection));
        }
        Ok(Admit::Queued(QueuedRequest { admission: self.clone(), id, deadline, answer }))
    }

    /// Hands out free permits in order, then unlocks.
    fn serve(&self, mut state: MutexGuard<'_, State>) {
        let mut admitted = Vec::new();
        while state.free() > 0
            && let Some(at) = state.next_waiter()
        {
            if state.queue.get(at).is_some_and(|waiter| state.needed(waiter) > state.free()) {
                state.reserved_for = state.queue.get(at).map(|waiter| waiter.id);
                break;
            }
            state.reserved_for = None;
            if let Some(waiter) = state.queue.remove(at) {
                let (turns, Waiter { key, answer, .. }) = (state.needed(&waiter), waiter);
                state.served_count += 1;
                let served_count = state.served_count;
                state.last_served.insert(Arc::clone(&key), served_count);
                admitted.push((answer, self.issue(&mut state, key, turns)));
            }
        }
        if state.queue.is_empty() {
            state.last_served.clear();
        }
        self.publish(&state);
        // An undelivered permit is dropped by the send, which takes the lock.
        drop(state);
        for (answer, permit) in admitted {
            let _ = answer.send(Ok(permit));
        }
    }

    fn issue(&self, state: &mut State, key: Arc<str>, turns: u32) -> Permit {
        state.in_use += turns;
        *state.running.entry(Arc::clone(&key)).or_default() += turns;
        Permit { admission: self.clone(), key, turns, since: Instant::now() }
    }

    fn rejection(&self, state: &State, why: RejectReason) -> Refused {
        let (min, max) = RETRY_RANGE;
        let waiting = state.queue.iter().map(|waiter| waiter.turns).sum::<u32>();
        // By then, all queued requests should have run.
        let retry =
            state.mean_hold.map_or(DEFAULT_RETRY, |hold| hold.saturating_mul(waiting) / state.max_turns);
        Refused { why, retry: retry.clamp(min, max) }
    }

    fn publish(&self, state: &State) {
        let waiting = u32::try_from(state.queue.len()).unwrap_or(u32::MAX);
        let occupancy = Occupancy { running: state.in_use, waiting };
        self.0.occupancy.send_if_modified(|known| std::mem::replace(known, occupancy) != occupancy);
    }
}

impl QueuedRequest {
    /// Waits up to `timeout` from now, instead of the queue timeout.
    pub(crate) fn with_timeout(mut self, timeout: Duration) -> Self {
        self.deadline = Instant::now() + timeout;
        self
    }

    /// Waits for the permit.
    ///
    /// # Errors
    /// When the wait times out, or another request evicts this one.
    pub(crate) async fn permit(mut self) -> Result<Permit, Refused> {
        match tokio::time::timeout_at(self.deadline, &mut self.answer).await {
            Ok(Ok(answer)) => answer,
            // The sender always answers before it is dropped, so this is the timeout.
            Ok(Err(_)) | Err(_) => {
                Err(self.admission.rejection(&self.admission.0.state.lock(), RejectReason::TimedOut))
            }
        }
    }
}

impl Drop for QueuedRequest {
    fn drop(&mut self) {
        let mut state = self.admission.0.state.lock();
        if let Some(at) = state.queue.iter().position(|waiter| waiter.id == self.id) {
            state.remove(at);
            // Permits may have been reserved for it.
            self.admission.serve(state);
        }
        // A permit already delivered is dropped with the receiver.
    }
}

impl Permit {
    /// How many turns may run at once.
    pub(crate) fn turns(&self) -> u32 {
        self.turns
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.admission.0.state.lock();
        state.in_use = state.in_use.saturating_sub(self.turns);
        let held = self.since.elapsed();
        state.mean_hold = Some(state.mean_hold.map_or(held, |mean| (mean * 3 + held) / 4));
        let left = state.running.get(&self.key).copied().unwrap_or_default().saturating_sub(self.turns);
        if left == 0 {
            state.running.remove(&self.key);
        } else {
            state.running.insert(Arc::clone(&self.key), left);
        }
        self.admission.serve(state);
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
