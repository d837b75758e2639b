//! What this codex can do, asked and not guessed from its version.
//!
//! codex answers a method it does not know with the list of those it knows, and a field of the wrong type with a
//! complaint, while it ignores a field it does not know. So three refused calls tell everything, and start nothing.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// A method that no codex has.
pub(crate) const UNKNOWN_METHOD: &str = "codexProxy/whatDoYouKnow";

/// What a running codex can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Earlier turns can be put into a thread with their roles.
    pub inject_items: bool,
    /// The client's tools can be offered to the model.
    pub dynamic_tools: bool,
    /// The exact usage of each upstream response is reported.
    pub raw_events: bool,
    /// A running turn can be stopped.
    pub interrupt: bool,
    /// A thread can be given up and its memory freed.
    pub unsubscribe: bool,
    /// codex lists its models.
    pub model_list: bool,
    /// codex says whether it is signed in.
    pub account_read: bool,
    /// Threads and turns can be started at all.
    pub threads: bool,
}

impl Capabilities {
    /// Reads the methods out of codex's complaint about [`UNKNOWN_METHOD`]: every name between backquotes.
    pub(crate) fn from_complaint(complaint: &str) -> Self {
        let known: BTreeSet<&str> = complaint.split('`').skip(1).step_by(2).collect();
        let knows = |method: &str| known.contains(method);
        Self {
            inject_items: knows("thread/inject_items"),
            interrupt: knows("turn/interrupt"),
            unsubscribe: knows("thread/unsubscribe"),
            model_list: knows("model/list"),
            account_read: knows("account/read"),
            threads: knows("thread/start") && knows("turn/start"),
            dynamic_tools: false,
            raw_events: false,
        }
    }

    /// What keeps this codex from serving a chat, as the end of "codex … cannot …".
    pub(crate) fn missing(&self) -> Option<&'static str> {
        if !self.threads {
            Some("stream answers over its app-server")
        } else if !self.inject_items {
            Some("take the earlier messages of a conversation")
        } else {
            None
        }
    }
}

/// What a plain model's thread is told where the client's instructions cannot be the only ones.
const DEFAULT_INSTRUCTIONS: &str = "You are a helpful assistant.";

/// The first version that was measured to send a thread's instructions as a message, which is left out when they are empty.
const INSTRUCTIONS_AS_MESSAGE: [u64; 2] = [0, 169];

/// The instructions of a plain model's thread; the client's own come after them, as messages.
///
/// Earlier versions send them in a field of its own, and without it ChatGPT refuses the request ("Instructions are
/// required"). Nothing but a request upstream tells which kind a codex is, so the version decides, and one that is not
/// known gets the line that does no harm to either.
pub(crate) fn base_instructions(version: &str) -> &'static str {
    let numbers: Vec<u64> = version.split('.').map_while(|part| part.parse().ok()).take(2).collect();
    if numbers.as_slice() >= INSTRUCTIONS_AS_MESSAGE.as_slice() { "" } else { DEFAULT_INSTRUCTIONS }
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
        assert_eq!(capabilities.missing(), Some("take the earlier messages of a conversation"));
    }

    #[test]
    fn only_a_codex_that_can_do_without_gets_no_instructions_of_ours() {
        for version in ["0.169.0", "0.170.1-alpha.2", "1.0.0"] {
            assert_eq!(base_instructions(version), "", "{version}");
        }
        for version in ["0.140.0", "0.155.1", "of an unknown version"] {
            assert_eq!(base_instructions(version), DEFAULT_INSTRUCTIONS, "{version}");
        }
    }

    #[test]
    fn a_codex_without_threads_is_named_as_such() {
        let old = Capabilities::from_complaint("unknown variant `x`, expected `initialize`");
        assert_eq!(old.missing(), Some("stream answers over its app-server"));
    }
}
