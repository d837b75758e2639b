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

use crate::rpc::connection::Connection;
use crate::thread::start::NewThread;
use crate::turn::handle::ThreadKind;

/// Threads kept ready of a sort (a profile with its instructions), at about 1.3 MB of codex's memory each.
const READY_PER_SORT: usize = 2;

/// Sorts that threads are kept ready of. The one that was used least recently gives way.
const SORTS: usize = 3;

/// Wishes waiting to be tended to. When it is full a wish is dropped: the next turn wishes again.
const WISHES: usize = 16;

/// The longest instructions that are held in memory for chats that may come, in bytes.
const LONGEST_INSTRUCTIONS: usize = 64 * 1024;

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
    /// Sorts with their threads, the most recently wished for in front.
    ready: Mutex<VecDeque<(NewThread, Vec<ReadyThread>)>>,
    wishes: mpsc::Sender<NewThread>,
}

impl Ahead {
    pub(crate) fn new() -> (Self, mpsc::Receiver<NewThread>) {
        let (wishes, wanted) = mpsc::channel(WISHES);
        (Self { ready: Mutex::default(), wishes }, wanted)
    }

    /// A thread that is ready in the place of `wanted`, if there is one.
    pub(crate) fn take(&self, wanted: &NewThread) -> Option<ReadyThread> {
        let mut ready = self.lock();
        ready.iter_mut().find(|(known, _)| known == wanted).and_then(|(_, threads)| threads.pop())
    }

    /// Asks for threads like this one to be ready soon.
    pub(crate) fn want(&self, thread: NewThread) {
        let instructions = thread.instructions.as_ref().map_or(0, String::len);
        if thread.profile.kind == ThreadKind::Plain && instructions <= LONGEST_INSTRUCTIONS {
            let _ = self.wishes.try_send(thread);
        }
    }

    /// Puts `wanted` in front and says how many threads it lacks, and which threads have to go for it.
    fn make_room(&self, wanted: &NewThread) -> (usize, Vec<ReadyThread>) {
        let mut ready = self.lock();
        let known = ready.iter().position(|(known, _)| known == wanted).and_then(|at| ready.remove(at));
        let (sort, threads) = known.unwrap_or_else(|| (wanted.clone(), Vec::new()));
        let lacking = READY_PER_SORT.saturating_sub(threads.len());
        ready.push_front((sort, threads));
        let superfluous = if ready.len() > SORTS { ready.pop_back() } else { None };
        (lacking, superfluous.map(|(_, threads)| threads).unwrap_or_default())
    }

    fn put(&self, wanted: &NewThread, thread: ReadyThread) {
        if let Some((_, threads)) = self.lock().iter_mut().find(|(known, _)| known == wanted) {
            threads.push(thread);
        }
    }

    fn drain(&self) -> Vec<ReadyThread> {
        self.lock().drain(..).flat_map(|(_, threads)| threads).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(NewThread, Vec<ReadyThread>)>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts threads as they are wished for, and gives them up when nobody came for long.
pub(crate) async fn tend(connection: Arc<Connection>, mut wishes: mpsc::Receiver<NewThread>) {
    loop {
        let wish = tokio::select! {
            wish = tokio::time::timeout(IDLE, wishes.recv()) => wish,
            () = connection.closed.cancelled() => return,
        };
        match wish {
            Ok(Some(wanted)) => {
                let (lacking, superfluous) = connection.ahead.make_room(&wanted);
                for thread in superfluous {
                    connection.give_up_thread(&thread).await;
                }
                for _ in 0..lacking {
                    match connection.start_thread(&wanted).await {
                        Ok(thread) => connection.ahead.put(&wanted, thread),
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
    use crate::item::SandboxMode;
    use crate::turn::handle::ThreadProfile;

    fn told(model: &str, instructions: &str) -> NewThread {
        NewThread { instructions: Some(instructions.to_owned()), ..plain(model) }
    }

    fn plain(model: &str) -> NewThread {
        let profile = ThreadProfile {
            kind: ThreadKind::Plain,
            model: Some(model.into()),
            workspace: "/w".into(),
            sandbox: SandboxMode::ReadOnly,
            tools: Arc::default(),
            verbosity: None,
            service_tier: None,
            web_search: None,
        };
        NewThread { profile, instructions: None }
    }

    fn thread(id: &str) -> ReadyThread {
        ReadyThread { id: id.into(), model: "m".into(), session: None }
    }

    #[test]
    fn a_thread_is_taken_once_and_only_in_the_place_of_one_like_it() {
        let (ahead, _wanted) = Ahead::new();
        assert_eq!(ahead.make_room(&plain("a")), (READY_PER_SORT, vec![]));
        ahead.put(&plain("a"), thread("1"));
        assert_eq!(ahead.take(&plain("b")), None);
        assert_eq!(ahead.take(&told("a", "be brief")), None);
        assert_eq!(ahead.take(&plain("a")), Some(thread("1")));
        assert_eq!(ahead.take(&plain("a")), None);
    }

    #[test]
    fn the_profile_that_was_used_least_recently_gives_way() {
        let (ahead, _wanted) = Ahead::new();
        for model in ["a", "b", "c"] {
            ahead.make_room(&plain(model));
            ahead.put(&plain(model), thread(model));
        }
        ahead.make_room(&plain("a"));
        assert_eq!(ahead.make_room(&plain("d")), (READY_PER_SORT, vec![thread("b")]));
        assert_eq!(ahead.take(&plain("a")), Some(thread("a")));
    }

    #[test]
    fn no_thread_is_started_for_instructions_that_would_fill_the_memory() {
        let (ahead, mut wishes) = Ahead::new();
        ahead.want(told("a", &"x".repeat(LONGEST_INSTRUCTIONS + 1)));
        ahead.want(told("a", "be brief"));
        assert_eq!(wishes.try_recv().unwrap(), told("a", "be brief"));
    }
}
