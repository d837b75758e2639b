//! `POST /v1/chat/completions`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::common::{Answer, gather, pieces, stream};
use super::{task_model, turns};
use crate::clock::unix_now;
use crate::error::ApiError;
use crate::exchange::log::Arrival;
use crate::openai::chat::{ChatRequest, FunctionCall, ToolCall};
use crate::openai::chunk::ChunkChoice;
use crate::openai::completion::{AnswerMessage, Choice, Completion};
use crate::server::extract::{Incoming, read};
use crate::server::state::Proxy;
use crate::translate::chunks::{ChatChunks, Head, finish_reason};
use crate::translate::{parameters, request};

/// Create chat completion
///
/// Generates the next message of a conversation, complete or as a stream. When the client disconnects, the turn is interrupted.
#[utoipa::path(
    post, path = "/v1/chat/completions", operation_id = "createChatCompletion", tag = "Chat", security(("key" = [])),
    request_body = ChatRequest,
    responses((
        status = 200, description = "The chat completion, or with `stream: true` its chunks as server-sent events, ended by `data: [DONE]`.",
        content((Completion<'static, Choice> = "application/json"), (Completion<'static, ChunkChoice<'static>> = "text/event-stream"))
    ))
)]
pub(crate) async fn create(
    State(proxy): State<Proxy>,
    Incoming { caller, arrival, body }: Incoming,
) -> Result<Response, ApiError> {
    let task = task_model::task(&proxy, &body, "messages");
    let mut exchange = proxy.exchange(Arrival { background: task.is_some(), ..arrival });

    let (request, ignored) = exchange.check(read::<ChatRequest>(body, parameters::of_chat))?;
    let streamed = request.stream == Some(true);
    let include_usage = request.stream_options.and_then(|options| options.include_usage) == Some(true);
    let old_calls = request.functions.is_some();
    let mut request = exchange.check(request::parse(request))?;
    if let Some(task) = task {
        task_model::to_smallest(&proxy, &mut request, task, exchange.recorder()).await;
    }
    let n = request.n;
    let started = turns::start(&proxy, &caller, &mut exchange, request).await;
    exchange.check(started)?;

    let object = if streamed { "chat.completion.chunk" } else { "chat.completion" };
    let id = format!("chatcmpl-{}", uuid::Uuid::now_v7().simple());
    let mut head = Head { id, object, created: unix_now(), include_usage, ..Head::default() };
    let response = if streamed {
        stream(&proxy, pieces(exchange), ChatChunks::new(head, n, old_calls)).await?
    } else {
        let answers = gather(pieces(exchange), n, &mut head).await?;
        let choices = (0..).zip(answers).map(|(index, answer)| choice(index, answer, old_calls));
        let choices = choices.collect::<Option<Vec<_>>>().ok_or_else(ApiError::internal)?;
        Json(head.whole(&choices)).into_response()
    };
    Ok((ignored, response).into_response())
}

/// A whole answer; `None` when its end never came.
fn choice(index: u32, answer: Answer, old_calls: bool) -> Option<Choice> {
    let Answer { text, reasoning, calls, reason } = answer;
    let content = Some(text).filter(|text| !text.is_empty() || calls.is_empty());
    let call = |call: codex_client::ToolCall| ToolCall {
        id: call.call_id,
        kind: "function".to_owned(),
        function: FunctionCall { name: call.name, arguments: call.arguments },
    };
    let mut tool_calls: Vec<ToolCall> = calls.into_iter().map(call).collect();
    let function_call = if old_calls { tool_calls.pop().map(|call| call.function) } else { None };
    let message = AnswerMessage {
        role: "assistant",
        content,
        refusal: None,
        reasoning_content: Some(reasoning).filter(|text| !text.is_empty()),
        tool_calls,
        function_call,
    };
    let finish_reason = finish_reason(reason?, old_calls);
    Some(Choice { index, message, logprobs: None, finish_reason })
}
