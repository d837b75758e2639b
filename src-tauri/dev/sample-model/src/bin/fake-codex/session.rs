//! The state of the app-server: its script, client, threads and running turns.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::connection::Connection;
use crate::script::Script;

/// The exit status of a crash, like that of a Rust panic.
pub(crate) const CRASH_STATUS: i32 = 101;

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) script: Script,
    pub(crate) connection: Connection,
    state: Mutex<State>,
    next: AtomicU64,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) client: Option<String>,
    pub(crate) threads: Vec<String>,
    /// The running turns by thread: their id, and the token that interrupts them.
    pub(crate) turns: HashMap<String, (String, CancellationToken)>,
}

impl Session {
    pub(crate) fn new(script: Script) -> Self {
        Self { script, connection: Connection::default(), state: Mutex::default(), next: AtomicU64::new(1) }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new id in the form of a UUID, unique across restarts.
    pub(crate) fn new_id(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{:08x}-0000-7000-8000-{number:012x}", std::process::id())
    }

    /// Removes a turn, unless another has replaced it.
    pub(crate) fn turn_ended(&self, thread: &str, turn: &str) {
        let mut state = self.state();
        if state.turns.get(thread).is_some_and(|(running, _)| running == turn) {
            state.turns.remove(thread);
        }
    }
}
