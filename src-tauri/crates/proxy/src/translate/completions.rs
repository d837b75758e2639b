//! Between the old completions API and what is wanted: each prompt is a conversation of one message of the user's.

use axum::response::sse::Event;
use codex_client::{Content, Item, Role};
use serde_json::Value;

use super::answer_request::AnswerRequest;
use super::chunks::{Chunks, Head};
use super::limits::{self, MOST_ANSWERS};
use crate::error::{ApiError, Failure};
use crate::event::Piece;
use crate::openai::text_completion::{CompletionsRequest, TextChoice};
use crate::openai::text_or::TextOr;
use crate::settings::ReasoningFormat;

/// What each prompt wants, in order; all want the same number of answers.
///
/// # Errors
/// [`ApiError`] naming the field that is wrong, or that asks for what cannot be given.
pub(crate) fn parse(request: &CompletionsRequest) -> Result<Vec<AnswerRequest>, ApiError> {
    let prompts = prompts(&request.prompt)?;
    let n = request.n.unwrap_or(1);
    let choices = u32::try_from(prompts.len()).unwrap_or(u32::MAX).saturating_mul(n);
    if !(1..=MOST_ANSWERS).contains(&choices) {
        let message = format!("n times the number of prompts must be from 1 to {MOST_ANSWERS}.");
        return Err(ApiError::invalid("n", &message));
    }
    let stop = limits::stops(request.stop.clone());
    let wanted = |prompt: &str| AnswerRequest {
        model: request.model.clone(),
        items: vec![Item::Message { role: Role::User, content: vec![Content::Text(prompt.to_owned())] }],
        // There is nowhere in a completion to put a summary.
        reasoning_format: Some(ReasoningFormat::None),
        max_tokens: request.max_tokens,
        stop: stop.clone(),
        n,
        ..AnswerRequest::default()
    };
    prompts.into_iter().map(|prompt| limits::checked(wanted(prompt), "max_tokens")).collect()
}

fn prompts(prompt: &TextOr<Value>) -> Result<Vec<&str>, ApiError> {
    match prompt {
        TextOr::Text(text) => Ok(vec![text]),
        TextOr::Parts(parts) if parts.is_empty() => Err(ApiError::invalid("prompt", "There is no prompt.")),
        TextOr::Parts(parts) => parts
            .iter()
            .enumerate()
            .map(|(index, part)| match part {
                Value::String(text) => Ok(text.as_str()),
                Value::Number(_) | Value::Array(_) => Err(ApiError::unsupported(
                    "prompt".to_owned(),
                    "Tokens cannot be read. Send the prompt as text.".to_owned(),
                )),
                _ => Err(ApiError::invalid(format!("prompt[{index}]"), "A prompt must be a string.")),
            })
            .collect(),
    }
}

/// Writes the chunks of a completion.
#[derive(Clone, Debug)]
pub(crate) struct TextChunks(pub(crate) Head);

impl Chunks for TextChunks {
    fn piece(&mut self, index: u32, piece: Piece) -> Result<Vec<Event>, Failure> {
        let (text, finish_reason) = match piece {
            Piece::Model(model) => {
                self.0.set_model(&model);
                return Ok(Vec::new());
            }
            Piece::Reasoning(_) | Piece::Call(_) => return Ok(Vec::new()),
            Piece::Text(text) => (text, None),
            Piece::Ended(end) => {
                let end = end?;
                self.0.add(end.usage);
                (String::new(), Some(end.reason))
            }
        };
        Ok(vec![self.0.chunk(TextChoice { text: &text, index, logprobs: None, finish_reason })])
    }

    fn head(&self) -> &Head {
        &self.0
    }
}

#[cfg(test)]
#[path = "completions_tests.rs"]
mod tests;
