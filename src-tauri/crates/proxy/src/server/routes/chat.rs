//! `POST /v1/chat/completions`.

use axum::Json;
use axum::extract::State;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::common::{Answer, Answers, events, files_changed, stream};
use super::stored_chats::ChatToStore;
use super::{task_model, turns};
use crate::clock::unix_now;
use crate::error::{ApiError, Failure};
use crate::event::{AnswerEvent, ClientCall};
use crate::exchange::log::Arrival;
use crate::openai::chat::{ChatRequest, CustomCall, FunctionCall, ToolCall};
use crate::openai::chunk::ChunkChoice;
use crate::openai::completion::{AnswerMessage, Choice, Completion};
use crate::server::extract::{Incoming, parse_body};
use crate::server::state::Proxy;
use crate::translate::chunks::{ChatChunks, Chunks, Head, answer_image, finish_reason};
use crate::translate::{parameters, request, stored_chat};

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

    let id = format!("chatcmpl-{}", uuid::Uuid::now_v7().simple());
    let is_stored = body.get("store") == Some(&Value::Bool(true));
    let messages = if is_stored { stored_chat::messages(&id, body.get("messages")) } else { Vec::new() };
    let (request, mut ignored) = exchange.log_error(parse_body::<ChatRequest>(body, parameters::chat))?;
    let to_store = exchange.log_error(ChatToStore::of(&proxy, &caller, &id, &request, messages))?;
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
    let head = Head { id, object, created: unix_now(), include_usage, ..Head::default() };
    let response = if streamed {
        let chunks = ChatChunks::new(head.clone(), n, legacy_calls);
        let answers = Answers::new(Head { object: "chat.completion", ..head }, n);
        let to_store = to_store.map(|chat| (chat, answers));
        stream(&proxy, events(exchange), StoringChunks { chunks, legacy_calls, to_store }).await?
    } else {
        let Answers { head, answers } = Answers::collect(head, n, events(exchange)).await?;
        let choices = choices(answers, legacy_calls).ok_or_else(ApiError::internal)?;
        let completion = head.completion(&choices);
        if let Some(chat) = to_store {
            chat.store(&completion);
        }
        (files_changed(head.files_changed), Json(completion)).into_response()
    };
    Ok((ignored, response).into_response())
}

/// Writes the chunks of a chat, and stores it when all answers have ended.
struct StoringChunks {
    chunks: ChatChunks,
    legacy_calls: bool,
    /// The answers so far, if the chat is to be stored.
    to_store: Option<(ChatToStore, Answers)>,
}

impl Chunks for StoringChunks {
    fn write(&mut self, index: u32, event: AnswerEvent) -> Result<Vec<Event>, Failure> {
        if let Some((_, answers)) = &mut self.to_store {
            answers.push(index, event.clone())?;
        }
        let has_ended = |(_, answers): &mut (ChatToStore, Answers)| answers.have_ended();
        // Before the last chunk, so that the client can retrieve it at once.
        if let Some((chat, Answers { head, answers })) = self.to_store.take_if(has_ended)
            && let Some(choices) = choices(answers, self.legacy_calls)
        {
            chat.store(&head.completion(&choices));
        }
        self.chunks.write(index, event)
    }

    fn head(&self) -> &Head {
        self.chunks.head()
    }
}

/// Complete answers; `None` if one has not ended.
fn choices(answers: Vec<Answer>, legacy_calls: bool) -> Option<Vec<Choice>> {
    (0..).zip(answers).map(|(index, answer)| choice(index, answer, legacy_calls)).collect()
}

/// A complete answer; `None` if it has not ended.
fn choice(index: u32, answer: Answer, legacy_calls: bool) -> Option<Choice> {
    let Answer { text, reasoning, annotations, calls, pictures, reason } = answer;
    let images = (0..).zip(&pictures).map(|(index, picture)| answer_image(picture, index)).collect();
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
        annotations,
        tool_calls,
        function_call,
        images,
    };
    let finish_reason = finish_reason(reason?, legacy_calls);
    Some(Choice { index, message, logprobs: None, finish_reason })
}
