//! `POST /v1/chat/completions`.

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use codex_client::{ThreadProfile, TurnRequest};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::auth::KeyName;
use super::error::ApiError;
use super::extract::JsonObject;
use super::{Proxy, stream, unix_now};
use crate::catalog::Lookup;
use crate::exchange::{Exchange, Step};
use crate::openai::chat::ChatRequest;
use crate::openai::completion::{AnswerMessage, ChatCompletion, Choice, FinishReason};
use crate::openai::error::ErrorBody;
use crate::translate::{chunks::ChunkWriter, parameters, request};

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
    Extension(KeyName(key)): Extension<KeyName>,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let ignored = parameters::ignored(&body.0)?;
    let request: ChatRequest = without_nulls(body).read()?;
    let streamed = request.stream == Some(true);
    let include_usage = request.stream_options.and_then(|options| options.include_usage) == Some(true);
    tracing::debug!(key, model = ?short(&request.model), streamed, messages = request.messages.len(), "chat");

    let exchange = begin(&proxy, request).await?;
    let id = format!("chatcmpl-{}", uuid::Uuid::now_v7().simple());
    let mut response = if streamed {
        let writer = ChunkWriter::new(id, unix_now(), String::new(), include_usage);
        stream::answer(exchange, writer, proxy.limits.ping).await?
    } else {
        Json(whole(exchange, id).await?).into_response()
    };
    if !ignored.is_empty()
        && let Ok(names) = HeaderValue::from_str(&ignored.join(", "))
    {
        response.headers_mut().insert(X_IGNORED, names);
    }
    Ok(response)
}

/// Everything up to a running turn. What is wrong with the request is said before codex is bothered.
async fn begin(proxy: &Proxy, request: ChatRequest) -> Result<Exchange, ApiError> {
    let asked = Instant::now();
    let conversation = request::conversation(&request)?;
    let output_schema = request::output_schema(request.response_format.as_ref())?;
    let profile: ThreadProfile =
        match proxy.catalog.look_up(&request.model, &proxy.codex, &proxy.settings).await? {
            Lookup::Found(profile) => *profile,
            Lookup::Unknown(nearest) => return Err(ApiError::model_not_found(&request.model, &nearest)),
        };
    let place = proxy.admission.enter().await?;
    let turn = TurnRequest {
        profile,
        history: conversation.history,
        input: conversation.input,
        effort: request.reasoning_effort,
        reasoning_summary: true,
        output_schema,
    };
    let turn = proxy.codex.turn(turn).await?;
    Ok(Exchange::new(turn, place, asked, &proxy.limits, proxy.cut_off.clone()))
}

async fn whole(mut exchange: Exchange, id: String) -> Result<ChatCompletion, ApiError> {
    let (mut model, mut content, mut reasoning) = (String::new(), String::new(), String::new());
    loop {
        match exchange.next().await {
            Some(Step::Model(name)) if !name.is_empty() => model = name,
            Some(Step::Text(text)) => content.push_str(&text),
            Some(Step::Reasoning(text)) => reasoning.push_str(&text),
            Some(Step::Model(_) | Step::Progress) => {}
            Some(Step::Ended(Err(failure))) => return Err(failure.into()),
            Some(Step::Ended(Ok(usage))) => {
                let message = AnswerMessage {
                    role: "assistant",
                    content,
                    refusal: None,
                    reasoning_content: Some(reasoning).filter(|text| !text.is_empty()),
                };
                return Ok(ChatCompletion {
                    id,
                    object: "chat.completion",
                    created: unix_now(),
                    model,
                    choices: vec![Choice {
                        index: 0,
                        message,
                        logprobs: None,
                        finish_reason: FinishReason::Stop,
                    }],
                    usage: usage.map(Into::into),
                });
            }
            None => return Err(ApiError::internal()),
        }
    }
}

/// SDKs send null for what was not set; it means the same as leaving the field out.
fn without_nulls(body: JsonObject) -> JsonObject {
    let kept: Map<String, Value> = body.0.into_iter().filter(|(_, value)| !value.is_null()).collect();
    JsonObject(kept)
}

fn short(text: &str) -> String {
    text.chars().take(100).collect()
}
