//! The response, whole or as it grows.

use std::collections::BTreeMap;

use codex_client::Usage as TurnUsage;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::item::OutputItem;
use super::request::Tool;

/// A response.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Response {
    /// `resp_…`, unique.
    pub id: String,
    /// Always `response`.
    pub object: &'static str,
    /// When it was begun, in Unix seconds.
    pub created_at: u64,
    /// How far it is.
    pub status: Status,
    /// Always null: codex is told of no such programs.
    #[schema(value_type = Option<Object>)]
    pub access_programs: Option<()>,
    /// Always false: nothing is answered in the background.
    pub background: bool,
    /// When it was completed, in Unix seconds.
    pub completed_at: Option<u64>,
    /// What went wrong, when it failed.
    pub error: Option<ResponseError>,
    /// Why it is incomplete.
    pub incomplete_details: Option<IncompleteDetails>,
    /// The model that answers.
    pub model: String,
    /// The answer's items, in order.
    pub output: Vec<OutputItem>,
    /// What the request asked for.
    #[serde(flatten)]
    pub options: ResponseOptions,
    /// What it cost; absent until the end, and when codex did not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// How far a response is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// It is being written.
    InProgress,
    /// It is whole.
    Completed,
    /// It ended before its time, as `incomplete_details` says.
    Incomplete,
    /// It ended with an error.
    Failed,
    /// It was cancelled, or its client went away.
    Cancelled,
}

/// Why a response failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ResponseError {
    /// What programs tell errors apart by: `server_error`, `rate_limit_exceeded`, `insufficient_quota`, `context_length_exceeded`
    /// or `invalid_prompt`.
    pub code: &'static str,
    /// In words.
    pub message: String,
}

/// Why a response is incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct IncompleteDetails {
    /// Always `max_output_tokens`.
    pub reason: &'static str,
}

/// What a request asked for, as its response repeats it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ResponseOptions {
    /// The instructions of this request.
    pub instructions: Option<String>,
    /// The most tokens of the answer.
    pub max_output_tokens: Option<u64>,
    /// The client's labels.
    pub metadata: BTreeMap<String, String>,
    /// Whether one answer may hold several calls.
    pub parallel_tool_calls: bool,
    /// The response before.
    pub previous_response_id: Option<String>,
    /// How to think.
    pub reasoning: Reasoning,
    /// The service tier.
    pub service_tier: Option<String>,
    /// As the request has it; it has no effect.
    pub temperature: Option<f64>,
    /// The form of the answer's text.
    pub text: Text,
    /// Whether and which tool must be called.
    #[schema(value_type = Object)]
    pub tool_choice: Value,
    /// The client's tools.
    pub tools: Vec<Tool>,
    /// Always 0: codex has no log probabilities.
    pub top_logprobs: u32,
    /// As the request has it; it has no effect.
    pub top_p: Option<f64>,
    /// As the request has it; it has no effect.
    pub truncation: Option<String>,
    /// As the request has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// As the request has it.
    pub safety_identifier: Option<String>,
    /// As the request has it.
    pub prompt_cache_key: Option<String>,
}

/// How to think.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Reasoning {
    /// How hard.
    pub effort: Option<String>,
    /// Which summary was asked for.
    pub summary: Option<String>,
}

/// The form of an answer's text.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Text {
    /// Just text, JSON, or JSON that follows a schema.
    pub format: Format,
    /// `low`, `medium` or `high`.
    pub verbosity: Option<String>,
}

/// Just text, JSON, or JSON that follows a schema.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Format {
    /// Just text.
    Text,
    /// An object of JSON.
    JsonObject,
    /// JSON that follows a schema.
    JsonSchema {
        /// The schema's name.
        name: String,
        /// What it is for.
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        /// The schema.
        #[schema(value_type = Object)]
        schema: Value,
        /// Whether OpenAI's strict rules were asked for.
        strict: Option<bool>,
    },
}

/// Tokens, as codex counted them exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Usage {
    /// Tokens read, the cached ones included.
    pub input_tokens: u64,
    /// What they were.
    pub input_tokens_details: InputTokensDetails,
    /// Tokens written, the reasoning included.
    pub output_tokens: u64,
    /// What they were.
    pub output_tokens_details: OutputTokensDetails,
    /// Both together.
    pub total_tokens: u64,
}

/// What the tokens read were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct InputTokensDetails {
    /// Tokens that came from the upstream's cache.
    pub cached_tokens: u64,
    /// Always 0: codex does not tell.
    pub cache_write_tokens: u64,
}

/// What the tokens written were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct OutputTokensDetails {
    /// Tokens of the reasoning.
    pub reasoning_tokens: u64,
}

impl From<TurnUsage> for Usage {
    fn from(usage: TurnUsage) -> Self {
        Self {
            input_tokens: usage.input,
            input_tokens_details: InputTokensDetails { cached_tokens: usage.cached, cache_write_tokens: 0 },
            output_tokens: usage.output,
            output_tokens_details: OutputTokensDetails { reasoning_tokens: usage.reasoning },
            total_tokens: usage.input.saturating_add(usage.output),
        }
    }
}

/// The answer to a `DELETE`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct DeletedResponse {
    /// The response that was deleted.
    pub id: String,
    /// Always `response`.
    pub object: &'static str,
    /// Always true.
    pub deleted: bool,
}
