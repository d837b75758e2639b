//! One event of a streamed response.

use serde::Serialize;

use super::item::{OutputItem, OutputPart, SummaryPart};
use super::response::Response;

/// An event. It borrows what it carries: one is written for every delta.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StreamEvent<'a> {
    /// What happened, such as `response.output_text.delta`; the event's name on the wire too.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The event's number in its stream, from 0.
    pub sequence_number: u64,
    /// What it happened to.
    #[serde(flatten)]
    pub body: EventBody<'a>,
}

/// What an event carries, in fields that OpenAI names. `item_id` and `output_index` say which item it is about.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum EventBody<'a> {
    /// The response as it is now.
    Response { response: &'a Response },
    /// An item as it is now.
    Item { output_index: usize, item: &'a OutputItem },
    /// A part of a message as it is now.
    Part { item_id: &'a str, output_index: usize, content_index: usize, part: &'a OutputPart },
    /// A piece of a message's text.
    TextDelta {
        item_id: &'a str,
        output_index: usize,
        content_index: usize,
        delta: &'a str,
        logprobs: [(); 0],
    },
    /// A message's whole text.
    TextDone { item_id: &'a str, output_index: usize, content_index: usize, text: &'a str, logprobs: [(); 0] },
    /// A part of a summary as it is now.
    SummaryPart { item_id: &'a str, output_index: usize, summary_index: usize, part: &'a SummaryPart },
    /// A piece of a summary's text.
    SummaryDelta { item_id: &'a str, output_index: usize, summary_index: usize, delta: &'a str },
    /// A summary's whole text.
    SummaryDone { item_id: &'a str, output_index: usize, summary_index: usize, text: &'a str },
    /// A piece of a call's arguments.
    ArgumentsDelta { item_id: &'a str, output_index: usize, delta: &'a str },
    /// A call's whole arguments.
    ArgumentsDone { item_id: &'a str, output_index: usize, name: &'a str, arguments: &'a str },
}
