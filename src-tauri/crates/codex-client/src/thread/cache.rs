//! Threads that were kept after an answer, so that the conversation goes on where it is.
//!
//! Each is owned by the task that ran its last turn; here is only how it is found. A thread is idle, or its turn is parked:
//! codex waits for the outputs of the client's tools. It is taken by whoever comes first with the conversation as far as the
//! thread has gone, and so never by two at once.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::item::Item;
use crate::session::turn_task::Job;
use crate::thread::fingerprint::{Chain, Digest};
use crate::turn::handle::ThreadKind;

/// How many threads are kept, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Keeping {
    /// Threads at most, the parked ones included, at about 1.3 MB of codex's memory each. The one that was used least recently gives
    /// way; a client that comes back to it goes on in a new thread.
    pub threads: usize,
    /// Agents' threads among them at most: each holds the user's MCP servers.
    pub agents: usize,
    /// How long one is kept when nobody comes.
    pub time: Duration,
}

impl Default for Keeping {
    fn default() -> Self {
        Self { threads: 32, agents: 4, time: Duration::from_secs(30 * 60) }
    }
}

/// The threads that are kept.
#[derive(Debug)]
pub(crate) struct Kept {
    keeping: Keeping,
    /// The one that was used least recently in front.
    places: Mutex<VecDeque<Place>>,
}

#[derive(Debug)]
struct Place {
    at: Digest,
    kind: ThreadKind,
    /// The calls whose outputs it waits for; none when it is idle.
    calls: Vec<String>,
    go_on: oneshot::Sender<Job>,
}

impl Kept {
    pub(crate) fn new(keeping: Keeping) -> Self {
        Self { keeping, places: Mutex::default() }
    }

    /// How long a thread is kept.
    pub(crate) fn time(&self) -> Duration {
        self.keeping.time
    }

    /// Keeps a thread, and makes room for it. What comes is the job to go on with; nothing when the thread had to give way.
    pub(crate) fn keep(&self, at: Digest, kind: ThreadKind, calls: Vec<String>) -> oneshot::Receiver<Job> {
        let (go_on, job) = oneshot::channel();
        if self.keeping.time.is_zero() {
            return job;
        }
        let mut places = self.lock();
        places.retain(|place| !place.go_on.is_closed());
        places.push_back(Place { at, kind, calls, go_on });
        let agents = places.iter().filter(|place| place.kind == ThreadKind::Agent).count();
        if agents > self.keeping.agents
            && let Some(oldest) = places.iter().position(|place| place.kind == ThreadKind::Agent)
        {
            places.remove(oldest);
        }
        if places.len() > self.keeping.threads {
            places.pop_front();
        }
        job
    }

    /// The thread that has gone furthest in this conversation, and how many of its items it has.
    pub(crate) fn take(&self, chain: &Chain, items: &[Item]) -> Option<(oneshot::Sender<Job>, usize)> {
        let mut places = self.lock();
        if places.is_empty() {
            return None;
        }
        for has in (1..items.len()).rev() {
            let Some(at) = chain.after(has) else { continue };
            // The most recent one, where two have gone equally far.
            let found = places
                .iter()
                .rposition(|place| place.at == at && !place.go_on.is_closed() && place.fits(&items[has..]));
            if let Some(place) = found.and_then(|found| places.remove(found)) {
                return Some((place.go_on, has));
            }
        }
        None
    }

    /// How many threads are kept.
    pub(crate) fn count(&self) -> usize {
        self.lock().iter().filter(|place| !place.go_on.is_closed()).count()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Whether the conversation can go on like this: with anything when the thread is idle, and else with the outputs of all
    /// its calls, in any order, and nothing else.
    fn fits(&self, new: &[Item]) -> bool {
        if self.calls.is_empty() {
            // Outputs without their calls would be refused upstream.
            return !matches!(new.first(), Some(Item::ToolOutput { .. }));
        }
        let outputs: HashSet<&str> = new
            .iter()
            .filter_map(|item| match item {
                Item::ToolOutput { call_id, .. } => Some(call_id.as_str()),
                _ => None,
            })
            .collect();
        new.len() == self.calls.len() && self.calls.iter().all(|call| outputs.contains(call.as_str()))
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
