//! What the app server knows: its script, its client, its threads and the turns that run.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::connection::Connection;
use crate::script::Script;

/// The status a crash leaves, which is that of a Rust panic.
pub(crate) const CRASH: i32 = 101;

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
    /// The running turns, by thread: id, and what interrupts it.
    pub(crate) turns: HashMap<String, (String, CancellationToken)>,
}

impl Session {
    pub(crate) fn new(script: Script) -> Self {
        Self { script, connection: Connection::default(), state: Mutex::default(), next: AtomicU64::new(1) }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An id in the form of a UUID, unique over restarts.
    pub(crate) fn new_id(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{:08x}-0000-7000-8000-{number:012x}", std::process::id())
    }

    /// A turn is over, unless another has taken its place.
    pub(crate) fn turn_ended(&self, thread: &str, turn: &str) {
        let mut state = self.state();
        if state.turns.get(thread).is_some_and(|(running, _)| running == turn) {
            state.turns.remove(thread);
        }
    }
}
