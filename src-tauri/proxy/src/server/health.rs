//! `GET /health`: whether the proxy runs and how codex is, without a key and without starting anything.

use axum::Json;
use axum::extract::State;
use codex_client::Status;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ApiError;
use super::{Proxy, unix_now};

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
    /// How codex is.
    codex: CodexHealth,
}

/// How codex is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CodexHealth {
    /// `idle` (starts on first use), `starting`, `ready`, `failed` or `stopped`.
    state: &'static str,
    /// Its version, when it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// What is wrong and what to do, when it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// Whether the proxy runs and how codex is.
#[utoipa::path(get, path = "/health", tag = "Health", responses((status = 200, body = Health)))]
pub(crate) async fn health(State(proxy): State<Proxy>) -> Json<Health> {
    let (state, version, message) = match &*proxy.codex.status().borrow() {
        Status::Idle => ("idle", None, None),
        Status::Starting => ("starting", None, None),
        Status::Ready(readiness) => ("ready", Some(readiness.version.clone()), None),
        Status::Failed(error) => ("failed", None, Some(ApiError::from(error.clone()).message().to_owned())),
        Status::Stopped => ("stopped", None, None),
    };
    Json(Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: unix_now().saturating_sub(proxy.started),
        codex: CodexHealth { state, version, message },
    })
}
