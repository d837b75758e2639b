//! Gives every request an id, keeps the client's own, and writes one line a request to the log.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::Instant;
use tracing::{Instrument, Span};

use super::Proxy;
use super::wrong_keys::Counted;

/// The header of the id, in the request and in the answer.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id of a client's that is kept.
const LONGEST: usize = 128;

/// The longest method that is logged, in characters: a client can make up its own.
const LONGEST_METHOD: usize = 20;

/// The longest path that is logged, in characters.
const LONGEST_PATH: usize = 200;

/// Wraps everything else.
pub(crate) async fn with_request_id(State(proxy): State<Proxy>, request: Request, next: Next) -> Response {
    let id = request.headers().get(&X_REQUEST_ID).filter(|id| is_fit(id)).cloned().unwrap_or_else(new_id);
    let span = tracing::info_span!("request", id = proxy.for_log(id.to_str().unwrap_or_default(), LONGEST));
    let mut line = Line::new(&proxy, &request, span.clone());
    let mut response = next.run(request).instrument(span).await;
    line.status = Some(response.status());
    line.is_counted = response.extensions().get::<Counted>().is_some();
    response.headers_mut().insert(X_REQUEST_ID, id);
    response
}

/// The request's line in the log. It is written when it is dropped, so that a client that leaves before the answer has its
/// line too.
struct Line {
    method: String,
    path: String,
    begun: Instant,
    status: Option<StatusCode>,
    /// Others are said together with it, in a line of their own.
    is_counted: bool,
    span: Span,
}

impl Line {
    fn new(proxy: &Proxy, request: &Request, span: Span) -> Self {
        let path = proxy.for_log(request.uri().path(), LONGEST_PATH);
        Self {
            method: proxy.for_log(request.method().as_str(), LONGEST_METHOD),
            path,
            begun: Instant::now(),
            status: None,
            is_counted: false,
            span,
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _in_span = self.span.enter();
        let ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        // The path is a client's text: as a debug string it cannot make a line of its own.
        let (method, path) = (&self.method, &self.path);
        match self.status {
            Some(status) if self.is_counted => {
                tracing::debug!(%method, ?path, status = status.as_u16(), ms, "answered");
            }
            Some(status) => tracing::info!(%method, ?path, status = status.as_u16(), ms, "answered"),
            None => tracing::info!(%method, ?path, ms, "client went away before the answer"),
        }
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
