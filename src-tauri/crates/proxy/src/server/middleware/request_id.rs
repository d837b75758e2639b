//! Gives every request an id, keeps the client's own, writes one line a request to the log, and counts it.

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

/// The header of the id, in the request and in the answer.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id of a client's that is kept.
const LONGEST: usize = 128;

/// The longest method that is logged, in characters: a client can make up its own.
const LONGEST_METHOD: usize = 20;

/// The longest path that is logged, in characters.
const LONGEST_PATH: usize = 200;

/// The kind of model that a request asks for, once that is known: requests are counted by it, those that fail later too.
#[derive(Clone, Debug, Default)]
pub(crate) struct KindCell(Arc<OnceLock<ThreadKind>>);

impl KindCell {
    /// Sets it. The first prompt of a request decides.
    pub(in crate::server) fn set(&self, kind: ThreadKind) {
        let _ = self.0.set(kind);
    }
}

/// Wraps everything else.
pub(crate) async fn with_request_id(
    State(proxy): State<Proxy>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = request.headers().get(&X_REQUEST_ID).filter(|id| is_fit(id)).cloned().unwrap_or_else(new_id);
    // In the place of what the client sent, so that whoever is further inside has one id to put down.
    request.headers_mut().insert(X_REQUEST_ID, id.clone());
    let span = tracing::info_span!("request", id = proxy.for_log(id.to_str().unwrap_or_default(), LONGEST));
    let kind = KindCell::default();
    request.extensions_mut().insert(kind.clone());
    let mut line = Line::new(&proxy, &request, span.clone(), kind);
    let mut response = next.run(request).instrument(span).await;
    line.status = Some(response.status());
    line.is_suppressed = response.extensions().get::<LogSuppressed>().is_some();
    response.headers_mut().insert(X_REQUEST_ID, id);
    response
}

/// The id of a request that came through [`with_request_id`].
pub(in crate::server) fn of(headers: &HeaderMap) -> String {
    headers.get(&X_REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned()
}

/// The request's line in the log. It is written when it is dropped, so that a client that leaves before the answer has its
/// line too.
struct Line {
    method: String,
    path: String,
    begun: Instant,
    status: Option<StatusCode>,
    is_suppressed: bool,
    span: Span,
    metrics: Metrics,
    endpoint: &'static str,
    kind: KindCell,
}

impl Line {
    fn new(proxy: &Proxy, request: &Request, span: Span, kind: KindCell) -> Self {
        let path = proxy.for_log(request.uri().path(), LONGEST_PATH);
        let route = request.extensions().get::<MatchedPath>();
        Self {
            method: proxy.for_log(request.method().as_str(), LONGEST_METHOD),
            path,
            begun: Instant::now(),
            status: None,
            is_suppressed: false,
            span,
            metrics: proxy.metrics.clone(),
            endpoint: endpoint(route.map_or("", MatchedPath::as_str)),
            kind,
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.metrics.answered(
            self.endpoint,
            self.kind.0.get().copied(),
            self.status.map(|status| status.as_u16()),
        );
        let _in_span = self.span.enter();
        let ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        // The path is a client's text: as a debug string it cannot make a line of its own.
        let (method, path) = (&self.method, &self.path);
        match self.status {
            Some(status) if self.is_suppressed => {
                tracing::debug!(%method, ?path, status = status.as_u16(), ms, "answered");
            }
            Some(status) => tracing::info!(%method, ?path, status = status.as_u16(), ms, "answered"),
            None => tracing::info!(%method, ?path, ms, "client went away before the answer"),
        }
    }
}

/// The name of a route in the metrics.
fn endpoint(route: &str) -> &'static str {
    match route {
        "/v1/chat/completions" => "/v1/chat/completions",
        "/v1/completions" => "/v1/completions",
        "/v1/responses" => "/v1/responses",
        "/v1/responses/{id}" | "/v1/responses/{id}/cancel" => "/v1/responses/{id}",
        "/v1/models" | "/v1/models/{id}" => "/v1/models",
        "/health" => "/health",
        "/metrics" => "/metrics",
        "" => "none",
        _ => "docs",
    }
}

/// An id that can go into a log line and back into a header as it is.
fn is_fit(id: &HeaderValue) -> bool {
    (1..=LONGEST).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

fn new_id() -> HeaderValue {
    let id = format!("req_{}", uuid::Uuid::now_v7().simple());
    // Letters and digits always make a header value.
    HeaderValue::from_str(&id).unwrap_or_else(|_| HeaderValue::from_static("req_unknown"))
}
