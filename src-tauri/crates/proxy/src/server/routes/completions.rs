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
use tokio::time::Instant;

use super::chat::{arrival, error_event, name_ignored, without_nulls};
use super::turns;
use crate::clock::unix_now;
use crate::error::ApiError;
use crate::event::{FinishReason, Piece};
use crate::exchange::Exchange;
use crate::exchange::log::{Arrival, Recorder};
use crate::openai::error::ErrorBody;
use crate::openai::text_completion::{CompletionsRequest, TextChoice, TextCompletion};
use crate::server::extract::JsonObject;
use crate::server::middleware::auth::KeyName;
use crate::server::sse;
use crate::server::state::Proxy;
use crate::translate::answer_request::Wanted;
use crate::translate::completions::{CompletionWriter, finish, ignored, understand};

/// What this route calls the limit of an answer's tokens.
const MOST_TOKENS: &str = "max_tokens";

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
    Extension(caller): Extension<KeyName>,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let arrived = Instant::now();
    let arrival = arrival(&proxy, &caller, &headers, &body.0, "/v1/completions");
    let entry = Recorder::begin(&proxy.request_log, arrival.clone());
    let (ignored, request, prompts) = read(body).map_err(|error| turns::refused(&entry, error))?;
    let mut prompts = prompts.into_iter();
    let Some(first) = prompts.next() else { return Err(ApiError::internal()) };
    let n = first.n;
    let exchange = turns::begin(&proxy, &caller, first, MOST_TOKENS, entry, arrived).await?;
    let later = prompts.map(|wanted| Later {
        proxy: proxy.clone(),
        caller: caller.clone(),
        wanted,
        arrival: Arrival { id: uuid::Uuid::now_v7().to_string(), ..arrival.clone() },
    });
    let later: Vec<Later> = later.collect();
    let choices = n * (1..).zip(&later).last().map_or(1, |(others, _)| others + 1);
    let answers = InTurn { now: Now::Running(Box::new(exchange)), later: later.into_iter(), n, first: 0 };
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

fn read(body: JsonObject) -> Result<(Vec<String>, CompletionsRequest, Vec<Wanted>), ApiError> {
    let ignored = ignored(&body.0)?;
    let request: CompletionsRequest = without_nulls(body).read()?;
    let prompts = understand(&request)?;
    Ok((ignored, request, prompts))
}

/// The answers to all prompts, a prompt after the other.
struct InTurn {
    now: Now,
    later: std::vec::IntoIter<Later>,
    n: u32,
    /// The number of the first choice of the present prompt.
    first: u32,
}

enum Now {
    Running(Box<Exchange>),
    Beginning(BoxFuture<'static, Result<Exchange, ApiError>>),
}

/// A prompt whose turn has not come.
struct Later {
    proxy: Proxy,
    caller: KeyName,
    wanted: Wanted,
    /// Each prompt has its own line in the request log.
    arrival: Arrival,
}

impl Later {
    async fn begin(self) -> Result<Exchange, ApiError> {
        let Self { proxy, caller, wanted, arrival } = self;
        let entry =
            Recorder::begin(&proxy.request_log, Arrival { id: uuid::Uuid::now_v7().to_string(), ..arrival });
        turns::begin(&proxy, &caller, wanted, MOST_TOKENS, entry, Instant::now()).await
    }
}

impl InTurn {
    /// What comes next, and of which choice; `None` after the end of all. Dropping the future loses nothing.
    async fn next(&mut self) -> Result<Option<(u32, Piece)>, ApiError> {
        loop {
            match &mut self.now {
                Now::Beginning(beginning) => self.now = Now::Running(Box::new(beginning.await?)),
                Now::Running(answers) => match answers.next().await {
                    Some((_, Piece::Ended(Err(failure)))) => return Err(failure.into()),
                    Some((index, piece)) => return Ok(Some((self.first + index, piece))),
                    None => {
                        let Some(later) = self.later.next() else { return Ok(None) };
                        self.first += self.n;
                        self.now = Now::Beginning(Box::pin(later.begin()));
                    }
                },
            }
        }
    }
}

async fn whole(
    mut answers: InTurn,
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
    answers: Option<InTurn>,
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
