//! Assigns request ids (or keeps the client's), and logs and counts each request once.

use std::sync::{Arc, OnceLock};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use codex_client::ThreadKind;
use tokio::time::Instant;
use tracing::{Instrument, Span};

use super::auth_throttle::LogSuppressed;
use crate::metrics::Metrics;
use crate::server::state::Proxy;

/// Request and response header of the id.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest accepted client id.
const MAX_ID_LEN: usize = 128;

/// Longest logged method, in characters; clients can invent methods.
const MAX_METHOD_CHARS: usize = 20;

/// Longest logged path, in characters.
const MAX_PATH_CHARS: usize = 200;

/// The kind of model of a request, set once known. Requests are counted by it even if they fail later.
#[derive(Clone, Debug, Default)]
pub(crate) struct KindCell(Arc<OnceLock<ThreadKind>>);

impl KindCell {
    pub(in crate::server) fn get(&self) -> Option<ThreadKind> {
        self.0.get().copied()
    }

    /// The first prompt of a request decides.
    pub(in crate::server) fn set(&self, kind: ThreadKind) {
        let _ = self.0.set(kind);
    }
}

/// The outermost middleware.
pub(crate) async fn with_request_id(
    State(proxy): State<Proxy>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = request.headers().get(&X_REQUEST_ID).filter(|id| is_valid(id)).cloned().unwrap_or_else(new_id);
    // Replaces the client's header, so that inner layers see the id in use.
    request.headers_mut().insert(X_REQUEST_ID, id.clone());
    let span =
        tracing::info_span!("request", id = proxy.for_log(id.to_str().unwrap_or_default(), MAX_ID_LEN));
    let kind = KindCell::default();
    request.extensions_mut().insert(kind.clone());
    let mut line = AccessLog::new(&proxy, &request, span.clone(), kind);
    let mut response = next.run(request).instrument(span).await;
    line.status = Some(response.status());
    line.is_suppressed = response.extensions().get::<LogSuppressed>().is_some();
    response.headers_mut().insert(X_REQUEST_ID, id);
    response
}

/// The id assigned by [`with_request_id`].
pub(in crate::server) fn get(headers: &HeaderMap) -> String {
    headers.get(&X_REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned()
}

/// The request's access log line, written on drop so that a client that disconnects early is logged too.
struct AccessLog {
    method: String,
    path: String,
    started: Instant,
    status: Option<StatusCode>,
    is_suppressed: bool,
    span: Span,
    metrics: Metrics,
    endpoint: &'static str,
    kind: KindCell,
}

impl AccessLog {
    fn new(proxy: &Proxy, request: &Request, span: Span, kind: KindCell) -> Self {
        let path = proxy.for_log(request.uri().path(), MAX_PATH_CHARS);
        let route = request.extensions().get::<MatchedPath>();
        Self {
            method: proxy.for_log(request.method().as_str(), MAX_METHOD_CHARS),
            path,
            started: Instant::now(),
            status: None,
            is_suppressed: false,
            span,
            metrics: proxy.metrics.clone(),
            endpoint: endpoint(route.map_or("", MatchedPath::as_str)),
            kind,
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.metrics.count_response(
            self.endpoint,
            self.kind.get(),
            self.status.map(|status| status.as_u16()),
        );
        let _in_span = self.span.enter();
        let ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        // The path is client text: debug formatting keeps it on one line.
        let (method, path) = (&self.method, &self.path);
        match self.status {
            Some(status) if self.is_suppressed => {
                tracing::debug!(%method, ?path, status = status.as_u16(), ms, "answered");
            }
            Some(status) => tracing::info!(%method, ?path, status = status.as_u16(), ms, "answered"),
            None => tracing::info!(%method, ?path, ms, "client disconnected before the response"),
        }
    }
}

/// The `endpoint` label in the metrics.
fn endpoint(route: &str) -> &'static str {
    match route {
        "/v1/chat/completions" => "/v1/chat/completions",
        "/v1/completions" => "/v1/completions",
        "/v1/responses" => "/v1/responses",
        "/v1/responses/compact" => "/v1/responses/compact",
        "/v1/responses/input_tokens" => "/v1/responses/input_tokens",
        "/v1/responses/{id}" | "/v1/responses/{id}/cancel" | "/v1/responses/{id}/input_items" => {
            "/v1/responses/{id}"
        }
        "/v1/models" | "/v1/models/{id}" => "/v1/models",
        "/v1/usage" => "/v1/usage",
        "/health" => "/health",
        "/metrics" => "/metrics",
        "" => "none",
        _ => "docs",
    }
}

/// Whether an id is safe in a log line and a header.
fn is_valid(id: &HeaderValue) -> bool {
    (1..=MAX_ID_LEN).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

fn new_id() -> HeaderValue {
    let id = format!("req_{}", uuid::Uuid::now_v7().simple());
    // Alphanumerics are always a valid header value.
    HeaderValue::from_str(&id).unwrap_or_else(|_| HeaderValue::from_static("req_unknown"))
}
