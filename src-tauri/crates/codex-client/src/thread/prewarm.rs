//! Starts threads before they are needed, so that chats do not wait for one.
//!
//! Only plain threads are prewarmed: an agent thread would start the user's MCP servers needlessly, and would hold an
//! AGENTS.md that may change before it is used.
//!
//! The pool holds as many threads as new chats have recently taken before it was full again.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::start::{NewThread, ReadyThread};
use crate::request::ThreadKind;

/// Prewarmed threads per profile and instructions, unless more chats have recently begun at once.
const MIN_THREADS: usize = 2;

/// Prewarmed threads of all profiles, at about 1.3 MB of codex's memory each, and an idle connection each with the official
/// provider. The least recently used profile loses its own first.
const MAX_THREADS: usize = 32;

/// Profiles with prewarmed threads. The least recently used one is evicted.
const MAX_PROFILES: usize = 3;

/// How long a burst of new chats determines the number of threads, and how long a profile without new chats has any.
const BURST_AGE: Duration = Duration::from_secs(600);

/// Threads with longer instructions are not prewarmed, to bound memory.
const MAX_INSTRUCTIONS_BYTES: usize = 64 * 1024;

/// How many turns may run at once, as far as threads are prewarmed for them. Clones share it.
#[derive(Clone, Debug)]
pub struct MaxTurns(watch::Sender<usize>);

impl Default for MaxTurns {
    fn default() -> Self {
        Self(watch::Sender::new(MAX_THREADS))
    }
}

impl MaxTurns {
    /// Changes the number; surplus threads are ended at once.
    pub fn set(&self, turns: usize) {
        self.0.send_if_modified(|known| std::mem::replace(known, turns) != turns);
    }
}

/// The prewarmed threads.
#[derive(Debug)]
pub(crate) struct PrewarmPool {
    inner: Mutex<Inner>,
    max_turns: MaxTurns,
    /// New chats whose model has not begun to answer.
    starting: watch::Sender<usize>,
    /// Notified when there may be something to start or to end.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// The most recently used one is in front.
    profiles: VecDeque<Prewarmed>,
    /// Threads to end.
    surplus: Vec<ReadyThread>,
}

/// The prewarmed threads of a profile.
#[derive(Debug)]
struct Prewarmed {
    profile: NewThread,
    threads: Vec<ReadyThread>,
    /// New chats since the threads were complete, less those replaced since.
    unreplaced: usize,
    /// When `unreplaced` was so large, within [`BURST_AGE`]; each is larger than those after it.
    bursts: VecDeque<(Instant, usize)>,
    /// Whether to replace threads now.
    due: bool,
}

/// A new chat whose model has not begun to answer.
#[derive(Debug)]
pub(crate) struct Starting(watch::Sender<usize>);

impl Drop for Starting {
    fn drop(&mut self) {
        self.0.send_modify(|starting| *starting -= 1);
    }
}

impl Prewarmed {
    fn target(&self, max_turns: usize) -> usize {
        self.bursts.front().map_or(0, |(_, largest)| (*largest).max(MIN_THREADS).min(max_turns))
    }
}

impl PrewarmPool {
    pub(crate) fn new(max_turns: MaxTurns) -> Self {
        Self {
            inner: Mutex::default(),
            max_turns,
            starting: watch::Sender::default(),
            changed: Notify::new(),
        }
    }

    /// Counts a new chat, and takes a thread for it if one is ready.
    pub(crate) fn take(&self, profile: &NewThread) -> Option<ReadyThread> {
        let instructions = profile.instructions.as_ref().map_or(0, String::len);
        if profile.profile.kind != ThreadKind::Plain || instructions > MAX_INSTRUCTIONS_BYTES {
            return None;
        }
        let mut inner = self.inner.lock();
        let known = inner.position(profile).and_then(|at| inner.profiles.remove(at));
        let mut used = known.unwrap_or_else(|| Prewarmed {
            profile: profile.clone(),
            threads: Vec::new(),
            unreplaced: 0,
            bursts: VecDeque::new(),
            due: false,
        });
        used.unreplaced = (used.unreplaced + 1).min(MAX_THREADS);
        while used.bursts.back().is_some_and(|(_, burst)| *burst <= used.unreplaced) {
            used.bursts.pop_back();
        }
        used.bursts.push_back((Instant::now(), used.unreplaced));
        let thread = used.threads.pop();
        inner.profiles.push_front(used);
        if inner.profiles.len() > MAX_PROFILES
            && let Some(evicted) = inner.profiles.pop_back()
        {
            inner.surplus.extend(evicted.threads);
            self.changed.notify_one();
        }
        thread
    }

    /// Marks a new chat as starting: threads are not prewarmed meanwhile, since codex would be slower for it.
    pub(crate) fn starting(&self) -> Starting {
        self.starting.send_modify(|starting| *starting += 1);
        Starting(self.starting.clone())
    }

    /// Resolves when no new chat is starting.
    pub(crate) async fn calm(&self) {
        // The sender is ours, so it is there.
        let _ = self.starting.subscribe().wait_for(|starting| *starting == 0).await;
    }

    /// Asks for the threads of this profile to be replaced.
    pub(crate) fn hint(&self, profile: &NewThread) {
        let mut inner = self.inner.lock();
        if let Some(at) = inner.position(profile) {
            inner.profiles[at].due = true;
            self.changed.notify_one();
        }
    }

    /// A profile that lacks a thread which is due.
    pub(crate) fn lacking(&self) -> Option<NewThread> {
        let mut inner = self.inner.lock();
        let max_turns = *self.max_turns.0.borrow();
        for one in &mut inner.profiles {
            if one.due && one.threads.len() < one.target(max_turns).min(MAX_THREADS) {
                return Some(one.profile.clone());
            }
            if one.due {
                (one.due, one.unreplaced) = (false, 0);
            }
        }
        None
    }

    /// Adds a thread. It becomes surplus if its profile has been evicted.
    pub(crate) fn put(&self, profile: &NewThread, thread: ReadyThread) {
        let mut inner = self.inner.lock();
        let Some(at) = inner.position(profile) else {
            inner.surplus.push(thread);
            return;
        };
        let one = &mut inner.profiles[at];
        one.unreplaced = one.unreplaced.saturating_sub(1);
        one.threads.push(thread);
        if inner.count() > MAX_THREADS {
            let others = inner.profiles.iter_mut().enumerate().rev().filter(|(other, _)| *other != at);
            let dropped = others.filter_map(|(_, other)| other.threads.pop()).next();
            inner.surplus.extend(dropped);
        }
    }

    /// Stops replacing the threads of this profile until the next hint.
    pub(crate) fn give_up(&self, profile: &NewThread) {
        let mut inner = self.inner.lock();
        if let Some(at) = inner.position(profile) {
            (inner.profiles[at].due, inner.profiles[at].unreplaced) = (false, 0);
        }
    }

    /// Forgets bursts that are too long ago. Returns the threads to end.
    pub(crate) fn take_surplus(&self) -> Vec<ReadyThread> {
        let mut inner = self.inner.lock();
        let max_turns = *self.max_turns.0.borrow();
        let Inner { profiles, surplus } = &mut *inner;
        profiles.retain_mut(|one| {
            while one.bursts.front().is_some_and(|(at, _)| at.elapsed() >= BURST_AGE) {
                one.bursts.pop_front();
            }
            let target = one.target(max_turns);
            surplus.extend(one.threads.drain(target.min(one.threads.len())..));
            !one.bursts.is_empty()
        });
        std::mem::take(surplus)
    }

    /// Takes all threads.
    pub(crate) fn drain(&self) -> Vec<ReadyThread> {
        let mut inner = self.inner.lock();
        let mut threads = std::mem::take(&mut inner.surplus);
        threads.extend(inner.profiles.drain(..).flat_map(|one| one.threads));
        threads
    }

    /// Watches how many turns may run at once, for [`Self::changed`].
    pub(crate) fn max_turns(&self) -> watch::Receiver<usize> {
        self.max_turns.0.subscribe()
    }

    /// Resolves when there may be something to start or to end.
    pub(crate) async fn changed(&self, max_turns: &mut watch::Receiver<usize>) {
        let oldest =
            self.inner.lock().profiles.iter().filter_map(|one| one.bursts.front()).map(|(at, _)| *at).min();
        let expired = async {
            match oldest {
                Some(at) => tokio::time::sleep_until(at + BURST_AGE).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.changed.notified() => {}
            () = expired => {}
            _ = max_turns.changed() => {}
        }
    }

    /// How many threads are ready.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.inner.lock().count()
    }
}

impl Inner {
    fn position(&self, profile: &NewThread) -> Option<usize> {
        self.profiles.iter().position(|one| one.profile == *profile)
    }

    fn count(&self) -> usize {
        self.profiles.iter().map(|one| one.threads.len()).sum()
    }
}

#[cfg(test)]
#[path = "prewarm_tests.rs"]
mod tests;
