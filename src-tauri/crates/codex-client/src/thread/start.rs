//! Starts threads, and ends them.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::params::thread_start_params;
use crate::capabilities::Capabilities;
use crate::error::CodexError;
use crate::item::split_instructions;
use crate::request::{ThreadKind, ThreadProfile, TurnRequest};
use crate::rpc::Connection;

/// How long a thread may take to start; the user's MCP servers start with an agent's.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A thread to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewThread {
    pub(crate) profile: ThreadProfile,
    /// The client's instructions, which a plain model gets in the place of codex's own. They cannot be put in later.
    pub(crate) instructions: Option<String>,
}

/// A started thread.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct ReadyThread {
    pub(crate) id: String,
    /// The model that codex took.
    #[serde(skip)]
    pub(crate) model: String,
    /// The file that an older codex writes of it, though it was asked not to.
    pub(crate) path: Option<PathBuf>,
}

/// The answer to `thread/start`.
#[derive(Deserialize)]
struct Started {
    thread: ReadyThread,
    #[serde(default)]
    model: String,
}

impl NewThread {
    /// The thread that a request needs, and how many of its items are in the thread from the start.
    pub(crate) fn for_request(request: &TurnRequest) -> (Self, usize) {
        let (instructions, count) = match request.profile.kind {
            ThreadKind::Plain => {
                let (instructions, rest) = split_instructions(&request.items);
                (instructions, request.items.len() - rest.len())
            }
            // codex keeps its own instructions, and those of its user.
            ThreadKind::Agent => (None, 0),
        };
        (Self { profile: request.profile.clone(), instructions }, count)
    }
}

/// Starts a thread that is gone as soon as it is ended, and that a current codex writes to no file.
pub(crate) async fn start(
    rpc: &Connection,
    thread: &NewThread,
    trusted: bool,
) -> Result<ReadyThread, CodexError> {
    let mut params = thread_start_params(&thread.profile, thread.instructions.as_deref(), trusted);
    let mut started = rpc.call_within(START_TIMEOUT, "thread/start", params.clone()).await;
    if let (Err(CodexError::Refused { message, .. }), Some(tier)) = (&started, &thread.profile.service_tier)
        && message.contains(&format!("unknown variant `{tier}`"))
    {
        // Every other codex ignores a tier that it does not know.
        params["serviceTier"] = Value::Null;
        started = rpc.call_within(START_TIMEOUT, "thread/start", params).await;
    }
    let Started { thread, model } = started?;
    Ok(ReadyThread { model, ..thread })
}

/// Lets codex forget a thread. On failure codex is gone, or keeps the thread until it ends.
pub(crate) async fn end(rpc: &Connection, capabilities: &Capabilities, thread: &ReadyThread) {
    let method = match (capabilities, &thread.path) {
        (Capabilities { unsubscribe: true, .. }, _) => "thread/unsubscribe",
        // codex archives only what is in a file.
        (Capabilities { archive: true, .. }, Some(_)) => "thread/archive",
        _ => return,
    };
    if let Err(error) = rpc.call::<Value>(method, json!({ "threadId": thread.id })).await {
        tracing::debug!(%error, "a thread was not ended");
    }
}
