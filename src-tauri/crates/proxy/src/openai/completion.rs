//! What completions and their chunks have in common on `/v1/chat/completions` and `/v1/completions`, and the choices of a chat completion.

use std::borrow::Cow;

use codex_client::{Citation, Usage as TurnUsage};
use serde::Serialize;
use utoipa::ToSchema;

use super::chat::{FunctionCall, ToolCall};

/// A completion, or one chunk of a streamed completion.
// It borrows, since one is written for every delta.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Completion<'a, C: ToSchema> {
    /// Unique ID, `chatcmpl-…` or `cmpl-…`. The same in every chunk.
    pub id: &'a str,
    /// `chat.completion`, `chat.completion.chunk` or `text_completion`.
    pub object: &'static str,
    /// Unix time in seconds at which the completion was created. The same in every chunk.
    pub created: u64,
    /// The model that answers. For `codex-local`, the model behind it.
    pub model: &'a str,
    /// The answers, `n` for each prompt. A chunk has one, or none in the chunk that reports the usage.
    pub choices: &'a [C],
    /// Token usage, summed over all answers; absent if codex did not report it.
    /// Chunks have it only with `stream_options.include_usage`, and it is `null` in all but the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Usage>)]
    pub usage: Option<Option<Usage>>,
    /// What codex did on this computer, in the last chunk of a stream. A complete answer has it in the header
    /// `x-codex-proxy-files-changed`. Absent unless the model may change files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codex_proxy: Option<ProxyInfo>,
}

/// What codex did on this computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ProxyInfo {
    /// The number of files in the working folder that changed while the answers were generated.
    pub files_changed: u32,
}

/// One answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Choice {
    /// Index of the answer, from 0.
    pub index: u32,
    /// The message the model generated.
    pub message: AnswerMessage,
    /// Always `null`: log probabilities are not supported.
    #[schema(value_type = Option<Object>)]
    pub logprobs: Option<()>,
    /// Why the model stopped.
    pub finish_reason: FinishReason,
}

/// A message the model generated.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct AnswerMessage {
    /// Always `assistant`.
    pub role: &'static str,
    /// The text; `null` if the model only calls tools.
    pub content: Option<String>,
    /// Always `null`: a refusal arrives as text.
    pub refusal: Option<String>,
    /// Summary of the model's reasoning, and with `codex-local` a line for each action. Absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    /// The pages that the text cites. Absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<Annotation>,
    /// Tool calls, in the model's order. Absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// The call in the legacy form, for requests with `functions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_call: Option<FunctionCall>,
    /// Images the model generated, in order. Absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<AnswerImage<'static>>,
}

/// An image the model generated, in the form of OpenRouter's API.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct AnswerImage<'a> {
    /// Always `image_url`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The image.
    pub image_url: AnswerImageUrl<'a>,
    /// Index of the image within the answer, from 0.
    pub index: u32,
}

/// Where an image is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct AnswerImageUrl<'a> {
    /// The image as a data URL.
    pub url: Cow<'a, str>,
}

/// A page that the text cites.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ChatAnnotation)]
#[serde(tag = "type", rename = "url_citation")]
pub(crate) struct Annotation {
    /// The page, and the text that cites it.
    pub url_citation: UrlCitation,
}

/// A page, and the text that cites it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct UrlCitation {
    /// Where the citing text begins, in code points.
    pub start_index: usize,
    /// Where it ends: the index after its last code point.
    pub end_index: usize,
    /// Address of the page.
    pub url: String,
    /// Title of the page.
    pub title: String,
}

impl From<Citation> for Annotation {
    fn from(Citation { start, end, url, title }: Citation) -> Self {
        Self { url_citation: UrlCitation { start_index: start, end_index: end, url, title } }
    }
}

/// Why the model stopped:
/// - `stop`: it finished, or a stop sequence occurred.
/// - `length`: the answer reached the maximum number of tokens, the request's or the upstream's.
/// - `content_filter`: the upstream stopped it.
/// - `tool_calls`: it calls tools and waits for their results.
/// - `function_call`: the same in the legacy form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FinishReason {
    Stop,
    Length,
    ContentFilter,
    ToolCalls,
    FunctionCall,
}

/// Token usage as codex reports it. Answers cut by a token limit or a stop sequence are counted by the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Usage {
    /// Tokens in the prompt, including cached ones.
    pub prompt_tokens: u64,
    /// Tokens generated, including reasoning.
    pub completion_tokens: u64,
    /// Sum of prompt and completion tokens.
    pub total_tokens: u64,
    /// Breakdown of `prompt_tokens`.
    pub prompt_tokens_details: PromptTokensDetails,
    /// Breakdown of `completion_tokens`.
    pub completion_tokens_details: CompletionTokensDetails,
}

/// Breakdown of the prompt tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PromptTokensDetails {
    /// Tokens read from the upstream cache.
    pub cached_tokens: u64,
}

/// Breakdown of the completion tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CompletionTokensDetails {
    /// Tokens spent on reasoning.
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
