//! A streamed chat through the real server, read as Open WebUI reads it.
//!
//! What is done with the pieces is the business of the check and of the test prompt.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Answer, Caller};
use super::events::DataLines;
use super::trouble::{Trouble, error_of};

/// An answer as it comes.
#[derive(Debug)]
pub(super) struct Chat {
    answer: Answer,
    lines: DataLines,
    /// The model that the answer names; the one that was asked for, until it does.
    pub(super) model: String,
}

impl Chat {
    /// Asks `model` one question, all of it to be answered within `limit`.
    ///
    /// # Errors
    /// When the answer is an error, or not a stream of events.
    pub(super) async fn ask(
        caller: &Caller<'_>,
        model: &str,
        prompt: &str,
        limit: Duration,
    ) -> Result<Self, Trouble> {
        let body = json!({"stream":true,"model":model,"messages":[{"role":"user","content":prompt}]});
        let answer = caller.post("/v1/chat/completions", &body, limit).await?;
        if answer.status != 200 {
            let reply = answer.whole().await?;
            return Err(Trouble::of_answer(reply.status, &reply.body));
        }
        if !answer.content_type.contains("text/event-stream") {
            // Open WebUI would wait for ever on such an answer, without a word.
            let given = if answer.content_type.is_empty() { "nothing" } else { &answer.content_type };
            let given: String = given.chars().take(60).collect();
            let what = format!("a stream should be text/event-stream, and it says {given}");
            return Err(Trouble::Unexpected(what));
        }
        Ok(Self { answer, lines: DataLines::default(), model: model.to_owned() })
    }

    /// The next piece of the answer's text; `None` at its end.
    ///
    /// # Errors
    /// When the stream carries an error, or stops without its last line.
    pub(super) async fn text(&mut self) -> Result<Option<String>, Trouble> {
        loop {
            while let Some(data) = self.lines.next() {
                if data == "[DONE]" {
                    return Ok(None);
                }
                if let Some(text) = self.chunk(&data)? {
                    return Ok(Some(text));
                }
            }
            let bytes = self.answer.piece().await?.ok_or(Trouble::BrokeOff)?;
            self.lines.push(&bytes)?;
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
