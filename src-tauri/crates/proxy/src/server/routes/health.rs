//! `GET /health`: the state of the proxy and codex. Starts nothing. Without a key it tells only the level.

use axum::extract::State;
use axum::{Extension, Json};
use codex_client::{Capabilities, CodexError, Status};
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::unix_now;
use crate::error::ApiError;
use crate::exchange::{Limits, Occupancy};
use crate::health::{Health, Level};
use crate::models::backends::{BackendsStatus, state_of};
use crate::server::middleware::auth::Caller;
use crate::server::state::Proxy;

/// State of the proxy and of codex. Without a key, only `status` and `level`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthReport {
    /// Always `ok`: the proxy is running.
    status: &'static str,
    /// How well requests are answered: `ok`; `working` while codex is checked or starts; `asking` while codex waits for the
    /// user; `attention` if some requests fail; `blocked` if all fail.
    level: Level,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    details: Option<HealthDetails>,
}

/// What is behind the level.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthDetails {
    /// The level in a few words.
    title: String,
    /// More about it, and what to do. May be empty.
    detail: String,
    /// When it passes by itself, in Unix seconds, such as the reset of a usage limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
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
    /// Whether codex can ask before it leaves the sandbox.
    ask: bool,
    /// Whether its model can ask questions and for permissions.
    questions: bool,
}

impl From<Capabilities> for CodexCan {
    fn from(can: Capabilities) -> Self {
        Self {
            streaming: can.threads,
            history: can.inject_items,
            tools: can.tools(),
            pictures: can.images(),
            interrupt: can.interrupt,
            ask: can.ask,
            questions: can.ask_questions,
        }
    }
}

/// Check health
///
/// Returns the state of the proxy and of codex, and starts nothing. Needs no API key, and without one returns only `status` and
/// `level`.
#[utoipa::path(
    get, path = "/health", operation_id = "getHealth", tag = "Health",
    responses((status = 200, description = "The proxy is running.", body = HealthReport))
)]
pub(crate) async fn health(
    State(proxy): State<Proxy>,
    caller: Option<Extension<Caller>>,
) -> Json<HealthReport> {
    let health = proxy.health();
    let level = health.level;
    Json(HealthReport { status: "ok", level, details: caller.map(|_| details(&proxy, health)) })
}

fn details(proxy: &Proxy, Health { title, detail, until, .. }: Health) -> HealthDetails {
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
    HealthDetails {
        title,
        detail,
        until,
        turns: TurnsHealth { running, waiting, most, most_waiting },
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: unix_now().saturating_sub(proxy.started),
        codex: CodexHealth { state, version, can, message },
    }
}
