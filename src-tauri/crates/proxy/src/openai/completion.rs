//! What the answers of `/v1/chat/completions` and `/v1/completions` share, whole or chunk by chunk, and a whole chat completion.

use codex_client::Usage as TurnUsage;
use serde::Serialize;
use utoipa::ToSchema;

use super::chat::{FunctionCall, ToolCall};

/// A completion, or a chunk of one that is streamed. It borrows what it carries: one is written for every delta.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Completion<'a, C: ToSchema> {
    /// `chatcmpl-…` or `cmpl-…`, unique, and the same in every chunk.
    pub id: &'a str,
    /// `chat.completion`, `chat.completion.chunk` or `text_completion`.
    pub object: &'static str,
    /// When the answer was begun, in Unix seconds, the same in every chunk.
    pub created: u64,
    /// The model that answers.
    pub model: &'a str,
    /// The answers, as many as were asked for; in a chunk the one that it adds to, or none where it carries the usage.
    pub choices: &'a [C],
    /// What it cost; absent when codex did not say. In a chunk it is there only when it was asked for, and null but in the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Usage>)]
    pub usage: Option<Option<Usage>>,
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
