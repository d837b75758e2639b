//! Reads a request's body as JSON, with errors in OpenAI's shape that name the field.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
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

/// The header that names the parameters that were ignored.
const X_IGNORED: HeaderName = HeaderName::from_static("x-codex-proxy-ignored");

/// The most values that a body can hold: the smallest take a hundred times their text in memory, and this is some 300 MB. A
/// conversation of 100,000 messages has fewer.
pub(crate) const MOST_VALUES: usize = 1_000_000;

/// The longest words of an error that quotes what a client sent, in characters.
const LONGEST_WORDS: usize = 300;

/// The longest word of a client that the request log keeps, in characters.
const MAX_LABEL: usize = 100;

/// The room that a body has from the start, in bytes.
const FIRST_ROOM: usize = 64 * 1024;

/// A request to one of the routes that answer.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) caller: Caller,
    /// What the request log keeps of it.
    pub(crate) arrival: Arrival,
    /// Its body, not yet read into a type, so that every name in it can be looked at.
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
            request_id: request_id::of(&head.headers),
            key: caller.name.clone(),
            client: proxy.for_log(client, MAX_LABEL),
            route: head.uri.path().to_owned(),
            model: proxy.for_log(body.get("model").and_then(Value::as_str).unwrap_or_default(), MAX_LABEL),
            background: false,
            request_text: if proxy.request_log.keeps_texts() { text() } else { None },
        };
        Ok(Self { caller, arrival, body })
    }
}

async fn json_object(headers: &HeaderMap, body: Body, proxy: &Proxy) -> Result<Map<String, Value>, ApiError> {
    if !is_json(headers) {
        return Err(ApiError::unsupported_media_type());
    }
    let Bytes { bytes, _room } = receive(headers, body, &proxy.bodies, proxy.limits.body_silence).await?;
    if has_too_many_values(&bytes) {
        let message = format!("The body has more than {MOST_VALUES} values. Send fewer of them.");
        return Err(ApiError::unreadable(message));
    }
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(ApiError::unreadable("The body must be a JSON object.")),
        Err(error) => Err(ApiError::unreadable(format!("The body is not valid JSON: {error}."))),
    }
}

/// Reads a body into a type, and makes a header that names the parameters that are ignored, by what the route says of each.
///
/// # Errors
/// [`ApiError`] naming the field that is missing or wrong, or that cannot be given.
pub(crate) fn read<T: DeserializeOwned>(
    mut body: Map<String, Value>,
    verdict: impl Fn(&str, &Value, &Map<String, Value>) -> Verdict,
) -> Result<(T, HeaderMap), ApiError> {
    // SDKs send null for what was not set; it means the same as leaving the field out.
    body.retain(|_, value| !value.is_null());
    let ignored = ignored(&body, verdict)?.join(", ");
    let header = HeaderValue::from_str(&ignored).ok().filter(|names| !names.is_empty());
    let headers = header.map(|names| (X_IGNORED, names)).into_iter().collect();
    let read = serde_path_to_error::deserialize(Value::Object(body)).map_err(|error| {
        let path = error.path().to_string();
        let words = error.inner().to_string();
        let param = match (path.as_str(), missing_field(&words)) {
            (".", Some(field)) => Some(field.to_owned()),
            (path, Some(field)) => Some(format!("{path}.{field}")),
            (".", None) => None,
            (path, None) => Some(path.to_owned()),
        };
        // Both may quote the client, who may have sent megabytes of it.
        let (param, words) = (param.map(|param| cut(&param)), cut(&words));
        match param {
            Some(param) => ApiError::invalid(&param, format!("{param}: {words}.")),
            None => ApiError::unreadable(format!("{words}.")),
        }
    })?;
    Ok((read, headers))
}

/// The id that a path ends with.
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

/// Whether a body has more than [`MOST_VALUES`], judged by what stands between them, strings left out.
fn has_too_many_values(body: &[u8]) -> bool {
    if body.len() <= MOST_VALUES {
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
    values > MOST_VALUES
}

/// As much of a text as an error message has room for.
fn cut(text: &str) -> String {
    text.chars().take(LONGEST_WORDS).collect()
}

/// The field that serde misses, which its path does not name.
fn missing_field(words: &str) -> Option<&str> {
    words.strip_prefix("missing field `")?.split('`').next()
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// A body that was read, and its room among the others'.
struct Bytes {
    bytes: Vec<u8>,
    _room: Option<OwnedSemaphorePermit>,
}

async fn receive(
    headers: &HeaderMap,
    mut body: Body,
    bodies: &Arc<Semaphore>,
    silence: std::time::Duration,
) -> Result<Bytes, ApiError> {
    let declared = headers.get(CONTENT_LENGTH).and_then(length).unwrap_or(0);
    if declared > BODY_LIMIT {
        return Err(ApiError::too_large(BODY_LIMIT));
    }
    // What was only declared takes no room.
    let mut bytes = Vec::with_capacity(declared.min(FIRST_ROOM));
    let mut room: Option<OwnedSemaphorePermit> = None;
    loop {
        let frame =
            tokio::time::timeout(silence, body.frame()).await.map_err(|_| ApiError::body_timeout())?;
        let Some(frame) = frame else { return Ok(Bytes { bytes, _room: room }) };
        let broken = |_| ApiError::unreadable("The request's body broke off.");
        if let Ok(data) = frame.map_err(broken)?.into_data() {
            if bytes.len() + data.len() > BODY_LIMIT {
                return Err(ApiError::too_large(BODY_LIMIT));
            }
            let more = Arc::clone(bodies).acquire_many_owned(u32::try_from(data.len()).unwrap_or(u32::MAX));
            // The others' bodies may come as slowly as this one's.
            match tokio::time::timeout(silence, more).await {
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
    async fn a_body_takes_its_room_while_it_is_read_and_waits_for_it_no_longer_than_for_its_client() {
        let (bodies, silence) = (Arc::new(Semaphore::new(10)), Duration::from_secs(30));
        let headers = HeaderMap::new();
        let first = receive(&headers, body("1234567"), &bodies, silence).await.unwrap();
        assert_eq!((first.bytes.as_slice(), bodies.available_permits()), (&b"1234567"[..], 3));
        let begun = tokio::time::Instant::now();
        let refused = receive(&headers, body("89012"), &bodies, silence).await.map(|read| read.bytes);
        assert_eq!(refused.unwrap_err(), ApiError::too_many_bodies());
        assert_eq!(begun.elapsed(), silence);
        let second =
            async { receive(&headers, body("89012"), &bodies, silence).await.map(|read| read.bytes) };
        let (second, ()) = tokio::join!(second, async {
            tokio::time::sleep(silence / 2).await;
            drop(first);
        });
        assert_eq!(second.unwrap(), b"89012");
        assert_eq!(bodies.available_permits(), 10);
    }
}
