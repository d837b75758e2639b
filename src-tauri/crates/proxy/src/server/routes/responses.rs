//! `POST /v1/responses`, and the routes of a response by its id.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Extension;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response as Answer};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use serde::Deserialize;

use super::common::files_changed;
use crate::error::ApiError;
use crate::openai::responses::event::{EventBody, ResponseEvent, StreamEvent};
use crate::openai::responses::request::ResponsesRequest;
use crate::openai::responses::response::{DeletedResponse, Response, Status};
use crate::server::extract::{Incoming, PathId};
use crate::server::middleware::auth::Caller;
use crate::server::response_store::StoredResponse;
use crate::server::responses::engine::{self, Events, Started};
use crate::server::sse;
use crate::server::state::Proxy;

/// Create response
///
/// Generates a response to an input, complete or as a stream. When the client disconnects, the turn is interrupted, unless it is created with
/// `background`.
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
    Incoming { caller, arrival, body }: Incoming,
) -> Result<Answer, ApiError> {
    let started = engine::start(&proxy, &caller, arrival, body, None).await?;
    let Started { running, ignored, streamed, background, events } = started;
    let answer = if streamed && background {
        stream_log(&proxy, events, None).await?
    } else if streamed {
        // A client that waits long for the first event may want to cancel the response, and needs its id.
        let (on_silence, on_failure) = (Arc::clone(&running), running);
        let on_silence = move || on_silence.writer().start_events();
        let on_failure = move |error: ApiError| on_failure.writer().failure_events(error.in_response());
        stream(&proxy, events, on_silence, on_failure).await?
    } else {
        // Without `stream`, there are no events. Of a response in the background, nothing is waited for.
        events.try_collect::<Vec<_>>().await?;
        let header = files_changed(running.writer().files_changed());
        (header, json(running.body())).into_response()
    };
    Ok((ignored, answer).into_response())
}

/// Sends events as server-sent ones.
async fn stream(
    proxy: &Proxy,
    events: Events,
    on_silence: impl FnOnce() -> Vec<ResponseEvent>,
    on_failure: impl FnOnce(ApiError) -> Vec<ResponseEvent> + Send + 'static,
) -> Result<Answer, ApiError> {
    let to_sse = |events: Vec<ResponseEvent>| events.into_iter().map(Event::from).collect::<Vec<_>>();
    let on_failure = move |error: ApiError| to_sse(on_failure(error));
    let events = events.map_ok(to_sse);
    sse::respond(events, proxy.limits().ping_interval, || to_sse(on_silence()), on_failure).await
}

/// Sends the kept events of a response in the background after number `after`. A failure ends only this stream.
async fn stream_log(proxy: &Proxy, events: Events, after: Option<u64>) -> Result<Answer, ApiError> {
    let next = Arc::new(AtomicU64::new(after.map_or(0, |after| after.saturating_add(1))));
    let reached = Arc::clone(&next);
    let events = events.inspect_ok(move |events| {
        if let Some(last) = events.last() {
            reached.store(last.sequence_number + 1, Ordering::Relaxed);
        }
    });
    let on_failure = move |error: ApiError| {
        let body = EventBody::Error { code: error.code(), message: error.message(), param: None };
        let sequence_number = next.load(Ordering::Relaxed);
        vec![ResponseEvent::new(&StreamEvent { kind: "error", sequence_number, body })]
    };
    stream(proxy, Box::pin(events), Vec::new, on_failure).await
}

/// Retrieve response
///
/// Returns a stored response, or one that is still being generated. With `stream`, returns the events of a response that was created with
/// `background` and `stream`: they are kept while it runs and for five minutes after, up to 8 MiB each and 64 MiB in all.
#[utoipa::path(
    get, path = "/v1/responses/{id}", operation_id = "getResponse", tag = "Responses", security(("key" = [])),
    params(
        ("id" = String, Path, description = "ID of the response."),
        ("stream" = Option<bool>, Query, description = "Whether to stream the events."),
        ("starting_after" = Option<u64>, Query, description = "The number of the event after which to start, its `sequence_number`."),
    ),
    responses((
        status = 200, description = "The response, or its events.",
        content((Response = "application/json"), (StreamEvent<'static> = "text/event-stream"))
    ))
)]
pub(crate) async fn one(
    State(proxy): State<Proxy>,
    Extension(caller): Extension<Caller>,
    PathId(id): PathId,
    query: Result<Query<Retrieve>, QueryRejection>,
) -> Result<Answer, ApiError> {
    let Query(Retrieve { stream, starting_after }) = query.map_err(|error| ApiError::bad_query(&error))?;
    let found = proxy.responses.find(&caller.id, &id).await;
    let found = found.ok_or_else(|| ApiError::response_not_found(&id))?;
    if stream != Some(true) {
        return Ok(match found {
            StoredResponse::Running(running) => json(running.body()),
            StoredResponse::Ended(ended) => json(ended.body),
        });
    }
    if let Some(log) = proxy.event_logs.find(&caller.id, &id) {
        return stream_log(&proxy, Box::pin(log.events_after(starting_after)), starting_after).await;
    }
    Err(match found {
        StoredResponse::Running(running) if running.writer().response().background => {
            ApiError::not_streamed()
        }
        StoredResponse::Ended(ended) if is_background(&ended.body) => ApiError::no_longer_streamed(),
        StoredResponse::Running(_) | StoredResponse::Ended(_) => ApiError::not_in_background(),
    })
}

/// The query of a retrieval.
#[derive(Debug, Deserialize)]
pub(crate) struct Retrieve {
    stream: Option<bool>,
    starting_after: Option<u64>,
}

/// Whether a stored response was generated in the background.
fn is_background(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Background {
        background: bool,
    }
    serde_json::from_slice(body).is_ok_and(|Background { background }| background)
}

/// Delete response
///
/// Deletes a stored response. A response that is still being generated is cancelled.
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
    proxy.event_logs.remove(&caller.id, &id);
    if proxy.responses.remove(&caller.id, &id).await {
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
    match proxy.responses.find(&caller.id, &id).await {
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
        Some(StoredResponse::Ended(ended)) if ended.status == Status::Cancelled => Ok(json(ended.body)),
        Some(StoredResponse::Ended(_)) => Err(ApiError::cannot_cancel()),
        None => Err(ApiError::response_not_found(&id)),
    }
}

fn json(body: Bytes) -> Answer {
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}
