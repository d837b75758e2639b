//! `POST /v1/responses`, and what can be done with a response by its id.

use axum::Extension;
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response as Answer};
use bytes::Bytes;

use super::common::{arrival, name_ignored};
use super::{task_model, turns};
use crate::clock::unix_now;
use crate::error::ApiError;
use crate::event::Piece;
use crate::exchange::Exchange;
use crate::exchange::log::Arrival;
use crate::openai::error::ErrorBody;
use crate::openai::responses::request::ResponsesRequest;
use crate::openai::responses::response::{DeletedResponse, Response, Status};
use crate::server::extract::{JsonObject, PathId};
use crate::server::middleware::auth::Caller;
use crate::server::response_store::{Conversation, Found, NotThere, Recording};
use crate::server::sse;
use crate::server::state::Proxy;
use crate::translate::response_events::{Ids, ResponseWriter};
use crate::translate::responses::{Earlier, Understood, parameters, understand};

/// What this route calls the limit of an answer's tokens.
const MAX_TOKENS: &str = "max_output_tokens";

/// Answers an input, whole or as a stream of server-sent events.
#[utoipa::path(
    post, path = "/v1/responses", tag = "Responses", security(("key" = [])),
    request_body = ResponsesRequest,
    responses(
        (status = 200, description = "The response. With `stream: true` the events of the Responses API, `response.created` first and `response.completed`, `response.incomplete` or `response.failed` last.", body = Response),
        (status = "default", description = "An error", body = ErrorBody)
    )
)]
pub(crate) async fn create(
    State(proxy): State<Proxy>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Answer, ApiError> {
    let task = task_model::task(&proxy, &body.0, "input");
    let arrival = arrival(&proxy, &caller, &headers, &body.0, "/v1/responses");
    let mut exchange = proxy.exchange(Arrival { background: task.is_some(), ..arrival });

    let ignored = exchange.check(parameters::ignored(&body.0))?;
    let request: ResponsesRequest = exchange.check(body.read())?;
    let before = match &request.previous_response_id {
        None => Conversation::new(),
        Some(id) => {
            exchange.check(proxy.responses.conversation(&caller.id, id).map_err(|reason| match reason {
                NotThere::Unknown => ApiError::previous_response_not_found(id),
                NotThere::Running => ApiError::previous_response_running(),
            }))?
        }
    };
    let mut ids = Ids::new(uuid::Uuid::now_v7().simple().to_string());
    let parsed = {
        let earlier = Earlier {
            conversation: before.iter().flat_map(|batch| &batch.value).collect(),
            find: &|id| proxy.responses.item(&caller.id, id),
        };
        understand(request, &earlier, proxy.settings.reasoning, &mut ids)
    };
    let Understood { mut wanted, options, said, streamed, store } = exchange.check(parsed)?;
    if let Some(task) = task {
        task_model::to_smallest(&proxy, &mut wanted, task, exchange.recorder()).await;
    }
    let model = wanted.model.clone();
    let started = turns::start(&proxy, &caller, &mut exchange, wanted, MAX_TOKENS).await;
    exchange.check(started.map_err(ApiError::of_responses))?;

    let writer = ResponseWriter::new(ids, unix_now(), model, options, streamed);
    let recording = if store {
        Recording::kept(writer, &proxy.responses, &caller.id, before, said)
    } else {
        Recording::forgotten(writer)
    };
    let writing = Writing { exchange: Some(exchange), recording };
    let mut response =
        if streamed { sse::answer(writing, proxy.limits.ping).await? } else { json(writing.whole().await?) };
    name_ignored(&mut response, &ignored);
    Ok(response)
}

/// A response that is being written.
struct Writing {
    /// `None` once it has ended; dropping it interrupts the turn.
    exchange: Option<Exchange>,
    recording: Recording,
}

impl Writing {
    /// Writes the whole response.
    async fn whole(mut self) -> Result<Bytes, ApiError> {
        while let Some(written) = self.write().await {
            written?;
        }
        self.recording.settle();
        Ok(self.recording.running().body())
    }

    /// Writes the next piece; `None` after the end.
    async fn write(&mut self) -> Option<Result<(), ApiError>> {
        let exchange = self.exchange.as_mut()?;
        let running = self.recording.running();
        let piece = tokio::select! {
            biased;
            () = running.cancelled() => {
                self.exchange = None;
                return Some(Ok(()));
            }
            piece = exchange.next() => piece.map(|(_, piece)| piece),
        };
        let mut writer = running.writer();
        match piece {
            Some(Piece::Model(model)) => writer.set_model(model),
            Some(Piece::Text(text)) => writer.text(&text),
            Some(Piece::Reasoning(text)) => writer.reasoning(&text),
            Some(Piece::Call(call)) => writer.call(call),
            Some(Piece::Ended(Ok(finish))) => {
                writer.end(finish, unix_now());
                self.exchange = None;
            }
            Some(Piece::Ended(Err(failure))) => {
                self.exchange = None;
                return Some(Err(ApiError::from(failure).of_responses()));
            }
            None => {
                self.exchange = None;
                return Some(Err(ApiError::internal()));
            }
        }
        Some(Ok(()))
    }
}

impl sse::Source for Writing {
    async fn next(&mut self) -> Option<Result<Bytes, ApiError>> {
        while let Some(written) = self.write().await {
            if let Err(error) = written {
                return Some(Err(error));
            }
            if self.exchange.is_none() {
                self.recording.settle();
            }
            let events = self.recording.take_events();
            if !events.is_empty() {
                return Some(Ok(events));
            }
        }
        None
    }

    fn silent(&mut self) -> Bytes {
        // Whoever waits this long may want to cancel it, and needs its id.
        self.recording.running().writer().begin();
        self.recording.take_events()
    }

    fn failed(&mut self, error: ApiError) -> Bytes {
        self.recording.running().writer().fail(error.in_response());
        let events = self.recording.take_events();
        self.recording.settle();
        events
    }
}

/// A response that is kept, or that is being written.
#[utoipa::path(
    get, path = "/v1/responses/{id}", tag = "Responses", security(("key" = [])),
    params(("id" = String, Path, description = "The response's id")),
    responses((status = 200, body = Response), (status = "default", description = "An error", body = ErrorBody))
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
        Some(Found::Running(running)) => Ok(json(running.body())),
        Some(Found::Ended(_, body)) => Ok(json(body)),
        None => Err(ApiError::response_not_found(&id)),
    }
}

/// Forgets a response, and cancels it if it is being written.
#[utoipa::path(
    delete, path = "/v1/responses/{id}", tag = "Responses", security(("key" = [])),
    params(("id" = String, Path, description = "The response's id")),
    responses((status = 200, body = DeletedResponse), (status = "default", description = "An error", body = ErrorBody))
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

/// Ends a response that is being written. Its stream ends with `response.incomplete`, and the response is `cancelled`.
#[utoipa::path(
    post, path = "/v1/responses/{id}/cancel", tag = "Responses", security(("key" = [])),
    params(("id" = String, Path, description = "The response's id")),
    responses((status = 200, body = Response), (status = "default", description = "An error", body = ErrorBody))
)]
pub(crate) async fn cancel(
    State(proxy): State<Proxy>,
    Extension(caller): Extension<Caller>,
    PathId(id): PathId,
) -> Result<Answer, ApiError> {
    match proxy.responses.find(&caller.id, &id) {
        Some(Found::Running(running)) => {
            running.cancel();
            let status = running.writer().response().status;
            if status == Status::Cancelled {
                Ok(json(running.body()))
            } else {
                Err(ApiError::cannot_cancel())
            }
        }
        // As OpenAI has it, a second time does no harm.
        Some(Found::Ended(Status::Cancelled, body)) => Ok(json(body)),
        Some(Found::Ended(..)) => Err(ApiError::cannot_cancel()),
        None => Err(ApiError::response_not_found(&id)),
    }
}

fn json(body: Bytes) -> Answer {
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}
