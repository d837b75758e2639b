//! The parameters of a turn.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::item::Item;

/// The two kinds of model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ThreadKind {
    /// The model alone: only the client's messages, and none of codex's tools.
    Plain,
    /// Codex itself, with its instructions and tools, in the working folder.
    Agent,
}

/// What a thread is started with, apart from the client's instructions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ThreadProfile {
    /// The model alone, or Codex itself.
    pub kind: ThreadKind,
    /// The model; `None` for the user's configured one.
    pub model: Option<String>,
    /// The working folder, an absolute path.
    pub workspace: PathBuf,
    /// What commands may do.
    pub sandbox: SandboxMode,
    /// The client's tools.
    pub tools: Arc<[Tool]>,
    /// `low`, `medium` or `high`; `None` leaves it to the model.
    pub verbosity: Option<String>,
    /// The service tier; `None` leaves it to codex's settings. codex ignores an unknown tier.
    pub service_tier: Option<String>,
    /// Whether codex may ask before it leaves the sandbox, instead of being declined. Only for the agent, and not with full
    /// access.
    pub ask: bool,
    /// Web search. `None` switches it off for a plain model, and leaves it to the user's settings for the agent.
    pub web_search: Option<WebSearch>,
    /// Whether to switch web search off for the agent, whatever the user's settings say.
    pub no_web_search: bool,
    /// Whether the agent runs without the user's MCP servers, and without apps and plugins, which bring further ones.
    pub no_mcp_servers: bool,
    /// Instructions for the agent, in addition to codex's and before the client's.
    pub developer_instructions: Option<String>,
    /// Whether codex stores the thread, so that its chat goes on after a restart and in codex itself. Only for the agent.
    pub keep: bool,
    /// Whether the model can generate images. Without it, a plain model cannot, and the agent can if the user's settings let it.
    pub image_generation: bool,
}

impl ThreadProfile {
    /// A plain model in this folder, with nothing switched on.
    #[must_use]
    pub fn plain(workspace: PathBuf) -> Self {
        Self {
            kind: ThreadKind::Plain,
            model: None,
            workspace,
            sandbox: SandboxMode::ReadOnly,
            tools: Arc::default(),
            verbosity: None,
            service_tier: None,
            ask: false,
            web_search: None,
            no_web_search: false,
            no_mcp_servers: false,
            developer_instructions: None,
            keep: false,
            image_generation: false,
        }
    }

    /// Whether its turns ask: plain models have nothing to ask, and with full access everything is allowed.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.ask && self.kind == ThreadKind::Agent && self.sandbox != SandboxMode::DangerFullAccess
    }
}

/// The options of web search.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct WebSearch {
    /// How much of the results the model reads: `low`, `medium` or `high`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_size: Option<String>,
    /// The user's approximate location.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<WebSearchLocation>,
    /// The only domains to search; all if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_domains: Vec<String>,
    /// Whether to search only what upstream has cached.
    #[serde(skip)]
    pub cached_only: bool,
}

/// The user's approximate location.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WebSearchLocation {
    /// The city.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// The two-letter country code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The time zone, such as `Europe/Berlin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

/// One of the client's tools.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tool {
    /// Letters, digits, `_` and `-`.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The JSON schema of its arguments, as text. codex drops unknown keywords.
    pub schema: String,
}

/// One turn to run.
#[derive(Clone, Debug)]
pub struct TurnRequest {
    /// What the thread is started with.
    pub profile: ThreadProfile,
    /// A cached thread is only reused for the same owner.
    pub owner: String,
    /// The whole conversation, in order.
    pub items: Vec<Item>,
    /// Instructions for this answer only, after those of the conversation.
    pub turn_instructions: Option<String>,
    /// The reasoning effort; `None` leaves it to the model.
    pub effort: Option<Effort>,
    /// Whether to summarize the reasoning.
    pub reasoning_summary: bool,
    /// A JSON schema that the answer must follow.
    pub output_schema: Option<Value>,
    /// How many of the last items the client does not have and will not send again.
    pub unseen_items: usize,
    /// Whether an answer may contain at most one tool call. Further calls of the same response become separate answers.
    pub one_call_at_a_time: bool,
    /// Whether no request will continue the conversation, so its thread is not cached.
    pub one_shot: bool,
}

impl TurnRequest {
    /// Whether codex is to store the thread. Without tools of the client's, whose calls codex does not report in full once it
    /// has resumed a thread, and only if the thread will have the conversation as the client knows it.
    pub(crate) fn keeps(&self) -> bool {
        let Self { profile, turn_instructions, one_shot, .. } = self;
        profile.keep
            && profile.kind == ThreadKind::Agent
            && profile.tools.is_empty()
            && turn_instructions.is_none()
            && !one_shot
    }

    /// What a review has of a turn.
    pub(crate) fn review(profile: ThreadProfile) -> Self {
        Self {
            profile: ThreadProfile { keep: false, ..profile },
            owner: String::new(),
            items: Vec::new(),
            turn_instructions: None,
            effort: None,
            reasoning_summary: false,
            output_schema: None,
            unseen_items: 0,
            one_call_at_a_time: false,
            one_shot: true,
        }
    }
}

/// What the commands that codex runs may do. Stricter modes compare as less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxMode {
    /// Read files, change nothing.
    #[default]
    ReadOnly,
    /// Change files in the working folder.
    WorkspaceWrite,
    /// Anything the user may do.
    DangerFullAccess,
}

impl SandboxMode {
    /// codex's name for the mode.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::WorkspaceWrite => "workspace-write",
            Self::DangerFullAccess => "danger-full-access",
        }
    }
}

/// A reasoning effort by codex's name: `low`, `medium`, `high` and others, depending on the model.
pub type Effort = String;
