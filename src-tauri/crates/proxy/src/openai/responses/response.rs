//! The response object.

use std::collections::BTreeMap;

use codex_client::Usage as TurnUsage;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::item::OutputItem;
use super::request::Tool;

/// A response, finished or still being generated.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Response {
    /// Unique ID, `resp_…`.
    pub id: String,
    /// Always `response`.
    pub object: &'static str,
    /// Unix time in seconds at which the response was created.
    pub created_at: u64,
    /// Progress of the response.
    pub status: Status,
    /// Always `null`: not supported.
    #[schema(value_type = Option<Object>)]
    pub access_programs: Option<()>,
    /// Whether the response is generated in the background.
    pub background: bool,
    /// Unix time in seconds at which the response was completed; `null` unless `status` is `completed`.
    pub completed_at: Option<u64>,
    /// Why the response failed; `null` unless `status` is `failed`.
    pub error: Option<ResponseError>,
    /// Why the response is incomplete; `null` unless `status` is `incomplete`.
    pub incomplete_details: Option<IncompleteDetails>,
    /// The model that answers. For `codex-local`, the model behind it.
    pub model: String,
    /// Items the model generated, in order: messages, reasoning summaries and tool calls.
    pub output: Vec<OutputItem>,
    /// Parameters of the request.
    #[serde(flatten)]
    pub options: ResponseOptions,
    /// Token usage; absent until the response has ended, or if codex did not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// Progress of a response:
/// - `queued`: it was created with `background` and waits for its turn.
/// - `in_progress`: it is being generated.
/// - `completed`: it is complete.
/// - `incomplete`: it reached the maximum number of tokens, or the upstream stopped it.
/// - `failed`: it ended with an error.
/// - `cancelled`: it was cancelled, or its client disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Queued,
    InProgress,
    Completed,
    Incomplete,
    Failed,
    Cancelled,
}

/// Why a response failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ResponseError {
    /// Code for programs: `server_error`, `rate_limit_exceeded`, `insufficient_quota`, `context_length_exceeded` or `invalid_prompt`.
    pub code: &'static str,
    /// Explanation for people: what happened, and what to do about it.
    pub message: String,
}

/// Why a response is incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct IncompleteDetails {
    /// `max_output_tokens` or `content_filter`.
    pub reason: &'static str,
}

/// Parameters of the request, repeated with their defaults filled in.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ResponseOptions {
    /// Instructions of the request.
    pub instructions: Option<String>,
    /// Maximum number of tokens in the text; `null` for no limit.
    pub max_output_tokens: Option<u64>,
    /// Labels of the client.
    pub metadata: BTreeMap<String, String>,
    /// Whether the response may contain several tool calls.
    pub parallel_tool_calls: bool,
    /// The conversation that the response belongs to; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationRef>,
    /// ID of the response this one continues.
    pub previous_response_id: Option<String>,
    /// Reasoning options of the request.
    pub reasoning: Reasoning,
    /// Service tier of the request; `null` for one that OpenAI does not have.
    pub service_tier: Option<String>,
    /// Sampling temperature of the request, without effect. Default 1; `null` for a value outside of 0 to 2.
    pub temperature: Option<f64>,
    /// The format of the text, and how detailed it is.
    pub text: Text,
    /// `auto`, `none`, `required`, or the function to call.
    pub tool_choice: Value,
    /// Tools of the request.
    pub tools: Vec<Tool>,
    /// Always 0: log probabilities are not supported.
    pub top_logprobs: u32,
    /// Nucleus sampling of the request, without effect. Default 1; `null` for a value outside of 0 to 1.
    pub top_p: Option<f64>,
    /// Truncation of the request, `auto` or `disabled`.
    pub truncation: Option<String>,
    /// Identifier of the end user; absent if the request has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Identifier of the end user, for abuse detection.
    pub safety_identifier: Option<String>,
    /// Cache key of the prompt.
    pub prompt_cache_key: Option<String>,
}

/// A conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ConversationRef {
    /// ID of the conversation, `conv_…`.
    pub id: String,
}

/// Reasoning options of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Reasoning {
    /// Effort of the request; `null` for one that OpenAI does not have.
    pub effort: Option<String>,
    /// Kind of summary that was requested.
    pub summary: Option<String>,
}

/// The format of the text, and how detailed it is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Text {
    /// The format of the text.
    pub format: Format,
    /// How detailed the text is.
    pub verbosity: Option<String>,
}

/// The format of the text.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Format {
    /// Plain text.
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that matches a schema.
    JsonSchema {
        /// Name of the schema.
        name: String,
        /// What the schema is for.
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        /// The JSON Schema.
        #[schema(value_type = Object)]
        schema: Value,
        /// Whether the request asked for strict mode.
        strict: Option<bool>,
    },
}

/// Token usage as codex reports it. Answers cut by `max_output_tokens` are counted by the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ResponseUsage)]
pub(crate) struct Usage {
    /// Tokens in the input, including cached ones.
    pub input_tokens: u64,
    /// Breakdown of `input_tokens`.
    pub input_tokens_details: InputTokensDetails,
    /// Tokens generated, including reasoning.
    pub output_tokens: u64,
    /// Breakdown of `output_tokens`.
    pub output_tokens_details: OutputTokensDetails,
    /// Sum of input and output tokens.
    pub total_tokens: u64,
}

/// Breakdown of the input tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct InputTokensDetails {
    /// Tokens read from the upstream cache.
    pub cached_tokens: u64,
    /// Always 0: codex does not report it.
    pub cache_write_tokens: u64,
}

/// Breakdown of the output tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct OutputTokensDetails {
    /// Tokens spent on reasoning.
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

/// Confirmation that a response was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct DeletedResponse {
    /// ID of the deleted response.
    pub id: String,
    /// Always `response`.
    pub object: &'static str,
    /// Always true.
    pub deleted: bool,
}

/// A number of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct InputTokens {
    /// Always `response.input_tokens`.
    pub object: &'static str,
    /// Tokens in the input.
    pub input_tokens: u64,
}

/// The summary of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CompactedResponse {
    /// Unique ID, `resp_…`. It cannot be retrieved.
    pub id: String,
    /// Always `response.compaction`.
    pub object: &'static str,
    /// Unix time in seconds at which the summary was written.
    pub created_at: u64,
    /// The summary, as one item.
    pub output: Vec<CompactionItem>,
    /// Token usage of the summary.
    pub usage: Usage,
}

/// A summary that takes the place of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CompactionItem {
    /// Always `compaction`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Unique ID, `cmp_…`.
    pub id: String,
    /// The summary, encoded by this proxy and not encrypted.
    pub encrypted_content: String,
}
