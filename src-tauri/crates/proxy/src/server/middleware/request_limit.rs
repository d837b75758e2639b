//! Adds what is left of a key's limit of requests to the headers of answers, under OpenAI's names.

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::Instant;

use super::auth::Caller;
use crate::auth::RequestAllowance;
use crate::server::state::Proxy;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit-requests");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining-requests");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset-requests");

/// Adds the headers, if the key has such a limit.
pub(crate) async fn with_request_limit(
    State(proxy): State<Proxy>,
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    if let Some(limit) = caller.limits.requests_per_minute {
        let RequestAllowance { remaining, reset } =
            proxy.key_use.requests().allowance(&caller.id, limit, Instant::now());
        let headers = response.headers_mut();
        headers.insert(LIMIT, limit.into());
        headers.insert(REMAINING, remaining.into());
        if let Ok(reset) = HeaderValue::try_from(format!("{}s", reset.as_secs_f64().ceil())) {
            headers.insert(RESET, reset);
        }
    }
    response
}
