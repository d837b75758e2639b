//! From the pieces of answers to the server-sent events of a stream, one for every delta, none held back.

use bytes::{BufMut, Bytes, BytesMut};
use codex_client::{ToolCall, Usage as TurnUsage};
use serde::Serialize;

use crate::event::{self, Piece};
use crate::openai::chunk::{CallDelta, ChatChunk, ChunkChoice, ChunkUsage, Delta, FunctionDelta};
use crate::openai::completion::FinishReason;

/// The comment that keeps a silent stream open.
pub(crate) const PING: &[u8] = b": ping\n\n";

/// The line that ends a stream.
pub(crate) const DONE: &[u8] = b"data: [DONE]\n\n";

/// How the chunks of a completion look.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ChunkForm {
    /// Whether the usage comes in a chunk of its own.
    pub include_usage: bool,
    /// Whether a call comes in the old form, as `function_call`.
    pub old_calls: bool,
}

/// Writes the chunks of one completion.
#[derive(Clone, Debug)]
pub(crate) struct ChunkWriter {
    id: String,
    created: u64,
    model: String,
    form: ChunkForm,
    /// For each answer, how many calls it has; `None` before its first chunk.
    answers: Vec<Option<u32>>,
    usage: Option<TurnUsage>,
}

impl ChunkWriter {
    /// A writer for the completion `id` with `n` answers. `created` is in Unix seconds.
    pub(crate) fn new(id: String, created: u64, n: u32, form: ChunkForm) -> Self {
        let answers = (0..n).map(|_| None).collect();
        Self { id, created, model: String::new(), form, answers, usage: None }
    }

    /// What a piece of an answer puts into the stream, if anything; `None` for a failure too, which is not ours to write.
    pub(crate) fn piece(&mut self, index: u32, piece: &Piece) -> Option<Bytes> {
        let mut out = BytesMut::with_capacity(256);
        match piece {
            Piece::Model(model) => {
                if !model.is_empty() {
                    self.model.clone_from(model);
                }
                return None;
            }
            Piece::Text(text) => {
                self.delta(&mut out, index, Delta { content: Some(text), ..Delta::default() });
            }
            Piece::Reasoning(text) => {
                self.delta(&mut out, index, Delta { reasoning_content: Some(text), ..Delta::default() });
            }
            Piece::Call(call) => self.call(&mut out, index, call),
            Piece::Ended(Ok(finish)) => {
                if let Some(usage) = finish.usage {
                    *self.usage.get_or_insert_default() += usage;
                }
                self.role(&mut out, index);
                let reason = finish_reason(finish.reason, self.form.old_calls);
                self.chunk(&mut out, index, Delta::default(), Some(reason));
            }
            Piece::Ended(Err(_)) => return None,
        }
        Some(out.freeze())
    }

    /// The end of a stream that went well.
    pub(crate) fn end(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(512);
        if self.form.include_usage {
            self.write(&mut out, &[], ChunkUsage::Known(self.usage.map(Into::into)));
        }
        out.put_slice(DONE);
        out.freeze()
    }

    fn delta(&mut self, out: &mut BytesMut, index: u32, delta: Delta<'_>) {
        self.role(out, index);
        self.chunk(out, index, delta, None);
    }

    /// A call, its id and name first.
    fn call(&mut self, out: &mut BytesMut, index: u32, call: &ToolCall) {
        self.role(out, index);
        let calls = self.answers.get_mut(index as usize).and_then(Option::as_mut);
        let number = calls.map(|calls| std::mem::replace(calls, *calls + 1)).unwrap_or_default();
        let name = FunctionDelta { name: Some(&call.name), arguments: "" };
        let arguments = FunctionDelta { name: None, arguments: &call.arguments };
        for function in [name, arguments] {
            let delta = if self.form.old_calls {
                Delta { function_call: Some(function), ..Delta::default() }
            } else {
                let first = function.name.is_some();
                let (id, kind) = (first.then_some(call.call_id.as_str()), first.then_some("function"));
                Delta {
                    tool_calls: Some([CallDelta { index: number, id, kind, function }]),
                    ..Delta::default()
                }
            };
            self.chunk(out, index, delta, None);
        }
    }

    /// The chunk that names the role, before the first other one of an answer.
    fn role(&mut self, out: &mut BytesMut, index: u32) {
        if let Some(answer @ None) = self.answers.get_mut(index as usize) {
            *answer = Some(0);
            let delta = Delta { role: Some("assistant"), content: Some(""), ..Delta::default() };
            self.chunk(out, index, delta, None);
        }
    }

    fn chunk(&self, out: &mut BytesMut, index: u32, delta: Delta<'_>, finish_reason: Option<FinishReason>) {
        let usage = if self.form.include_usage { ChunkUsage::Null } else { ChunkUsage::Absent };
        self.write(out, &[ChunkChoice { index, delta, logprobs: None, finish_reason }], usage);
    }

    fn write(&self, out: &mut BytesMut, choices: &[ChunkChoice<'_>], usage: ChunkUsage) {
        event(
            out,
            &ChatChunk {
                id: &self.id,
                object: "chat.completion.chunk",
                created: self.created,
                model: &self.model,
                choices,
                usage,
            },
        );
    }
}

/// Why an answer ended, as the wire has it.
pub(crate) fn finish_reason(reason: event::FinishReason, old_calls: bool) -> FinishReason {
    match reason {
        event::FinishReason::Stop => FinishReason::Stop,
        event::FinishReason::Length => FinishReason::Length,
        event::FinishReason::ToolCalls if old_calls => FinishReason::FunctionCall,
        event::FinishReason::ToolCalls => FinishReason::ToolCalls,
    }
}

/// One `data:` event that holds `value`.
pub(crate) fn event(out: &mut BytesMut, value: &impl Serialize) {
    out.put_slice(b"data: ");
    // Our own types of strings and numbers always serialise, and memory never refuses a write.
    let _ = serde_json::to_writer(out.writer(), value);
    out.put_slice(b"\n\n");
}

#[cfg(test)]
#[path = "chunks_tests.rs"]
mod tests;
