//! Translates the legacy completions API: each prompt becomes a conversation of one user message.

use axum::response::sse::Event;
use codex_client::{Content, Item, Role};
use serde_json::Value;

use super::answer_request::AnswerRequest;
use super::chunks::{Chunks, Head};
use super::limits::{self, MAX_ANSWERS};
use crate::error::{ApiError, Failure};
use crate::event::AnswerEvent;
use crate::openai::text_completion::{CompletionsRequest, TextChoice};
use crate::openai::text_or::TextOr;
use crate::settings::ReasoningFormat;

/// Parses one request per prompt, all with the same `n`.
///
/// # Errors
/// [`ApiError`] naming the invalid or unsupported field.
pub(crate) fn parse(request: &CompletionsRequest) -> Result<Vec<AnswerRequest>, ApiError> {
    let prompts = prompts(&request.prompt)?;
    let n = request.n.unwrap_or(1);
    let choices = u32::try_from(prompts.len()).unwrap_or(u32::MAX).saturating_mul(n);
    if !(1..=MAX_ANSWERS).contains(&choices) {
        let message = format!("n times the number of prompts must be between 1 and {MAX_ANSWERS}.");
        return Err(ApiError::invalid("n", message).loggable());
    }
    let stop = limits::stops(request.stop.clone());
    let request_for = |prompt: &str| AnswerRequest {
        model: request.model.clone(),
        items: vec![Item::Message { role: Role::User, content: vec![Content::Text(prompt.to_owned())] }],
        // Completions have no field for a reasoning summary.
        reasoning_format: Some(ReasoningFormat::None),
        max_tokens: request.max_tokens,
        stop: stop.clone(),
        n,
        one_shot: true,
        streamed: request.stream == Some(true),
        ..AnswerRequest::default()
    };
    prompts.into_iter().map(|prompt| limits::validate(request_for(prompt), "max_tokens")).collect()
}

fn prompts(prompt: &TextOr<Value>) -> Result<Vec<&str>, ApiError> {
    match prompt {
        TextOr::Text(text) => Ok(vec![text]),
        TextOr::Parts(parts) if parts.is_empty() => Err(ApiError::invalid("prompt", "prompt is empty.")),
        TextOr::Parts(parts) => parts
            .iter()
            .enumerate()
            .map(|(index, part)| match part {
                Value::String(text) => Ok(text.as_str()),
                Value::Number(_) | Value::Array(_) => Err(ApiError::unsupported(
                    "prompt".to_owned(),
                    "Token arrays are not supported; send the prompt as text.".to_owned(),
                )),
                _ => Err(ApiError::invalid(format!("prompt[{index}]"), "A prompt must be a string.")),
            })
            .collect(),
    }
}

/// Writes the chunks of a legacy completion.
#[derive(Clone, Debug)]
pub(crate) struct TextChunks(pub(crate) Head);

impl Chunks for TextChunks {
    fn write(&mut self, index: u32, event: AnswerEvent) -> Result<Vec<Event>, Failure> {
        let text = match event {
            AnswerEvent::Model(model) => {
                self.0.set_model(&model);
                return Ok(Vec::new());
            }
            // Such a completion has only text.
            AnswerEvent::Reasoning(_)
            | AnswerEvent::Searched(_)
            | AnswerEvent::Citations(_)
            | AnswerEvent::Call(_)
            | AnswerEvent::PictureStarted(_)
            | AnswerEvent::Picture(_) => return Ok(Vec::new()),
            AnswerEvent::Text(text) => text,
            AnswerEvent::Ended(end) => {
                let end = end?;
                self.0.add(end);
                let choice = TextChoice { text: "", index, logprobs: None, finish_reason: Some(end.reason) };
                return Ok(vec![self.0.last_chunk(end, choice)]);
            }
        };
        Ok(vec![self.0.chunk(TextChoice { text: &text, index, logprobs: None, finish_reason: None })])
    }

    fn head(&self) -> &Head {
        &self.0
    }
}

#[cfg(test)]
#[path = "completions_tests.rs"]
mod tests;
