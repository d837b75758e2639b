//! `GET /health`: whether the proxy runs and how codex is, without a key and without starting anything.

use axum::Json;
use axum::extract::State;
use codex_client::{Capabilities, CodexError, Status};
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::unix_now;
use crate::error::ApiError;
use crate::exchange::{Limits, Occupancy};
use crate::models::backends::{CodexesStatus, state_of};
use crate::server::state::Proxy;

/// How the proxy is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`: whoever reads this has reached the proxy.
    #[schema(example = "ok")]
    status: &'static str,
    /// The proxy's version.
    version: &'static str,
    /// How long it has been running, in seconds.
    uptime_seconds: u64,
    /// How many turns run and wait.
    turns: TurnsHealth,
    /// How codex is.
    codex: CodexHealth,
}

/// How many turns run and wait, and how many may.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TurnsHealth {
    /// Turns that run now.
    running: u32,
    /// Requests that wait for their place now.
    waiting: u32,
    /// Turns that may run at once.
    most: usize,
    /// Requests that may wait.
    most_waiting: usize,
}

/// How codex is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CodexHealth {
    /// `idle` (starts on first use), `starting`, `ready`, `failed` or `stopped`.
    state: &'static str,
    /// Its version, when it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// What it can do, when it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    can: Option<CodexCan>,
    /// What is wrong and what to do, when it failed, or when `codex-local` or the plain models alone cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// What a codex can do; a later one may do more.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CodexCan {
    /// Answers come word by word, not as one block.
    streaming: bool,
    /// Earlier messages keep their roles, and do not become one text.
    history: bool,
    /// The client's tools can be offered to the model.
    tools: bool,
    /// The model can be shown pictures.
    pictures: bool,
    /// A turn ends when the client goes away.
    interrupt: bool,
}

impl From<Capabilities> for CodexCan {
    fn from(can: Capabilities) -> Self {
        Self {
            streaming: can.threads,
            history: can.inject_items,
            tools: can.tools(),
            pictures: can.pictures(),
            interrupt: can.interrupt,
        }
    }
}

/// Whether the proxy runs and how codex is.
#[utoipa::path(get, path = "/health", tag = "Health", responses((status = 200, body = Health)))]
pub(crate) async fn health(State(proxy): State<Proxy>) -> Json<Health> {
    let in_words = |error: CodexError| ApiError::from(error).message().to_owned();
    let CodexesStatus { status, other } = proxy.codex.status();
    let state = state_of(&status);
    let (version, can, message) = match status {
        Status::Ready(ready) => (Some(ready.version), Some(ready.capabilities.into()), other.map(in_words)),
        Status::Failed(error) => (None, None, Some(in_words(error))),
        Status::Idle | Status::Starting | Status::Stopped => (None, None, None),
    };
    let Occupancy { running, waiting } = *proxy.admission.turns().borrow();
    let Limits { turns: most, waiting: most_waiting, .. } = proxy.limits;
    Json(Health {
        turns: TurnsHealth { running, waiting, most, most_waiting },
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: unix_now().saturating_sub(proxy.started),
        codex: CodexHealth { state, version, can, message },
    })
}
