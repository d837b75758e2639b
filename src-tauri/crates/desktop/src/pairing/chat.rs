//! A streamed chat through the real server, parsed like Open WebUI does, for the check and the playground.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;
use sse_stream::SseByteStream;
use tokio::time::Instant;

use super::client::Caller;
use super::error::{RequestError, Result, error_in};
use super::types::TokenCounts;
use crate::text::truncate;

/// A complete answer.
pub(super) struct ChatResult {
    /// The time to the first token, in milliseconds.
    pub(super) first_ms: u64,
    /// The total time, in milliseconds.
    pub(super) total_ms: u64,
    /// The model in the answer, or else in the request.
    pub(super) model: String,
    /// The usage, if the request asked for it and upstream reported it.
    pub(super) usage: Option<TokenCounts>,
}

/// Part of an answer.
pub(super) enum ChatPart {
    /// Of the reasoning summary.
    Reasoning(String),
    /// Of the text, with the time to the first token in milliseconds.
    Text(String, u64),
}

/// Sends a streaming request, to be answered within `timeout`. Calls `on_part` with each part of the answer.
///
/// # Errors
/// If the response is an error, not an event stream, empty, contains an error, or ends without its last event.
pub(super) async fn chat(
    caller: &Caller<'_>,
    body: &Value,
    timeout: Duration,
    mut on_part: impl FnMut(ChatPart),
) -> Result<ChatResult> {
    let started = Instant::now();
    let answer = caller.post("/v1/chat/completions", body, timeout).await?;
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
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let (mut first, mut usage, mut model) = (None, None, text(&body["model"]).unwrap_or_default());
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
        model = text(&chunk["model"]).unwrap_or(model);
        let delta = &chunk["choices"][0]["delta"];
        if let Some(text) = text(&delta["reasoning_content"]) {
            on_part(ChatPart::Reasoning(text));
        }
        if let Some(text) = text(&delta["content"]) {
            on_part(ChatPart::Text(text, *first.get_or_insert_with(|| milliseconds(started))));
        }
        usage = token_counts(&chunk["usage"]).or(usage);
    }
    let first_ms = first.ok_or_else(|| RequestError::Unexpected("it is empty".to_owned()))?;
    Ok(ChatResult { first_ms, total_ms: milliseconds(started), model, usage })
}

fn token_counts(usage: &Value) -> Option<TokenCounts> {
    Some(TokenCounts {
        input: usage["prompt_tokens"].as_u64()?,
        output: usage["completion_tokens"].as_u64()?,
        reasoning: usage["completion_tokens_details"]["reasoning_tokens"].as_u64().unwrap_or_default(),
    })
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
