//! The events of clients, and the events that are no response's.

use serde_json::{Map, Value, json};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::error::ApiError;
use crate::openai::responses::event::ResponseEvent;
use crate::server::json_body;

/// The name of a lane, `stream_id`: events of its responses repeat it.
pub(super) type Lane = Option<String>;

/// An event of a client.
#[derive(Debug, PartialEq)]
pub(super) enum ClientEvent {
    /// `response.create`.
    Create { body: Map<String, Value>, lane: Lane, generate: bool },
    /// `response.steer`: input for a response that runs. codex's turns take none from an API client.
    Steer { input: Value, previous_response_id: String },
    /// Nothing to do.
    Acknowledged,
}

/// Maximum length of a lane's name: every event repeats it.
const MAX_LANE: usize = 256;

/// Reads a message.
///
/// # Errors
/// When it is no event that clients may send.
pub(super) fn parse(text: Utf8Bytes) -> Result<ClientEvent, (Lane, ApiError)> {
    let text = bytes::Bytes::from(text);
    let mut body = json_body::parse(text.into()).map_err(|error| (None, error))?;
    let lane = match body.remove("stream_id") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) if name.len() <= MAX_LANE => Some(name),
        Some(_) => return Err((None, ApiError::bad_stream_id())),
    };
    let kind = body.remove("type");
    match kind.as_ref().and_then(Value::as_str) {
        Some("response.create") => create(body, lane.clone()).map_err(|error| (lane, error)),
        Some("response.steer") => {
            let id = body.get("previous_response_id").and_then(Value::as_str).unwrap_or_default().to_owned();
            Ok(ClientEvent::Steer {
                input: body.remove("input").unwrap_or_default(),
                previous_response_id: id,
            })
        }
        // Of codex: a response has been received.
        Some("response.processed") => Ok(ClientEvent::Acknowledged),
        _ => Err((lane, ApiError::unknown_event())),
    }
}

fn create(mut body: Map<String, Value>, lane: Lane) -> Result<ClientEvent, ApiError> {
    let warms_cache = body.get("prompt_cache_options").is_some_and(|options| options["prewarm"] == true);
    let generate = body.remove("generate").is_none_or(|generate| generate != false) && !warms_cache;
    if body.get("background") == Some(&Value::Bool(true)) {
        return Err(ApiError::no_background());
    }
    // There is no other way to send it.
    body.insert("stream".to_owned(), true.into());
    Ok(ClientEvent::Create { body, lane, generate })
}

/// An event of a response as a message, which repeats the name of its lane.
pub(super) fn of_response(event: &ResponseEvent, lane: &Lane) -> Message {
    // JSON is always UTF-8.
    let json = std::str::from_utf8(&event.json).unwrap_or_default();
    match (lane, json.strip_suffix('}')) {
        (Some(lane), Some(open)) => Message::text(format!("{open},\"stream_id\":{}}}", json!(lane))),
        _ => Message::text(json),
    }
}

/// An error as a message. It is about the request, so it has its HTTP status.
pub(super) fn error(error: &ApiError, lane: &Lane) -> Message {
    let mut event = json!({ "type": "error", "status": error.status(), "error": error.body().error });
    let headers: Map<String, Value> = error
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.into())))
        .collect();
    if !headers.is_empty() {
        event["error"]["headers"] = headers.into();
    }
    if let Some(lane) = lane {
        event["stream_id"] = lane.as_str().into();
    }
    Message::text(event.to_string())
}

/// Rejects input for a response that runs.
pub(super) fn not_steered(input: Value, previous_response_id: &str) -> Message {
    // Only a text or a list of items is valid.
    let input = if input.is_string() || input.is_array() { input } else { json!("") };
    let message =
        "Responses of this proxy take no input while they run. Send it with response.create afterwards.";
    let error =
        json!({ "type": "invalid_request_error", "code": "steering_not_supported", "message": message });
    let event = json!({
        "type": "response.steer.failed", "sequence_number": 0, "error": error,
        "steer": { "input": input, "previous_response_id": previous_response_id },
    });
    Message::text(event.to_string())
}
