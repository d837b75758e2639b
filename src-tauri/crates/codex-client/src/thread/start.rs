//! Starts and ends threads.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::kept::KeptThread;
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
    /// The last turn, if it was asked for.
    #[serde(rename = "initialTurnsPage")]
    last_turns: Option<Turns>,
}

/// A page of turns.
#[derive(Deserialize)]
struct Turns {
    data: Vec<LastTurn>,
}

#[derive(Deserialize)]
struct LastTurn {
    id: String,
}

/// How long codex may take to close a thread that is to be resumed, which takes it milliseconds, and how often to try again.
const CLOSING_TIMEOUT: Duration = Duration::from_secs(2);
const CLOSING_INTERVAL: Duration = Duration::from_millis(10);

/// Part of codex's refusal to resume a thread that it still closes, and one that another process has open.
const CLOSING: &str = "is closing";
const IN_USE: &str = "active writer";

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

/// Starts a thread. Unless it is kept, it is ephemeral: it is gone once ended, and a current codex does not write it to a file. Also returns the
/// sandbox mode that codex chose, if it says so.
pub(crate) async fn start(
    rpc: &Connection,
    thread: &NewThread,
    trusted: bool,
) -> Result<(ReadyThread, Option<SandboxMode>), CodexError> {
    let mut params = start_params(rpc, thread, trusted).await?;
    let mut started = rpc.call_within(START_TIMEOUT, "thread/start", params.clone()).await;
    if let (Err(CodexError::Refused { message, .. }), Some(tier)) = (&started, &thread.profile.service_tier)
        && message.contains(&format!("unknown variant `{tier}`"))
    {
        // Other versions ignore an unknown tier.
        params["serviceTier"] = Value::Null;
        started = rpc.call_within(START_TIMEOUT, "thread/start", params).await;
    }
    let Started { thread, model, sandbox, .. } = started.map_err(refused)?;
    let sandbox = match sandbox["type"].as_str() {
        Some("readOnly") => Some(SandboxMode::ReadOnly),
        Some("workspaceWrite") => Some(SandboxMode::WorkspaceWrite),
        Some("dangerFullAccess") => Some(SandboxMode::DangerFullAccess),
        _ => None,
    };
    Ok((ReadyThread { model, ..thread }, sandbox))
}

async fn start_params(rpc: &Connection, thread: &NewThread, trusted: bool) -> Result<Value, CodexError> {
    let mut params = thread_start_params(&thread.profile, thread.instructions.as_deref(), trusted);
    if thread.profile.no_mcp_servers && thread.profile.kind == ThreadKind::Agent {
        without_mcp_servers(&mut params, mcp_servers(rpc, &thread.profile.workspace).await?.keys());
    }
    if let Some(instructions) = &thread.profile.developer_instructions
        && let Some(users) = developer_instructions(rpc, &thread.profile.workspace).await
    {
        // codex replaces the user's by them.
        params["developerInstructions"] = format!("{users}\n\n{instructions}").into();
    }
    Ok(params)
}

/// Loads a stored thread. If another process has it open, or has continued it, a copy that ends with our last turn.
pub(crate) async fn resume(
    rpc: &Connection,
    capabilities: &Capabilities,
    thread: &NewThread,
    kept: &KeptThread,
    trusted: bool,
) -> Result<ReadyThread, CodexError> {
    let mut params = start_params(rpc, thread, trusted).await?;
    if let Some(params) = params.as_object_mut() {
        // A stored thread has its own.
        params.retain(|name, _| {
            !["ephemeral", "experimentalRawEvents", "dynamicTools"].contains(&name.as_str())
        });
    }
    params["threadId"] = kept.id.as_str().into();
    params["excludeTurns"] = true.into();
    let mut resume = params.clone();
    resume["initialTurnsPage"] = json!({ "limit": 1, "sortDirection": "desc", "itemsView": "notLoaded" });
    match call_unless_closing(rpc, "thread/resume", &resume).await {
        Ok(Started { thread, model, last_turns, .. }) => {
            let last = last_turns.as_ref().and_then(|turns| turns.data.first());
            let thread = ReadyThread { model, ..thread };
            if last.is_some_and(|last| last.id == kept.last_turn) {
                return Ok(thread);
            }
            end(rpc, capabilities, &thread).await;
        }
        Err(CodexError::Refused { message, .. }) if message.contains(IN_USE) => {}
        Err(error) => return Err(refused(error)),
    }
    params["lastTurnId"] = kept.last_turn.as_str().into();
    let Started { thread, model, .. } =
        call_unless_closing(rpc, "thread/fork", &params).await.map_err(refused)?;
    Ok(ReadyThread { model, ..thread })
}

/// Calls `method` again while codex still closes the thread after its last turn.
async fn call_unless_closing(
    rpc: &Connection,
    method: &'static str,
    params: &Value,
) -> Result<Started, CodexError> {
    let deadline = Instant::now() + CLOSING_TIMEOUT;
    loop {
        match rpc.call_within(START_TIMEOUT, method, params.clone()).await {
            Err(CodexError::Refused { message, .. })
                if message.contains(CLOSING) && Instant::now() < deadline =>
            {
                tokio::time::sleep(CLOSING_INTERVAL).await;
            }
            called => return called,
        }
    }
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

/// The developer instructions of the user's configuration, as seen from `folder`; `None` without any, or when codex cannot say.
async fn developer_instructions(rpc: &Connection, folder: &Path) -> Option<String> {
    let read: Value = rpc.call("config/read", json!({ "cwd": folder })).await.ok()?;
    let instructions = read["config"]["developer_instructions"].as_str()?.trim();
    Some(instructions.to_owned()).filter(|instructions| !instructions.is_empty())
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
