//! What is asked of the model in one turn.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::item::Item;

/// The two kinds of model.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// The country, by its two letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The time zone, such as `Europe/Berlin`.
    #[serde(skip_serializing_if = "Option::is_none")]
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
    /// Instructions for this answer alone, after those of the conversation.
    pub turn_instructions: Option<String>,
    /// How hard to think; `None` leaves it to the model.
    pub effort: Option<Effort>,
    /// Whether summaries of the reasoning are wanted.
    pub reasoning_summary: bool,
    /// A JSON schema that the answer must follow.
    pub output_schema: Option<Value>,
    /// Whether an answer may hold one call of a tool at most. Further ones of the same response come as answers of their own.
    pub one_call_at_a_time: bool,
}

/// What the commands that codex runs may do to this machine; the stricter mode is the lesser one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxMode {
    /// Read files, change nothing.
    #[default]
    ReadOnly,
    /// Change files below the working folder.
    WorkspaceWrite,
    /// Anything that the user may do.
    DangerFullAccess,
}

impl SandboxMode {
    /// The mode's name, as codex spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::WorkspaceWrite => "workspace-write",
            Self::DangerFullAccess => "danger-full-access",
        }
    }
}

/// How hard a model thinks, in codex's own words: `low`, `medium`, `high` and others by model.
pub type Effort = String;
