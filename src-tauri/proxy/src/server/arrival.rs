//! What every route that asks a model does with a request before and after: its line in the log, and the header that names
//! what was ignored.

use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use serde_json::{Map, Value};

use super::Proxy;
use crate::journal::Arrival;

/// The header that names the parameters that were ignored.
const X_IGNORED: HeaderName = HeaderName::from_static("x-codex-proxy-ignored");

/// What the request log is told of a request that has just arrived. `background` is whether nobody typed it.
pub(super) fn arrival(
    proxy: &Proxy,
    key: &str,
    headers: &HeaderMap,
    route: &str,
    body: &Map<String, Value>,
    background: bool,
) -> Arrival {
    let client = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    Arrival {
        id: uuid::Uuid::now_v7().to_string(),
        key: key.to_owned(),
        client: short(client),
        route: route.to_owned(),
        model: short(body.get("model").and_then(Value::as_str).unwrap_or_default()),
        background,
        request_text: proxy.journal.keeps_texts().then(|| Value::Object(body.clone()).to_string()),
    }
}

/// Names the parameters that were ignored in the answer's header.
pub(super) fn name_ignored(response: &mut Response, ignored: &[String]) {
    if !ignored.is_empty()
        && let Ok(names) = HeaderValue::from_str(&ignored.join(", "))
    {
        response.headers_mut().insert(X_IGNORED, names);
    }
}

fn short(text: &str) -> String {
    text.chars().take(100).collect()
}
