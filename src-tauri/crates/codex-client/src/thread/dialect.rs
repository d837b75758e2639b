//! How a turn's input differs between versions of the app-server. `codex` picks the dialect of each turn.

use std::path::Path;

use serde_json::Value;

use crate::item::{Content, Item, Role, split_prompt};

/// The items that a thread does not have yet, in codex's format.
#[derive(Debug, Default)]
pub(crate) struct TurnInput {
    /// Raw items for `thread/inject_items`.
    pub(crate) history: Vec<Value>,
    /// The input of `turn/start`.
    pub(crate) input: Vec<Value>,
}

/// How turns run on one app-server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// Formats a conversation's new items and the turn's instructions.
    pub(crate) input: fn(&[Item], Option<&str>) -> TurnInput,
    /// Deletes the file of the thread with this id, which an older codex writes even if `ephemeral`.
    pub(crate) delete_file: fn(&Path, &str),
}

impl Dialect {
    /// For a current codex: items keep their roles, and threads exist in memory only.
    pub(crate) const CURRENT: Self = Self { input: with_roles, delete_file: |_, _| {} };
}

fn with_roles(new: &[Item], turn_instructions: Option<&str>) -> TurnInput {
    let (history, input) = split_prompt(new);
    let mut history: Vec<Value> = history.iter().map(Item::to_raw).collect();
    if let Some(turn_instructions) = turn_instructions {
        let content = vec![Content::Text(turn_instructions.to_owned())];
        history.push(Item::Message { role: Role::Developer, content }.to_raw());
    }
    TurnInput { history, input: input.iter().map(Content::to_input).collect() }
}
