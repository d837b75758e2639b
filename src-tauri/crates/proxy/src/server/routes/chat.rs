//! `POST /v1/chat/completions`.

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::common::{arrival, error_event, name_ignored};
use super::{task_model, turns};
use crate::clock::unix_now;
use crate::error::ApiError;
use crate::event::{FinishReason, Piece};
use crate::exchange::Exchange;
use crate::exchange::log::Arrival;
use crate::openai::chat::{ChatRequest, FunctionCall, ToolCall};
use crate::openai::completion::{AnswerMessage, ChatCompletion, Choice};
use crate::openai::error::ErrorBody;
use crate::server::extract::JsonObject;
use crate::server::middleware::auth::Caller;
use crate::server::sse;
use crate::server::state::Proxy;
use crate::translate::chunks::{ChunkForm, ChunkWriter, finish_reason};
use crate::translate::{parameters, request};

/// What this route calls the limit of an answer's tokens.
const MAX_TOKENS: &str = "max_completion_tokens";

/// Answers a conversation, whole or as a stream of server-sent events.
#[utoipa::path(
    post, path = "/v1/chat/completions", tag = "Chat", security(("key" = [])),
    request_body = ChatRequest,
    responses(
        (status = 200, description = "The answer. With `stream: true` its chunks as server-sent events, ended by `[DONE]`.", body = ChatCompletion),
        (status = "default", description = "An error", body = ErrorBody)
    )
)]
pub(crate) async fn create(
    State(proxy): State<Proxy>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let task = task_model::task(&proxy, &body.0, "messages");
    let arrival = arrival(&proxy, &caller, &headers, &body.0, "/v1/chat/completions");
    let mut exchange = proxy.exchange(Arrival { background: task.is_some(), ..arrival });

    let ignored = exchange.check(parameters::ignored(&body.0))?;
    let request: ChatRequest = exchange.check(body.read())?;
    let streamed = request.stream == Some(true);
    let form = ChunkForm {
        include_usage: request
            .stream_options
            .as_ref()
            .is_some_and(|options| options.include_usage == Some(true)),
        old_calls: request.functions.is_some(),
    };
    let mut request = exchange.check(request::parse(request))?;
    if let Some(task) = task {
        task_model::to_smallest(&proxy, &mut request, task, exchange.recorder()).await;
    }
    let n = request.n;
    let started = turns::start(&proxy, &caller, &mut exchange, request, MAX_TOKENS).await;
    exchange.check(started)?;

    let id = format!("chatcmpl-{}", uuid::Uuid::now_v7().simple());
    let mut response = if streamed {
        let writer = ChunkWriter::new(id, unix_now(), n, form);
        sse::answer(Chunks { exchange: Some(exchange), writer }, proxy.limits.ping).await?
    } else {
        Json(whole(exchange, id, n, form).await?).into_response()
    };
    name_ignored(&mut response, &ignored);
    Ok(response)
}

async fn whole(
    mut exchange: Exchange,
    id: String,
    n: u32,
    form: ChunkForm,
) -> Result<ChatCompletion, ApiError> {
    let mut model = String::new();
    let mut usage: Option<codex_client::Usage> = None;
    let mut answers: Vec<Gathered> = (0..n).map(|_| Gathered::default()).collect();
    while let Some((index, piece)) = exchange.next().await {
        let Some(answer) = answers.get_mut(index as usize) else { continue };
        match piece {
            Piece::Model(name) if name.is_empty() => {}
            Piece::Model(name) => model = name,
            Piece::Text(text) => answer.text.push_str(&text),
            Piece::Reasoning(text) => answer.reasoning.push_str(&text),
            Piece::Call(call) => answer.calls.push(call),
            Piece::Ended(Err(failure)) => return Err(failure.into()),
            Piece::Ended(Ok(finish)) => {
                answer.reason = Some(finish.reason);
                if let Some(more) = finish.usage {
                    *usage.get_or_insert_default() += more;
                }
            }
        }
    }
    let choices = (0..).zip(answers).map(|(index, answer)| answer.choice(index, form)).collect::<Option<_>>();
    Ok(ChatCompletion {
        id,
        object: "chat.completion",
        created: unix_now(),
        model,
        choices: choices.ok_or_else(ApiError::internal)?,
        usage: usage.map(Into::into),
    })
}

/// One of the answers, as far as it has come.
#[derive(Default)]
struct Gathered {
    text: String,
    reasoning: String,
    calls: Vec<codex_client::ToolCall>,
    reason: Option<FinishReason>,
}

impl Gathered {
    /// The whole answer; `None` when its end never came.
    fn choice(self, index: u32, form: ChunkForm) -> Option<Choice> {
        let Self { text, reasoning, calls, reason } = self;
        let content = Some(text).filter(|text| !text.is_empty() || calls.is_empty());
        let mut calls: Vec<ToolCall> = calls
            .into_iter()
            .map(|call| ToolCall {
                id: call.call_id,
                kind: "function".to_owned(),
                function: FunctionCall { name: call.name, arguments: call.arguments },
            })
            .collect();
        let function_call = if form.old_calls { calls.pop().map(|call| call.function) } else { None };
        let message = AnswerMessage {
            role: "assistant",
            content,
            refusal: None,
            reasoning_content: Some(reasoning).filter(|text| !text.is_empty()),
            tool_calls: calls,
            function_call,
        };
        let finish_reason = finish_reason(reason?, form.old_calls);
        Some(Choice { index, message, logprobs: None, finish_reason })
    }
}

/// A completion that is being sent.
struct Chunks {
    /// `None` once all is said.
    exchange: Option<Exchange>,
    writer: ChunkWriter,
}

impl sse::Source for Chunks {
    async fn next(&mut self) -> Option<Result<Bytes, ApiError>> {
        loop {
            match self.exchange.as_mut()?.next().await {
                None => {
                    self.exchange = None;
                    return Some(Ok(self.writer.end()));
                }
                Some((_, Piece::Ended(Err(failure)))) => return Some(Err(failure.into())),
                Some((index, piece)) => {
                    if let Some(chunks) = self.writer.piece(index, &piece) {
                        return Some(Ok(chunks));
                    }
                }
            }
        }
    }

    fn failed(&mut self, error: ApiError) -> Bytes {
        error_event(&error)
    }
}
