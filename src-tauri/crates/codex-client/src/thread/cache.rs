//! Caches threads after an answer, so that the conversation continues in its own thread.
//!
//! The task that ran a thread's last turn owns it; the cache only finds it. A cached thread is either idle, or its turn is
//! parked: codex awaits the outputs of the client's tools. The first request that continues the thread's conversation
//! takes it out, so two requests never share a thread.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::fingerprint::{Fingerprint, Fingerprints};
use crate::item::Item;
use crate::request::{ThreadKind, TurnRequest};
use crate::turn::Sender;

/// How many threads are cached, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Including parked ones, at about 1.3 MB of codex's memory each. An owner has at most half of them. The least
    /// recently used one is evicted; its conversation then continues in a new thread.
    pub max_threads: usize,
    /// Agent threads among them: each keeps the user's MCP servers running. An owner with more than half of them evicts
    /// its own.
    pub max_agents: usize,
    /// How long an unused thread is cached.
    pub max_idle: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { max_threads: 32, max_agents: 4, max_idle: Duration::from_secs(30 * 60) }
    }
}

/// One answer to produce.
#[derive(Debug)]
pub(crate) struct AnswerJob {
    pub(crate) request: TurnRequest,
    pub(crate) fingerprints: Fingerprints,
    /// How many of the request's items the thread already has.
    pub(crate) items_in_thread: usize,
    pub(crate) events: Sender,
}

/// The cached threads of a session.
#[derive(Debug)]
pub(crate) struct ThreadCache {
    pub(crate) retention: Retention,
    /// The least recently used one is in front.
    threads: Mutex<VecDeque<CachedThread>>,
}

#[derive(Debug)]
struct CachedThread {
    fingerprint: Fingerprint,
    owner: String,
    kind: ThreadKind,
    /// The calls whose outputs it awaits; empty when it is idle.
    calls: Vec<String>,
    next_job: oneshot::Sender<AnswerJob>,
}

impl ThreadCache {
    pub(crate) fn new(retention: Retention) -> Self {
        Self { retention, threads: Mutex::default() }
    }

    /// Caches a thread, evicting others if needed. The receiver gets the job to continue with, or closes on eviction.
    pub(crate) fn insert(
        &self,
        fingerprint: Fingerprint,
        owner: &str,
        kind: ThreadKind,
        calls: Vec<String>,
    ) -> oneshot::Receiver<AnswerJob> {
        let (next_job, job) = oneshot::channel();
        if self.retention.max_idle.is_zero() {
            return job;
        }
        let mut threads = self.threads.lock();
        threads.retain(|thread| !thread.next_job.is_closed());
        threads.push_back(CachedThread { fingerprint, owner: owner.to_owned(), kind, calls, next_job });
        let is_own = |thread: &CachedThread| thread.owner == owner;
        let is_agent = |thread: &CachedThread| thread.kind == ThreadKind::Agent;
        let Retention { max_threads, max_agents, .. } = self.retention;
        let has_most_agents = threads.iter().filter(|thread| is_agent(thread) && is_own(thread)).count()
            > max_agents.div_ceil(2);
        evict_over(max_agents, &mut threads, is_agent, |thread| !has_most_agents || is_own(thread));
        evict_over((max_threads / 2).max(1), &mut threads, is_own, |_| true);
        evict_over(max_threads, &mut threads, |_| true, |_| true);
        job
    }

    /// Takes the thread with the longest prefix of this conversation, and the number of items it has.
    pub(crate) fn take(
        &self,
        fingerprints: &Fingerprints,
        items: &[Item],
    ) -> Option<(oneshot::Sender<AnswerJob>, usize)> {
        let mut threads = self.threads.lock();
        if threads.is_empty() {
            return None;
        }
        for count in (1..items.len()).rev() {
            let Some(prefix) = fingerprints.after(count) else { continue };
            // The most recent one, if several match.
            let index = threads.iter().rposition(|thread| {
                thread.fingerprint == prefix && !thread.next_job.is_closed() && thread.fits(&items[count..])
            });
            if let Some(thread) = index.and_then(|index| threads.remove(index)) {
                return Some((thread.next_job, count));
            }
        }
        None
    }

    /// How many threads are cached.
    pub(crate) fn count(&self) -> usize {
        self.threads.lock().iter().filter(|thread| !thread.next_job.is_closed()).count()
    }
}

/// Evicts the least recently used thread that is in the `group` and `evictable` if the group has more than `max`.
fn evict_over(
    max: usize,
    threads: &mut VecDeque<CachedThread>,
    group: impl Fn(&CachedThread) -> bool,
    evictable: impl Fn(&CachedThread) -> bool,
) {
    if threads.iter().filter(|thread| group(thread)).count() > max
        && let Some(oldest) = threads.iter().position(|thread| group(thread) && evictable(thread))
    {
        threads.remove(oldest);
    }
}

impl CachedThread {
    /// Whether the thread can continue with these items: an idle thread with anything, a parked one with exactly the
    /// outputs of all its calls, in any order.
    fn fits(&self, new: &[Item]) -> bool {
        if self.calls.is_empty() {
            // Upstream rejects outputs without their calls.
            return !matches!(new.first(), Some(Item::ToolOutput { .. }));
        }
        let answers =
            |item: &Item, call: &String| matches!(item, Item::ToolOutput { call_id, .. } if call_id == call);
        new.len() == self.calls.len()
            && self.calls.iter().all(|call| new.iter().any(|item| answers(item, call)))
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
