//! Starts a response from the body of its request, for every way in which it is sent.

use std::pin::Pin;
use std::sync::Arc;

use codex_client::Usage;
use futures_util::{Stream, StreamExt as _, stream};
use serde_json::{Map, Value};

use super::background;
use super::driver::Driver;
use super::running::RunningResponse;
use super::truncation;
use crate::clock::unix_now;
use crate::error::{ApiError, in_responses};
use crate::event::{AnswerEnd, AnswerEvent};
use crate::exchange::log::Arrival;
use crate::off_workers::block_in_place;
use crate::openai::completion::FinishReason;
use crate::openai::responses::event::ResponseEvent;
use crate::openai::responses::request::ResponsesRequest;
use crate::server::conversations::LockedConversation;
use crate::server::extract::{Ignored, parse_body};
use crate::server::middleware::auth::Caller;
use crate::server::response_store::{Ending, History, Recording, ResponseStore, StoredResponse};
use crate::server::routes::{task_model, turns};
use crate::server::state::Proxy;
use crate::store::Item;
use crate::translate::parameters;
use crate::translate::response_events::{Ids, ResponseWriter};
use crate::translate::responses::{
    ParsedRequest, StoredItem, conversation_id, foreign, from_stored, parse, references,
};

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

/// Starts the response to a request. On the WebSocket `connection`, a response that is not stored can be continued all the same.
///
/// # Errors
/// When the request is invalid, is not admitted, or codex cannot start.
pub(crate) async fn start(
    proxy: &Proxy,
    caller: &Caller,
    arrival: Arrival,
    mut body: Map<String, Value>,
    connection: Option<&str>,
) -> Result<Started, ApiError> {
    let task = task_model::task(proxy, &body, "input");
    let mut exchange = proxy.exchange(Arrival { background: task.is_some(), ..arrival });

    foreign::replace(&mut body);
    let (mut request, mut ignored) =
        exchange.log_error(parse_body::<ResponsesRequest>(body, parameters::responses))?;
    request.is_continued = connection.is_some();
    let (before, conversation) =
        exchange.log_error(conversation_before(proxy, caller, &request, connection).await)?;
    let mut ids = Ids::new(uuid::Uuid::now_v7().simple().to_string());
    let stored = proxy.responses.items(&caller.id, &references(request.input.as_ref())).await;
    let parsed = {
        let earlier_items = parse_history(&before);
        let earlier_items: Vec<&StoredItem> = earlier_items.iter().collect();
        let find = |id: &str| stored.take(id);
        parse(request, &earlier_items, &find, proxy.settings().reasoning, &mut ids)
    };
    let ParsedRequest { mut request, options, added, store, background } = exchange.log_error(parsed)?;
    let added: Vec<Item> = added.iter().filter_map(StoredItem::to_api).collect();
    let input = if store { input(&before, &added) } else { Vec::new() };
    let (key, store) = destination(proxy, caller, connection, store);
    let ending = Ending { before, added, store, conversation };
    let streamed = request.streamed;
    if let Some(task) = task {
        task_model::use_smallest(proxy, caller, &mut request, task, exchange.recorder()).await;
    }
    ignored.extend(request.ignored.iter().map(String::as_str));
    if options.truncation.as_deref() == Some("auto") {
        match exchange.log_error(truncation::apply(proxy, &mut request).await)? {
            None => ignored.extend(["truncation"]),
            Some(0) => {}
            Some(dropped) => {
                let step = "Left out the oldest items to fit the model's context";
                exchange.recorder().step(step, Some(&dropped.to_string()), false);
            }
        }
    }
    let model = request.model.clone();
    let patience = background.then_some(background::QUEUE_TIMEOUT);
    let queued = turns::queue(proxy, caller, &mut exchange, request, patience).await;
    let queued = exchange.log_error(queued.map_err(ApiError::of_responses))?;

    if background {
        let mut writer = ResponseWriter::new(ids, unix_now(), model, options, streamed);
        writer.queue();
        let log = streamed.then(|| proxy.event_logs.begin(&caller.id, &writer.response().id));
        let running = RunningResponse::new(writer, log.clone()).with_input(input);
        let recording = Recording::new(running, &key, ending);
        let running = Arc::clone(recording.running());
        running.keep_events();
        let driver = Driver::new(exchange, recording);
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
    let running = RunningResponse::new(writer, None).with_input(input);
    let recording = Recording::new(running, &key, ending);
    let running = Arc::clone(recording.running());
    let driver = Driver::new(exchange, recording);
    let steps = stream::unfold(driver, async |mut driver| {
        let step = driver.step().await?;
        Some((step.map(|()| driver.running().writer().take_events()), driver))
    });
    Ok(Started { running, ignored, streamed, background, events: steps.boxed() })
}

/// Where a response is stored when it ends, and for which key.
fn destination(
    proxy: &Proxy,
    caller: &Caller,
    connection: Option<&str>,
    store: bool,
) -> (String, Option<ResponseStore>) {
    match (store, connection) {
        (true, _) => (caller.id.clone(), Some(proxy.responses.clone())),
        (false, Some(connection)) => (connection.to_owned(), Some(proxy.unstored.clone())),
        (false, None) => (caller.id.clone(), None),
    }
}

/// Prepares a response on the WebSocket `connection` without generating: a later one can continue it. Returns its events.
///
/// # Errors
/// When the request is invalid.
pub(crate) async fn prepare(
    proxy: &Proxy,
    caller: &Caller,
    connection: &str,
    mut body: Map<String, Value>,
) -> Result<Vec<ResponseEvent>, ApiError> {
    foreign::replace(&mut body);
    // It may have nothing but instructions and tools, which each request brings again.
    let is_empty = body.get("input").is_none_or(|input| input.as_array().is_some_and(Vec::is_empty));
    if is_empty {
        body.insert("input".to_owned(), "".into());
    }
    let (mut request, _) = parse_body::<ResponsesRequest>(body, parameters::responses)?;
    request.is_continued = true;
    let settings = proxy.settings();
    caller.check_model(&request.model, &settings)?;
    proxy.catalog.look_up(&request.model, proxy.codex.plain(), &settings).await?;
    let (before, conversation) = conversation_before(proxy, caller, &request, Some(connection)).await?;
    let mut ids = Ids::new(uuid::Uuid::now_v7().simple().to_string());
    let stored = proxy.responses.items(&caller.id, &references(request.input.as_ref())).await;
    let parsed = {
        let earlier_items = parse_history(&before);
        let earlier_items: Vec<&StoredItem> = earlier_items.iter().collect();
        parse(request, &earlier_items, &|id| stored.take(id), settings.reasoning, &mut ids)?
    };
    let ParsedRequest { request, options, added, store, .. } = parsed;
    let added = added.iter().filter(|_| !is_empty).filter_map(StoredItem::to_api).collect();
    let (key, store) = destination(proxy, caller, Some(connection), store);
    let writer = ResponseWriter::new(ids, unix_now(), request.model, options, true);
    let ending = Ending { before, added, store, conversation };
    let mut recording = Recording::new(writer, &key, ending);
    let end = AnswerEnd { reason: FinishReason::Stop, usage: Some(Usage::default()), files_changed: None };
    let events = {
        let mut writer = recording.running().writer();
        let ended = AnswerEvent::Ended(Ok(end));
        writer.write(ended, unix_now()).map_err(ApiError::from)?;
        writer.take_events()
    };
    recording.store();
    Ok(events)
}

/// The conversation that the request continues, held for its response if it has an id.
pub(crate) async fn conversation_before(
    proxy: &Proxy,
    caller: &Caller,
    request: &ResponsesRequest,
    connection: Option<&str>,
) -> Result<(History, Option<LockedConversation>), ApiError> {
    match (&request.previous_response_id, conversation_id(request.conversation.as_ref())?) {
        (None, None) => Ok((History::new(), None)),
        (Some(_), Some(_)) => Err(ApiError::response_and_conversation()),
        (None, Some(id)) => {
            let conversation = proxy.conversations.lock(&caller.id, &id).await?;
            Ok((conversation.batches().to_vec(), Some(conversation)))
        }
        (Some(id), None) => {
            let unstored = match connection {
                Some(connection) => proxy.unstored.find(connection, id).await,
                None => None,
            };
            let found = match unstored {
                Some(unstored) => Some(unstored),
                None => proxy.responses.find(&caller.id, id).await,
            };
            match found {
                Some(StoredResponse::Ended(ended)) => Ok((ended.conversation, None)),
                Some(StoredResponse::Running(_)) => Err(ApiError::previous_response_running()),
                None => Err(ApiError::previous_response_not_found(id)),
            }
        }
    }
}

/// The items that a response is generated from.
fn input(before: &History, added: &[Item]) -> Vec<Item> {
    before.iter().flat_map(|batch| &batch.items).chain(added).cloned().collect()
}

/// The items of a conversation as the model sees them.
pub(crate) fn parse_history(history: &History) -> Vec<StoredItem> {
    let items = || history.iter().flat_map(|batch| &batch.items);
    let bytes = items().map(|item| item.json.len()).sum();
    block_in_place(bytes, || items().map(from_stored).collect())
}
