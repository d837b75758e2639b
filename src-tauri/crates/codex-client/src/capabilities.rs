//! What this codex can do, asked and not guessed from its version.
//!
//! codex answers a method it does not know with the list of those it knows, and a field of the wrong type with a
//! complaint, while it ignores a field it does not know. So a few refused calls tell everything, and start nothing.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::error::CodexError;
use crate::item::{Content, Item};
use crate::turn::handle::TurnRequest;

/// A method that no codex has, and a value that no field takes.
pub(crate) const UNKNOWN: &str = "codexProxy/whatDoYouKnow";

/// There is no method to ask for it, but every codex that has this one reports the end of each response. One without it may
/// too, and is known by it once it has.
const KNOWN_SINCE_WHOLE_RESPONSES: &str = "thread/items/read";

/// What a running codex can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Threads and turns can be started over the app-server, and answers come word by word. Without it each turn is a
    /// process of `codex exec`, and an answer comes as one block.
    pub threads: bool,
    /// Earlier turns can be put into a thread with their roles. Without it they go as one marked text.
    pub inject_items: bool,
    /// The client's tools can be offered to the model.
    pub dynamic_tools: bool,
    /// The items that the model writes are reported as they are.
    pub raw_events: bool,
    /// A running turn can be stopped.
    pub interrupt: bool,
    /// A thread can be given up and its memory freed.
    pub unsubscribe: bool,
    /// A thread can be put aside, which frees its memory too.
    pub archive: bool,
    /// The end of each upstream response is reported for sure, so a response's calls of tools can be told as one.
    pub whole_responses: bool,
    /// codex lists its models.
    pub model_list: bool,
    /// codex says whether it is signed in.
    pub account_read: bool,
}

impl Capabilities {
    /// Reads the methods out of codex's complaint about [`UNKNOWN`]: every name between backquotes.
    pub(crate) fn from_complaint(complaint: &str) -> Self {
        let known: BTreeSet<&str> = complaint.split('`').skip(1).step_by(2).collect();
        let knows = |method: &str| known.contains(method);
        Self {
            threads: knows("thread/start") && knows("turn/start"),
            inject_items: knows("thread/inject_items"),
            interrupt: knows("turn/interrupt"),
            unsubscribe: knows("thread/unsubscribe"),
            archive: knows("thread/archive"),
            model_list: knows("model/list"),
            account_read: knows("account/read"),
            whole_responses: knows(KNOWN_SINCE_WHOLE_RESPONSES),
            dynamic_tools: false,
            raw_events: false,
        }
    }

    /// What is left when turns are processes of `codex exec`: they end when they are killed.
    pub(crate) fn by_exec(self) -> Self {
        let Self { model_list, account_read, .. } = self;
        Self { model_list, account_read, interrupt: true, ..Self::default() }
    }

    /// Whether the client's tools can be offered to the model.
    #[must_use]
    pub fn tools(&self) -> bool {
        self.threads && self.dynamic_tools && self.raw_events
    }

    /// Whether the model can be shown pictures.
    #[must_use]
    pub fn pictures(&self) -> bool {
        self.threads
    }

    /// Refuses a request that asks for what this codex cannot do.
    pub(crate) fn check(&self, request: &TurnRequest, version: &str) -> Result<(), CodexError> {
        let cannot = |what, since| Err(CodexError::CannotDo { version: version.to_owned(), what, since });
        if !request.profile.tools.is_empty() && !self.tools() {
            cannot("offer the client's tools to the model", "0.100")
        } else if !self.pictures() && request.items.iter().any(has_picture) {
            cannot("show pictures to the model within a conversation", "0.80")
        } else {
            Ok(())
        }
    }
}

fn has_picture(item: &Item) -> bool {
    match item {
        Item::Message { content, .. } | Item::ToolOutput { output: content, .. } => {
            content.iter().any(|part| matches!(part, Content::Image { .. }))
        }
        Item::ToolCall(_) => false,
    }
}

/// Parameters for `thread/start` that are refused in any case, and whose complaint tells whether `field` is known:
/// a known one is complained about first, as 5, an unknown one is passed over and the model is wrong, as 7.
pub(crate) fn field_probe(field: &str) -> Value {
    json!({ field: 5, "model": 7 })
}

/// Whether the complaint about [`field_probe`] means that the field is known.
pub(crate) fn complains_about_field(complaint: &str) -> bool {
    complaint.contains("`5`")
}

/// Parameters for `thread/start` whose complaint tells how the modes of the sandbox are spelled.
pub(crate) fn spelling_probe() -> Value {
    json!({ "sandbox": UNKNOWN })
}

/// Whether the complaint about [`spelling_probe`] names the modes as we do. Where it does not, much else of the protocol
/// is of an earlier form too.
pub(crate) fn spells_as_we_do(complaint: &str) -> bool {
    complaint.contains("`read-only`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_methods_are_read_out_of_the_complaint() {
        let capabilities = Capabilities::from_complaint(
            "Invalid request: unknown variant `x`, expected one of `initialize`, `thread/start`, `turn/start`, `model/list`",
        );
        assert!(capabilities.threads && capabilities.model_list);
        assert!(!capabilities.inject_items && !capabilities.interrupt);
    }

    #[test]
    fn a_complaint_that_names_nothing_is_of_a_codex_without_threads() {
        assert_eq!(Capabilities::from_complaint("Invalid request"), Capabilities::default());
    }

    #[test]
    fn the_earlier_spelling_is_told_apart() {
        let complaint = |known: &str| format!("unknown variant `{UNKNOWN}`, expected one of {known}");
        assert!(spells_as_we_do(&complaint("`read-only`, `workspace-write`")));
        assert!(!spells_as_we_do(&complaint("`readOnly`, `workspaceWrite`")));
    }
}
