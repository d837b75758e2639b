//! `POST /v1/responses/input_tokens`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use codex_client::Item;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::answer::tokens::Vocabulary;
use crate::error::ApiError;
use crate::off_workers::POOL;
use crate::openai::responses::request::ResponsesRequest;
use crate::openai::responses::response::InputTokens;
use crate::server::extract::{Incoming, parse_body};
use crate::server::responses::engine::{conversation_before, parse_history};
use crate::server::responses::truncation::{self, AROUND_MESSAGE, COUNT_STACK, COUNT_TIMEOUT};
use crate::server::state::Proxy;
use crate::translate::answer_request::{AnswerRequest, Format};
use crate::translate::parameters;
use crate::translate::response_events::Ids;
use crate::translate::responses::{StoredItem, foreign, parse, references};

/// Tokens with which the answer begins.
const ANSWER_START: u64 = 2;

/// Count input tokens
///
/// Counts the tokens of a request for a response, with the o200k vocabulary: its instructions, tools, input and the conversation before it.
/// Images are not counted, and named in `x-codex-proxy-ignored`. No model is asked.
#[utoipa::path(
    post, path = "/v1/responses/input_tokens", operation_id = "countInputTokens", tag = "Responses", security(("key" = [])),
    request_body = ResponsesRequest,
    responses((status = 200, description = "The number of tokens.", body = InputTokens))
)]
pub(crate) async fn count(
    State(proxy): State<Proxy>,
    Incoming { caller, mut body, .. }: Incoming,
) -> Result<Response, ApiError> {
    // The model makes no difference, and may be left out.
    if body.get("model").is_none_or(Value::is_null) {
        body.insert("model".to_owned(), json!(""));
    }
    foreign::replace(&mut body);
    let (request, mut ignored) = parse_body::<ResponsesRequest>(body, parameters::responses)?;
    let (before, _) = conversation_before(&proxy, &caller, &request, None).await?;
    let stored = proxy.responses.items(&caller.id, &references(request.input.as_ref())).await;
    let parsed = {
        let earlier = parse_history(&before);
        let earlier: Vec<&StoredItem> = earlier.iter().collect();
        let mut ids = Ids::new(String::new());
        parse(request, &earlier, &|id| stored.take(id), proxy.settings().reasoning, &mut ids)?
    };
    let request = parsed.request;
    if request.items.iter().any(Item::has_images) {
        ignored.extend(["input_image"]);
    }
    let vocabulary = proxy.tokenizer.load();
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let count =
        POOL.run(COUNT_TIMEOUT, COUNT_STACK, stop, move || tokens(&request, &vocabulary, &stopped)).await;
    let input_tokens = count.map_err(|_| ApiError::too_many_schemas())?;
    Ok((ignored, Json(InputTokens { object: "response.input_tokens", input_tokens })).into_response())
}

fn tokens(request: &AnswerRequest, vocabulary: &Arc<Vocabulary>, stop: &CancellationToken) -> u64 {
    let count = |text: &str| if stop.is_cancelled() { 0 } else { vocabulary.count(text) };
    let item = |item: &Item| if stop.is_cancelled() { 0 } else { truncation::tokens(item, vocabulary) };
    let items: u64 = request.items.iter().map(item).sum();
    let tool = |tool: &crate::translate::answer_request::ClientTool| {
        AROUND_MESSAGE + count(&tool.name) + count(&tool.description) + count(&tool.parameters.to_string())
    };
    let tools: u64 = request.tools.iter().map(tool).sum();
    let format = match &request.format {
        Format::Schema { schema, .. } => count(&schema.to_string()),
        Format::Text | Format::JsonObject => 0,
    };
    ANSWER_START + items + tools + format
}
