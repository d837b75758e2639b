//! What the installed codex supports, probed rather than guessed from its version.
//!
//! codex rejects an unknown method with the list of known ones, and a field of the wrong type by name, but it ignores
//! unknown fields. So a few rejected calls reveal everything without starting anything.

use std::collections::BTreeSet;

use crate::error::CodexError;
use crate::item::Item;
use crate::request::TurnRequest;

/// A method that does not exist in any version, also used as a value no field accepts.
pub(crate) const PROBE: &str = "codexProxy/capabilityProbe";

/// Every codex with this method reports the end of each response. One without it may too; its first report shows it.
const WHOLE_RESPONSES_SINCE: &str = "thread/items/read";

/// What stored threads need. Every codex with the last one returns a thread's last turn when it resumes it.
const KEEPS_WITH: [&str; 6] = [
    "thread/inject_items",
    "thread/unsubscribe",
    "thread/resume",
    "thread/fork",
    "thread/name/set",
    WHOLE_RESPONSES_SINCE,
];

/// Every codex that knows this approval policy names the command and the folder in what it asks for. Older ones may leave them
/// out, or do not announce the command.
const ASKS_SINCE_POLICY: &str = "`granular`";

/// What a running codex supports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Threads and turns run on the app-server, and answers are streamed. Without it each turn is a `codex exec`
    /// process, and an answer arrives as one block.
    pub threads: bool,
    /// Earlier messages can be injected into a thread with their roles. Without it they are sent as one transcript.
    pub inject_items: bool,
    /// The model can use the client's tools.
    pub dynamic_tools: bool,
    /// The model's items are reported verbatim.
    pub raw_events: bool,
    /// A running turn can be interrupted.
    pub interrupt: bool,
    /// A thread can be dropped, which frees its memory.
    pub unsubscribe: bool,
    /// A thread can be archived, which frees its memory too.
    pub archive: bool,
    /// The end of each upstream response is certain to be reported, so a response's tool calls are delivered together.
    pub whole_responses: bool,
    /// codex reviews changes.
    pub review: bool,
    /// codex lists its models.
    pub model_list: bool,
    /// codex reports its account.
    pub account_read: bool,
    /// codex reports the account's usage limits.
    pub rate_limits: bool,
    /// codex asks before it leaves the sandbox, and says exactly what it asks for.
    pub ask: bool,
    /// Its model can also ask questions, and for permissions.
    pub ask_questions: bool,
    /// Its model can generate images, if the account can.
    pub image_generation: bool,
    /// codex lists the user's MCP servers, so that they can be switched off.
    pub config_read: bool,
    /// codex stores threads, and says whether one has been continued elsewhere.
    pub keep: bool,
}

impl Capabilities {
    /// Parses the methods in codex's rejection of [`PROBE`]: every name between backquotes.
    pub(crate) fn from_rejection(rejection: &str) -> Self {
        let known: BTreeSet<&str> = rejection.split('`').skip(1).step_by(2).collect();
        let has = |method: &str| known.contains(method);
        Self {
            threads: has("thread/start") && has("turn/start"),
            inject_items: has("thread/inject_items"),
            interrupt: has("turn/interrupt"),
            unsubscribe: has("thread/unsubscribe"),
            archive: has("thread/archive"),
            review: has("review/start"),
            model_list: has("model/list"),
            account_read: has("account/read"),
            rate_limits: has("account/rateLimits/read"),
            config_read: has("config/read"),
            keep: KEEPS_WITH.iter().all(|method| has(method)),
            whole_responses: has(WHOLE_RESPONSES_SINCE),
            dynamic_tools: false,
            raw_events: false,
            ask: false,
            ask_questions: false,
            image_generation: false,
        }
    }

    /// Parses the approval policies in codex's rejection of [`PROBE`] as one.
    pub(crate) fn asks(rejection: &str) -> bool {
        rejection.contains("`on-request`") && rejection.contains(ASKS_SINCE_POLICY)
    }

    /// What remains when each turn is a `codex exec` process: killing it interrupts the turn.
    pub(crate) fn exec_only(self) -> Self {
        let Self { model_list, account_read, rate_limits, .. } = self;
        Self { model_list, account_read, rate_limits, interrupt: true, ..Self::default() }
    }

    /// Whether the model can use the client's tools.
    #[must_use]
    pub fn tools(&self) -> bool {
        self.threads && self.dynamic_tools && self.raw_events
    }

    /// Whether the model can read images.
    #[must_use]
    pub fn images(&self) -> bool {
        self.threads
    }

    /// Rejects a request that needs what this codex does not support.
    pub(crate) fn check(&self, request: &TurnRequest, version: &str) -> Result<(), CodexError> {
        let cannot = |what, since| Err(CodexError::CannotDo { version: version.to_owned(), what, since });
        if !request.profile.tools.is_empty() && !self.tools() {
            cannot("use the client's tools", "0.100")
        } else if request.profile.no_mcp_servers && !(self.threads && self.config_read) {
            cannot("switch MCP servers off", "0.120")
        } else if request.profile.no_web_search && !(self.threads && self.config_read) {
            // An older one may know the switch by another name, and ignore it.
            cannot("switch web search off", "0.120")
        } else if !self.images() && request.items.iter().any(Item::has_images) {
            cannot("read images in a conversation", "0.80")
        } else if request.profile.image_generation && !self.image_generation {
            cannot("generate images", "0.120")
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_parsed_from_the_rejection() {
        let capabilities = Capabilities::from_rejection(
            "Invalid request: unknown variant `x`, expected one of `initialize`, `thread/start`, `turn/start`, `model/list`",
        );
        assert!(capabilities.threads && capabilities.model_list);
        assert!(!capabilities.inject_items && !capabilities.interrupt);
    }

    #[test]
    fn rejection_without_method_names_means_no_threads() {
        assert_eq!(Capabilities::from_rejection("Invalid request"), Capabilities::default());
    }
}
