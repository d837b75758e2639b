//! The events of a turn.

use serde::Deserialize;

use crate::error::CodexError;
use crate::item::ToolCall;

/// An event of a running turn.
#[derive(Clone, Debug)]
pub enum TurnEvent {
    /// The model that answers: first when the thread is ready, and again if the upstream takes another.
    Model(String),
    /// A piece of the answer, as it came.
    Text(String),
    /// A piece of the reasoning's summary.
    Reasoning(String),
    /// An action that codex took.
    Item(ItemEvent),
    /// A call of one of the client's tools. The answer ends after the last one; the next request brings their outputs.
    Call(ToolCall),
    /// codex retries after an upstream error, in codex's words.
    Retrying(String),
    /// The end; nothing comes after it.
    Ended(Result<TurnEnd, CodexError>),
}

/// An action that codex took during a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemEvent {
    /// A command; once when it starts, and once when it has ended.
    Command {
        /// The command line.
        command: String,
        /// Whether it has ended.
        ended: bool,
        /// Its exit code; `None` while it runs, and when it never ran.
        exit_code: Option<i64>,
        /// How long it took, in milliseconds; `None` while it runs.
        duration_ms: Option<u64>,
        /// Whether it was not allowed to run.
        declined: bool,
    },
    /// Files that were changed, or were not: the change may have failed or been declined.
    FileChange {
        /// Their paths.
        paths: Vec<String>,
        /// Whether it was done.
        done: bool,
    },
    /// A web search.
    WebSearch {
        /// What was searched for.
        query: String,
    },
    /// A call of an MCP server's tool.
    McpCall {
        /// The server.
        server: String,
        /// The tool.
        tool: String,
        /// Whether it failed.
        failed: bool,
    },
    /// An MCP server of the user's settings that does not run, so that its tools are missing.
    McpMissing {
        /// The server.
        server: String,
    },
    /// codex asked for consent and was refused.
    Declined {
        /// To what, in a few words.
        what: &'static str,
    },
}

/// How a turn ended well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TurnEnd {
    /// What it cost; `None` when codex did not say.
    pub usage: Option<Usage>,
    /// Whether it was interrupted before the model was done.
    pub interrupted: bool,
}

/// Tokens of a turn, summed over the upstream responses that it took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Tokens read, the cached ones included.
    #[serde(rename = "inputTokens", alias = "input_tokens")]
    pub input: u64,
    /// Tokens read that came from the upstream's cache.
    #[serde(rename = "cachedInputTokens", alias = "cached_input_tokens")]
    pub cached: u64,
    /// Tokens written, the reasoning included.
    #[serde(rename = "outputTokens", alias = "output_tokens")]
    pub output: u64,
    /// Tokens of the reasoning.
    #[serde(rename = "reasoningOutputTokens", alias = "reasoning_output_tokens")]
    pub reasoning: u64,
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, more: Self) {
        // Counts come from outside; a wrong one must not end the program.
        self.input = self.input.saturating_add(more.input);
        self.cached = self.cached.saturating_add(more.cached);
        self.output = self.output.saturating_add(more.output);
        self.reasoning = self.reasoning.saturating_add(more.reasoning);
    }
}

impl TurnEvent {
    pub(crate) fn is_end(&self) -> bool {
        matches!(self, Self::Ended(_))
    }

    /// The bytes of text that it holds on to.
    pub(crate) fn text_bytes(&self) -> usize {
        match self {
            Self::Model(text) | Self::Text(text) | Self::Reasoning(text) | Self::Retrying(text) => text.len(),
            Self::Item(ItemEvent::Command { command, .. }) => command.len(),
            Self::Item(ItemEvent::FileChange { paths, .. }) => paths.iter().map(String::len).sum(),
            Self::Call(call) => call.name.len() + call.arguments.len(),
            Self::Item(_) | Self::Ended(_) => 0,
        }
    }
}
