//! Threads started ahead of need, so that a new chat does not wait for one.
//!
//! One task a connection tends them, so threads are started one after the other and never in the way of many turns at
//! once. Only the plain kind is started ahead: an agent's thread would start the user's MCP servers for nobody, and would
//! hold an AGENTS.md that may change before it is used.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::connection::Connection;
use crate::turn::{ThreadKind, ThreadProfile};

/// Threads kept ready for a profile, at about 1.3 MB of codex's memory each.
const READY_PER_PROFILE: usize = 2;

/// Profiles that threads are kept ready for. The one that was used least recently gives way.
const PROFILES: usize = 3;

/// Wishes waiting to be tended to. When it is full a wish is dropped: the next turn wishes again.
const WISHES: usize = 16;

/// How long threads stay ready when nobody comes.
const IDLE: Duration = Duration::from_secs(600);

/// A started thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReadyThread {
    pub(crate) id: String,
    /// The model that codex took.
    pub(crate) model: String,
    /// The file that codex writes of it, where it cannot be told not to.
    pub(crate) session: Option<PathBuf>,
}

/// The threads that are ready.
#[derive(Debug)]
pub(crate) struct Ahead {
    /// Profiles with their threads, the most recently wished for in front.
    ready: Mutex<VecDeque<(ThreadProfile, Vec<ReadyThread>)>>,
    wishes: mpsc::Sender<ThreadProfile>,
}

impl Ahead {
    pub(crate) fn new() -> (Self, mpsc::Receiver<ThreadProfile>) {
        let (wishes, wanted) = mpsc::channel(WISHES);
        (Self { ready: Mutex::default(), wishes }, wanted)
    }

    /// A thread that is ready for `profile`, if there is one.
    pub(crate) fn take(&self, profile: &ThreadProfile) -> Option<ReadyThread> {
        let mut ready = self.lock();
        ready.iter_mut().find(|(known, _)| known == profile).and_then(|(_, threads)| threads.pop())
    }

    /// Asks for threads to be ready for `profile` soon.
    pub(crate) fn want(&self, profile: ThreadProfile) {
        if profile.kind == ThreadKind::Plain {
            let _ = self.wishes.try_send(profile);
        }
    }

    /// Puts `profile` in front and says how many threads it lacks, and which threads have to go for it.
    fn make_room(&self, profile: &ThreadProfile) -> (usize, Vec<ReadyThread>) {
        let mut ready = self.lock();
        let known = ready.iter().position(|(known, _)| known == profile).and_then(|at| ready.remove(at));
        let (profile, threads) = known.unwrap_or_else(|| (profile.clone(), Vec::new()));
        let lacking = READY_PER_PROFILE.saturating_sub(threads.len());
        ready.push_front((profile, threads));
        let superfluous = if ready.len() > PROFILES { ready.pop_back() } else { None };
        (lacking, superfluous.map(|(_, threads)| threads).unwrap_or_default())
    }

    fn put(&self, profile: &ThreadProfile, thread: ReadyThread) {
        if let Some((_, threads)) = self.lock().iter_mut().find(|(known, _)| known == profile) {
            threads.push(thread);
        }
    }

    fn drain(&self) -> Vec<ReadyThread> {
        self.lock().drain(..).flat_map(|(_, threads)| threads).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(ThreadProfile, Vec<ReadyThread>)>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts threads as they are wished for, and gives them up when nobody came for long.
pub(crate) async fn tend(connection: Arc<Connection>, mut wanted: mpsc::Receiver<ThreadProfile>) {
    loop {
        let wish = tokio::select! {
            wish = tokio::time::timeout(IDLE, wanted.recv()) => wish,
            () = connection.closed.cancelled() => return,
        };
        match wish {
            Ok(Some(profile)) => {
                let (lacking, superfluous) = connection.ahead.make_room(&profile);
                for thread in superfluous {
                    connection.give_up_thread(&thread).await;
                }
                for _ in 0..lacking {
                    match connection.start_thread(&profile, None).await {
                        Ok(thread) => connection.ahead.put(&profile, thread),
                        Err(error) => {
                            // The next turn starts its thread itself and reports the error to its client.
                            tracing::debug!(%error, "no thread could be started ahead");
                            break;
                        }
                    }
                }
            }
            Ok(None) => return,
            Err(_) => {
                for thread in connection.ahead.drain() {
                    connection.give_up_thread(&thread).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::SandboxMode;

    fn profile(model: &str) -> ThreadProfile {
        ThreadProfile {
            kind: ThreadKind::Plain,
            model: Some(model.into()),
            workspace: "/w".into(),
            sandbox: SandboxMode::ReadOnly,
            tools: Arc::default(),
            verbosity: None,
            service_tier: None,
            web_search: None,
        }
    }

    fn thread(id: &str) -> ReadyThread {
        ReadyThread { id: id.into(), model: "m".into(), session: None }
    }

    #[test]
    fn a_thread_is_taken_once_and_only_for_its_own_profile() {
        let (ahead, _wanted) = Ahead::new();
        assert_eq!(ahead.make_room(&profile("a")), (READY_PER_PROFILE, vec![]));
        ahead.put(&profile("a"), thread("1"));
        assert_eq!(ahead.take(&profile("b")), None);
        assert_eq!(ahead.take(&profile("a")), Some(thread("1")));
        assert_eq!(ahead.take(&profile("a")), None);
    }

    #[test]
    fn the_profile_that_was_used_least_recently_gives_way() {
        let (ahead, _wanted) = Ahead::new();
        for model in ["a", "b", "c"] {
            ahead.make_room(&profile(model));
            ahead.put(&profile(model), thread(model));
        }
        ahead.make_room(&profile("a"));
        assert_eq!(ahead.make_room(&profile("d")), (READY_PER_PROFILE, vec![thread("b")]));
        assert_eq!(ahead.take(&profile("a")), Some(thread("a")));
    }
}
