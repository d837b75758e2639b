//! One run of the model: what is asked of it, what it tells while it runs, and the handle to it.
//!
//! The task behind it is `run`. It outlives the [`Turn`] handle on purpose: when the handle is dropped, it interrupts the
//! run and gives the thread up before it ends.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::error::CodexError;
use crate::item::{Effort, Item, SandboxMode, ToolCall};
use crate::legacy::exec;
use crate::rpc::connection::Connection;
use crate::session::turn_task::{Job, Run};
use crate::thread::fingerprint::Chain;
use crate::turn::event_queue::{self, mailbox};

/// What sets the two kinds of model apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ThreadKind {
    /// The model alone: nothing to read but what the client sent, and no tools of codex's own.
    Plain,
    /// Codex itself, with its instructions and tools, in the working folder.
    Agent,
}

/// What a thread is started with, beside the client's instructions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ThreadProfile {
    /// The model alone, or Codex itself.
    pub kind: ThreadKind,
    /// The model; `None` takes the one that the user's codex is configured for.
    pub model: Option<String>,
    /// The working folder, an absolute path.
    pub workspace: PathBuf,
    /// What commands may do.
    pub sandbox: SandboxMode,
    /// The client's tools.
    pub tools: Arc<[Tool]>,
    /// `low`, `medium` or `high`; `None` leaves it to the model.
    pub verbosity: Option<String>,
    /// The service tier; `None` leaves it to codex's settings. codex passes over one that it does not know.
    pub service_tier: Option<String>,
    /// Whether the model may search the web, and how. `None` is no for a plain model, and the user's own settings for the agent.
    pub web_search: Option<WebSearch>,
}

/// How the model searches the web.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct WebSearch {
    /// How much of what it finds it reads: `low`, `medium` or `high`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_size: Option<String>,
    /// Where the person is that it searches for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<WebSearchLocation>,
}

/// Where somebody is, roughly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WebSearchLocation {
    /// The city.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// The country, by its two letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The time zone, such as `Europe/Berlin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

/// A tool of the client's, as codex takes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tool {
    /// Its name: letters, digits, `_` and `-`.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The JSON schema of its arguments, as text. codex passes on only the keywords that it knows.
    pub schema: String,
}

/// One turn to run.
#[derive(Clone, Debug)]
pub struct TurnRequest {
    /// What the thread is started with.
    pub profile: ThreadProfile,
    /// Whose threads it may go on in: those of another owner are never used.
    pub owner: String,
    /// The whole conversation, in order.
    pub items: Vec<Item>,
    /// What the model is told for this answer alone, after the conversation's instructions.
    pub note: Option<String>,
    /// How hard to think; `None` leaves it to the model.
    pub effort: Option<Effort>,
    /// Whether summaries of the reasoning are wanted.
    pub reasoning_summary: bool,
    /// A JSON schema that the answer must follow.
    pub output_schema: Option<Value>,
    /// Whether an answer may hold one call of a tool at most. Further ones of the same response come as answers of their own.
    pub one_call_at_a_time: bool,
}

/// What a turn tells while it runs.
#[derive(Clone, Debug)]
pub enum TurnEvent {
    /// The model that answers: first when the thread is ready, and again if the upstream takes another.
    Model(String),
    /// A piece of the answer, as it came.
    Text(String),
    /// A piece of the reasoning's summary.
    Reasoning(String),
    /// Something that codex did on this machine or elsewhere.
    Item(ItemEvent),
    /// A call of one of the client's tools. The answer ends after the last one; the next request brings their outputs.
    Call(ToolCall),
    /// codex tries again after an error of the upstream, in codex's words.
    Retrying(String),
    /// The end; nothing comes after it.
    Ended(Result<TurnEnd, CodexError>),
}

/// Something that codex did during a turn.
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
    /// codex asked for consent to something, and was refused.
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
    #[serde(rename = "inputTokens")]
    pub input: u64,
    /// Tokens read that came from the upstream's cache.
    #[serde(rename = "cachedInputTokens")]
    pub cached: u64,
    /// Tokens written, the reasoning included.
    #[serde(rename = "outputTokens")]
    pub output: u64,
    /// Tokens of the reasoning.
    #[serde(rename = "reasoningOutputTokens")]
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

/// A running turn. Dropping it interrupts the run.
#[derive(Debug)]
pub struct Turn {
    events: event_queue::Receiver,
    _interrupt: DropGuard,
}

impl Turn {
    /// Starts `request` on `connection`: in the thread that has gone furthest in its conversation, if one was kept, and
    /// else in a new one. What goes wrong comes as the last event.
    pub(crate) fn start(connection: &Arc<Connection>, request: TurnRequest) -> Self {
        let (post, events) = mailbox();
        let interrupt = CancellationToken::new();
        if connection.exec().is_some() {
            exec::spawn(connection, request, post, interrupt.clone());
            return Self { events, _interrupt: interrupt.drop_guard() };
        }
        let chain = Chain::of(&request);
        let kept = connection.kept.take(&chain, &request.items);
        let mut job = Job { request, chain, has: 0, post, interrupt: interrupt.clone() };
        if let Some((thread, has)) = kept {
            job.has = has;
            match thread.send(job) {
                Ok(()) => return Self { events, _interrupt: interrupt.drop_guard() },
                // Its time was up in this very moment.
                Err(back) => job = Job { has: 0, ..back },
            }
        }
        let counted = connection.turns.token();
        let run = Run::new(Arc::clone(connection)).through(job);
        connection.tasks.spawn(async move {
            run.await;
            drop(counted);
        });
        Self { events, _interrupt: interrupt.drop_guard() }
    }

    /// Since when codex has said nothing at all of this turn. `None` while it runs a command or waits for a tool of its own: it
    /// has said so, and need not say more until that has ended.
    #[must_use]
    pub fn silent_since(&self) -> Option<Instant> {
        self.events.silent_since()
    }

    /// The next event; `None` after the end.
    pub async fn next(&mut self) -> Option<TurnEvent> {
        self.events.next().await
    }
}
