//! `POST /v1/completions`, for old clients.
//!
//! Several prompts are answered one after another: were their turns begun together, two such requests could each hold the
//! places that the other waits for.

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use codex_client::Usage;
use futures_util::future::BoxFuture;

use super::common::{arrival, error_event, name_ignored};
use super::turns;
use crate::clock::unix_now;
use crate::error::ApiError;
use crate::event::{FinishReason, Piece};
use crate::exchange::Exchange;
use crate::exchange::log::Arrival;
use crate::openai::error::ErrorBody;
use crate::openai::text_completion::{CompletionsRequest, TextChoice, TextCompletion};
use crate::server::extract::JsonObject;
use crate::server::middleware::auth::Caller;
use crate::server::sse;
use crate::server::state::Proxy;
use crate::translate::answer_request::AnswerRequest;
use crate::translate::completions::{CompletionWriter, finish, ignored, understand};

/// What this route calls the limit of an answer's tokens.
const MAX_TOKENS: &str = "max_tokens";

/// Goes on from a prompt, whole or as a stream of server-sent events.
#[utoipa::path(
    post, path = "/v1/completions", tag = "Chat", security(("key" = [])),
    request_body = CompletionsRequest,
    responses(
        (status = 200, description = "The completion. With `stream: true` its chunks as server-sent events, ended by `[DONE]`.", body = TextCompletion<'static>),
        (status = "default", description = "An error", body = ErrorBody)
    )
)]
pub(crate) async fn create(
    State(proxy): State<Proxy>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let arrival = arrival(&proxy, &caller, &headers, &body.0, "/v1/completions");
    let mut exchange = proxy.exchange(arrival.clone());

    let ignored = exchange.check(ignored(&body.0))?;
    let request: CompletionsRequest = exchange.check(body.read())?;
    let mut prompts = exchange.check(understand(&request))?.into_iter();
    let Some(first) = prompts.next() else { return Err(ApiError::internal()) };
    let n = first.n;
    let choices = n * (1..).zip(prompts.as_slice()).last().map_or(1, |(others, _)| others + 1);
    let started = turns::start(&proxy, &caller, &mut exchange, first, MAX_TOKENS).await;
    exchange.check(started)?;

    let answers = SequentialPrompts {
        current: Current::Running(Box::new(exchange)),
        queued: prompts,
        proxy: proxy.clone(),
        caller,
        arrival,
        n,
        first_choice: 0,
    };
    let include_usage = request.stream_options.and_then(|options| options.include_usage) == Some(true);
    let id = format!("cmpl-{}", uuid::Uuid::now_v7().simple());
    let writer = CompletionWriter::new(id, unix_now(), request.model, include_usage);
    let mut response = if request.stream == Some(true) {
        let chunks = Chunks { answers: Some(answers), writer, usage: None };
        sse::answer(chunks, proxy.limits.ping).await?
    } else {
        whole(answers, writer, choices).await?
    };
    name_ignored(&mut response, &ignored);
    Ok(response)
}

/// The answers to all prompts, a prompt after the other.
struct SequentialPrompts {
    current: Current,
    queued: std::vec::IntoIter<AnswerRequest>,
    proxy: Proxy,
    caller: Caller,
    /// Each prompt has a row of the request log.
    arrival: Arrival,
    n: u32,
    /// The number of the first choice of the current prompt.
    first_choice: u32,
}

enum Current {
    Running(Box<Exchange>),
    Starting(BoxFuture<'static, Result<Exchange, ApiError>>),
}

impl SequentialPrompts {
    /// What comes next, and of which choice; `None` after the end of all. Dropping the future loses nothing.
    async fn next(&mut self) -> Result<Option<(u32, Piece)>, ApiError> {
        loop {
            match &mut self.current {
                Current::Starting(starting) => self.current = Current::Running(Box::new(starting.await?)),
                Current::Running(exchange) => match exchange.next().await {
                    Some((_, Piece::Ended(Err(failure)))) => return Err(failure.into()),
                    Some((index, piece)) => return Ok(Some((self.first_choice + index, piece))),
                    None => {
                        let Some(request) = self.queued.next() else { return Ok(None) };
                        self.first_choice += self.n;
                        self.current = Current::Starting(Box::pin(self.start(request)));
                    }
                },
            }
        }
    }

    fn start(&self, request: AnswerRequest) -> impl Future<Output = Result<Exchange, ApiError>> + use<> {
        let (proxy, caller) = (self.proxy.clone(), self.caller.clone());
        let arrival = Arrival { id: uuid::Uuid::now_v7().to_string(), ..self.arrival.clone() };
        async move {
            let mut exchange = proxy.exchange(arrival);
            let started = turns::start(&proxy, &caller, &mut exchange, request, MAX_TOKENS).await;
            exchange.check(started)?;
            Ok(exchange)
        }
    }
}

async fn whole(
    mut answers: SequentialPrompts,
    mut writer: CompletionWriter,
    choices: u32,
) -> Result<Response, ApiError> {
    let mut texts: Vec<(String, Option<FinishReason>)> = Vec::new();
    texts.resize_with(choices as usize, Default::default);
    let mut usage = None;
    while let Some((index, piece)) = answers.next().await? {
        let Some((text, reason)) = texts.get_mut(index as usize) else { continue };
        match piece {
            Piece::Model(model) => writer.set_model(model),
            Piece::Text(more) => text.push_str(&more),
            Piece::Reasoning(_) | Piece::Call(_) | Piece::Ended(Err(_)) => {}
            Piece::Ended(Ok(end)) => {
                *reason = Some(end.reason);
                add(&mut usage, end.usage);
            }
        }
    }
    let mut choices = Vec::with_capacity(texts.len());
    for (index, (text, reason)) in (0..).zip(&texts) {
        let finish_reason = Some(finish(reason.ok_or_else(ApiError::internal)?));
        choices.push(TextChoice { text, index, logprobs: None, finish_reason });
    }
    Ok(Json(writer.whole(&choices, usage.map(Into::into))).into_response())
}

fn add(sum: &mut Option<Usage>, more: Option<Usage>) {
    if let Some(more) = more {
        *sum.get_or_insert_default() += more;
    }
}

/// A completion that is being sent.
struct Chunks {
    /// `None` once all is said.
    answers: Option<SequentialPrompts>,
    writer: CompletionWriter,
    usage: Option<Usage>,
}

impl sse::Source for Chunks {
    async fn next(&mut self) -> Option<Result<Bytes, ApiError>> {
        loop {
            let next = match self.answers.as_mut()?.next().await {
                Ok(next) => next,
                Err(error) => return Some(Err(error)),
            };
            let Some((index, piece)) = next else {
                self.answers = None;
                return Some(Ok(self.writer.done(self.usage.map(Into::into))));
            };
            match piece {
                Piece::Model(model) => self.writer.set_model(model),
                Piece::Text(text) => return Some(Ok(self.writer.text(index, &text))),
                Piece::Reasoning(_) | Piece::Call(_) | Piece::Ended(Err(_)) => {}
                Piece::Ended(Ok(end)) => {
                    add(&mut self.usage, end.usage);
                    return Some(Ok(self.writer.end(index, end.reason)));
                }
            }
        }
    }

    fn failed(&mut self, error: ApiError) -> Bytes {
        error_event(&error)
    }
}
