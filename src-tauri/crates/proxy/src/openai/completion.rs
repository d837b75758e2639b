//! The answer to a chat completion that is not streamed, and the usage that both kinds carry.

use codex_client::Usage as TurnUsage;
use serde::Serialize;
use utoipa::ToSchema;

use super::chat::{FunctionCall, ToolCall};

/// A whole chat completion.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ChatCompletion {
    /// `chatcmpl-…`, unique.
    pub id: String,
    /// Always `chat.completion`.
    pub object: &'static str,
    /// When the answer was begun, in Unix seconds.
    pub created: u64,
    /// The model that answered.
    pub model: String,
    /// The answers, as many as were asked for.
    pub choices: Vec<Choice>,
    /// What it cost; absent when codex did not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// One answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Choice {
    /// Its number, from 0.
    pub index: u32,
    /// What the model said.
    pub message: AnswerMessage,
    /// Always null: codex has no log probabilities.
    #[schema(value_type = Option<Object>)]
    pub logprobs: Option<()>,
    /// Why the answer ended.
    pub finish_reason: FinishReason,
}

/// What the model said.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct AnswerMessage {
    /// Always `assistant`.
    pub role: &'static str,
    /// The text; null when the model only calls tools.
    pub content: Option<String>,
    /// Always null: codex tells no refusals apart.
    pub refusal: Option<String>,
    /// A summary of the model's reasoning, where it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    /// The calls of the client's tools, in the model's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// The one call of the old form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_call: Option<FunctionCall>,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FinishReason {
    /// The model was done, or a stop text came.
    Stop,
    /// The answer was as long as it may be.
    Length,
    /// The client's tools are to be called.
    ToolCalls,
    /// The same in the old form.
    FunctionCall,
}

/// Tokens, as codex was told them, summed over all answers; of an answer that was cut, as we count them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Usage {
    /// Tokens read, the cached ones included.
    pub prompt_tokens: u64,
    /// Tokens written, the reasoning included.
    pub completion_tokens: u64,
    /// Both together.
    pub total_tokens: u64,
    /// What the prompt's tokens were.
    pub prompt_tokens_details: PromptTokensDetails,
    /// What the completion's tokens were.
    pub completion_tokens_details: CompletionTokensDetails,
}

/// What the prompt's tokens were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PromptTokensDetails {
    /// Tokens that came from the upstream's cache.
    pub cached_tokens: u64,
}

/// What the completion's tokens were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CompletionTokensDetails {
    /// Tokens of the reasoning.
    pub reasoning_tokens: u64,
}

impl From<TurnUsage> for Usage {
    fn from(usage: TurnUsage) -> Self {
        Self {
            prompt_tokens: usage.input,
            completion_tokens: usage.output,
            total_tokens: usage.input.saturating_add(usage.output),
            prompt_tokens_details: PromptTokensDetails { cached_tokens: usage.cached },
            completion_tokens_details: CompletionTokensDetails { reasoning_tokens: usage.reasoning },
        }
    }
}
