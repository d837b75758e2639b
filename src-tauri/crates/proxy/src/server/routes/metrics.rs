//! `GET /metrics`: what the proxy counts of itself, in Prometheus' text form. Who may read it is `guard`'s business.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::clock::unix_now;
use crate::error::ApiError;
use crate::exchange::Occupancy;
use crate::metrics::classic;
use crate::openai::error::ErrorBody;
use crate::server::state::Proxy;

/// What the proxy counts of itself, for Prometheus. A request from this machine needs no key.
#[utoipa::path(
    get, path = "/metrics", tag = "Health", security((), ("key" = [])),
    responses(
        (status = 200, description = "The metrics, in the OpenMetrics form where it is asked for", body = String, content_type = "text/plain"),
        (status = "default", description = "An error", body = ErrorBody)
    )
)]
pub(crate) async fn metrics(State(proxy): State<Proxy>, headers: HeaderMap) -> Result<Response, ApiError> {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let Occupancy { running, waiting } = *proxy.admission.turns().borrow();
    let uptime = unix_now().saturating_sub(proxy.started);
    let text =
        proxy.metrics.text(&proxy.codex, running, waiting, uptime).map_err(|_| ApiError::internal())?;
    // Prometheus asks for OpenMetrics 1.0; everybody else reads its own older form.
    let (content_type, text) = if accept.contains("application/openmetrics-text") {
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", text)
    } else {
        ("text/plain; version=0.0.4; charset=utf-8", classic(&text))
    };
    Ok(([(CONTENT_TYPE, content_type)], text).into_response())
}
