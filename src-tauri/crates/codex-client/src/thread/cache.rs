//! Caches threads after an answer, so that the conversation continues in its own thread.
//!
//! The task that ran a thread's last turn owns it; the cache only finds it. A cached thread is either idle, or its turn is
//! parked: codex awaits the outputs of the client's tools. The first request that continues the thread's conversation
//! takes it out, so two requests never share a thread.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::fingerprint::{Fingerprint, Fingerprints, of_call};
use super::kept::KeptThread;
use crate::item::{Item, Role, ToolCall};
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
    /// The stored thread that has these items, if there is one.
    pub(crate) kept: Option<KeptThread>,
    /// What to review, in place of a turn.
    pub(crate) review: Option<String>,
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
    state: CachedState,
    owner: String,
    kind: ThreadKind,
    next_job: oneshot::Sender<AnswerJob>,
}

/// How a thread continues.
#[derive(Debug)]
pub(crate) enum CachedState {
    /// With anything after this conversation.
    Idle(Fingerprint),
    /// With the outputs of the calls that its turn has made.
    Parked(ParkedTurn),
}

/// A turn that awaits the outputs of its calls.
#[derive(Debug)]
pub(crate) struct ParkedTurn {
    /// The conversation before its answer.
    before: Fingerprint,
    /// What cannot change within the turn.
    turn: Fingerprint,
    /// The id of each call, and what it asks for.
    calls: Vec<(String, Fingerprint)>,
}

impl ThreadCache {
    pub(crate) fn new(retention: Retention) -> Self {
        Self { retention, threads: Mutex::default() }
    }

    /// Caches a thread, evicting others if needed. The receiver gets the job to continue with, or closes on eviction.
    pub(crate) fn insert(
        &self,
        state: CachedState,
        owner: &str,
        kind: ThreadKind,
    ) -> oneshot::Receiver<AnswerJob> {
        let (next_job, job) = oneshot::channel();
        if self.retention.max_idle.is_zero() {
            return job;
        }
        let mut threads = self.threads.lock();
        threads.retain(|thread| !thread.next_job.is_closed());
        threads.push_back(CachedThread { state, owner: owner.to_owned(), kind, next_job });
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

    /// Takes the thread that this conversation continues, and the number of items it has: the turn that awaits the outputs
    /// at its end, or the idle thread with its longest prefix. The items get the call ids that the turn knows.
    pub(crate) fn take(
        &self,
        fingerprints: &Fingerprints,
        items: &mut [Item],
    ) -> Option<(oneshot::Sender<AnswerJob>, usize)> {
        let mut threads = self.threads.lock();
        threads.retain(|thread| !thread.next_job.is_closed());
        if threads.is_empty() {
            return None;
        }
        // The most recent one, if several match.
        while let Some((index, answered)) = threads
            .iter()
            .enumerate()
            .rev()
            .find_map(|(index, thread)| Some((index, thread.parked()?.answered_by(items, fingerprints)?)))
        {
            let thread = threads.remove(index)?;
            if thread.parked().is_some_and(|parked| parked.turn == fingerprints.turn) {
                answered.rename_calls(items);
                return Some((thread.next_job, answered.from));
            }
            // The request wants what this turn cannot give any more. Dropping the thread ends the turn.
        }
        // Upstream rejects outputs without their calls.
        let fits = |count: usize| !matches!(items.get(count), Some(Item::ToolOutput { .. }));
        for count in (1..items.len()).rev().filter(|count| fits(*count)) {
            let Some(prefix) = fingerprints.after(count) else { continue };
            let index = threads.iter().rposition(|thread| thread.is_idle_after(prefix));
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
    fn is_idle_after(&self, conversation: Fingerprint) -> bool {
        matches!(self.state, CachedState::Idle(after) if after == conversation)
    }

    fn parked(&self) -> Option<&ParkedTurn> {
        match &self.state {
            CachedState::Parked(turn) => Some(turn),
            CachedState::Idle(_) => None,
        }
    }
}

/// How the end of a conversation answers a parked turn.
struct Answered {
    /// The number of items before the turn's answer.
    from: usize,
    /// The ids of the calls in the conversation and in the turn.
    ids: Vec<(String, String)>,
}

impl ParkedTurn {
    pub(crate) fn new(fingerprints: &Fingerprints, calls: &[ToolCall]) -> Self {
        let calls = calls.iter().map(|call| (call.call_id.clone(), of_call(call))).collect();
        Self { before: fingerprints.last(), turn: fingerprints.turn, calls }
    }

    /// Whether the conversation continues the turn's own, with exactly its calls and one output for each, in any order. Text
    /// beside the calls does not matter: clients add reasoning to it, blank it or leave it out.
    fn answered_by(&self, items: &[Item], fingerprints: &Fingerprints) -> Option<Answered> {
        if !matches!(items.last(), Some(Item::ToolOutput { .. })) {
            return None;
        }
        let mut left: Vec<&(String, Fingerprint)> = self.calls.iter().collect();
        let mut outputs: Vec<&str> = Vec::new();
        let mut ids = Vec::new();
        for (from, item) in items.iter().enumerate().rev() {
            match item {
                Item::ToolOutput { call_id, .. } if outputs.len() < left.len() => outputs.push(call_id),
                Item::ToolCall(call) => {
                    outputs.swap_remove(outputs.iter().position(|id| *id == call.call_id)?);
                    let is_call = |(id, asks): &&(String, Fingerprint)| {
                        Some(*asks) == fingerprints.call(from) && (*id == call.call_id || !call.has_id())
                    };
                    let (id, _) = left.swap_remove(left.iter().position(is_call)?);
                    ids.push((call.call_id.clone(), id.clone()));
                }
                Item::Message { role: Role::Assistant, .. } => {}
                Item::Message { .. } | Item::ToolOutput { .. } => return None,
            }
            if left.is_empty() && outputs.is_empty() && fingerprints.after(from) == Some(self.before) {
                return Some(Answered { from, ids });
            }
        }
        None
    }
}

impl Answered {
    /// Gives the calls and their outputs the ids that the turn knows.
    fn rename_calls(&self, items: &mut [Item]) {
        for item in items.iter_mut().skip(self.from) {
            if let Item::ToolCall(ToolCall { call_id, .. }) | Item::ToolOutput { call_id, .. } = item
                && let Some((_, id)) = self.ids.iter().find(|(theirs, _)| theirs == call_id)
            {
                call_id.clone_from(id);
            }
        }
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
