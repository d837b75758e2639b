//! The questions of one turn: the items they may refer to, and the questions that wait for an answer.

use std::collections::HashMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::ask::{FileDiff, FileDiffKind};

/// Questions of a turn that wait at once; a further one is declined.
const MAX_PENDING: usize = 16;

/// Items of a turn that are remembered at once; a question about a further one is declined.
const MAX_ITEMS: usize = 64;

/// The size in bytes of a change that somebody can still review, in all; a question about a larger one is declined.
const MAX_DIFF_BYTES: usize = 1024 * 1024;

/// The questions of one turn.
#[derive(Debug)]
pub(crate) struct Questions {
    /// The turn's working folder.
    pub(crate) folder: PathBuf,
    /// The commands and changes that codex has announced, by item id. A command has no diffs.
    items: HashMap<String, Vec<FileDiff>>,
    diff_bytes: usize,
    /// The waiting questions, by the request's id. Dropping one withdraws it.
    pending: HashMap<String, DropGuard>,
}

#[derive(Deserialize)]
struct Announced {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    #[serde(default)]
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    path: String,
    kind: Kind,
    diff: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Kind {
    Add,
    Delete,
    Update {
        #[serde(default)]
        move_path: Option<String>,
    },
}

impl From<Change> for FileDiff {
    fn from(Change { path, kind, diff }: Change) -> Self {
        let kind = match kind {
            Kind::Add => FileDiffKind::Add,
            Kind::Delete => FileDiffKind::Delete,
            Kind::Update { move_path: Some(to) } => FileDiffKind::Rename { to },
            Kind::Update { move_path: None } => FileDiffKind::Update,
        };
        Self { path, kind, diff }
    }
}

impl FileDiff {
    fn bytes(&self) -> usize {
        self.path.len() + self.diff.len()
    }
}

impl Questions {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, items: HashMap::new(), diff_bytes: 0, pending: HashMap::new() }
    }

    /// Reads an item that has started or `completed`.
    pub(crate) fn item(&mut self, item: &RawValue, completed: bool) {
        let Ok(Announced { kind, id, changes }) = serde_json::from_str(item.get()) else { return };
        if let Some(before) = self.items.remove(&id) {
            self.diff_bytes -= before.iter().map(FileDiff::bytes).sum::<usize>();
        }
        if completed || self.items.len() >= MAX_ITEMS {
            return;
        }
        let diffs: Vec<FileDiff> = match kind.as_str() {
            "commandExecution" => Vec::new(),
            "fileChange" if !changes.is_empty() => changes.into_iter().map(FileDiff::from).collect(),
            _ => return,
        };
        let bytes: usize = diffs.iter().map(FileDiff::bytes).sum();
        if self.diff_bytes + bytes <= MAX_DIFF_BYTES {
            self.diff_bytes += bytes;
            self.items.insert(id, diffs);
        }
    }

    /// Whether codex has announced this command.
    pub(crate) fn has_command(&self, item: &str) -> bool {
        self.items.get(item).is_some_and(Vec::is_empty)
    }

    /// The changes of an announced item.
    pub(crate) fn changes(&self, item: &str) -> Option<&[FileDiff]> {
        self.items.get(item).map(Vec::as_slice).filter(|changes| !changes.is_empty())
    }

    pub(crate) fn is_full(&self) -> bool {
        self.pending.len() >= MAX_PENDING
    }

    pub(crate) fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Adds a question that waits, until it is answered or withdrawn.
    pub(crate) fn add(&mut self, request: &Value, withdrawn: CancellationToken) {
        self.pending.insert(request.to_string(), withdrawn.drop_guard());
    }

    /// Removes a question that was answered or withdrawn.
    pub(crate) fn remove(&mut self, request: &Value) {
        self.pending.remove(&request.to_string());
    }
}
