//! The events of a streamed response.

use axum::response::sse::Event;
use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

use super::item::{Annotation, OutputItem, OutputPart, SummaryPart};
use super::response::Response;

/// An event as it is sent, and kept for readers who come later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResponseEvent {
    /// Its type.
    pub kind: &'static str,
    /// Its number within the stream, from 0.
    pub sequence_number: u64,
    /// The whole event.
    pub json: Bytes,
}

impl ResponseEvent {
    pub(crate) fn new(event: &StreamEvent<'_>) -> Self {
        // Serializing our own types cannot fail.
        let json = serde_json::to_vec(event).unwrap_or_default().into();
        Self { kind: event.kind, sequence_number: event.sequence_number, json }
    }
}

impl From<ResponseEvent> for Event {
    fn from(event: ResponseEvent) -> Self {
        // JSON is always UTF-8.
        Event::default().event(event.kind).data(std::str::from_utf8(&event.json).unwrap_or_default())
    }
}

/// A server-sent event of a streamed response.
// It borrows, since one is written for every delta.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct StreamEvent<'a> {
    /// Type of the event, such as `response.output_text.delta`. It is the name of the server-sent event too.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Number of the event within the stream, from 0.
    pub sequence_number: u64,
    /// Fields that depend on the type.
    #[serde(flatten)]
    pub body: EventBody<'a>,
}

/// Fields that depend on the type of the event.
/// `item_id` and `output_index` name the output item; `content_index` and `summary_index` name the part of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum EventBody<'a> {
    /// `response.created`, `response.queued`, `response.in_progress`, `response.completed`, `response.incomplete` and `response.failed`.
    Response { response: &'a Response },
    /// `response.output_item.added` and `response.output_item.done`.
    Item { output_index: usize, item: &'a OutputItem },
    /// `response.content_part.added` and `response.content_part.done`.
    Part { item_id: &'a str, output_index: usize, content_index: usize, part: &'a OutputPart },
    /// `response.output_text.delta`: text to append to the message.
    TextDelta {
        item_id: &'a str,
        output_index: usize,
        content_index: usize,
        delta: &'a str,
        #[schema(value_type = Vec<Object>)]
        logprobs: [(); 0],
    },
    /// `response.output_text.annotation.added`: a page that the text cites.
    Annotation {
        item_id: &'a str,
        output_index: usize,
        content_index: usize,
        annotation_index: usize,
        annotation: &'a Annotation,
    },
    /// `response.web_search_call.in_progress`, `response.web_search_call.searching` and `response.web_search_call.completed`, and
    /// `response.image_generation_call.in_progress`, `response.image_generation_call.generating` and
    /// `response.image_generation_call.completed`.
    Progress { item_id: &'a str, output_index: usize },
    /// `response.output_text.done`: the complete text of the message.
    TextDone {
        item_id: &'a str,
        output_index: usize,
        content_index: usize,
        text: &'a str,
        #[schema(value_type = Vec<Object>)]
        logprobs: [(); 0],
    },
    /// `response.reasoning_summary_part.added` and `response.reasoning_summary_part.done`.
    SummaryPart { item_id: &'a str, output_index: usize, summary_index: usize, part: &'a SummaryPart },
    /// `response.reasoning_summary_text.delta`: text to append to the summary.
    SummaryDelta { item_id: &'a str, output_index: usize, summary_index: usize, delta: &'a str },
    /// `response.reasoning_summary_text.done`: the complete text of the part.
    SummaryDone { item_id: &'a str, output_index: usize, summary_index: usize, text: &'a str },
    /// `response.function_call_arguments.delta` and `response.custom_tool_call_input.delta`: text to append to the arguments or the
    /// input.
    ArgumentsDelta { item_id: &'a str, output_index: usize, delta: &'a str },
    /// `response.function_call_arguments.done`: the complete arguments.
    ArgumentsDone { item_id: &'a str, output_index: usize, name: &'a str, arguments: &'a str },
    /// `response.custom_tool_call_input.done`: the complete input.
    InputDone { item_id: &'a str, output_index: usize, input: &'a str },
    /// `error`: the stream ends here, and the response may go on.
    Error { code: &'a str, message: &'a str, param: Option<&'a str> },
}
