//! A streamed chat through the real server, read as Open WebUI reads it.
//!
//! What is done with the pieces is the business of the check and of the test prompt.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};
use sse_stream::SseByteStream;
use tokio::time::Instant;

use super::client::Caller;
use super::error::{Trouble, error_of};
use crate::text::truncated;

/// A whole answer.
pub(super) struct Answered {
    /// When its first piece came, in milliseconds.
    pub(super) first_ms: u64,
    /// How long it took, in milliseconds.
    pub(super) total_ms: u64,
    /// The model that the answer names; the one that was asked for, where it names none.
    pub(super) model: String,
}

/// Asks `model` one question, all of it to be answered within `timeout`. `on_text` gets each piece of the answer, and when the first
/// came, in milliseconds.
///
/// # Errors
/// When the answer is an error, not a stream of events, or empty, or when the stream carries an error or stops without its last
/// event.
pub(super) async fn chat(
    caller: &Caller<'_>,
    model: &str,
    prompt: &str,
    timeout: Duration,
    mut on_text: impl FnMut(String, u64),
) -> Result<Answered, Trouble> {
    let begun = Instant::now();
    let body = json!({"stream":true,"model":model,"messages":[{"role":"user","content":prompt}]});
    let answer = caller.post("/v1/chat/completions", &body, timeout).await?;
    if answer.status() != 200 {
        return Err(answer.whole().await?.trouble());
    }
    let given = answer.content_type();
    if !given.contains("text/event-stream") {
        // Open WebUI would wait for ever on such an answer, without a word.
        let given = if given.is_empty() { "nothing".to_owned() } else { truncated(given, 60) };
        let what = format!("a stream should be text/event-stream, and it says {given}");
        return Err(Trouble::Unexpected(what));
    }
    let mut events = SseByteStream::new(answer.pieces());
    let (mut first, mut model) = (None, model.to_owned());
    loop {
        let event = events.next().await.ok_or(Trouble::BrokeOff)?.map_err(in_stream)?;
        let Some(data) = event.data else { continue };
        if data == "[DONE]" {
            break;
        }
        let chunk: Value = serde_json::from_str(&data)
            .map_err(|_| Trouble::Unexpected("a line of the stream is not JSON".to_owned()))?;
        if let Some(trouble) = error_of(&chunk) {
            return Err(trouble);
        }
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        model = text(&chunk["model"]).unwrap_or(model);
        if let Some(text) = text(&chunk["choices"][0]["delta"]["content"]) {
            on_text(text, *first.get_or_insert_with(|| milliseconds(begun)));
        }
    }
    let first_ms = first.ok_or_else(|| Trouble::Unexpected("it is empty".to_owned()))?;
    Ok(Answered { first_ms, total_ms: milliseconds(begun), model })
}

/// The milliseconds since `begun`.
pub(super) fn milliseconds(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn in_stream(error: sse_stream::Error) -> Trouble {
    match error {
        sse_stream::Error::Body(error) => error.downcast().map_or(Trouble::BrokeOff, |trouble| *trouble),
        _ => Trouble::Unexpected("a line of the stream is not text".to_owned()),
    }
}
