//! Builds a Responses API response from answer events, and the server-sent events that describe its progress.
//!
//! Both come from one fold: events are emitted while the response is built, and dropped if the request is not
//! streamed. So a stream and a complete response cannot differ.

mod items;

use codex_client::{Citation, Picture, Usage as TurnUsage, WebSearchCall};

use crate::error::Failure;
use crate::event::{AnswerEnd, AnswerEvent, ClientCall};
use crate::openai::completion::FinishReason;
use crate::openai::responses::event::{EventBody, ResponseEvent, StreamEvent};
use crate::openai::responses::item::{ItemStatus, OutputItem};
use crate::openai::responses::response::{
    IncompleteDetails, Response, ResponseError, ResponseOptions, Status,
};

/// The delta that separates two parts of a summary.
const BETWEEN_PARTS: &str = "\n\n";

/// Generates ids for the items of one request and its response; they are unique if `base` is.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    base: String,
    count: u32,
}

impl Ids {
    /// `base` is a UUID, for example.
    pub(crate) fn new(base: String) -> Self {
        Self { base, count: 0 }
    }

    /// The id of the response.
    pub(crate) fn response(&self) -> String {
        format!("resp_{}", self.base)
    }

    /// Whether an item's id has the form of ours, with a UUID as the base.
    pub(crate) fn is_ours(id: &str, prefix: &str) -> bool {
        let rest = id.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_'));
        rest.is_some_and(|rest| rest.len() == 36 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }

    /// A new id for an item, with a prefix such as `msg`.
    pub(crate) fn item(&mut self, prefix: &str) -> String {
        self.count += 1;
        format!("{prefix}_{}{:04x}", self.base, self.count)
    }
}

/// Writes one response.
#[derive(Debug)]
pub(crate) struct ResponseWriter {
    response: Response,
    ids: Ids,
    /// Whether the last output item is unfinished.
    open: bool,
    /// Web searches and images that have not ended: codex's ids, and their places in the output.
    searches: Vec<(String, usize)>,
    images: Vec<(String, usize)>,
    /// Length of the answer's text, and of what precedes the last message, in code points.
    text_length: usize,
    before_message: usize,
    /// Whether the next reasoning delta starts a new summary part.
    new_part: bool,
    started: bool,
    id_sent: bool,
    files_changed: Option<u32>,
    sink: Sink,
}

/// The key in a response's metadata with the number of files that changed while it was generated.
const FILES_CHANGED: &str = "codex_proxy_files_changed";

impl ResponseWriter {
    /// An empty response. `model` is the requested one, `created_at` is in Unix seconds, and `streamed` enables
    /// events.
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
        let sink = Sink { out: Vec::new(), next: 0, enabled: streamed };
        Self {
            response,
            ids,
            open: false,
            searches: Vec::new(),
            images: Vec::new(),
            text_length: 0,
            before_message: 0,
            new_part: false,
            started: false,
            id_sent: false,
            files_changed: None,
            sink,
        }
    }

    /// The current state of the response.
    pub(crate) fn response(&self) -> &Response {
        &self.response
    }

    /// How many files changed while it was generated, if known.
    pub(crate) fn files_changed(&self) -> Option<u32> {
        self.files_changed
    }

    /// Whether the response has ended. Later events are ignored.
    pub(crate) fn has_ended(&self) -> bool {
        !matches!(self.response.status, Status::Queued | Status::InProgress)
    }

    /// Takes the pending events.
    pub(crate) fn take_events(&mut self) -> Vec<ResponseEvent> {
        self.id_sent |= !self.sink.out.is_empty();
        std::mem::take(&mut self.sink.out)
    }

    /// Turns the response into one in the background, which waits for its turn. Its id counts as sent.
    pub(crate) fn queue(&mut self) {
        self.response.background = true;
        self.response.status = Status::Queued;
        (self.started, self.id_sent) = (true, true);
        self.emit("response.created");
        self.emit("response.queued");
    }

    /// The turn of a response in the background begins.
    pub(crate) fn admitted(&mut self) {
        if self.response.status == Status::Queued {
            self.response.status = Status::InProgress;
            self.emit("response.in_progress");
        }
    }

    /// Whether events have been taken, so the client may know the response's id.
    pub(crate) fn is_id_sent(&self) -> bool {
        self.id_sent
    }

    /// Applies an answer event. `now` is in Unix seconds.
    ///
    /// # Errors
    /// The failure that ended the answer, which is not applied.
    pub(crate) fn write(&mut self, event: AnswerEvent, now: u64) -> Result<(), Failure> {
        match event {
            AnswerEvent::Model(model) => self.set_model(model),
            AnswerEvent::Text(text) => self.text(&text),
            AnswerEvent::Reasoning(text) => self.reasoning(&text),
            AnswerEvent::Searched(call) => self.search(call),
            AnswerEvent::Citations(citations) => self.citations(citations),
            AnswerEvent::Call(call) => self.call(call),
            AnswerEvent::PictureStarted(id) => self.begin_image(id),
            AnswerEvent::Picture(picture) => self.image(picture),
            AnswerEvent::Ended(end) => self.end(end?, now),
        }
        Ok(())
    }

    /// The events that start a stream.
    pub(crate) fn start_events(&mut self) -> Vec<ResponseEvent> {
        self.begin();
        self.take_events()
    }

    /// The events that end a stream with a failure.
    pub(crate) fn failure_events(&mut self, error: ResponseError) -> Vec<ResponseEvent> {
        self.fail(error);
        self.take_events()
    }

    /// Sets the reported model.
    fn set_model(&mut self, model: String) {
        if !model.is_empty() {
            self.response.model = model;
        }
    }

    /// Starts the stream, unless it has started.
    fn begin(&mut self) {
        if !std::mem::replace(&mut self.started, true) {
            self.emit("response.created");
            self.emit("response.in_progress");
        }
    }

    /// Adds a text delta.
    fn text(&mut self, text: &str) {
        if self.has_ended() {
            return;
        }
        if !(self.open && matches!(self.response.output.last(), Some(OutputItem::Message { .. }))) {
            self.close(ItemStatus::Completed);
            let id = self.ids.item("msg");
            self.add(items::message(id));
            self.before_message = self.text_length;
        }
        self.text_length += text.chars().count();
        self.update_last(|item, index, sink| items::add_text(item, index, text, sink));
    }

    /// Adds a delta of the reasoning summary.
    fn reasoning(&mut self, text: &str) {
        if self.has_ended() {
            return;
        }
        let continues =
            self.open && matches!(self.response.output.last(), Some(OutputItem::Reasoning { .. }));
        if text == BETWEEN_PARTS {
            self.new_part = continues;
            return;
        }
        if !continues {
            self.close(ItemStatus::Completed);
            let id = self.ids.item("rs");
            self.add(items::reasoning(id));
        }
        let new_part = std::mem::take(&mut self.new_part);
        self.update_last(|item, index, sink| items::add_summary(item, index, text, new_part, sink));
    }

    /// Adds a web search, or ends one.
    fn search(&mut self, call: WebSearchCall) {
        if self.has_ended() {
            return;
        }
        let known = self.searches.iter().position(|(id, _)| *id == call.id);
        let index = match known {
            Some(known) => self.searches.remove(known).1,
            None => {
                self.close(ItemStatus::Completed);
                let id = self.ids.item("ws");
                self.add(items::search(id, call.clone()));
                // Its end may come after other items.
                self.open = false;
                let states = ["response.web_search_call.in_progress", "response.web_search_call.searching"];
                self.update_last(|item, index, sink| items::progress(item, index, &states, sink));
                self.response.output.len() - 1
            }
        };
        if !call.ended {
            return self.searches.push((call.id, index));
        }
        if let Some(item) = self.response.output.get_mut(index) {
            items::end_search(item, index, call, &mut self.sink);
            self.sink.event("response.output_item.done", EventBody::Item { output_index: index, item });
        }
    }

    /// Adds an image that is being generated.
    fn begin_image(&mut self, picture: String) {
        if self.has_ended() {
            return;
        }
        self.close(ItemStatus::Completed);
        let id = self.ids.item("ig");
        self.add(items::image(id));
        // Its end may come after other items.
        self.open = false;
        let states =
            ["response.image_generation_call.in_progress", "response.image_generation_call.generating"];
        self.update_last(|item, index, sink| items::progress(item, index, &states, sink));
        self.images.push((picture, self.response.output.len() - 1));
    }

    /// Ends an image.
    fn image(&mut self, picture: Picture) {
        if !self.images.iter().any(|(id, _)| *id == picture.id) {
            self.begin_image(picture.id.clone());
        }
        let Some(at) = self.images.iter().position(|(id, _)| *id == picture.id) else { return };
        let output_index = self.images.remove(at).1;
        if let Some(item) = self.response.output.get_mut(output_index) {
            items::end_image(item, output_index, picture, &mut self.sink);
            self.sink.event("response.output_item.done", EventBody::Item { output_index, item });
        }
    }

    /// Adds citations to the unfinished message.
    fn citations(&mut self, citations: Vec<Citation>) {
        if self.open && !self.has_ended() {
            let before = self.before_message;
            self.update_last(|item, _, _| items::add_citations(item, before, citations));
        }
    }

    /// Adds a call of a client's tool.
    fn call(&mut self, call: ClientCall) {
        if self.has_ended() {
            return;
        }
        self.close(ItemStatus::Completed);
        let id = self.ids.item(if call.is_custom { "ctc" } else { "fc" });
        let (item, input) = items::call(id, call);
        self.add(item);
        self.update_last(|item, index, sink| items::add_input(item, index, input, sink));
        self.close(ItemStatus::Completed);
    }

    /// Ends a successful response. `now` is in Unix seconds.
    fn end(&mut self, finish: AnswerEnd, now: u64) {
        if self.has_ended() {
            return;
        }
        self.begin();
        self.response.usage = finish.usage.map(|usage: TurnUsage| usage.into());
        self.files_changed = finish.files_changed;
        if let Some(count) = finish.files_changed {
            self.response.options.metadata.insert(FILES_CHANGED.to_owned(), count.to_string());
        }
        let incomplete = match finish.reason {
            FinishReason::Length => Some("max_output_tokens"),
            FinishReason::ContentFilter => Some("content_filter"),
            FinishReason::Stop | FinishReason::ToolCalls | FinishReason::FunctionCall => None,
        };
        if let Some(reason) = incomplete {
            self.close_all(ItemStatus::Incomplete);
            self.response.status = Status::Incomplete;
            self.response.incomplete_details = Some(IncompleteDetails { reason });
            self.emit("response.incomplete");
        } else {
            self.close_all(ItemStatus::Completed);
            self.response.status = Status::Completed;
            self.response.completed_at = Some(now);
            self.emit("response.completed");
        }
    }

    /// Ends a failed response, and an unfinished item as incomplete.
    pub(crate) fn fail(&mut self, error: ResponseError) {
        if self.has_ended() {
            return;
        }
        self.begin();
        self.close_all(ItemStatus::Incomplete);
        self.response.status = Status::Failed;
        self.response.error = Some(error);
        self.emit("response.failed");
    }

    /// Cancels the response. OpenAI has no dedicated event for this.
    pub(crate) fn cancel(&mut self) {
        if self.has_ended() {
            return;
        }
        self.begin();
        self.close_all(ItemStatus::Incomplete);
        self.response.status = Status::Cancelled;
        self.emit("response.incomplete");
    }

    /// Emits an event with the whole response.
    fn emit(&mut self, kind: &'static str) {
        self.sink.event(kind, EventBody::Response { response: &self.response });
    }

    /// Appends an item.
    fn add(&mut self, item: OutputItem) {
        self.begin();
        let body = EventBody::Item { output_index: self.response.output.len(), item: &item };
        self.sink.event("response.output_item.added", body);
        self.response.output.push(item);
        (self.open, self.new_part) = (true, false);
    }

    /// Updates the last item.
    fn update_last(&mut self, change: impl FnOnce(&mut OutputItem, usize, &mut Sink)) {
        let index = self.response.output.len().saturating_sub(1);
        if let Some(item) = self.response.output.last_mut() {
            change(item, index, &mut self.sink);
        }
    }

    /// Finishes all items, at the end of the response. A web search that has not ended is incomplete, and an image has failed.
    fn close_all(&mut self, status: ItemStatus) {
        self.close(status);
        let searches = std::mem::take(&mut self.searches);
        for (_, output_index) in searches.into_iter().chain(std::mem::take(&mut self.images)) {
            if let Some(item) = self.response.output.get_mut(output_index) {
                items::set_status(item, ItemStatus::Incomplete);
                self.sink.event("response.output_item.done", EventBody::Item { output_index, item });
            }
        }
    }

    /// Finishes the last item, if unfinished, and emits its final events.
    fn close(&mut self, status: ItemStatus) {
        if std::mem::take(&mut self.open) {
            self.update_last(|item, index, sink| {
                items::set_status(item, status);
                items::close(item, index, sink);
                sink.event("response.output_item.done", EventBody::Item { output_index: index, item });
            });
        }
    }
}

/// Collects events.
#[derive(Debug)]
struct Sink {
    out: Vec<ResponseEvent>,
    /// The next sequence number.
    next: u64,
    enabled: bool,
}

impl Sink {
    fn event(&mut self, kind: &'static str, body: EventBody<'_>) {
        if !self.enabled {
            return;
        }
        self.out.push(ResponseEvent::new(&StreamEvent { kind, sequence_number: self.next, body }));
        self.next += 1;
    }
}

#[cfg(test)]
mod tests;
