//! A streamed chat through the real server, read as Open WebUI reads it.
//!
//! What is done with the pieces is the business of the check and of the test prompt.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde_json::{Value, json};
use sse_stream::SseByteStream;

use super::client::Caller;
use super::trouble::{Trouble, error_of};
use crate::text::truncated;

/// An answer as it comes.
pub(super) struct Chat {
    events: SseByteStream<BoxStream<'static, Result<Bytes, Trouble>>>,
    /// The model that the answer names; the one that was asked for, until it does.
    pub(super) model: String,
}

impl Chat {
    /// Asks `model` one question, all of it to be answered within `timeout`.
    ///
    /// # Errors
    /// When the answer is an error, or not a stream of events.
    pub(super) async fn ask(
        caller: &Caller<'_>,
        model: &str,
        prompt: &str,
        timeout: Duration,
    ) -> Result<Self, Trouble> {
        let body = json!({"stream":true,"model":model,"messages":[{"role":"user","content":prompt}]});
        let answer = caller.post("/v1/chat/completions", &body, timeout).await?;
        if answer.status() != 200 {
            let reply = answer.whole().await?;
            return Err(Trouble::of_answer(reply.status, &reply.body));
        }
        let given = answer.content_type();
        if !given.contains("text/event-stream") {
            // Open WebUI would wait for ever on such an answer, without a word.
            let given = if given.is_empty() { "nothing".to_owned() } else { truncated(given, 60) };
            let what = format!("a stream should be text/event-stream, and it says {given}");
            return Err(Trouble::Unexpected(what));
        }
        Ok(Self { events: SseByteStream::new(answer.pieces()), model: model.to_owned() })
    }

    /// The next piece of the answer's text; `None` at its end.
    ///
    /// # Errors
    /// When the stream carries an error, or stops without its last event.
    pub(super) async fn text(&mut self) -> Result<Option<String>, Trouble> {
        loop {
            let event = self.events.next().await.ok_or(Trouble::BrokeOff)?;
            let data = event.map_err(in_stream)?.data;
            match data.as_deref() {
                None => {}
                Some("[DONE]") => return Ok(None),
                Some(data) => {
                    if let Some(text) = self.chunk(data)? {
                        return Ok(Some(text));
                    }
                }
            }
        }
    }

    fn chunk(&mut self, data: &str) -> Result<Option<String>, Trouble> {
        let chunk: Value = serde_json::from_str(data)
            .map_err(|_| Trouble::Unexpected("a line of the stream is not JSON".to_owned()))?;
        if let Some(trouble) = error_of(&chunk) {
            return Err(trouble);
        }
        if let Some(model) = chunk["model"].as_str().filter(|model| !model.is_empty()) {
            model.clone_into(&mut self.model);
        }
        let text = chunk["choices"][0]["delta"]["content"].as_str();
        Ok(text.filter(|text| !text.is_empty()).map(str::to_owned))
    }
}

fn in_stream(error: sse_stream::Error) -> Trouble {
    match error {
        sse_stream::Error::Body(error) => error.downcast().map_or(Trouble::BrokeOff, |trouble| *trouble),
        _ => Trouble::Unexpected("a line of the stream is not text".to_owned()),
    }
}
