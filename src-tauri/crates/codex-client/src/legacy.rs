//! Support for codex before 0.140; this folder can be deleted once that is dropped.
//!
//! Without `thread/inject_items` a conversation is sent in the turn's input as one text (`transcript`), and codex writes
//! its threads to files, which are deleted afterwards (`session_file`). Without threads each turn is a `codex exec`
//! process. Only `codex` selects this; nothing else refers to it.

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

/// For an app-server that has threads but cannot inject earlier messages.
pub(crate) const DIALECT: Dialect = Dialect {
    input: |new, turn_instructions| {
        let input = transcript::input(new, turn_instructions).iter().map(Content::to_input).collect();
        TurnInput { input, ..TurnInput::default() }
    },
    delete_file: session_file::delete,
};
