//! Starts and ends threads.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::params::{thread_start_params, without_mcp_servers};
use crate::capabilities::Capabilities;
use crate::error::{CodexError, FailureKind, TurnFailure};
use crate::item::split_instructions;
use crate::reason::brief;
use crate::request::{SandboxMode, ThreadKind, ThreadProfile, TurnRequest};
use crate::rpc::Connection;

/// How long a thread may take to start; an agent thread also starts the user's MCP servers.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A thread to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewThread {
    pub(crate) profile: ThreadProfile,
    /// The client's instructions, which replace codex's own for a plain model. They cannot be changed later.
    pub(crate) instructions: Option<String>,
}

/// A started thread.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct ReadyThread {
    pub(crate) id: String,
    /// The model that codex selected.
    #[serde(skip)]
    pub(crate) model: String,
    /// The thread's file, which an older codex writes even if `ephemeral`.
    pub(crate) path: Option<PathBuf>,
}

/// The response to `thread/start`.
#[derive(Deserialize)]
struct Started {
    thread: ReadyThread,
    #[serde(default)]
    model: String,
    #[serde(default)]
    sandbox: Value,
}

/// How codex begins its refusal of a client's tool.
const BAD_TOOL: &str = "dynamic tool";

/// How codex begins its refusal of a thread because of its configuration.
const BAD_CONFIG: &str = "failed to load configuration: ";

impl NewThread {
    /// The thread that a request needs, and how many of its items the thread has from the start.
    pub(crate) fn for_request(request: &TurnRequest) -> (Self, usize) {
        let (instructions, count) = match request.profile.kind {
            ThreadKind::Plain => {
                let (instructions, rest) = split_instructions(&request.items);
                (instructions, request.items.len() - rest.len())
            }
            // An agent keeps codex's own instructions and the user's.
            ThreadKind::Agent => (None, 0),
        };
        (Self { profile: request.profile.clone(), instructions }, count)
    }
}

/// Starts an ephemeral thread: it is gone once ended, and a current codex does not write it to a file. Also returns the
/// sandbox mode that codex chose, if it says so.
pub(crate) async fn start(
    rpc: &Connection,
    thread: &NewThread,
    trusted: bool,
) -> Result<(ReadyThread, Option<SandboxMode>), CodexError> {
    let mut params = thread_start_params(&thread.profile, thread.instructions.as_deref(), trusted);
    if thread.profile.no_mcp_servers && thread.profile.kind == ThreadKind::Agent {
        without_mcp_servers(&mut params, mcp_servers(rpc, &thread.profile.workspace).await?.keys());
    }
    let mut started = rpc.call_within(START_TIMEOUT, "thread/start", params.clone()).await;
    if let (Err(CodexError::Refused { message, .. }), Some(tier)) = (&started, &thread.profile.service_tier)
        && message.contains(&format!("unknown variant `{tier}`"))
    {
        // Other versions ignore an unknown tier.
        params["serviceTier"] = Value::Null;
        started = rpc.call_within(START_TIMEOUT, "thread/start", params).await;
    }
    let Started { thread, model, sandbox } = started.map_err(refused)?;
    let sandbox = match sandbox["type"].as_str() {
        Some("readOnly") => Some(SandboxMode::ReadOnly),
        Some("workspaceWrite") => Some(SandboxMode::WorkspaceWrite),
        Some("dangerFullAccess") => Some(SandboxMode::DangerFullAccess),
        _ => None,
    };
    Ok((ReadyThread { model, ..thread }, sandbox))
}

/// The MCP servers of the user's configuration, as seen from `folder`: a project may have its own.
async fn mcp_servers(rpc: &Connection, folder: &Path) -> Result<Map<String, Value>, CodexError> {
    #[derive(Deserialize)]
    struct Read {
        config: Config,
    }
    #[derive(Deserialize)]
    struct Config {
        #[serde(default)]
        mcp_servers: Option<Map<String, Value>>,
    }
    let read: Read = rpc.call("config/read", json!({ "cwd": folder })).await?;
    Ok(read.config.mcp_servers.unwrap_or_default())
}

/// Distinguishes what the client, what the user's configuration, and what codex is to blame for.
fn refused(error: CodexError) -> CodexError {
    let CodexError::Refused { method, message } = error else { return error };
    if message.starts_with(BAD_TOOL) {
        return CodexError::Turn(TurnFailure::new(FailureKind::BadTool, brief(&message)));
    }
    match message.strip_prefix(BAD_CONFIG) {
        Some(reason) => CodexError::BadConfig { reason: brief(reason) },
        None => CodexError::Refused { method, message: brief(&message) },
    }
}

/// Makes codex drop a thread. On failure codex is gone, or keeps the thread until it exits.
pub(crate) async fn end(rpc: &Connection, capabilities: &Capabilities, thread: &ReadyThread) {
    let method = match (capabilities, &thread.path) {
        (Capabilities { unsubscribe: true, .. }, _) => "thread/unsubscribe",
        // codex only archives threads that have a file.
        (Capabilities { archive: true, .. }, Some(_)) => "thread/archive",
        _ => return,
    };
    if let Err(error) = rpc.call::<Value>(method, json!({ "threadId": thread.id })).await {
        tracing::debug!(%error, "ending a thread failed");
    }
}
