//! `POST /v1/chat/completions`.

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{task_model, turns};
use crate::clock::unix_now;
use crate::error::ApiError;
use crate::event::{FinishReason, Piece};
use crate::exchange::Exchange;
use crate::exchange::log::{Arrival, Recorder};
use crate::openai::chat::{ChatRequest, FunctionCall, ToolCall};
use crate::openai::completion::{AnswerMessage, ChatCompletion, Choice};
use crate::openai::error::ErrorBody;
use crate::server::extract::JsonObject;
use crate::server::middleware::auth::KeyName;
use crate::server::middleware::request_id;
use crate::server::sse;
use crate::server::state::Proxy;
use crate::translate::answer_request::Wanted;
use crate::translate::chunks::{ChunkForm, ChunkWriter, event, finish_reason};
use crate::translate::{parameters, request};

/// What this route calls the limit of an answer's tokens.
const MOST_TOKENS: &str = "max_completion_tokens";

/// The longest word of a client's that the request log is told, in characters.
const LONGEST_LABEL: usize = 100;

/// The header that names the parameters that were ignored.
const X_IGNORED: HeaderName = HeaderName::from_static("x-codex-proxy-ignored");

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
    Extension(caller): Extension<KeyName>,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let arrived = Instant::now();
    let task = task_model::task(&proxy, &body.0, "messages");
    let arrival = arrival(&proxy, &caller, &headers, &body.0, "/v1/chat/completions");
    let entry = Recorder::begin(&proxy.request_log, Arrival { background: task.is_some(), ..arrival });
    let Read { ignored, mut wanted, form, streamed } =
        read(body).map_err(|error| turns::refused(&entry, error))?;
    if let Some(task) = task {
        task_model::to_smallest(&proxy, &mut wanted, task, &entry).await;
    }
    let n = wanted.n;
    let exchange = turns::begin(&proxy, &caller, wanted, MOST_TOKENS, entry, arrived).await?;
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

/// Names the parameters that were ignored in a header of the answer.
pub(super) fn name_ignored(response: &mut Response, ignored: &[String]) {
    if !ignored.is_empty()
        && let Ok(names) = HeaderValue::from_str(&ignored.join(", "))
    {
        response.headers_mut().insert(X_IGNORED, names);
    }
}

/// What the request log is told of a request that has just arrived.
pub(super) fn arrival(
    proxy: &Proxy,
    caller: &KeyName,
    headers: &HeaderMap,
    body: &Map<String, Value>,
    route: &str,
) -> Arrival {
    let client = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    Arrival {
        id: uuid::Uuid::now_v7().to_string(),
        request_id: request_id::of(headers),
        key: caller.name.clone(),
        client: proxy.for_log(client, LONGEST_LABEL),
        route: route.to_owned(),
        model: proxy.for_log(body.get("model").and_then(Value::as_str).unwrap_or_default(), LONGEST_LABEL),
        background: false,
        request_text: proxy
            .request_log
            .keeps_texts()
            .then(|| proxy.without_keys(&Value::Object(body.clone()).to_string())),
    }
}

/// A request that has been read.
struct Read {
    ignored: Vec<String>,
    wanted: Wanted,
    form: ChunkForm,
    streamed: bool,
}

fn read(body: JsonObject) -> Result<Read, ApiError> {
    let ignored = parameters::ignored(&body.0)?;
    let request: ChatRequest = without_nulls(body).read()?;
    let streamed = request.stream == Some(true);
    let form = ChunkForm {
        include_usage: request.stream_options.and_then(|options| options.include_usage) == Some(true),
        old_calls: request.functions.is_some(),
    };
    Ok(Read { ignored, wanted: request::wanted(request)?, form, streamed })
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

/// An error as the last event of a stream.
pub(super) fn error_event(error: &ApiError) -> Bytes {
    let mut out = BytesMut::new();
    event(&mut out, &error.body());
    out.freeze()
}

/// SDKs send null for what was not set; it means the same as leaving the field out.
pub(super) fn without_nulls(body: JsonObject) -> JsonObject {
    let kept: Map<String, Value> = body.0.into_iter().filter(|(_, value)| !value.is_null()).collect();
    JsonObject(kept)
}
