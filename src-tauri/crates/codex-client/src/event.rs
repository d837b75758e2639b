//! The events of a turn.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ask::Ask;
use crate::error::{CodexError, TurnFailure};
use crate::item::ToolCall;

/// An event of a running turn.
#[derive(Debug)]
pub enum TurnEvent {
    /// The model that answers: sent when the thread is ready, and again if upstream reroutes to another.
    Model(String),
    /// codex stores the thread, so that the chat can go on in codex itself.
    Kept(KeptChat),
    /// A delta of the answer.
    Text(String),
    /// A delta of the reasoning summary.
    Reasoning(String),
    /// An action that codex took.
    Item(ItemEvent),
    /// Pages that the last message cites, all of whose text has been sent. Their places are those in the answer's text.
    Citations(Vec<Citation>),
    /// A call to one of the client's tools. The answer ends after the last one; the next request carries their outputs.
    Call(ToolCall),
    /// codex waits for an answer. Only turns whose profile asks have these; dropping it declines.
    Asked(Ask),
    /// The result of a review: what it found, in codex's words. Only reviews have it.
    Reviewed(String),
    /// codex generates the picture with this id, which can take minutes.
    PictureStarted(String),
    /// A picture that codex generated.
    Picture(Picture),
    /// codex could not generate a picture. The model learns of it, and the turn goes on.
    PictureFailed(TurnFailure),
    /// What codex's own patches have changed in the turn so far, as a git patch, without what commands changed. At most one
    /// for each answer, before its end; one that is too long is left out.
    Diff(String),
    /// Everything so far stays part of the answer, even if upstream breaks off later and codex retries.
    Checkpoint,
    /// codex is retrying after an upstream error: text and reasoning since the last checkpoint do not count.
    Retrying(TurnFailure),
    /// The last event.
    Ended(Result<TurnEnd, CodexError>),
}

/// A chat that codex stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptChat {
    /// The id of its thread.
    pub thread: String,
    /// Its working folder.
    pub folder: PathBuf,
}

/// A picture that codex generated. The file that codex saves is removed with its thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Identifies it within its turn.
    pub id: String,
    /// The file in base64: a PNG, as far as observed. Clones share it.
    pub base64: Arc<str>,
    /// The prompt that the model made of the user's.
    pub prompt: Option<String>,
}

/// An action that codex took during a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemEvent {
    /// A command; reported when it starts and when it ends.
    Command {
        /// The command line.
        command: String,
        /// Whether it has ended.
        ended: bool,
        /// Its exit code; `None` while it runs, and when it never ran.
        exit_code: Option<i64>,
        /// `None` while it runs.
        duration_ms: Option<u64>,
        /// Whether it was refused permission to run.
        declined: bool,
    },
    /// A file change, which may have failed or been declined.
    FileChange {
        /// Their paths.
        paths: Vec<String>,
        /// Whether it was applied.
        done: bool,
    },
    /// A web search; reported when it starts and when it ends.
    WebSearch(WebSearchCall),
    /// A call to an MCP server's tool.
    McpCall {
        /// The server.
        server: String,
        /// The tool.
        tool: String,
        /// Whether it failed.
        failed: bool,
    },
    /// An MCP server from the user's settings failed to start, so its tools are missing.
    McpMissing {
        /// The server.
        server: String,
    },
    /// codex asked for approval, which was declined.
    Declined {
        /// What it asked for, in a few words.
        what: &'static str,
    },
}

/// A web search. It is part of upstream's response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebSearchCall {
    /// The same when it starts and when it ends.
    pub id: String,
    /// What it looks for, in codex's words; may be empty until it ends.
    pub query: String,
    /// What it does; `None` if codex does not say.
    pub action: Option<WebSearchAction>,
    /// Whether it has ended.
    pub ended: bool,
}

/// What a web search does.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum WebSearchAction {
    /// It searches for pages.
    Search {
        /// The first query.
        #[serde(default)]
        query: Option<String>,
        /// All queries.
        #[serde(default)]
        queries: Option<Vec<String>>,
    },
    /// It opens a page.
    #[serde(alias = "open_page")]
    OpenPage {
        /// The page's address.
        #[serde(default)]
        url: Option<String>,
    },
    /// It looks for a text in a page.
    #[serde(alias = "find_in_page")]
    FindInPage {
        /// The page's address.
        #[serde(default)]
        url: Option<String>,
        /// The text.
        #[serde(default)]
        pattern: Option<String>,
    },
    /// Something else.
    #[serde(other)]
    Other,
}

/// A page that a text cites.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Citation {
    /// Where the citing text begins, counted in code points.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// The page's address.
    pub url: String,
    /// The page's title.
    pub title: String,
}

impl ItemEvent {
    /// Whether codex itself did this, so that a retry does not undo it. A web search is part of upstream's response.
    pub(crate) fn is_lasting(&self) -> bool {
        !matches!(self, Self::WebSearch(_))
    }
}

/// How a successful turn ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TurnEnd {
    /// `None` when codex did not report it.
    pub usage: Option<Usage>,
    /// Whether it was interrupted before the model finished.
    pub interrupted: bool,
    /// Why upstream ended the answer early, if it did.
    pub incomplete: Option<Incomplete>,
}

/// Why upstream ended an answer early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incomplete {
    /// The response reached its maximum number of tokens.
    MaxOutputTokens,
    /// A content filter stopped it.
    ContentFilter,
}

/// Tokens of a turn, summed over its upstream responses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Input tokens, including cached ones.
    #[serde(rename = "inputTokens", alias = "input_tokens")]
    pub input: u64,
    /// Input tokens served from upstream's cache.
    #[serde(rename = "cachedInputTokens", alias = "cached_input_tokens")]
    pub cached: u64,
    /// Output tokens, including reasoning.
    #[serde(rename = "outputTokens", alias = "output_tokens")]
    pub output: u64,
    /// Reasoning tokens.
    #[serde(rename = "reasoningOutputTokens", alias = "reasoning_output_tokens")]
    pub reasoning: u64,
}

impl std::ops::Sub for Usage {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_sub(other.input),
            cached: self.cached.saturating_sub(other.cached),
            output: self.output.saturating_sub(other.output),
            reasoning: self.reasoning.saturating_sub(other.reasoning),
        }
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        // Upstream reports these counts; a wrong one must not crash the program.
        self.input = self.input.saturating_add(other.input);
        self.cached = self.cached.saturating_add(other.cached);
        self.output = self.output.saturating_add(other.output);
        self.reasoning = self.reasoning.saturating_add(other.reasoning);
    }
}

impl TurnEvent {
    pub(crate) fn is_end(&self) -> bool {
        matches!(self, Self::Ended(_))
    }

    /// The size of its picture in bytes.
    pub(crate) fn picture_bytes(&self) -> usize {
        if let Self::Picture(picture) = self { picture.base64.len() } else { 0 }
    }

    /// The size of its text in bytes.
    pub(crate) fn text_bytes(&self) -> usize {
        match self {
            Self::Model(text)
            | Self::Text(text)
            | Self::Reasoning(text)
            | Self::Reviewed(text)
            | Self::PictureStarted(text) => text.len(),
            Self::Retrying(failure) | Self::PictureFailed(failure) => failure.message.len(),
            Self::Item(ItemEvent::Command { command, .. }) => command.len(),
            Self::Item(ItemEvent::FileChange { paths, .. }) => paths.iter().map(String::len).sum(),
            Self::Call(call) => call.name.len() + call.arguments.len(),
            Self::Item(ItemEvent::WebSearch(call)) => call.query.len(),
            Self::Citations(citations) => {
                citations.iter().map(|citation| citation.url.len() + citation.title.len()).sum()
            }
            Self::Asked(ask) => ask.question.text_bytes(),
            // Pictures have a limit of their own; of patches there is one, and its length is limited.
            Self::Picture(_)
            | Self::Kept(_)
            | Self::Diff(_)
            | Self::Item(_)
            | Self::Checkpoint
            | Self::Ended(_) => 0,
        }
    }
}
