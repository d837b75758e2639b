//! `POST /v1/responses`, and the routes of a response by its id.

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response as Answer};
use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};

use super::common::files_changed;
use super::{task_model, turns};
use crate::clock::unix_now;
use crate::error::{ApiError, in_responses};
use crate::exchange::Exchange;
use crate::exchange::log::Arrival;
use crate::openai::responses::event::StreamEvent;
use crate::openai::responses::request::ResponsesRequest;
use crate::openai::responses::response::{DeletedResponse, Response, Status};
use crate::server::extract::{Incoming, PathId, parse_body};
use crate::server::middleware::auth::Caller;
use crate::server::response_store::{History, Recording, StoredResponse};
use crate::server::sse;
use crate::server::state::Proxy;
use crate::translate::parameters;
use crate::translate::response_events::{Ids, ResponseWriter};
use crate::translate::responses::{ParsedRequest, StoredItem, foreign, parse};

/// Create response
///
/// Generates a response to an input, complete or as a stream. When the client disconnects, the turn is interrupted.
#[utoipa::path(
    post, path = "/v1/responses", operation_id = "createResponse", tag = "Responses", security(("key" = [])),
    request_body = ResponsesRequest,
    responses((
        status = 200, description = "The response, or with `stream: true` its events: `response.created` first, `response.completed`, `response.incomplete` or `response.failed` last.",
        content((Response = "application/json"), (StreamEvent<'static> = "text/event-stream"))
    ))
)]
pub(crate) async fn create(
    State(proxy): State<Proxy>,
    Incoming { caller, arrival, mut body }: Incoming,
) -> Result<Answer, ApiError> {
    let task = task_model::task(&proxy, &body, "input");
    let mut exchange = proxy.exchange(Arrival { background: task.is_some(), ..arrival });

    foreign::replace(&mut body);
    let (request, mut ignored) =
        exchange.log_error(parse_body::<ResponsesRequest>(body, parameters::responses))?;
    let before = match &request.previous_response_id {
        None => History::new(),
        Some(id) => exchange.log_error(match proxy.responses.find(&caller.id, id) {
            Some(StoredResponse::Ended(ended)) => Ok(ended.conversation.clone()),
            Some(StoredResponse::Running(_)) => Err(ApiError::previous_response_running()),
            None => Err(ApiError::previous_response_not_found(id)),
        })?,
    };
    let mut ids = Ids::new(uuid::Uuid::now_v7().simple().to_string());
    let earlier_items: Vec<&StoredItem> = before.iter().flat_map(|batch| &batch.value).collect();
    let parsed = {
        let stored = proxy.responses.items(&caller.id);
        parse(request, &earlier_items, &|id| stored.take(id), proxy.settings().reasoning, &mut ids)
    };
    let ParsedRequest { mut request, options, added, store } = exchange.log_error(parsed)?;
    let streamed = request.streamed;
    if let Some(task) = task {
        task_model::use_smallest(&proxy, &caller, &mut request, task, exchange.recorder()).await;
    }
    ignored.extend(request.ignored.iter().map(String::as_str));
    let model = request.model.clone();
    let started = turns::start(&proxy, &caller, &mut exchange, request).await;
    let started = exchange.log_error(started.map_err(ApiError::of_responses))?;
    ignored.extend(started.into_iter().map(in_responses));

    let writer = ResponseWriter::new(ids, unix_now(), model, options, streamed);
    let recording = if store {
        Recording::stored(writer, &proxy.responses, &caller.id, before, added)
    } else {
        Recording::ephemeral(writer)
    };
    let running = Arc::clone(recording.running());
    let state = ResponseStream { exchange: Some(exchange), recording };
    let events = stream::unfold(state, async |mut state| Some((state.next().await?, state)));
    let response = if streamed {
        // A client that waits long for the first event may want to cancel the response, and needs its id.
        let (on_silence, on_failure) = (Arc::clone(&running), running);
        let on_silence = move || on_silence.writer().start_events();
        let on_failure = move |error: ApiError| on_failure.writer().failure_events(error.in_response());
        sse::respond(events, proxy.limits().ping_interval, on_silence, on_failure).await?
    } else {
        events.try_collect::<Vec<_>>().await?;
        let header = files_changed(running.writer().files_changed());
        (header, json(running.body())).into_response()
    };
    Ok((ignored, response).into_response())
}

/// The event stream of a running response.
struct ResponseStream {
    /// `None` after the end. Dropping it interrupts the turn.
    exchange: Option<Exchange>,
    recording: Recording,
}

impl ResponseStream {
    /// Writes the next event and returns what it adds to the stream; `None` after the end.
    async fn next(&mut self) -> Option<Result<Vec<Event>, ApiError>> {
        let exchange = self.exchange.as_mut()?;
        let running = Arc::clone(self.recording.running());
        let written = tokio::select! {
            biased;
            () = running.cancelled() => Ok(()),
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
        Some(written.map(|()| running.writer().take_events()).map_err(ApiError::of_responses))
    }
}

/// Retrieve response
///
/// Returns a stored response, or one that is still being generated.
#[utoipa::path(
    get, path = "/v1/responses/{id}", operation_id = "getResponse", tag = "Responses", security(("key" = [])),
    params(("id" = String, Path, description = "ID of the response.")),
    responses((status = 200, description = "The response.", body = Response))
)]
pub(crate) async fn one(
    State(proxy): State<Proxy>,
    Extension(caller): Extension<Caller>,
    PathId(id): PathId,
    RawQuery(query): RawQuery,
) -> Result<Answer, ApiError> {
    if query.is_some_and(|query| query.split('&').any(|pair| pair == "stream=true")) {
        return Err(ApiError::no_stream_of_old());
    }
    match proxy.responses.find(&caller.id, &id) {
        Some(StoredResponse::Running(running)) => Ok(json(running.body())),
        Some(StoredResponse::Ended(ended)) => Ok(json(ended.body.value.clone())),
        None => Err(ApiError::response_not_found(&id)),
    }
}

/// Delete response
///
/// Removes a response from memory. A response that is still being generated is cancelled.
#[utoipa::path(
    delete, path = "/v1/responses/{id}", operation_id = "deleteResponse", tag = "Responses", security(("key" = [])),
    params(("id" = String, Path, description = "ID of the response.")),
    responses((status = 200, description = "The response was deleted.", body = DeletedResponse))
)]
pub(crate) async fn delete(
    State(proxy): State<Proxy>,
    Extension(caller): Extension<Caller>,
    PathId(id): PathId,
) -> Result<Json<DeletedResponse>, ApiError> {
    if proxy.responses.remove(&caller.id, &id) {
        Ok(Json(DeletedResponse { id, object: "response", deleted: true }))
    } else {
        Err(ApiError::response_not_found(&id))
    }
}

/// Cancel response
///
/// Cancels a response that is still being generated; its stream ends with `response.incomplete`. A cancelled response can be cancelled again.
#[utoipa::path(
    post, path = "/v1/responses/{id}/cancel", operation_id = "cancelResponse", tag = "Responses", security(("key" = [])),
    params(("id" = String, Path, description = "ID of the response.")),
    responses((status = 200, description = "The response, with the status `cancelled`.", body = Response))
)]
pub(crate) async fn cancel(
    State(proxy): State<Proxy>,
    Extension(caller): Extension<Caller>,
    PathId(id): PathId,
) -> Result<Answer, ApiError> {
    match proxy.responses.find(&caller.id, &id) {
        Some(StoredResponse::Running(running)) => {
            running.cancel();
            let status = running.writer().response().status;
            if status == Status::Cancelled {
                Ok(json(running.body()))
            } else {
                Err(ApiError::cannot_cancel())
            }
        }
        // As with OpenAI, cancelling twice is not an error.
        Some(StoredResponse::Ended(ended)) if ended.status == Status::Cancelled => {
            Ok(json(ended.body.value.clone()))
        }
        Some(StoredResponse::Ended(_)) => Err(ApiError::cannot_cancel()),
        None => Err(ApiError::response_not_found(&id)),
    }
}

fn json(body: Bytes) -> Answer {
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}
