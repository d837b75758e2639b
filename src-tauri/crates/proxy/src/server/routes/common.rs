//! What the routes share: taking a request in, and what every answer carries.

use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::exchange::log::Arrival;
use crate::server::middleware::auth::Caller;
use crate::server::middleware::request_id;
use crate::server::state::Proxy;
use crate::translate::chunks::event;

/// The longest word of a client that the request log keeps, in characters.
const MAX_LABEL: usize = 100;

/// The header that names the parameters that were ignored.
const X_IGNORED: HeaderName = HeaderName::from_static("x-codex-proxy-ignored");

/// What the request log keeps of a request that has just arrived.
pub(super) fn arrival(
    proxy: &Proxy,
    caller: &Caller,
    headers: &HeaderMap,
    body: &Map<String, Value>,
    route: &str,
) -> Arrival {
    let client = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let text = || serde_json::to_string(body).map(|text| proxy.without_keys(&text)).ok();
    Arrival {
        id: uuid::Uuid::now_v7().to_string(),
        request_id: request_id::of(headers),
        key: caller.name.clone(),
        client: proxy.for_log(client, MAX_LABEL),
        route: route.to_owned(),
        model: proxy.for_log(body.get("model").and_then(Value::as_str).unwrap_or_default(), MAX_LABEL),
        background: false,
        request_text: if proxy.request_log.keeps_texts() { text() } else { None },
    }
}

/// Names the parameters that were ignored in a header of the answer.
pub(super) fn name_ignored(response: &mut Response, ignored: &[String]) {
    if !ignored.is_empty()
        && let Ok(names) = HeaderValue::from_str(&ignored.join(", "))
    {
        response.headers_mut().insert(X_IGNORED, names);
    }
}

/// An error as the last event of a stream.
pub(super) fn error_event(error: &ApiError) -> Bytes {
    let mut out = BytesMut::new();
    event(&mut out, &error.body());
    out.freeze()
}
