//! `POST /v1/chat/completions`.

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use codex_client::{ThreadKind, TurnRequest};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::auth::KeyName;
use super::error::ApiError;
use super::extract::JsonObject;
use super::{Proxy, stream, unix_now};
use crate::catalog::Lookup;
use crate::exchange::{Exchange, Place, Step, Timing};
use crate::journal::{Arrival, Entry};
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
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let arrived = Instant::now();
    let entry = proxy.journal.begin(arrival(&proxy, key, &headers, &body.0));
    let (ignored, request, place, timing) = match admit(&proxy, body, arrived, &entry).await {
        Ok(admitted) => admitted,
        Err(error) => {
            entry.failed(error.status(), &error.for_log());
            return Err(error);
        }
    };
    let streamed = request.streamed;
    let include_usage = request.include_usage;
    let turn = match proxy.codex.turn(request.turn).await {
        Ok(turn) => turn,
        Err(error) => {
            let error = ApiError::from(error);
            entry.failed(error.status(), &error.for_log());
            return Err(error);
        }
    };
    let exchange = Exchange::new(turn, place, entry, timing, &proxy.limits, proxy.cut_off.clone());
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

/// What the request log is told of a request that has just arrived.
fn arrival(proxy: &Proxy, key: String, headers: &HeaderMap, body: &Map<String, Value>) -> Arrival {
    let client = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    Arrival {
        id: uuid::Uuid::now_v7().to_string(),
        key,
        client: short(client),
        route: "/v1/chat/completions".to_owned(),
        model: short(body.get("model").and_then(Value::as_str).unwrap_or_default()),
        background: request::is_background(body),
        request_text: proxy.journal.keeps_texts().then(|| Value::Object(body.clone()).to_string()),
    }
}

/// A request that has been understood.
struct Understood {
    turn: TurnRequest,
    streamed: bool,
    include_usage: bool,
}

/// Everything up to a place among the turns that run. What is wrong with the request is said before codex is bothered.
async fn admit(
    proxy: &Proxy,
    body: JsonObject,
    arrived: Instant,
    entry: &Entry,
) -> Result<(Vec<String>, Understood, Place, Timing), ApiError> {
    let ignored = parameters::ignored(&body.0)?;
    let request: ChatRequest = without_nulls(body).read()?;
    let conversation = request::conversation(&request)?;
    let output_schema = request::output_schema(request.response_format.as_ref())?;

    let asked = Instant::now();
    let profile = match proxy.catalog.look_up(&request.model, &proxy.codex, &proxy.settings).await? {
        Lookup::Found(profile) => *profile,
        Lookup::Unknown(nearest) => return Err(ApiError::model_not_found(&request.model, &nearest)),
    };
    let codex = asked.elapsed();
    if let Some(model) = &profile.model {
        let known = proxy.catalog.efforts(model);
        request::check_effort(request.reasoning_effort.as_deref(), model, &known)?;
    }

    let asked = Instant::now();
    let place = proxy.admission.enter().await?;
    let waited = asked.elapsed();
    entry.waited(u64::try_from(waited.as_millis()).unwrap_or(u64::MAX));

    let effort = match profile.kind {
        ThreadKind::Agent => request.reasoning_effort.or_else(|| proxy.settings.effort.clone()),
        ThreadKind::Plain => request.reasoning_effort,
    };
    let understood = Understood {
        streamed: request.stream == Some(true),
        include_usage: request.stream_options.and_then(|options| options.include_usage) == Some(true),
        turn: TurnRequest {
            profile,
            history: conversation.history,
            input: conversation.input,
            effort,
            reasoning_summary: true,
            output_schema,
        },
    };
    Ok((ignored, understood, place, Timing { arrived, waited, codex }))
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
