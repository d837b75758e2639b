//! One run of the model: what is asked of it, what it tells while it runs, and the task that sees it through.
//!
//! The task outlives the [`Turn`] handle on purpose: when the handle is dropped, it interrupts the run and gives the
//! thread back before it ends.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::SemaphorePermit;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::ahead::ReadyThread;
use crate::connection::{Connection, TURN_ANSWER_LIMIT};
use crate::error::CodexError;
use crate::mailbox::{self, mailbox};
use crate::protocol::{Content, Effort, Item, SandboxMode, TurnStarted};

/// What sets the two kinds of model apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ThreadKind {
    /// The model alone: nothing to read but what the client sent, and no tools of codex's own.
    Plain,
    /// Codex itself, with its instructions and tools, in the working folder.
    Agent,
}

/// What a thread is started with. Two turns with the same profile can use each other's threads started ahead.
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
}

/// One turn to run.
#[derive(Clone, Debug)]
pub struct TurnRequest {
    /// What the thread is started with.
    pub profile: ThreadProfile,
    /// The conversation so far, in order.
    pub history: Vec<Item>,
    /// What is said now; empty when the conversation goes on from its history, as after a tool's output.
    pub input: Vec<Content>,
    /// How hard to think; `None` leaves it to the model.
    pub effort: Option<Effort>,
    /// Whether summaries of the reasoning are wanted.
    pub reasoning_summary: bool,
    /// A JSON schema that the answer must follow.
    pub output_schema: Option<Value>,
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
        /// Its exit code; `None` while it runs.
        exit_code: Option<i64>,
        /// How long it took, in milliseconds.
        duration_ms: Option<u64>,
        /// Whether it was not allowed to run.
        declined: bool,
    },
    /// Files that were changed.
    FileChange {
        /// Their paths.
        paths: Vec<String>,
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
            Self::Item(ItemEvent::FileChange { paths }) => paths.iter().map(String::len).sum(),
            Self::Item(_) | Self::Ended(_) => 0,
        }
    }
}

/// A running turn. Dropping it interrupts the run.
#[derive(Debug)]
pub struct Turn {
    events: mailbox::Receiver,
    _interrupt: DropGuard,
}

impl Turn {
    /// Starts `request` on `connection`. What goes wrong comes as the last event.
    pub(crate) fn start(connection: &Arc<Connection>, request: TurnRequest) -> Self {
        let (post, events) = mailbox();
        let interrupt = CancellationToken::new();
        let run =
            Run { connection: Arc::clone(connection), post: post.clone(), interrupt: interrupt.clone() };
        connection.tasks.spawn(async move {
            if let Err(error) = run.through(request).await {
                post.post(TurnEvent::Ended(Err(error)));
            }
        });
        Self { events, _interrupt: interrupt.drop_guard() }
    }

    /// The next event; `None` after the end.
    pub async fn next(&mut self) -> Option<TurnEvent> {
        self.events.next().await
    }
}

/// The task behind a turn.
struct Run {
    connection: Arc<Connection>,
    post: mailbox::Sender,
    interrupt: CancellationToken,
}

impl Run {
    async fn through(self, request: TurnRequest) -> Result<(), CodexError> {
        let profile = &request.profile;
        let start = tokio::select! {
            start = self.connection.starts.acquire() => start.map_err(|_| CodexError::Disconnected)?,
            () = self.interrupt.cancelled() => return Ok(()),
            () = self.connection.closed.cancelled() => return Err(CodexError::Disconnected),
        };
        let thread = match self.connection.ahead.take(profile) {
            Some(thread) => thread,
            None => self.connection.start_thread(profile).await?,
        };
        let outcome = self.on(&thread, request, start).await;
        self.connection.give_up_thread(&thread.id).await;
        outcome
    }

    /// Runs the turn on a thread, and gives its place among those that start back once it runs.
    async fn on(
        &self,
        thread: &ReadyThread,
        request: TurnRequest,
        start: SemaphorePermit<'_>,
    ) -> Result<(), CodexError> {
        let route = self.connection.routes.add(&thread.id, self.post.clone(), self.interrupt.clone())?;
        self.post.post(TurnEvent::Model(thread.model.clone()));
        if !request.history.is_empty() {
            let items: Vec<Value> = request.history.iter().map(Item::to_raw).collect();
            let params = json!({ "threadId": thread.id, "items": items });
            self.connection.call::<Value>("thread/inject_items", params).await?;
        }
        if self.interrupt.is_cancelled() {
            return Ok(());
        }
        let input: Vec<Value> = request.input.iter().map(Content::to_input).collect();
        let mut params = json!({ "threadId": thread.id, "input": input });
        if let Some(effort) = request.effort {
            params["effort"] = effort.into();
        }
        if request.reasoning_summary {
            params["summary"] = "auto".into();
        }
        if let Some(schema) = request.output_schema {
            params["outputSchema"] = schema;
        }
        let turn: TurnStarted = self.connection.call("turn/start", params).await?;
        drop(start);
        // While the model speaks codex has little to do: the time to start threads for the chats to come.
        tokio::select! {
            () = route.spoke() => {}
            () = route.ended() => {}
            () = self.interrupt.cancelled() => {}
        }
        self.connection.ahead.want(request.profile);
        tokio::select! {
            () = route.ended() => return Ok(()),
            () = self.interrupt.cancelled() => {}
        }
        let params = json!({ "threadId": thread.id, "turnId": turn.turn.id });
        self.connection.call::<Value>("turn/interrupt", params).await?;
        // codex says `interrupted` within milliseconds; a thread that does not is given up all the same.
        let _ = tokio::time::timeout(TURN_ANSWER_LIMIT, route.ended()).await;
        Ok(())
    }
}
