//! `GET /metrics` in Prometheus' text format. `guard` decides who may read it.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::clock::unix_now;
use crate::error::ApiError;
use crate::exchange::Occupancy;
use crate::metrics::classic;
use crate::server::state::Proxy;

/// Get metrics
///
/// Returns counters and timings of the proxy for Prometheus. Requires an API key only from other machines and through reverse proxies.
#[utoipa::path(
    get, path = "/metrics", operation_id = "getMetrics", tag = "Metrics", security((), ("key" = [])),
    responses((status = 200, description = "The metrics in Prometheus' text format, or in OpenMetrics if `Accept` asks for it.", body = String, content_type = "text/plain"))
)]
pub(crate) async fn metrics(State(proxy): State<Proxy>, headers: HeaderMap) -> Result<Response, ApiError> {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let Occupancy { running, waiting } = *proxy.admission.occupancy().borrow();
    let uptime = unix_now().saturating_sub(proxy.started);
    let text =
        proxy.metrics.text(&proxy.codex, running, waiting, uptime).map_err(|_| ApiError::internal())?;
    // Prometheus asks for OpenMetrics 1.0; other clients get its older format.
    let (content_type, text) = if accept.contains("application/openmetrics-text") {
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", text)
    } else {
        ("text/plain; version=0.0.4; charset=utf-8", classic(&text))
    };
    Ok(([(CONTENT_TYPE, content_type)], text).into_response())
}
