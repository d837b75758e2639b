//! Between the old completions API and what is wanted: each prompt is a conversation of one message of the user's.

use bytes::{BufMut, Bytes, BytesMut};
use codex_client::{Content, Item, Role};
use serde_json::{Map, Value};

use super::answer_request::AnswerRequest;
use super::chunks::{DONE, event};
use super::limits::{self, MOST_ANSWERS};
use super::parameters::{Verdict, is_no_penalty, judged};
use crate::error::Refusal;
use crate::event::FinishReason;
use crate::openai::chunk::ChunkUsage;
use crate::openai::completion::Usage;
use crate::openai::text_completion::{CompletionsRequest, TextChoice, TextCompletion, TextFinish};
use crate::openai::text_or::TextOr;
use crate::settings::ReasoningAs;

/// Parameters that are read, or that have no bearing on the answer.
const UNDERSTOOD: &[&str] =
    &["max_tokens", "model", "n", "prompt", "stop", "stream", "stream_options", "user"];

/// What each prompt wants, in order; all want the same number of answers.
///
/// # Errors
/// [`Refusal`] naming the field that is wrong, or that asks for what cannot be given.
pub(crate) fn understand(request: &CompletionsRequest) -> Result<Vec<AnswerRequest>, Refusal> {
    let prompts = prompts(&request.prompt)?;
    let n = request.n.unwrap_or(1);
    let choices = u32::try_from(prompts.len()).unwrap_or(u32::MAX).saturating_mul(n);
    if !(1..=MOST_ANSWERS).contains(&choices) {
        let message = format!("n times the number of prompts must be from 1 to {MOST_ANSWERS}.");
        return Err(Refusal::invalid("n", &message));
    }
    let stop = limits::stops(request.stop.clone());
    let wanted = |prompt: &str| AnswerRequest {
        model: request.model.clone(),
        items: vec![Item::Message { role: Role::User, content: vec![Content::Text(prompt.to_owned())] }],
        // There is nowhere in a completion to put a summary.
        reasoning_as: Some(ReasoningAs::None),
        max_tokens: request.max_tokens,
        stop: stop.clone(),
        n,
        ..AnswerRequest::default()
    };
    Ok(prompts.into_iter().map(wanted).collect())
}

fn prompts(prompt: &TextOr<Value>) -> Result<Vec<&str>, Refusal> {
    match prompt {
        TextOr::Text(text) => Ok(vec![text]),
        TextOr::Parts(parts) if parts.is_empty() => Err(Refusal::invalid("prompt", "There is no prompt.")),
        TextOr::Parts(parts) => parts
            .iter()
            .enumerate()
            .map(|(index, part)| match part {
                Value::String(text) => Ok(text.as_str()),
                Value::Number(_) | Value::Array(_) => Err(Refusal::Unsupported {
                    param: "prompt".to_owned(),
                    message: "Tokens cannot be read. Send the prompt as text.".to_owned(),
                }),
                _ => Err(Refusal::invalid(&format!("prompt[{index}]"), "A prompt must be a string.")),
            })
            .collect(),
    }
}

/// The names of the parameters that are ignored, in alphabetical order.
///
/// # Errors
/// [`Refusal::Unsupported`] for a parameter that changes the shape of the answer and cannot be given.
pub(crate) fn ignored(body: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
    let n = body.get("n").and_then(Value::as_u64).unwrap_or(1);
    judged(body, UNDERSTOOD, |name, value| match name {
        "suffix" if value == "" => Verdict::Neutral,
        "echo" if *value == false => Verdict::Neutral,
        "best_of" if value.as_u64() == Some(n) => Verdict::Neutral,
        "suffix" => Verdict::Refused("codex cannot put text before a suffix."),
        "echo" => Verdict::Refused("The prompt cannot be repeated in the answer."),
        "best_of" => Verdict::Refused("Only as many answers can be made as are sent: best_of must be n."),
        "logprobs" => Verdict::Refused("codex gives no log probabilities."),
        _ if is_no_penalty(name, value) => Verdict::Neutral,
        _ => Verdict::Ignored,
    })
}

/// The word for why a text ended.
pub(crate) fn finish(reason: FinishReason) -> TextFinish {
    match reason {
        FinishReason::Length => TextFinish::Length,
        // There are no tools here to be called.
        FinishReason::Stop | FinishReason::ToolCalls => TextFinish::Stop,
    }
}

/// Writes a completion, whole or as chunks.
#[derive(Clone, Debug)]
pub(crate) struct CompletionWriter {
    id: String,
    created: u64,
    model: String,
    include_usage: bool,
}

impl CompletionWriter {
    /// A writer for the completion `id` of `model`. `created` is in Unix seconds.
    pub(crate) fn new(id: String, created: u64, model: String, include_usage: bool) -> Self {
        Self { id, created, model, include_usage }
    }

    /// From now on the completion names this model.
    pub(crate) fn set_model(&mut self, model: String) {
        if !model.is_empty() {
            self.model = model;
        }
    }

    /// A chunk with a piece of a choice's text.
    pub(crate) fn text(&self, index: u32, text: &str) -> Bytes {
        self.chunk(TextChoice { text, index, logprobs: None, finish_reason: None })
    }

    /// The chunk that ends a choice.
    pub(crate) fn end(&self, index: u32, reason: FinishReason) -> Bytes {
        self.chunk(TextChoice { text: "", index, logprobs: None, finish_reason: Some(finish(reason)) })
    }

    /// The end of a stream that went well.
    pub(crate) fn done(&self, usage: Option<Usage>) -> Bytes {
        let mut out = BytesMut::with_capacity(512);
        if self.include_usage {
            event(&mut out, &self.completion(&[], ChunkUsage::Known(usage)));
        }
        out.put_slice(DONE);
        out.freeze()
    }

    /// The whole completion.
    pub(crate) fn whole<'a>(
        &'a self,
        choices: &'a [TextChoice<'a>],
        usage: Option<Usage>,
    ) -> TextCompletion<'a> {
        let usage = usage.map_or(ChunkUsage::Absent, |usage| ChunkUsage::Known(Some(usage)));
        self.completion(choices, usage)
    }

    fn chunk(&self, choice: TextChoice<'_>) -> Bytes {
        let usage = if self.include_usage { ChunkUsage::Null } else { ChunkUsage::Absent };
        let mut out = BytesMut::with_capacity(256);
        event(&mut out, &self.completion(&[choice], usage));
        out.freeze()
    }

    fn completion<'a>(&'a self, choices: &'a [TextChoice<'a>], usage: ChunkUsage) -> TextCompletion<'a> {
        TextCompletion {
            id: &self.id,
            object: "text_completion",
            created: self.created,
            model: &self.model,
            choices,
            usage,
        }
    }
}

#[cfg(test)]
#[path = "completions_tests.rs"]
mod tests;
