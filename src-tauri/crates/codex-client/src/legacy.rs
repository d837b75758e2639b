//! Everything that serves a codex before 0.140; with its last user this folder can be deleted.
//!
//! Without `thread/inject_items` a conversation goes into the turn's input as one text (`transcript`), and codex writes its
//! threads to files that are deleted again (`session_file`). Without threads each turn is a process of `codex exec`. Only
//! `codex` chooses this; nothing else names it.

mod exec;
mod exec_args;
mod exec_events;
mod session_file;
mod transcript;

pub(crate) use exec::{MAX_PROCESSES, start_turn};
#[cfg(test)]
pub(crate) use exec_events::ExecReader;

use crate::item::Content;
use crate::thread::{Dialect, TurnInput};

/// How turns run on an app-server that has threads, but takes no earlier messages.
pub(crate) const DIALECT: Dialect = Dialect {
    input: |new, turn_instructions| {
        let input = transcript::input(new, turn_instructions).iter().map(Content::to_input).collect();
        TurnInput { input, ..TurnInput::default() }
    },
    delete_file: session_file::delete,
};
