//! Parses request bodies as JSON, with errors in OpenAI's format that name the field.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponseParts, ResponseParts};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::middleware::auth::Caller;
use super::middleware::request_id;
use super::state::{BODY_LIMIT, Proxy};
use crate::error::ApiError;
use crate::exchange::log::Arrival;
use crate::translate::parameters::{Verdict, ignored};

/// Response header naming the ignored parameters.
const X_IGNORED: HeaderName = HeaderName::from_static("x-codex-proxy-ignored");

/// Maximum JSON values in a body. The smallest take a hundred times their text in memory, so this is about 300 MB. A
/// conversation of 100,000 messages has fewer.
pub(crate) const MAX_JSON_VALUES: usize = 1_000_000;

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
        let body = json_object(&head.headers, body, proxy).await?;
        let caller: Caller = head.extensions.get().cloned().ok_or_else(ApiError::internal)?;
        let client = head.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        let text = || serde_json::to_string(&body).map(|text| proxy.without_keys(&text)).ok();
        let arrival = Arrival {
            id: uuid::Uuid::now_v7().to_string(),
            request_id: request_id::get(&head.headers),
            key: caller.name.clone(),
            client: proxy.for_log(client, MAX_LABEL),
            route: head.uri.path().to_owned(),
            model: proxy.for_log(body.get("model").and_then(Value::as_str).unwrap_or_default(), MAX_LABEL),
            background: false,
            request_text: if proxy.request_log.stores_texts() { text() } else { None },
        };
        Ok(Self { caller, arrival, body })
    }
}

async fn json_object(headers: &HeaderMap, body: Body, proxy: &Proxy) -> Result<Map<String, Value>, ApiError> {
    if !is_json(headers) {
        return Err(ApiError::unsupported_media_type());
    }
    let ReceivedBody { bytes, _room } =
        receive(headers, body, &proxy.bodies, proxy.limits().body_idle_timeout).await?;
    if has_too_many_values(&bytes) {
        let message = format!("The body has more than {MAX_JSON_VALUES} values. Send fewer.");
        return Err(ApiError::unreadable(message));
    }
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(ApiError::unreadable("The body must be a JSON object.")),
        Err(error) => Err(ApiError::unreadable(format!("The body is not valid JSON: {error}."))),
    }
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

/// Whether a body has more than [`MAX_JSON_VALUES`] values, counted by separators outside strings.
fn has_too_many_values(body: &[u8]) -> bool {
    if body.len() <= MAX_JSON_VALUES {
        return false;
    }
    let (mut values, mut in_string, mut escaped) = (1_usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b',' | b'[' | b'{' if !in_string => values += 1,
            _ => {}
        }
    }
    values > MAX_JSON_VALUES
}

/// Truncates text for an error message.
fn truncate(text: &str) -> String {
    text.chars().take(MAX_ERROR_CHARS).collect()
}

/// The missing field, which serde's path does not include.
fn missing_field(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.split('`').next()
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// A received body and its share of the memory limit for all bodies.
struct ReceivedBody {
    bytes: Vec<u8>,
    _room: Option<OwnedSemaphorePermit>,
}

async fn receive(
    headers: &HeaderMap,
    mut body: Body,
    bodies: &Arc<Semaphore>,
    idle_timeout: std::time::Duration,
) -> Result<ReceivedBody, ApiError> {
    let declared = headers.get(CONTENT_LENGTH).and_then(length).unwrap_or(0);
    if declared > BODY_LIMIT {
        return Err(ApiError::too_large(BODY_LIMIT));
    }
    // A declared length alone reserves no memory.
    let mut bytes = Vec::with_capacity(declared.min(INITIAL_CAPACITY));
    let mut room: Option<OwnedSemaphorePermit> = None;
    loop {
        let frame =
            tokio::time::timeout(idle_timeout, body.frame()).await.map_err(|_| ApiError::body_timeout())?;
        let Some(frame) = frame else { return Ok(ReceivedBody { bytes, _room: room }) };
        let broken = |_| ApiError::unreadable("The request's body ended early.");
        if let Ok(data) = frame.map_err(broken)?.into_data() {
            if bytes.len() + data.len() > BODY_LIMIT {
                return Err(ApiError::too_large(BODY_LIMIT));
            }
            let more = Arc::clone(bodies).acquire_many_owned(u32::try_from(data.len()).unwrap_or(u32::MAX));
            // Other bodies may arrive as slowly as this one.
            match tokio::time::timeout(idle_timeout, more).await {
                Ok(Ok(more)) => match &mut room {
                    Some(room) => room.merge(more),
                    None => room = Some(more),
                },
                Ok(Err(_)) | Err(_) => return Err(ApiError::too_many_bodies()),
            }
            bytes.extend_from_slice(&data);
        }
    }
}

fn length(value: &HeaderValue) -> Option<usize> {
    value.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn body(text: &'static str) -> Body {
        Body::from(text)
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_holds_its_share_of_memory_and_waits_for_it_at_most_the_idle_timeout() {
        let (bodies, idle_timeout) = (Arc::new(Semaphore::new(10)), Duration::from_secs(30));
        let headers = HeaderMap::new();
        let first = receive(&headers, body("1234567"), &bodies, idle_timeout).await.unwrap();
        assert_eq!((first.bytes.as_slice(), bodies.available_permits()), (&b"1234567"[..], 3));
        let started = tokio::time::Instant::now();
        let refused = receive(&headers, body("89012"), &bodies, idle_timeout).await.map(|body| body.bytes);
        assert_eq!(refused.unwrap_err(), ApiError::too_many_bodies());
        assert_eq!(started.elapsed(), idle_timeout);
        let second =
            async { receive(&headers, body("89012"), &bodies, idle_timeout).await.map(|body| body.bytes) };
        let (second, ()) = tokio::join!(second, async {
            tokio::time::sleep(idle_timeout / 2).await;
            drop(first);
        });
        assert_eq!(second.unwrap(), b"89012");
        assert_eq!(bodies.available_permits(), 10);
    }
}
