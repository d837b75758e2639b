//! Starts a response from the body of its request, for every way in which it is sent.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt as _, stream};
use serde_json::{Map, Value};

use super::background;
use super::running::RunningResponse;
use crate::clock::unix_now;
use crate::error::{ApiError, in_responses};
use crate::exchange::Exchange;
use crate::exchange::log::Arrival;
use crate::openai::responses::event::ResponseEvent;
use crate::openai::responses::request::ResponsesRequest;
use crate::server::extract::{Ignored, parse_body};
use crate::server::middleware::auth::Caller;
use crate::server::response_store::{History, Recording, StoredResponse};
use crate::server::routes::{task_model, turns};
use crate::server::state::Proxy;
use crate::store::Item;
use crate::translate::parameters;
use crate::translate::response_events::{Ids, ResponseWriter};
use crate::translate::responses::{ParsedRequest, StoredItem, foreign, parse};

/// The events of a response as they come. An error is the last item; before any event it is the answer to the request.
pub(crate) type Events = Pin<Box<dyn Stream<Item = Result<Vec<ResponseEvent>, ApiError>> + Send>>;

/// A response that has been started.
pub(crate) struct Started {
    pub(crate) running: Arc<RunningResponse>,
    /// The parameters that could not be honoured as they are, as far as they are known.
    pub(crate) ignored: Ignored,
    /// Whether the client wants the events.
    pub(crate) streamed: bool,
    /// Whether it goes on without a reader. If not, `events` drives it, and dropping that interrupts its turn.
    pub(crate) background: bool,
    /// Without `streamed`, batches of no events.
    pub(crate) events: Events,
}

/// Starts the response to a request.
///
/// # Errors
/// When the request is invalid, is not admitted, or codex cannot start.
pub(crate) async fn start(
    proxy: &Proxy,
    caller: &Caller,
    arrival: Arrival,
    mut body: Map<String, Value>,
) -> Result<Started, ApiError> {
    let task = task_model::task(proxy, &body, "input");
    let mut exchange = proxy.exchange(Arrival { background: task.is_some(), ..arrival });

    foreign::replace(&mut body);
    let (request, mut ignored) =
        exchange.log_error(parse_body::<ResponsesRequest>(body, parameters::responses))?;
    let before = exchange.log_error(conversation_before(proxy, caller, &request))?;
    let mut ids = Ids::new(uuid::Uuid::now_v7().simple().to_string());
    let earlier_items: Vec<&StoredItem> = before.iter().flat_map(|batch| &batch.value).collect();
    let parsed = {
        let stored = proxy.responses.items(&caller.id);
        parse(request, &earlier_items, &|id| stored.take(id), proxy.settings().reasoning, &mut ids)
    };
    let ParsedRequest { mut request, options, added, store, background } = exchange.log_error(parsed)?;
    let streamed = request.streamed;
    if let Some(task) = task {
        task_model::use_smallest(proxy, caller, &mut request, task, exchange.recorder()).await;
    }
    ignored.extend(request.ignored.iter().map(String::as_str));
    let model = request.model.clone();
    let patience = background.then_some(background::QUEUE_TIMEOUT);
    let queued = turns::queue(proxy, caller, &mut exchange, request, patience).await;
    let queued = exchange.log_error(queued.map_err(ApiError::of_responses))?;

    if background {
        let mut writer = ResponseWriter::new(ids, unix_now(), model, options, streamed);
        writer.queue();
        let log = streamed.then(|| proxy.event_logs.begin(&caller.id, &writer.response().id));
        let running = RunningResponse::new(writer, log.clone()).with_input(input(&before, &added));
        let recording = Recording::stored(running, &proxy.responses, &caller.id, before, added);
        let running = Arc::clone(recording.running());
        running.keep_events();
        let driver = Driver { exchange: Some(exchange), recording };
        background::spawn(proxy.clone(), caller.clone(), driver, queued, log);
        let events: Events = match running.events_after(None) {
            Some(events) => Box::pin(events),
            None => Box::pin(stream::empty()),
        };
        return Ok(Started { running, ignored, streamed, background, events });
    }

    let started = turns::run(proxy, caller, &mut exchange, queued, || ()).await;
    let started = exchange.log_error(started.map_err(ApiError::of_responses))?;
    ignored.extend(started.into_iter().map(in_responses));
    let writer = ResponseWriter::new(ids, unix_now(), model, options, streamed);
    let recording = if store {
        let running = RunningResponse::new(writer, None).with_input(input(&before, &added));
        Recording::stored(running, &proxy.responses, &caller.id, before, added)
    } else {
        Recording::ephemeral(writer)
    };
    let running = Arc::clone(recording.running());
    let driver = Driver { exchange: Some(exchange), recording };
    let steps = stream::unfold(driver, async |mut driver| {
        let step = driver.step().await?;
        Some((step.map(|()| driver.running().writer().take_events()), driver))
    });
    Ok(Started { running, ignored, streamed, background, events: steps.boxed() })
}

/// The conversation that the request continues.
pub(crate) fn conversation_before(
    proxy: &Proxy,
    caller: &Caller,
    request: &ResponsesRequest,
) -> Result<History, ApiError> {
    let Some(id) = &request.previous_response_id else { return Ok(History::new()) };
    match proxy.responses.find(&caller.id, id) {
        Some(StoredResponse::Ended(ended)) => Ok(ended.conversation.clone()),
        Some(StoredResponse::Running(_)) => Err(ApiError::previous_response_running()),
        None => Err(ApiError::previous_response_not_found(id)),
    }
}

/// The items that a response is generated from, as the API sends them back.
fn input(before: &History, added: &[StoredItem]) -> Vec<Item> {
    before.iter().flat_map(|batch| &batch.value).chain(added).filter_map(StoredItem::to_api).collect()
}

/// Writes a running response from its turn.
pub(super) struct Driver {
    /// `None` after the end. Dropping it interrupts the turn.
    exchange: Option<Exchange>,
    recording: Recording,
}

impl Driver {
    pub(super) fn running(&self) -> &Arc<RunningResponse> {
        self.recording.running()
    }

    /// The exchange, until the response has ended.
    pub(super) fn exchange(&mut self) -> Option<&mut Exchange> {
        self.exchange.as_mut()
    }

    /// Writes the next event; `None` after the end.
    pub(super) async fn step(&mut self) -> Option<Result<(), ApiError>> {
        let exchange = self.exchange.as_mut()?;
        let running = Arc::clone(self.recording.running());
        let written = tokio::select! {
            biased;
            () = running.cancelled() => {
                exchange.recorder().step("Cancelled by the app", None, false);
                Ok(())
            }
            event = exchange.next() => match event {
                Some((_, event)) => running.writer().write(event, unix_now()).map_err(ApiError::from),
                None => Err(ApiError::internal()),
            },
        };
        if written.is_err() || running.writer().has_ended() {
            self.exchange = None;
        }
        if running.writer().has_ended() {
            self.recording.store();
        }
        Some(written.map_err(ApiError::of_responses))
    }

    /// Ends the response as failed, and stores it.
    pub(super) fn fail(&mut self, error: ApiError) {
        self.exchange = None;
        self.recording.running().writer().fail(error.of_responses().in_response());
        self.recording.store();
    }
}
