//! `POST /v1/completions`, for old clients.
//!
//! Several prompts are answered one after another: if their turns ran at once, two such requests could each hold
//! permits that the other waits for.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::common::{Answers, events, files_changed};
use super::{common, turns};
use crate::clock::unix_now;
use crate::error::ApiError;
use crate::exchange::log::Arrival;
use crate::openai::completion::Completion;
use crate::openai::text_completion::{CompletionsRequest, TextChoice};
use crate::server::extract::{Incoming, parse_body};
use crate::server::state::Proxy;
use crate::translate::chunks::Head;
use crate::translate::completions::{TextChunks, parse};
use crate::translate::parameters;

/// Create completion
///
/// Generates the text that continues each prompt, complete or as a stream. Prompts are answered one after another.
#[utoipa::path(
    post, path = "/v1/completions", operation_id = "createCompletion", tag = "Completions", security(("key" = [])),
    request_body = CompletionsRequest,
    responses((
        status = 200, description = "The completion, or with `stream: true` its chunks as server-sent events, ended by `data: [DONE]`.",
        content((Completion<'static, TextChoice<'static>> = "application/json"), (Completion<'static, TextChoice<'static>> = "text/event-stream"))
    ))
)]
pub(crate) async fn create(
    State(proxy): State<Proxy>,
    Incoming { caller, arrival, body }: Incoming,
) -> Result<Response, ApiError> {
    let mut exchange = proxy.exchange(arrival.clone());

    let (request, mut ignored) =
        exchange.log_error(parse_body::<CompletionsRequest>(body, parameters::completions))?;
    let mut prompts = exchange.log_error(parse(&request))?.into_iter();
    let Some(first) = prompts.next() else { return Err(ApiError::internal()) };
    let n = first.n;
    let choices = prompts.as_slice().iter().map(|other| other.n).sum::<u32>() + n;
    let started = turns::start(&proxy, &caller, &mut exchange, first).await;
    ignored.extend(exchange.log_error(started)?);

    let next_proxy = proxy.clone();
    let rest = stream::iter((1..).zip(prompts)).then(move |(prompt, request)| {
        // Each prompt has its own entry in the request log.
        let arrival = Arrival { id: uuid::Uuid::now_v7().to_string(), ..arrival.clone() };
        let (proxy, caller) = (next_proxy.clone(), caller.clone());
        async move {
            let mut exchange = proxy.exchange(arrival);
            let started = turns::start(&proxy, &caller, &mut exchange, request).await;
            exchange.log_error(started)?;
            Ok::<_, ApiError>(events(exchange).map_ok(move |(index, event)| (prompt * n + index, event)))
        }
    });
    let events = events(exchange).chain(rest.try_flatten());
    let include_usage = request.stream_options.and_then(|options| options.include_usage) == Some(true);
    let id = format!("cmpl-{}", uuid::Uuid::now_v7().simple());
    let (object, model) = ("text_completion", request.model);
    let head = Head { id, object, created: unix_now(), model, include_usage, ..Head::default() };
    let response = if request.stream == Some(true) {
        common::stream(&proxy, events, TextChunks(head)).await?
    } else {
        let Answers { head, answers } = Answers::collect(head, choices, events).await?;
        let choices = (0..).zip(&answers).map(|(index, answer)| TextChoice {
            text: &answer.text,
            index,
            logprobs: None,
            finish_reason: answer.reason,
        });
        let choices: Vec<_> = choices.collect();
        if choices.iter().any(|choice| choice.finish_reason.is_none()) {
            return Err(ApiError::internal());
        }
        (files_changed(head.files_changed), Json(head.completion(&choices))).into_response()
    };
    Ok((ignored, response).into_response())
}
