//! What this codex can do, asked and not guessed from its version.
//!
//! codex rejects a method that it does not know with the list of those it knows, and a field of the wrong type by name,
//! while it ignores a field that it does not know. So a few rejected calls find out everything, and start nothing.

use std::collections::BTreeSet;

use crate::error::CodexError;
use crate::item::Item;
use crate::request::TurnRequest;

/// A method that no codex has, and a value that no field takes.
pub(crate) const PROBE: &str = "codexProxy/capabilityProbe";

/// Every codex that has this method reports the end of each response. One without it may too, which its first report shows.
const WHOLE_RESPONSES_SINCE: &str = "thread/items/read";

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
    /// The end of each upstream response is reported for sure, so a response's calls of tools come together.
    pub whole_responses: bool,
    /// codex lists its models.
    pub model_list: bool,
    /// codex says whether it is signed in.
    pub account_read: bool,
}

impl Capabilities {
    /// Reads the methods out of codex's rejection of [`PROBE`]: every name between backquotes.
    pub(crate) fn from_rejection(rejection: &str) -> Self {
        let known: BTreeSet<&str> = rejection.split('`').skip(1).step_by(2).collect();
        let knows = |method: &str| known.contains(method);
        Self {
            threads: knows("thread/start") && knows("turn/start"),
            inject_items: knows("thread/inject_items"),
            interrupt: knows("turn/interrupt"),
            unsubscribe: knows("thread/unsubscribe"),
            archive: knows("thread/archive"),
            model_list: knows("model/list"),
            account_read: knows("account/read"),
            whole_responses: knows(WHOLE_RESPONSES_SINCE),
            dynamic_tools: false,
            raw_events: false,
        }
    }

    /// What is left when turns are processes of `codex exec`: they end when they are killed.
    pub(crate) fn exec_only(self) -> Self {
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
    pub fn images(&self) -> bool {
        self.threads
    }

    /// Refuses a request that asks for what this codex cannot do.
    pub(crate) fn check(&self, request: &TurnRequest, version: &str) -> Result<(), CodexError> {
        let cannot = |what, since| Err(CodexError::CannotDo { version: version.to_owned(), what, since });
        if !request.profile.tools.is_empty() && !self.tools() {
            cannot("offer the client's tools to the model", "0.100")
        } else if !self.images() && request.items.iter().any(Item::has_images) {
            cannot("show images to the model within a conversation", "0.80")
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_methods_are_read_out_of_the_rejection() {
        let capabilities = Capabilities::from_rejection(
            "Invalid request: unknown variant `x`, expected one of `initialize`, `thread/start`, `turn/start`, `model/list`",
        );
        assert!(capabilities.threads && capabilities.model_list);
        assert!(!capabilities.inject_items && !capabilities.interrupt);
    }

    #[test]
    fn a_rejection_that_names_nothing_is_of_a_codex_without_threads() {
        assert_eq!(Capabilities::from_rejection("Invalid request"), Capabilities::default());
    }
}
