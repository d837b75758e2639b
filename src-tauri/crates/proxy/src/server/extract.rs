//! Parses request bodies as JSON, with errors in OpenAI's format that name the field.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponseParts, ResponseParts};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::json_body;
use super::middleware::auth::Caller;
use super::middleware::request_id;
use super::state::{BODY_LIMIT, Proxy};
use crate::body_budget::Room;
use crate::error::ApiError;
use crate::exchange::log::Arrival;
use crate::off_workers::block_in_place;
use crate::translate::parameters::{Verdict, ignored};

/// Response header naming the ignored parameters.
const X_IGNORED: HeaderName = HeaderName::from_static("x-codex-proxy-ignored");

/// Maximum length of error text that quotes the client, in characters.
const MAX_ERROR_CHARS: usize = 300;

/// Maximum length of client text in the request log, in characters.
const MAX_LABEL: usize = 100;

/// Initial capacity for a body, in bytes.
const INITIAL_CAPACITY: usize = 64 * 1024;

/// A request to one of the answering routes.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) caller: Caller,
    /// Its entry for the request log.
    pub(crate) arrival: Arrival,
    /// The untyped body, so that every parameter name can be checked.
    pub(crate) body: Map<String, Value>,
}

impl FromRequest<Proxy> for Incoming {
    type Rejection = ApiError;

    async fn from_request(request: Request, proxy: &Proxy) -> Result<Self, ApiError> {
        let (head, body) = request.into_parts();
        let caller: Caller = head.extensions.get().cloned().ok_or_else(ApiError::internal)?;
        let body = json_object(&head.headers, body, &caller, proxy).await?;
        Ok(Self::new(&head, caller, body, proxy))
    }
}

impl Incoming {
    /// A request with a parsed body.
    pub(super) fn new(head: &Parts, caller: Caller, body: Map<String, Value>, proxy: &Proxy) -> Self {
        let client = head.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        let request_id = request_id::get(&head.headers);
        let arrival = arrival(proxy, &caller, client, request_id, head.uri.path(), &body);
        Self { caller, arrival, body }
    }
}

/// The entry of a request for the request log.
pub(super) fn arrival(
    proxy: &Proxy,
    caller: &Caller,
    client: &str,
    request_id: String,
    route: &str,
    body: &Map<String, Value>,
) -> Arrival {
    let text = || {
        let text = serde_json::to_string(&body).ok()?;
        Some(block_in_place(text.len(), || proxy.without_keys(&text)))
    };
    Arrival {
        id: uuid::Uuid::now_v7().to_string(),
        request_id,
        key: caller.name.clone(),
        client: proxy.for_log(client, MAX_LABEL),
        route: route.to_owned(),
        model: proxy.for_log(body.get("model").and_then(Value::as_str).unwrap_or_default(), MAX_LABEL),
        background: false,
        request_text: if proxy.request_log.stores_texts() { text() } else { None },
    }
}

/// A JSON object, for the routes that answer without a turn.
#[derive(Debug)]
pub(crate) struct JsonBody {
    pub(crate) caller: Caller,
    pub(crate) body: Map<String, Value>,
}

impl FromRequest<Proxy> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, proxy: &Proxy) -> Result<Self, ApiError> {
        let (head, body) = request.into_parts();
        let caller: Caller = head.extensions.get().cloned().ok_or_else(ApiError::internal)?;
        // OpenAI's package for Node sends no body where every field may be left out.
        let body = if has_body(&head.headers) {
            json_object(&head.headers, body, &caller, proxy).await?
        } else {
            Map::new()
        };
        Ok(Self { caller, body })
    }
}

/// Reads a body and parses it.
async fn json_object(
    headers: &HeaderMap,
    body: Body,
    caller: &Caller,
    proxy: &Proxy,
) -> Result<Map<String, Value>, ApiError> {
    if !is_json(headers) {
        return Err(ApiError::unsupported_media_type());
    }
    let body = read_body(headers, body, caller, proxy).await?;
    block_in_place(body.len(), || json_body::parse(body))
}

/// Reads a whole body.
pub(super) async fn read_body(
    headers: &HeaderMap,
    body: Body,
    caller: &Caller,
    proxy: &Proxy,
) -> Result<Vec<u8>, ApiError> {
    if let Some(encoding) = headers.get(CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
        return Err(ApiError::unsupported_encoding(&String::from_utf8_lossy(encoding.as_bytes())));
    }
    let mut room = proxy.bodies.room(&caller.id);
    receive(headers, body, &mut room, proxy.limits().body_idle_timeout).await
}

/// The names of the ignored parameters, which a response header lists.
#[derive(Debug, Default)]
pub(crate) struct Ignored(Vec<String>);

impl Ignored {
    /// Adds parameters that could not be honoured as they are.
    pub(crate) fn extend<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        self.0.extend(names.into_iter().map(str::to_owned));
    }
}

impl IntoResponseParts for Ignored {
    type Error = Infallible;

    fn into_response_parts(mut self, mut response: ResponseParts) -> Result<ResponseParts, Infallible> {
        self.0.sort();
        if let Ok(names) = HeaderValue::from_str(&self.0.join(", "))
            && !names.is_empty()
        {
            response.headers_mut().insert(X_IGNORED, names);
        }
        Ok(response)
    }
}

/// Deserializes a body, and returns the ignored parameters, which `verdict` decides.
///
/// # Errors
/// [`ApiError`] naming the missing, invalid or unsupported field.
pub(crate) fn parse_body<T: DeserializeOwned>(
    mut body: Map<String, Value>,
    verdict: impl Fn(&str, &Value, &Map<String, Value>) -> Verdict,
) -> Result<(T, Ignored), ApiError> {
    // SDKs send null for unset fields.
    body.retain(|_, value| !value.is_null());
    let ignored = Ignored(ignored(&body, verdict)?);
    let parsed = serde_path_to_error::deserialize(Value::Object(body)).map_err(|error| {
        let path = error.path().to_string();
        let message = error.inner().to_string();
        let param = match (path.as_str(), missing_field(&message)) {
            (".", Some(field)) => Some(field.to_owned()),
            (path, Some(field)) => Some(format!("{path}.{field}")),
            (".", None) => None,
            (path, None) => Some(path.to_owned()),
        };
        // Both may quote megabytes of the client's text.
        let (param, message) = (param.map(|param| truncate(&param)), truncate(&message));
        match param {
            Some(param) => ApiError::invalid(&param, format!("{param}: {message}.")),
            None => ApiError::unreadable(format!("{message}.")),
        }
    })?;
    Ok((parsed, ignored))
}

/// The id at the end of a path.
#[derive(Debug)]
pub(crate) struct PathId(pub(crate) String);

impl FromRequestParts<Proxy> for PathId {
    type Rejection = ApiError;

    async fn from_request_parts(head: &mut Parts, proxy: &Proxy) -> Result<Self, ApiError> {
        Path::from_request_parts(head, proxy)
            .await
            .map(|Path(id)| Self(id))
            .map_err(|_| ApiError::invalid("id", "The id in the address is not valid UTF-8."))
    }
}

/// Truncates text for an error message.
fn truncate(text: &str) -> String {
    text.chars().take(MAX_ERROR_CHARS).collect()
}

/// The missing field, which serde's path does not include.
fn missing_field(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.split('`').next()
}

/// Whether the headers announce a body.
fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(CONTENT_LENGTH).and_then(length);
    headers.contains_key(CONTENT_TYPE) || headers.contains_key(TRANSFER_ENCODING) || length.unwrap_or(0) > 0
}

pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Receives a body, taking `room` for it as it arrives.
async fn receive(
    headers: &HeaderMap,
    mut body: Body,
    room: &mut Room,
    idle_timeout: Duration,
) -> Result<Vec<u8>, ApiError> {
    let declared = headers.get(CONTENT_LENGTH).and_then(length).unwrap_or(0);
    if declared > BODY_LIMIT {
        return Err(ApiError::too_large(BODY_LIMIT));
    }
    // A declared length alone reserves no memory.
    let mut bytes = Vec::with_capacity(declared.min(INITIAL_CAPACITY));
    loop {
        let frame =
            tokio::time::timeout(idle_timeout, body.frame()).await.map_err(|_| ApiError::body_timeout())?;
        let Some(frame) = frame else { return Ok(bytes) };
        if let Ok(data) = frame.map_err(|_| ApiError::broken_body())?.into_data() {
            if bytes.len() + data.len() > BODY_LIMIT {
                return Err(ApiError::too_large(BODY_LIMIT));
            }
            // Other bodies may arrive as slowly as this one.
            room.grow(data.len(), idle_timeout).await?;
            bytes.extend_from_slice(&data);
        }
    }
}

fn length(value: &HeaderValue) -> Option<usize> {
    value.to_str().ok()?.parse().ok()
}
