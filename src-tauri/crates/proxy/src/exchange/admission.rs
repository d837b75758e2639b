//! Who may run a turn now, who waits, and who is turned away.
//!
//! First come first served, and fair by key: a place that becomes free goes to the waiting request whose key has the fewest turns
//! running; among several such keys they take turns; and the requests of one key are served as they came. So a key may use every
//! place while nobody else waits, and keeps nobody out. A request for several turns whose turn has come gets the places that become free until it has enough: narrow ones
//! cannot starve it, and it holds the others up no longer than it may wait.
//!
//! The queue is fair in the same way. When it is full, a newcomer takes the place of the youngest request of the key that has the
//! most turns, running and waiting, if its own key has no more than that one even then.
//!
//! Deliberately not here: what a key is, and in which words a client is refused.

mod state;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::Limits;
use crate::error::{Refused, Why};
use state::{State, Waiter};

/// After how long another try makes sense, while no turn has ended yet that could tell.
const RETRY_UNKNOWN: Duration = Duration::from_secs(5);

/// The shortest and the longest time that is told. OpenAI's libraries pass over more than a minute.
const RETRY_BOUNDS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// A place among the turns that run, for one or for several; dropping it makes room.
#[derive(Debug)]
pub(crate) struct Place {
    admission: Admission,
    key: Arc<str>,
    turns: u32,
    since: Instant,
}

/// How many turns there are now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// Turns that run.
    pub running: u32,
    /// Requests that wait for their place.
    pub waiting: u32,
}

/// What became of a request for a place.
#[derive(Debug)]
pub(crate) enum Asked {
    /// It has it.
    Placed(Place),
    /// It is in the queue.
    Waits(Waiting),
}

/// A request in the queue. Dropping it leaves the queue.
#[derive(Debug)]
pub(crate) struct Waiting {
    admission: Admission,
    id: u64,
    until: Instant,
    answer: oneshot::Receiver<Result<Place, Refused>>,
}

/// The turns that run and those that wait. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Admission(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: u32,
    most_waiting: usize,
    longest_wait: Duration,
    /// Nothing that is done under the lock can panic half-way.
    state: Mutex<State>,
    tell: watch::Sender<Occupancy>,
}

impl Admission {
    /// As many places as the limits allow.
    pub(crate) fn new(limits: &Limits) -> Self {
        let most = u32::try_from(limits.turns).unwrap_or(u32::MAX).max(1);
        Self(Arc::new(Inner {
            most,
            most_waiting: limits.waiting,
            longest_wait: limits.wait,
            state: Mutex::new(State::new(most)),
            tell: watch::Sender::default(),
        }))
    }

    /// How many turns run and how many requests wait, and every change of it.
    pub(crate) fn turns(&self) -> watch::Receiver<Occupancy> {
        self.0.tell.subscribe()
    }

    /// Asks for places for so many turns of a key: for all that there are, where more are wanted.
    ///
    /// # Errors
    /// When as many wait already as may, and nobody has to give way.
    pub(crate) fn ask(&self, key: &str, turns: u32) -> Result<Asked, Refused> {
        let (key, turns) = (Arc::from(key), turns.clamp(1, self.0.most));
        let mut state = self.0.state.lock();
        if state.queue.is_empty() && turns <= state.free {
            let place = self.place(&mut state, key, turns);
            self.tell(&state);
            return Ok(Asked::Placed(place));
        }
        let gives_way = if state.queue.len() < self.0.most_waiting {
            None
        } else {
            Some(state.make_room(&key, turns).ok_or_else(|| self.refusal(&state, Why::Full))?)
        };
        let refusal = self.refusal(&state, Why::GaveWay);
        let (send, answer) = oneshot::channel();
        state.last_id += 1;
        let id = state.last_id;
        state.queue.push_back(Waiter { id, key, turns, answer: send });
        self.serve(state);
        if let Some(waiter) = gives_way {
            // Whoever has just gone away need not be told.
            let _ = waiter.answer.send(Err(refusal));
        }
        let until = Instant::now() + self.0.longest_wait;
        Ok(Asked::Waits(Waiting { admission: self.clone(), id, until, answer }))
    }

    /// Gives the places that are free to those whose turn it is.
    fn serve(&self, mut state: MutexGuard<'_, State>) {
        let mut served = Vec::new();
        while state.free > 0
            && let Some(at) = state.whose_turn()
        {
            if state.queue.get(at).is_some_and(|waiter| waiter.turns > state.free) {
                state.next = state.queue.get(at).map(|waiter| waiter.id);
                break;
            }
            state.next = None;
            if let Some(Waiter { key, turns, answer, .. }) = state.queue.remove(at) {
                state.given += 1;
                let given = state.given;
                state.had_turn.insert(Arc::clone(&key), given);
                served.push((answer, self.place(&mut state, key, turns)));
            }
        }
        if state.queue.is_empty() {
            state.had_turn.clear();
        }
        self.tell(&state);
        // A place that nobody takes any more comes back by being dropped, which needs the lock.
        drop(state);
        for (answer, place) in served {
            let _ = answer.send(Ok(place));
        }
    }

    fn place(&self, state: &mut State, key: Arc<str>, turns: u32) -> Place {
        state.free -= turns;
        *state.running.entry(Arc::clone(&key)).or_default() += turns;
        Place { admission: self.clone(), key, turns, since: Instant::now() }
    }

    fn refusal(&self, state: &State, why: Why) -> Refused {
        let (shortest, longest) = RETRY_BOUNDS;
        let waiting = state.queue.iter().map(|waiter| waiter.turns).sum::<u32>();
        // In that time everybody who waits now has their place.
        let retry = state.usual.map_or(RETRY_UNKNOWN, |usual| usual.saturating_mul(waiting) / self.0.most);
        Refused { why, retry: retry.clamp(shortest, longest) }
    }

    fn tell(&self, state: &State) {
        let waiting = u32::try_from(state.queue.len()).unwrap_or(u32::MAX);
        let turns = Occupancy { running: self.0.most - state.free, waiting };
        self.0.tell.send_if_modified(|known| std::mem::replace(known, turns) != turns);
    }
}

impl Waiting {
    /// Waits for the place.
    ///
    /// # Errors
    /// When the wait takes too long, or the request has to give way to another.
    pub(crate) async fn place(mut self) -> Result<Place, Refused> {
        match tokio::time::timeout_at(self.until, &mut self.answer).await {
            Ok(Ok(answer)) => answer,
            // Nobody drops the other end without an answer, so this is the time limit.
            Ok(Err(_)) | Err(_) => {
                Err(self.admission.refusal(&self.admission.0.state.lock(), Why::WaitedTooLong))
            }
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = self.admission.0.state.lock();
        if let Some(at) = state.queue.iter().position(|waiter| waiter.id == self.id) {
            state.take_out(at);
            // It may have been the one for which places were saved.
            self.admission.serve(state);
        }
        // A place that has come meanwhile goes back with the other end of the answer.
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.admission.0.state.lock();
        state.free += self.turns;
        let held = self.since.elapsed();
        state.usual = Some(state.usual.map_or(held, |usual| (usual * 3 + held) / 4));
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
