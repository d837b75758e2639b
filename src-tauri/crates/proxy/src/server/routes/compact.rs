//! `POST /v1/responses/compact`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response as Answer};
use codex_client::Usage as TurnUsage;
use futures_util::TryStreamExt as _;
use serde_json::{Map, Value, json};

use crate::clock::unix_now;
use crate::error::ApiError;
use crate::openai::responses::item::OutputItem;
use crate::openai::responses::request::CompactRequest;
use crate::openai::responses::response::{CompactedResponse, CompactionItem, Status};
use crate::server::extract::Incoming;
use crate::server::responses::engine::{self, Started};
use crate::server::state::Proxy;
use crate::translate::responses::compaction::{PROMPT, encode};

/// The parameters of a response that matter for its summary.
const PASSED_ON: [&str; 8] = [
    "instructions",
    "model",
    "previous_response_id",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "service_tier",
];

/// Compact a conversation
///
/// Asks the model for a summary of a conversation, as a `compaction` item that later requests accept in `input` in place of the conversation.
/// What the item contains is encoded by this proxy, not encrypted by OpenAI, and only this proxy reads it.
#[utoipa::path(
    post, path = "/v1/responses/compact", operation_id = "compactResponse", tag = "Responses", security(("key" = [])),
    request_body = CompactRequest,
    responses((status = 200, description = "The summary.", body = CompactedResponse))
)]
pub(crate) async fn create(
    State(proxy): State<Proxy>,
    Incoming { caller, arrival, mut body }: Incoming,
) -> Result<Answer, ApiError> {
    let mut items = match body.remove("input") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items,
        Some(Value::String(text)) => vec![json!({ "role": "user", "content": text })],
        Some(item) => vec![item],
    };
    items.push(json!({ "role": "developer", "content": PROMPT }));
    let mut request: Map<String, Value> =
        body.into_iter().filter(|(name, _)| PASSED_ON.contains(&name.as_str())).collect();
    request.extend([("input".to_owned(), items.into()), ("store".to_owned(), json!(false))]);

    let Started { running, ignored, events, .. } =
        engine::start(&proxy, &caller, arrival, request, None).await?;
    events.try_collect::<Vec<_>>().await?;
    let writer = running.writer();
    let response = writer.response();
    let texts = response.output.iter().filter_map(|item| match item {
        OutputItem::Message { content, .. } => Some(content.iter().map(|part| part.text.as_str())),
        _ => None,
    });
    let summary: String = texts.flatten().collect();
    if response.status != Status::Completed || summary.trim().is_empty() {
        return Err(ApiError::no_summary());
    }
    let unique = response.id.trim_start_matches("resp_");
    let compacted = CompactedResponse {
        id: response.id.clone(),
        object: "response.compaction",
        created_at: unix_now(),
        output: vec![CompactionItem {
            kind: "compaction",
            id: format!("cmp_{unique}"),
            encrypted_content: encode(&summary),
        }],
        usage: response.usage.unwrap_or_else(|| TurnUsage::default().into()),
    };
    Ok((ignored, Json(compacted)).into_response())
}
