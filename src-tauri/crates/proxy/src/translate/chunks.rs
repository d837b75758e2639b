//! Writes answer events as chat completions and legacy completions, complete or as server-sent events, one per delta.

use axum::response::sse::Event;
use codex_client::{Picture, Usage};
use serde::Serialize;
use utoipa::ToSchema;

use super::{argument_deltas, images};
use crate::error::Failure;
use crate::event::{AnswerEnd, AnswerEvent, ClientCall};
use crate::openai::chunk::{CallDelta, ChunkChoice, CustomDelta, Delta, FunctionDelta};
use crate::openai::completion::{
    Annotation, AnswerImage, AnswerImageUrl, Completion, FinishReason, ProxyInfo,
};

/// A server-sent event with `value` as its data.
pub(crate) fn data_event(value: &impl Serialize) -> Event {
    // Serializing our own types cannot fail.
    Event::default().json_data(value).unwrap_or_default()
}

/// The fields shared by all chunks of a completion, and by a complete one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) id: String,
    pub(crate) object: &'static str,
    /// Unix seconds.
    pub(crate) created: u64,
    pub(crate) model: String,
    /// Whether a final chunk carries the usage.
    pub(crate) include_usage: bool,
    /// Usage of all answers; `None` if unknown.
    pub(crate) usage: Option<Usage>,
    /// Files changed while the answers were generated; `None` if unknown.
    pub(crate) files_changed: Option<u32>,
}

impl Head {
    /// Sets the reported model.
    pub(crate) fn set_model(&mut self, model: &str) {
        if !model.is_empty() {
            model.clone_into(&mut self.model);
        }
    }

    /// Adds what one answer used and changed.
    pub(crate) fn add(&mut self, end: AnswerEnd) {
        if let Some(usage) = end.usage {
            *self.usage.get_or_insert_default() += usage;
        }
        if let Some(count) = end.files_changed {
            let files = self.files_changed.get_or_insert_default();
            *files = files.saturating_add(count);
        }
    }

    fn proxy_info(&self) -> Option<ProxyInfo> {
        self.files_changed.map(|files_changed| ProxyInfo { files_changed })
    }

    /// The complete completion.
    pub(crate) fn completion<'a, C: ToSchema>(&'a self, choices: &'a [C]) -> Completion<'a, C> {
        let Self { id, object, created, model, .. } = self;
        let usage = self.usage.map(|usage| Some(usage.into()));
        Completion { id, object, created: *created, model, choices, usage, codex_proxy: None }
    }

    /// A chunk with one choice.
    pub(crate) fn chunk<C: ToSchema + Serialize>(&self, choice: C) -> Event {
        data_event(&Completion { usage: self.include_usage.then_some(None), ..self.completion(&[choice]) })
    }

    /// The last chunk of an answer, which may be that of the stream.
    pub(crate) fn last_chunk<C: ToSchema + Serialize>(&self, end: AnswerEnd, choice: C) -> Event {
        if end.files_changed.is_none() || self.include_usage {
            return self.chunk(choice);
        }
        data_event(&Completion { usage: None, codex_proxy: self.proxy_info(), ..self.completion(&[choice]) })
    }

    /// The end of a successful stream.
    pub(crate) fn end(&self) -> Vec<Event> {
        let usage = Some(self.usage.map(Into::into));
        let codex_proxy = self.proxy_info();
        let last =
            || data_event(&Completion::<ChunkChoice<'_>> { usage, codex_proxy, ..self.completion(&[]) });
        self.include_usage.then(last).into_iter().chain([Event::default().data("[DONE]")]).collect()
    }
}

/// Writes a completion's stream.
pub(crate) trait Chunks: Send + 'static {
    /// Returns the chunks for an event of answer `index`.
    ///
    /// # Errors
    /// The failure that ended the answer.
    fn write(&mut self, index: u32, event: AnswerEvent) -> Result<Vec<Event>, Failure>;

    /// The shared fields.
    fn head(&self) -> &Head;
}

#[derive(Clone, Debug)]
pub(crate) struct ChatChunks {
    head: Head,
    /// Whether calls are sent in the legacy form, as `function_call`.
    legacy_calls: bool,
    /// The number of calls of each answer; `None` before its first chunk.
    answers: Vec<Option<u32>>,
    /// What each answer cites. OpenAI sends it in one chunk, and its packages cannot add up several.
    annotations: Vec<Vec<Annotation>>,
    /// The number of pictures of each answer.
    pictures: Vec<u32>,
}

impl Chunks for ChatChunks {
    fn write(&mut self, index: u32, event: AnswerEvent) -> Result<Vec<Event>, Failure> {
        if let AnswerEvent::Model(model) = &event {
            self.head.set_model(model);
            return Ok(Vec::new());
        }
        let mut out = Vec::new();
        let number = self.begin(index, &mut out);
        match event {
            AnswerEvent::Model(_) | AnswerEvent::Searched(_) | AnswerEvent::PictureStarted(_) => {}
            AnswerEvent::Citations(citations) => {
                if let Some(annotations) = self.annotations.get_mut(index as usize) {
                    annotations.extend(citations.into_iter().map(Annotation::from));
                }
            }
            AnswerEvent::Text(text) => {
                out.push(self.delta(index, Delta { content: Some(&text), ..Delta::default() }));
            }
            AnswerEvent::Reasoning(text) => {
                out.push(self.delta(index, Delta { reasoning_content: Some(&text), ..Delta::default() }));
            }
            AnswerEvent::Call(call) => out.extend(self.call(index, number, &call)),
            AnswerEvent::Picture(picture) => out.push(self.picture(index, &picture)),
            AnswerEvent::Ended(end) => {
                let end = end?;
                self.head.add(end);
                let annotations =
                    self.annotations.get_mut(index as usize).map(std::mem::take).unwrap_or_default();
                if !annotations.is_empty() {
                    out.push(self.delta(index, Delta { annotations: &annotations, ..Delta::default() }));
                }
                let finish_reason = Some(finish_reason(end.reason, self.legacy_calls));
                let choice = ChunkChoice { index, delta: Delta::default(), logprobs: None, finish_reason };
                out.push(self.head.last_chunk(end, choice));
            }
        }
        Ok(out)
    }

    fn head(&self) -> &Head {
        &self.head
    }
}

impl ChatChunks {
    /// Writes `n` answers.
    pub(crate) fn new(head: Head, n: u32, legacy_calls: bool) -> Self {
        let answers = (0..n).map(|_| None).collect();
        let (annotations, pictures) = (0..n).map(|_| (Vec::new(), 0)).unzip();
        Self { head, legacy_calls, answers, annotations, pictures }
    }

    /// Pushes the role chunk before an answer's first chunk. Returns the number of calls so far.
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

    /// The chunks of a call: id and name, then the arguments.
    fn call(&mut self, index: u32, number: u32, call: &ClientCall) -> Vec<Event> {
        if let Some(answer) = self.answers.get_mut(index as usize) {
            *answer = Some(number + 1);
        }
        let name = FunctionDelta { name: Some(&call.name), arguments: "" };
        let arguments = argument_deltas(&call.input).map(|arguments| FunctionDelta { name: None, arguments });
        let chunk = |function: FunctionDelta<'_>| {
            let first = function.name.is_some();
            let kind = if call.is_custom { "custom" } else { "function" };
            let (id, kind) = (first.then_some(call.call_id.as_str()), first.then_some(kind));
            let delta = if self.legacy_calls {
                Delta { function_call: Some(function), ..Delta::default() }
            } else {
                let FunctionDelta { name, arguments: input } = function;
                let custom = call.is_custom.then_some(CustomDelta { name, input });
                let function = Some(function).filter(|_| !call.is_custom);
                let call = CallDelta { index: number, id, kind, function, custom };
                Delta { tool_calls: Some([call]), ..Delta::default() }
            };
            self.delta(index, delta)
        };
        [name].into_iter().chain(arguments).map(chunk).collect()
    }

    /// The chunk of a picture, which some clients display.
    fn picture(&mut self, index: u32, picture: &Picture) -> Event {
        let number = self.pictures.get_mut(index as usize).map(|count| {
            *count += 1;
            *count - 1
        });
        let image = answer_image(picture, number.unwrap_or_default());
        self.delta(index, Delta { images: Some([image]), ..Delta::default() })
    }

    fn delta(&self, index: u32, delta: Delta<'_>) -> Event {
        self.head.chunk(ChunkChoice { index, delta, logprobs: None, finish_reason: None })
    }
}

/// A picture as an image of a chat message.
pub(crate) fn answer_image(picture: &Picture, index: u32) -> AnswerImage<'static> {
    let url = images::of_base64(&picture.base64).into();
    AnswerImage { kind: "image_url", image_url: AnswerImageUrl { url }, index }
}

/// The finish reason on the wire.
pub(crate) fn finish_reason(reason: FinishReason, legacy_calls: bool) -> FinishReason {
    if legacy_calls && reason == FinishReason::ToolCalls { FinishReason::FunctionCall } else { reason }
}

#[cfg(test)]
#[path = "chunks_tests.rs"]
mod tests;
