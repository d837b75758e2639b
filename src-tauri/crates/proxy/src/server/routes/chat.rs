//! `POST /v1/chat/completions`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::common::{Answer, collect, events, files_changed, stream};
use super::{task_model, turns};
use crate::clock::unix_now;
use crate::error::ApiError;
use crate::event::ClientCall;
use crate::exchange::log::Arrival;
use crate::openai::chat::{ChatRequest, CustomCall, FunctionCall, ToolCall};
use crate::openai::chunk::ChunkChoice;
use crate::openai::completion::{AnswerMessage, Choice, Completion};
use crate::server::extract::{Incoming, parse_body};
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

    let (request, mut ignored) = exchange.log_error(parse_body::<ChatRequest>(body, parameters::chat))?;
    let include_usage = request.stream_options.and_then(|options| options.include_usage) == Some(true);
    let legacy_calls = request::is_legacy(&request);
    let mut request = exchange.log_error(request::parse(request))?;
    if let Some(task) = task {
        task_model::use_smallest(&proxy, &caller, &mut request, task, exchange.recorder()).await;
    }
    ignored.extend(request.ignored.iter().map(String::as_str));
    let (n, streamed) = (request.n, request.streamed);
    let started = turns::start(&proxy, &caller, &mut exchange, request).await;
    ignored.extend(exchange.log_error(started)?);

    let object = if streamed { "chat.completion.chunk" } else { "chat.completion" };
    let id = format!("chatcmpl-{}", uuid::Uuid::now_v7().simple());
    let mut head = Head { id, object, created: unix_now(), include_usage, ..Head::default() };
    let response = if streamed {
        stream(&proxy, events(exchange), ChatChunks::new(head, n, legacy_calls)).await?
    } else {
        let answers = collect(events(exchange), n, &mut head).await?;
        let choices = (0..).zip(answers).map(|(index, answer)| choice(index, answer, legacy_calls));
        let choices = choices.collect::<Option<Vec<_>>>().ok_or_else(ApiError::internal)?;
        (files_changed(head.files_changed), Json(head.completion(&choices))).into_response()
    };
    Ok((ignored, response).into_response())
}

/// A complete answer; `None` if it has not ended.
fn choice(index: u32, answer: Answer, legacy_calls: bool) -> Option<Choice> {
    let Answer { text, reasoning, calls, reason } = answer;
    let content = Some(text).filter(|text| !text.is_empty() || calls.is_empty());
    let call = |ClientCall { call_id: id, name, input, is_custom, .. }| {
        let (kind, function, custom) = if is_custom {
            ("custom", None, Some(CustomCall { name, input }))
        } else {
            ("function", Some(FunctionCall { name, arguments: input }), None)
        };
        ToolCall { id, kind: kind.to_owned(), function, custom }
    };
    let mut tool_calls: Vec<ToolCall> = calls.into_iter().map(call).collect();
    let function_call = if legacy_calls { tool_calls.pop().and_then(|call| call.function) } else { None };
    let message = AnswerMessage {
        role: "assistant",
        content,
        refusal: None,
        reasoning_content: Some(reasoning).filter(|text| !text.is_empty()),
        tool_calls,
        function_call,
    };
    let finish_reason = finish_reason(reason?, legacy_calls);
    Some(Choice { index, message, logprobs: None, finish_reason })
}
