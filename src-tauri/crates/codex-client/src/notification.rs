//! The app-server's notifications, parsed once. Unknown fields are ignored, so that a newer codex does not break us.

mod config_warning;
mod failure;
mod picture;
mod thread_item;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::event::Usage;
use crate::rate_limits::Snapshot;

pub(crate) use config_warning::ConfigWarning;
pub(crate) use failure::{TurnError, failure, incomplete};
pub(crate) use picture::{ImageItem, picture_failure};
pub(crate) use thread_item::{ItemKind, ThreadItem};

/// Notifications that we never read; we ask codex not to send them.
pub(crate) const OPT_OUT: &[&str] = &[
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
    "turn/plan/updated",
];

/// The parameters that we read from notifications. All are optional, so one type serves every method; one without any of
/// them still counts as activity of its thread.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Notification<'a> {
    // Version 1 of the protocol calls it a conversation.
    #[serde(borrow, alias = "conversationId")]
    pub(crate) thread_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) item_id: Option<Cow<'a, str>>,
    /// Of a message, or of the reasoning summary.
    #[serde(borrow)]
    pub(crate) delta: Option<Cow<'a, str>>,
    /// A [`ThreadItem`], or the model's raw item. The latter can be large and few turns need it, so it is parsed later.
    #[serde(borrow)]
    pub(crate) item: Option<&'a RawValue>,
    /// Everything that the turn has changed so far, as a git patch.
    #[serde(borrow)]
    pub(crate) diff: Option<Cow<'a, str>>,
    pub(crate) turn: Option<TurnState>,
    /// The usage of one upstream response.
    pub(crate) usage: Option<Usage>,
    pub(crate) token_usage: Option<ThreadUsage>,
    pub(crate) error: Option<TurnError>,
    pub(crate) will_retry: bool,
    /// The model that upstream rerouted to.
    pub(crate) to_model: Option<String>,
    pub(crate) rate_limits: Option<Snapshot>,
    /// The request of codex that no longer waits.
    pub(crate) request_id: Option<Value>,
}

/// How a turn ended.
#[derive(Debug, Deserialize)]
pub(crate) struct TurnState {
    #[serde(default)]
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) status: String,
    pub(crate) error: Option<TurnError>,
}

/// A thread's usage: of its last response, and in total.
#[derive(Debug, Deserialize)]
pub(crate) struct ThreadUsage {
    pub(crate) last: Usage,
    #[serde(default)]
    pub(crate) total: Usage,
}

/// The startup status of an MCP server.
#[derive(Debug, Deserialize)]
pub(crate) struct McpServer {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) status: String,
    pub(crate) error: Option<String>,
}
