//! From the pieces of an answer to a response, and to the server-sent events that tell how it grows.
//!
//! Both come of the same fold: the events are written while the response is built, and a request that is not streamed only
//! leaves them out. So a stream and a whole response can never say different things.

mod items;

use axum::response::sse::Event;
use codex_client::{ToolCall, Usage as TurnUsage};

use crate::error::Failure;
use crate::event::{Finish, Piece};
use crate::openai::completion::FinishReason;
use crate::openai::responses::event::{EventBody, StreamEvent};
use crate::openai::responses::item::{ItemStatus, OutputItem};
use crate::openai::responses::response::{
    IncompleteDetails, Response, ResponseError, ResponseOptions, Status,
};

/// The piece of reasoning that stands between two parts of a summary.
const BETWEEN_PARTS: &str = "\n\n";

/// Numbers the items of one request and its response. The ids are unique where `base` is.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    base: String,
    given: u32,
}

impl Ids {
    /// Ids on a base such as a UUID.
    pub(crate) fn new(base: String) -> Self {
        Self { base, given: 0 }
    }

    /// The id of the response.
    pub(crate) fn response(&self) -> String {
        format!("resp_{}", self.base)
    }

    /// A new id for an item, with a prefix such as `msg`.
    pub(crate) fn item(&mut self, prefix: &str) -> String {
        self.given += 1;
        format!("{prefix}_{}{:04x}", self.base, self.given)
    }
}

/// A response that is being written.
#[derive(Debug)]
pub(crate) struct ResponseWriter {
    response: Response,
    ids: Ids,
    /// Whether the last item of the output still grows.
    open: bool,
    /// Whether the next piece of reasoning begins a new part of the summary.
    new_part: bool,
    begun: bool,
    told: bool,
    sink: Sink,
}

impl ResponseWriter {
    /// A response without anything in it. `model` is the one that was asked for, `created_at` is in Unix seconds, and
    /// `streamed` says whether the events are wanted.
    pub(crate) fn new(
        ids: Ids,
        created_at: u64,
        model: String,
        options: ResponseOptions,
        streamed: bool,
    ) -> Self {
        let response = Response {
            id: ids.response(),
            object: "response",
            created_at,
            status: Status::InProgress,
            access_programs: None,
            background: false,
            completed_at: None,
            error: None,
            incomplete_details: None,
            model,
            output: Vec::new(),
            options,
            usage: None,
        };
        let sink = Sink { out: Vec::new(), next: 0, wanted: streamed };
        Self { response, ids, open: false, new_part: false, begun: false, told: false, sink }
    }

    /// The response as it is now.
    pub(crate) fn response(&self) -> &Response {
        &self.response
    }

    /// Whether it has ended; whatever comes then is left out.
    pub(crate) fn has_ended(&self) -> bool {
        self.response.status != Status::InProgress
    }

    /// The events that nobody has taken yet.
    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        self.told |= !self.sink.out.is_empty();
        std::mem::take(&mut self.sink.out)
    }

    /// Whether events have been taken, and with them the response's id.
    pub(crate) fn is_told(&self) -> bool {
        self.told
    }

    /// Writes a piece of the answer. `now` is in Unix seconds.
    ///
    /// # Errors
    /// The failure that the piece tells of, which is not written.
    pub(crate) fn piece(&mut self, piece: Piece, now: u64) -> Result<(), Failure> {
        match piece {
            Piece::Model(model) => self.set_model(model),
            Piece::Text(text) => self.text(&text),
            Piece::Reasoning(text) => self.reasoning(&text),
            Piece::Call(call) => self.call(call),
            Piece::Ended(end) => self.end(end?, now),
        }
        Ok(())
    }

    /// The events that begin the stream.
    pub(crate) fn begun(&mut self) -> Vec<Event> {
        self.begin();
        self.take_events()
    }

    /// The events that end it with a failure.
    pub(crate) fn failed(&mut self, error: ResponseError) -> Vec<Event> {
        self.fail(error);
        self.take_events()
    }

    /// From now on the response names this model.
    fn set_model(&mut self, model: String) {
        if !model.is_empty() {
            self.response.model = model;
        }
    }

    /// Begins the stream, if it has not begun.
    fn begin(&mut self) {
        if !std::mem::replace(&mut self.begun, true) {
            self.tell("response.created");
            self.tell("response.in_progress");
        }
    }

    /// A piece of the answer.
    fn text(&mut self, text: &str) {
        if self.has_ended() {
            return;
        }
        if !(self.open && matches!(self.response.output.last(), Some(OutputItem::Message { .. }))) {
            self.close(ItemStatus::Completed);
            let id = self.ids.item("msg");
            self.add(items::message(id));
        }
        self.grow(|item, index, sink| items::add_text(item, index, text, sink));
    }

    /// A piece of the reasoning's summary.
    fn reasoning(&mut self, text: &str) {
        if self.has_ended() {
            return;
        }
        let goes_on = self.open && matches!(self.response.output.last(), Some(OutputItem::Reasoning { .. }));
        if text == BETWEEN_PARTS {
            self.new_part = goes_on;
            return;
        }
        if !goes_on {
            self.close(ItemStatus::Completed);
            let id = self.ids.item("rs");
            self.add(items::reasoning(id));
        }
        let new_part = std::mem::take(&mut self.new_part);
        self.grow(|item, index, sink| items::add_summary(item, index, text, new_part, sink));
    }

    /// A call of one of the client's tools.
    fn call(&mut self, call: ToolCall) {
        if self.has_ended() {
            return;
        }
        self.close(ItemStatus::Completed);
        let id = self.ids.item("fc");
        self.add(items::call(id, call.call_id, call.name));
        self.grow(|item, index, sink| items::add_arguments(item, index, call.arguments, sink));
        self.close(ItemStatus::Completed);
    }

    /// The end of an answer that went well. `now` is in Unix seconds.
    fn end(&mut self, finish: Finish, now: u64) {
        if self.has_ended() {
            return;
        }
        self.begin();
        self.response.usage = finish.usage.map(|usage: TurnUsage| usage.into());
        if finish.reason == FinishReason::Length {
            self.close(ItemStatus::Incomplete);
            self.response.status = Status::Incomplete;
            self.response.incomplete_details = Some(IncompleteDetails { reason: "max_output_tokens" });
            self.tell("response.incomplete");
        } else {
            self.close(ItemStatus::Completed);
            self.response.status = Status::Completed;
            self.response.completed_at = Some(now);
            self.tell("response.completed");
        }
    }

    /// The end of an answer that failed. An item that was being written is not called done.
    fn fail(&mut self, error: ResponseError) {
        if self.has_ended() {
            return;
        }
        self.begin();
        self.abandon();
        self.response.status = Status::Failed;
        self.response.error = Some(error);
        self.tell("response.failed");
    }

    /// The end of an answer that is not wanted any more. OpenAI has no event of its own for this one.
    pub(crate) fn cancel(&mut self) {
        if self.has_ended() {
            return;
        }
        self.begin();
        self.abandon();
        self.response.status = Status::Cancelled;
        self.tell("response.incomplete");
    }

    /// An event that carries the whole response.
    fn tell(&mut self, kind: &'static str) {
        self.sink.event(kind, EventBody::Response { response: &self.response });
    }

    /// Puts a new item behind the last one.
    fn add(&mut self, item: OutputItem) {
        self.begin();
        let body = EventBody::Item { output_index: self.response.output.len(), item: &item };
        self.sink.event("response.output_item.added", body);
        self.response.output.push(item);
        (self.open, self.new_part) = (true, false);
    }

    /// Changes the last item.
    fn grow(&mut self, change: impl FnOnce(&mut OutputItem, usize, &mut Sink)) {
        let index = self.response.output.len().saturating_sub(1);
        if let Some(item) = self.response.output.last_mut() {
            change(item, index, &mut self.sink);
        }
    }

    /// Ends the last item, if it still grows, and says so.
    fn close(&mut self, status: ItemStatus) {
        if std::mem::take(&mut self.open) {
            self.grow(|item, index, sink| {
                items::set_status(item, status);
                items::close(item, index, sink);
                sink.event("response.output_item.done", EventBody::Item { output_index: index, item });
            });
        }
    }

    /// Leaves the last item as it is, if it still grows.
    fn abandon(&mut self) {
        if std::mem::take(&mut self.open) {
            self.grow(|item, _, _| items::set_status(item, ItemStatus::Incomplete));
        }
    }
}

/// Where the events go.
#[derive(Debug)]
struct Sink {
    out: Vec<Event>,
    /// The next event's number.
    next: u64,
    wanted: bool,
}

impl Sink {
    fn event(&mut self, kind: &'static str, body: EventBody<'_>) {
        if !self.wanted {
            return;
        }
        // Our own types of strings and numbers always serialise.
        let event =
            Event::default().event(kind).json_data(StreamEvent { kind, sequence_number: self.next, body });
        self.out.push(event.unwrap_or_default());
        self.next += 1;
    }
}

#[cfg(test)]
mod tests;
