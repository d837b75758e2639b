//! From the pieces of answers to the completions of both old APIs: whole, or as the server-sent events of a stream, one for every
//! delta, none held back.

use axum::response::sse::Event;
use codex_client::{ToolCall, Usage};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::Failure;
use crate::event::Piece;
use crate::openai::chunk::{CallDelta, ChunkChoice, Delta, FunctionDelta};
use crate::openai::completion::{Completion, FinishReason};

/// One event whose data is `value`.
pub(crate) fn event(value: &impl Serialize) -> Event {
    // Our own types of strings and numbers always serialise.
    Event::default().json_data(value).unwrap_or_default()
}

/// What every chunk of a completion says of it, and a whole one too.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) id: String,
    pub(crate) object: &'static str,
    /// In Unix seconds.
    pub(crate) created: u64,
    pub(crate) model: String,
    /// Whether the usage comes in a chunk of its own.
    pub(crate) include_usage: bool,
    /// What all answers cost; `None` when nobody knows.
    pub(crate) usage: Option<Usage>,
}

impl Head {
    /// From now on the completion names this model.
    pub(crate) fn set_model(&mut self, model: &str) {
        if !model.is_empty() {
            model.clone_into(&mut self.model);
        }
    }

    /// What one more of the answers cost.
    pub(crate) fn add(&mut self, usage: Option<Usage>) {
        if let Some(usage) = usage {
            *self.usage.get_or_insert_default() += usage;
        }
    }

    /// The whole completion.
    pub(crate) fn whole<'a, C: ToSchema>(&'a self, choices: &'a [C]) -> Completion<'a, C> {
        let Self { id, object, created, model, .. } = self;
        let usage = self.usage.map(|usage| Some(usage.into()));
        Completion { id, object, created: *created, model, choices, usage }
    }

    /// A chunk that adds to one of the answers.
    pub(crate) fn chunk<C: ToSchema + Serialize>(&self, choice: C) -> Event {
        event(&Completion { usage: self.include_usage.then_some(None), ..self.whole(&[choice]) })
    }

    /// The end of a stream that went well.
    pub(crate) fn end(&self) -> Vec<Event> {
        let usage = Some(self.usage.map(Into::into));
        let last = || event(&Completion::<ChunkChoice<'_>> { usage, ..self.whole(&[]) });
        self.include_usage.then(last).into_iter().chain([Event::default().data("[DONE]")]).collect()
    }
}

/// Writes the stream of a completion.
pub(crate) trait Chunks: Send + 'static {
    /// What a piece of an answer puts into the stream.
    ///
    /// # Errors
    /// The failure that the piece tells of.
    fn piece(&mut self, index: u32, piece: Piece) -> Result<Vec<Event>, Failure>;

    /// What all chunks say.
    fn head(&self) -> &Head;
}

/// Writes the chunks of a chat completion.
#[derive(Clone, Debug)]
pub(crate) struct ChatChunks {
    head: Head,
    /// Whether a call comes in the old form, as `function_call`.
    old_calls: bool,
    /// For each answer, how many calls it has; `None` before its first chunk.
    answers: Vec<Option<u32>>,
}

impl Chunks for ChatChunks {
    fn piece(&mut self, index: u32, piece: Piece) -> Result<Vec<Event>, Failure> {
        if let Piece::Model(model) = &piece {
            self.head.set_model(model);
            return Ok(Vec::new());
        }
        let mut out = Vec::new();
        let number = self.begin(index, &mut out);
        match piece {
            Piece::Model(_) => {}
            Piece::Text(text) => {
                out.push(self.delta(index, Delta { content: Some(&text), ..Delta::default() }));
            }
            Piece::Reasoning(text) => {
                out.push(self.delta(index, Delta { reasoning_content: Some(&text), ..Delta::default() }));
            }
            Piece::Call(call) => out.extend(self.call(index, number, &call)),
            Piece::Ended(end) => {
                let end = end?;
                self.head.add(end.usage);
                let reason = finish_reason(end.reason, self.old_calls);
                out.push(self.chunk(index, Delta::default(), Some(reason)));
            }
        }
        Ok(out)
    }

    fn head(&self) -> &Head {
        &self.head
    }
}

impl ChatChunks {
    /// A writer of `n` answers.
    pub(crate) fn new(head: Head, n: u32, old_calls: bool) -> Self {
        Self { head, old_calls, answers: (0..n).map(|_| None).collect() }
    }

    /// Puts the chunk that names the role before the first other one of an answer. Gives back how many calls the answer has.
    fn begin(&mut self, index: u32, out: &mut Vec<Event>) -> u32 {
        match self.answers.get_mut(index as usize) {
            None => {}
            Some(Some(calls)) => return *calls,
            Some(answer) => {
                *answer = Some(0);
                let delta = Delta { role: Some("assistant"), content: Some(""), ..Delta::default() };
                out.push(self.delta(index, delta));
            }
        }
        0
    }

    /// The call `number`, its id and name first.
    fn call(&mut self, index: u32, number: u32, call: &ToolCall) -> [Event; 2] {
        if let Some(answer) = self.answers.get_mut(index as usize) {
            *answer = Some(number + 1);
        }
        let name = FunctionDelta { name: Some(&call.name), arguments: "" };
        let arguments = FunctionDelta { name: None, arguments: &call.arguments };
        [name, arguments].map(|function| {
            let first = function.name.is_some();
            let (id, kind) = (first.then_some(call.call_id.as_str()), first.then_some("function"));
            let delta = if self.old_calls {
                Delta { function_call: Some(function), ..Delta::default() }
            } else {
                let call = CallDelta { index: number, id, kind, function };
                Delta { tool_calls: Some([call]), ..Delta::default() }
            };
            self.delta(index, delta)
        })
    }

    fn delta(&self, index: u32, delta: Delta<'_>) -> Event {
        self.chunk(index, delta, None)
    }

    fn chunk(&self, index: u32, delta: Delta<'_>, finish_reason: Option<FinishReason>) -> Event {
        self.head.chunk(ChunkChoice { index, delta, logprobs: None, finish_reason })
    }
}

/// Why an answer ended, as the wire has it.
pub(crate) fn finish_reason(reason: FinishReason, old_calls: bool) -> FinishReason {
    if old_calls && reason == FinishReason::ToolCalls { FinishReason::FunctionCall } else { reason }
}

#[cfg(test)]
#[path = "chunks_tests.rs"]
mod tests;
