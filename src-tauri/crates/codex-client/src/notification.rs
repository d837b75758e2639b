//! The notifications of the app-server, parsed once.
//!
//! Not here: what other clients of the same codex do (thread lists, read states), partial output of commands, and the
//! items of a history that we injected ourselves. Unknown fields are ignored, so that a newer codex does not break us.

mod failure;
mod thread_item;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::account::RateLimits;
use crate::event::Usage;

pub(crate) use failure::{TurnError, failure};
pub(crate) use thread_item::{ItemKind, ThreadItem};

/// Notifications that we never read; codex is asked not to send them.
pub(crate) const OPT_OUT: &[&str] = &[
    "configWarning",
    "remoteControl/status/changed",
    "thread/started",
    "thread/status/changed",
    "thread/closed",
    "thread/name/updated",
    "thread/settings/updated",
    "skills/changed",
    "app/list/updated",
    "item/commandExecution/outputDelta",
    "item/fileChange/outputDelta",
    "item/fileChange/patchUpdated",
    "item/plan/delta",
    "turn/diff/updated",
    "turn/plan/updated",
];

/// A notification, by the parameters that we read. All are optional: one parse serves every method, and one without any
/// that we read is a sign of life of its thread.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Notification<'a> {
    // The requests of the protocol's first version call it a conversation.
    #[serde(borrow, alias = "conversationId")]
    pub(crate) thread_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) item_id: Option<Cow<'a, str>>,
    /// A piece of a message, or of the reasoning's summary.
    #[serde(borrow)]
    pub(crate) delta: Option<Cow<'a, str>>,
    /// A [`ThreadItem`], or an item as the model wrote it. The latter can be large and few turns need it, so it is not parsed
    /// here.
    #[serde(borrow)]
    pub(crate) item: Option<&'a RawValue>,
    pub(crate) turn: Option<TurnState>,
    /// What an upstream response has cost.
    pub(crate) usage: Option<Usage>,
    pub(crate) token_usage: Option<ThreadUsage>,
    pub(crate) error: Option<TurnError>,
    pub(crate) will_retry: bool,
    /// The model that the upstream took in the place of another.
    pub(crate) to_model: Option<String>,
    pub(crate) rate_limits: Option<RateLimits>,
}

/// How a turn ended.
#[derive(Debug, Deserialize)]
pub(crate) struct TurnState {
    #[serde(default)]
    pub(crate) status: String,
    pub(crate) error: Option<TurnError>,
}

/// Tokens that a thread has cost, in its last response and in all.
#[derive(Debug, Deserialize)]
pub(crate) struct ThreadUsage {
    pub(crate) last: Usage,
    #[serde(default)]
    pub(crate) total: Usage,
}

/// How the start of an MCP server goes.
#[derive(Debug, Deserialize)]
pub(crate) struct McpServer {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) status: String,
    pub(crate) error: Option<String>,
}
