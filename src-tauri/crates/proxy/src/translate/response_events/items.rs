//! Updates for each kind of output item, and the events they emit.

use codex_client::{Citation, Picture, WebSearchAction as Searched, WebSearchCall};

use super::Sink;
use crate::event::ClientCall;
use crate::openai::responses::event::EventBody;
use crate::openai::responses::item::{
    Annotation, ImageStatus, ItemStatus, OutputItem, OutputPart, SummaryPart, WebSearchAction,
};
use crate::translate::argument_deltas;

/// An empty message.
pub(super) fn message(id: String) -> OutputItem {
    OutputItem::Message { id, status: ItemStatus::InProgress, role: "assistant", content: Vec::new() }
}

/// An empty summary.
pub(super) fn reasoning(id: String) -> OutputItem {
    OutputItem::Reasoning { id, summary: Vec::new() }
}

/// An empty call, and its arguments or input.
pub(super) fn call(id: String, call: ClientCall) -> (OutputItem, String) {
    let ClientCall { call_id, namespace, name, input, is_custom } = call;
    let item = if is_custom {
        OutputItem::CustomToolCall { id, call_id, namespace, name, input: String::new() }
    } else {
        let (status, arguments) = (ItemStatus::InProgress, String::new());
        OutputItem::FunctionCall { id, status, call_id, namespace, name, arguments }
    };
    (item, input)
}

/// A web search that has begun.
pub(super) fn search(id: String, call: WebSearchCall) -> OutputItem {
    OutputItem::WebSearchCall { id, status: ItemStatus::InProgress, action: search_action(call) }
}

/// OpenAI has fewer actions than codex; all others are searches.
fn search_action(WebSearchCall { query: what, action, .. }: WebSearchCall) -> WebSearchAction {
    match action {
        Some(Searched::OpenPage { url }) => WebSearchAction::OpenPage { url },
        Some(Searched::FindInPage { url, pattern }) => {
            WebSearchAction::FindInPage { url: url.unwrap_or_default(), pattern: pattern.unwrap_or_default() }
        }
        Some(Searched::Search { query, queries }) => {
            let queries = queries.unwrap_or_else(|| query.iter().cloned().collect());
            let query = query.or_else(|| queries.first().cloned()).unwrap_or(what);
            WebSearchAction::Search { query, queries }
        }
        Some(Searched::Other) | None => WebSearchAction::Search {
            queries: [what.clone()].into_iter().filter(|query| !query.is_empty()).collect(),
            query: what,
        },
    }
}

/// An image that is being generated.
pub(super) fn image(id: String) -> OutputItem {
    OutputItem::ImageGenerationCall {
        id,
        status: ImageStatus::InProgress,
        result: None,
        revised_prompt: None,
    }
}

/// Ends an image.
pub(super) fn end_image(item: &mut OutputItem, output_index: usize, picture: Picture, sink: &mut Sink) {
    if let OutputItem::ImageGenerationCall { status, result, revised_prompt, .. } = item {
        *status = ImageStatus::Completed;
        (*result, *revised_prompt) = (Some(picture.base64.to_string()), picture.prompt);
    }
    progress(item, output_index, &["response.image_generation_call.completed"], sink);
}

/// Emits how far a web search or an image is.
pub(super) fn progress(item: &OutputItem, output_index: usize, kinds: &[&'static str], sink: &mut Sink) {
    for kind in kinds {
        sink.event(kind, EventBody::Progress { item_id: item.id(), output_index });
    }
}

/// Ends a web search.
pub(super) fn end_search(item: &mut OutputItem, output_index: usize, call: WebSearchCall, sink: &mut Sink) {
    if let OutputItem::WebSearchCall { action, status, .. } = item {
        (*action, *status) = (search_action(call), ItemStatus::Completed);
    }
    progress(item, output_index, &["response.web_search_call.completed"], sink);
}

/// Adds citations to the part of a message that begins `before` code points into the answer's text. Those of other text are dropped.
pub(super) fn add_citations(item: &mut OutputItem, before: usize, citations: Vec<Citation>) {
    let OutputItem::Message { content, .. } = item else { return };
    let Some(part) = content.last_mut() else { return };
    let place = |Citation { start, end, url, title }: Citation| {
        let (start_index, end_index) = (start.checked_sub(before)?, end.checked_sub(before)?);
        Some(Annotation { start_index, end_index, url, title })
    };
    part.annotations.extend(citations.into_iter().filter_map(place));
}

/// Appends to the single part of a message.
pub(super) fn add_text(item: &mut OutputItem, output_index: usize, text: &str, sink: &mut Sink) {
    let OutputItem::Message { id: item_id, content, .. } = item else { return };
    if content.is_empty() {
        content.push(OutputPart::default());
        let body = EventBody::Part { item_id, output_index, content_index: 0, part: &content[0] };
        sink.event("response.content_part.added", body);
    }
    content[0].text.push_str(text);
    let body = EventBody::TextDelta { item_id, output_index, content_index: 0, delta: text, logprobs: [] };
    sink.event("response.output_text.delta", body);
}

/// Appends to the last part of a summary, or to a new one.
pub(super) fn add_summary(
    item: &mut OutputItem,
    output_index: usize,
    text: &str,
    new_part: bool,
    sink: &mut Sink,
) {
    if new_part {
        close(item, output_index, sink);
    }
    let OutputItem::Reasoning { id: item_id, summary } = item else { return };
    if new_part || summary.is_empty() {
        let part = SummaryPart::default();
        let body =
            EventBody::SummaryPart { item_id, output_index, summary_index: summary.len(), part: &part };
        sink.event("response.reasoning_summary_part.added", body);
        summary.push(part);
    }
    let summary_index = summary.len() - 1;
    summary[summary_index].text.push_str(text);
    let body = EventBody::SummaryDelta { item_id, output_index, summary_index, delta: text };
    sink.event("response.reasoning_summary_text.delta", body);
}

/// Sets a call's arguments or input, which arrives complete.
pub(super) fn add_input(item: &mut OutputItem, output_index: usize, value: String, sink: &mut Sink) {
    let (item_id, text, kind) = match item {
        OutputItem::FunctionCall { id, arguments, .. } => {
            (id, arguments, "response.function_call_arguments.delta")
        }
        OutputItem::CustomToolCall { id, input, .. } => (id, input, "response.custom_tool_call_input.delta"),
        OutputItem::Message { .. }
        | OutputItem::Reasoning { .. }
        | OutputItem::WebSearchCall { .. }
        | OutputItem::ImageGenerationCall { .. } => return,
    };
    *text = value;
    for delta in argument_deltas(text) {
        sink.event(kind, EventBody::ArgumentsDelta { item_id, output_index, delta });
    }
}

/// Emits the final events of the item's last part.
pub(super) fn close(item: &OutputItem, output_index: usize, sink: &mut Sink) {
    match item {
        OutputItem::Message { id: item_id, content, .. } => {
            let Some(part) = content.last() else { return };
            let (content_index, text) = (0, part.text.as_str());
            for (annotation_index, annotation) in part.annotations.iter().enumerate() {
                let body = EventBody::Annotation {
                    item_id,
                    output_index,
                    content_index,
                    annotation_index,
                    annotation,
                };
                sink.event("response.output_text.annotation.added", body);
            }
            let body = EventBody::TextDone { item_id, output_index, content_index, text, logprobs: [] };
            sink.event("response.output_text.done", body);
            let body = EventBody::Part { item_id, output_index, content_index, part };
            sink.event("response.content_part.done", body);
        }
        OutputItem::Reasoning { id: item_id, summary } => {
            let Some(part) = summary.last() else { return };
            let (summary_index, text) = (summary.len() - 1, part.text.as_str());
            let body = EventBody::SummaryDone { item_id, output_index, summary_index, text };
            sink.event("response.reasoning_summary_text.done", body);
            let body = EventBody::SummaryPart { item_id, output_index, summary_index, part };
            sink.event("response.reasoning_summary_part.done", body);
        }
        OutputItem::WebSearchCall { .. } | OutputItem::ImageGenerationCall { .. } => {}
        OutputItem::FunctionCall { id: item_id, name, arguments, .. } => {
            let body = EventBody::ArgumentsDone { item_id, output_index, name, arguments };
            sink.event("response.function_call_arguments.done", body);
        }
        OutputItem::CustomToolCall { id: item_id, input, .. } => {
            let body = EventBody::InputDone { item_id, output_index, input };
            sink.event("response.custom_tool_call_input.done", body);
        }
    }
}

pub(super) fn set_status(item: &mut OutputItem, now: ItemStatus) {
    match item {
        OutputItem::Message { status, .. }
        | OutputItem::WebSearchCall { status, .. }
        | OutputItem::FunctionCall { status, .. } => *status = now,
        // Only an unfinished one is given a status here.
        OutputItem::ImageGenerationCall { status, .. } => *status = ImageStatus::Failed,
        OutputItem::Reasoning { .. } | OutputItem::CustomToolCall { .. } => {}
    }
}
