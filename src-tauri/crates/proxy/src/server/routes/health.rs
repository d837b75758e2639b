//! `GET /health`: the state of the proxy and codex. Needs no key and starts nothing.

use axum::Json;
use axum::extract::State;
use codex_client::{Capabilities, CodexError, Status};
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::unix_now;
use crate::error::ApiError;
use crate::exchange::{Limits, Occupancy};
use crate::models::backends::{BackendsStatus, state_of};
use crate::server::state::Proxy;

/// State of the proxy and of codex.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `ok`: the proxy is running.
    status: &'static str,
    /// Version of the proxy.
    version: &'static str,
    /// Seconds since the proxy started.
    uptime_seconds: u64,
    /// Load of the proxy.
    turns: TurnsHealth,
    /// State of codex.
    codex: CodexHealth,
}

/// Turns in progress, requests waiting, and their limits.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TurnsHealth {
    /// Turns in progress.
    running: u32,
    /// Requests waiting for a turn.
    waiting: u32,
    /// Maximum number of turns at once (`--max-turns`).
    most: usize,
    /// Maximum number of waiting requests (`--max-waiting`); further ones get a 429.
    most_waiting: usize,
}

/// State of codex.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CodexHealth {
    /// `idle` (codex starts on first use), `starting`, `ready`, `failed` or `stopped`.
    state: &'static str,
    /// Version of codex; absent unless `state` is `ready`.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// Capabilities of this version of codex; absent unless `state` is `ready`.
    #[serde(skip_serializing_if = "Option::is_none")]
    can: Option<CodexCan>,
    /// What is wrong and what to do about it. With the state `ready`, `codex-local` or the plain models alone cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// Capabilities of this version of codex.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CodexCan {
    /// Whether answers stream as they are generated; otherwise they arrive as one block.
    streaming: bool,
    /// Whether earlier messages keep their roles; otherwise the conversation becomes one text.
    history: bool,
    /// Whether the model can call the client's tools.
    tools: bool,
    /// Whether messages can contain images.
    pictures: bool,
    /// Whether a turn is interrupted when its client disconnects.
    interrupt: bool,
}

impl From<Capabilities> for CodexCan {
    fn from(can: Capabilities) -> Self {
        Self {
            streaming: can.threads,
            history: can.inject_items,
            tools: can.tools(),
            pictures: can.images(),
            interrupt: can.interrupt,
        }
    }
}

/// Check health
///
/// Returns the state of the proxy and of codex. Requires no API key and starts nothing.
#[utoipa::path(
    get, path = "/health", operation_id = "getHealth", tag = "Health",
    responses((status = 200, description = "The proxy is running.", body = Health))
)]
pub(crate) async fn health(State(proxy): State<Proxy>) -> Json<Health> {
    let describe = |error: CodexError| ApiError::from(error).message().to_owned();
    let BackendsStatus { status, other } = proxy.codex.status();
    let state = state_of(&status);
    let (version, can, message) = match status {
        Status::Ready(ready) => (Some(ready.version), Some(ready.capabilities.into()), other.map(describe)),
        Status::Failed(error) => (None, None, Some(describe(error))),
        Status::Idle | Status::Starting | Status::Stopped => (None, None, None),
    };
    let Occupancy { running, waiting } = *proxy.admission.occupancy().borrow();
    let Limits { max_turns: most, max_queued: most_waiting, .. } = proxy.limits();
    Json(Health {
        turns: TurnsHealth { running, waiting, most, most_waiting },
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: unix_now().saturating_sub(proxy.started),
        codex: CodexHealth { state, version, can, message },
    })
}
