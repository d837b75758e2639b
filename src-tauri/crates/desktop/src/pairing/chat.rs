//! A streamed chat through the real server, parsed like Open WebUI does, for the check and the test prompt.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};
use sse_stream::SseByteStream;
use tokio::time::Instant;

use super::client::Caller;
use super::error::{RequestError, Result, error_in};
use crate::text::truncate;

/// A complete answer.
pub(super) struct ChatResult {
    /// The time to the first token, in milliseconds.
    pub(super) first_ms: u64,
    /// The total time, in milliseconds.
    pub(super) total_ms: u64,
    /// The model in the answer, or else in the request.
    pub(super) model: String,
}

/// Sends one prompt to `model`, to be answered within `timeout`. Calls `on_text` with each part of the answer and the time to the
/// first token in milliseconds.
///
/// # Errors
/// If the response is an error, not an event stream, empty, contains an error, or ends without its last event.
pub(super) async fn chat(
    caller: &Caller<'_>,
    model: &str,
    prompt: &str,
    timeout: Duration,
    mut on_text: impl FnMut(String, u64),
) -> Result<ChatResult> {
    let started = Instant::now();
    let body = json!({"stream":true,"model":model,"messages":[{"role":"user","content":prompt}]});
    let answer = caller.post("/v1/chat/completions", &body, timeout).await?;
    if answer.status() != 200 {
        return Err(answer.complete().await?.error());
    }
    let given = answer.content_type();
    if !given.contains("text/event-stream") {
        // Open WebUI would wait forever for such an answer.
        let given = if given.is_empty() { "nothing".to_owned() } else { truncate(given, 60) };
        let what = format!("the stream should be text/event-stream and is {given}");
        return Err(RequestError::Unexpected(what));
    }
    let mut events = SseByteStream::new(answer.body());
    let (mut first, mut model) = (None, model.to_owned());
    loop {
        let event = events.next().await.ok_or(RequestError::Disconnected)?.map_err(stream_error)?;
        let Some(data) = event.data else { continue };
        if data == "[DONE]" {
            break;
        }
        let chunk: Value = serde_json::from_str(&data)
            .map_err(|_| RequestError::Unexpected("a line of the stream is not JSON".to_owned()))?;
        if let Some(error) = error_in(&chunk) {
            return Err(error);
        }
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        model = text(&chunk["model"]).unwrap_or(model);
        if let Some(text) = text(&chunk["choices"][0]["delta"]["content"]) {
            on_text(text, *first.get_or_insert_with(|| milliseconds(started)));
        }
    }
    let first_ms = first.ok_or_else(|| RequestError::Unexpected("it is empty".to_owned()))?;
    Ok(ChatResult { first_ms, total_ms: milliseconds(started), model })
}

/// Milliseconds since `started`.
pub(super) fn milliseconds(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn stream_error(error: sse_stream::Error) -> RequestError {
    match error {
        sse_stream::Error::Body(error) => error.downcast().map_or(RequestError::Disconnected, |error| *error),
        _ => RequestError::Unexpected("a line of the stream is not text".to_owned()),
    }
}
