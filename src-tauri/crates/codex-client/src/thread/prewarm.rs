//! Starts threads before they are needed, so that chats do not wait for one.
//!
//! Only plain threads are prewarmed: an agent thread would start the user's MCP servers needlessly, and would hold an
//! AGENTS.md that may change before it is used.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::start::{NewThread, ReadyThread};
use crate::request::ThreadKind;

/// Prewarmed threads per profile and instructions, at about 1.3 MB of codex's memory each.
const THREADS_PER_PROFILE: usize = 2;

/// Profiles with prewarmed threads. The least recently used one is evicted.
const MAX_PROFILES: usize = 3;

/// Prewarm queue capacity. When full, the hint is dropped; the next turn sends another.
const HINTS_CAPACITY: usize = 16;

/// Threads with longer instructions are not prewarmed, to bound memory.
const MAX_INSTRUCTIONS_BYTES: usize = 64 * 1024;

/// The prewarmed threads.
#[derive(Debug)]
pub(crate) struct PrewarmPool {
    /// Profiles with their threads, most recently hinted first.
    ready: Mutex<VecDeque<(NewThread, Vec<ReadyThread>)>>,
    hints: mpsc::Sender<NewThread>,
}

impl PrewarmPool {
    /// An empty pool, and the hints for the task that refills it.
    pub(crate) fn new() -> (Self, mpsc::Receiver<NewThread>) {
        let (hints, hinted) = mpsc::channel(HINTS_CAPACITY);
        (Self { ready: Mutex::default(), hints }, hinted)
    }

    /// Takes a thread for `profile`, if one is ready.
    pub(crate) fn take(&self, profile: &NewThread) -> Option<ReadyThread> {
        let mut ready = self.ready.lock();
        ready.iter_mut().find(|(known, _)| known == profile).and_then(|(_, threads)| threads.pop())
    }

    /// Asks for threads like this one to be prewarmed.
    pub(crate) fn hint(&self, thread: NewThread) {
        let instructions = thread.instructions.as_ref().map_or(0, String::len);
        if thread.profile.kind == ThreadKind::Plain && instructions <= MAX_INSTRUCTIONS_BYTES {
            let _ = self.hints.try_send(thread);
        }
    }

    /// Moves `profile` to the front. Returns how many threads it lacks, and the evicted threads.
    pub(crate) fn make_room(&self, profile: &NewThread) -> (usize, Vec<ReadyThread>) {
        let mut ready = self.ready.lock();
        let known = ready.iter().position(|(known, _)| known == profile).and_then(|at| ready.remove(at));
        let (profile, threads) = known.unwrap_or_else(|| (profile.clone(), Vec::new()));
        let lacking = THREADS_PER_PROFILE.saturating_sub(threads.len());
        ready.push_front((profile, threads));
        let evicted = if ready.len() > MAX_PROFILES { ready.pop_back() } else { None };
        (lacking, evicted.map(|(_, threads)| threads).unwrap_or_default())
    }

    pub(crate) fn put(&self, profile: &NewThread, thread: ReadyThread) {
        if let Some((_, threads)) = self.ready.lock().iter_mut().find(|(known, _)| known == profile) {
            threads.push(thread);
        }
    }

    pub(crate) fn drain(&self) -> Vec<ReadyThread> {
        self.ready.lock().drain(..).flat_map(|(_, threads)| threads).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::ThreadProfile;

    fn instructed(model: &str, instructions: &str) -> NewThread {
        NewThread { instructions: Some(instructions.to_owned()), ..plain(model) }
    }

    fn plain(model: &str) -> NewThread {
        let profile = ThreadProfile { model: Some(model.into()), ..ThreadProfile::plain("/w".into()) };
        NewThread { profile, instructions: None }
    }

    fn thread(id: &str) -> ReadyThread {
        ReadyThread { id: id.into(), model: "m".into(), path: None }
    }

    #[test]
    fn thread_is_taken_once_and_only_for_its_own_profile() {
        let (pool, _hints) = PrewarmPool::new();
        assert_eq!(pool.make_room(&plain("a")), (THREADS_PER_PROFILE, vec![]));
        pool.put(&plain("a"), thread("1"));
        assert_eq!(pool.take(&plain("b")), None);
        assert_eq!(pool.take(&instructed("a", "be brief")), None);
        assert_eq!(pool.take(&plain("a")), Some(thread("1")));
        assert_eq!(pool.take(&plain("a")), None);
    }

    #[test]
    fn least_recently_used_profile_is_evicted() {
        let (pool, _hints) = PrewarmPool::new();
        for model in ["a", "b", "c"] {
            pool.make_room(&plain(model));
            pool.put(&plain(model), thread(model));
        }
        pool.make_room(&plain("a"));
        assert_eq!(pool.make_room(&plain("d")), (THREADS_PER_PROFILE, vec![thread("b")]));
        assert_eq!(pool.take(&plain("a")), Some(thread("a")));
    }

    #[test]
    fn threads_with_long_instructions_are_not_prewarmed() {
        let (pool, mut hints) = PrewarmPool::new();
        pool.hint(instructed("a", &"x".repeat(MAX_INSTRUCTIONS_BYTES + 1)));
        pool.hint(instructed("a", "be brief"));
        assert_eq!(hints.try_recv().unwrap(), instructed("a", "be brief"));
    }
}
