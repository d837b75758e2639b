//! The legacy completions API: a prompt, and the text that continues it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::chat::StreamOptions;
use super::completion::FinishReason;
use super::lenient;
use super::text_or::TextOr;

/// A legacy completion request. Each prompt is sent to the model as one message of the user.
/// Parameters not listed here are ignored and named in `x-codex-proxy-ignored`, or refused with `unsupported_parameter`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct CompletionsRequest {
    /// ID of the model to use: `codex-local` for the Codex agent, or any other `id` from `GET /v1/models`.
    pub model: String,
    /// The prompt as a string, or several as an array of strings, which are answered one after another. Tokens are refused.
    #[schema(value_type = TextOr<String>)]
    pub prompt: TextOr<Value>,
    /// Number of answers for each prompt. Prompts times `n` must be 1 to 8. Default 1.
    #[serde(default, deserialize_with = "lenient::whole")]
    pub n: Option<u32>,
    /// Maximum number of tokens in each answer, reasoning not included. A longer answer is cut and finishes with `length`.
    /// Default, and -1: no limit.
    #[serde(default, deserialize_with = "lenient::max_tokens")]
    pub max_tokens: Option<u64>,
    /// Up to four stop sequences of at most 1024 bytes. An answer ends before the first one that occurs in it.
    pub stop: Option<TextOr<String>>,
    /// If `true`, the completion is sent as server-sent events while it is generated, ended by `data: [DONE]`. Default `false`.
    pub stream: Option<bool>,
    /// Options for streaming. No effect unless `stream` is `true`.
    pub stream_options: Option<StreamOptions>,
}

/// One answer, or what a chunk adds to it.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct TextChoice<'a> {
    /// The generated text, without the prompt.
    pub text: &'a str,
    /// Index of the answer, from 0. The answers to the first prompt come first.
    pub index: u32,
    /// Always `null`: log probabilities are not supported.
    #[schema(value_type = Option<Object>)]
    pub logprobs: Option<()>,
    /// Why the model stopped; in a stream, `null` until the answer's last chunk.
    pub finish_reason: Option<FinishReason>,
}
