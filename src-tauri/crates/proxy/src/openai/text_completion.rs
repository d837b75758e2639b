//! The old completions API: a prompt, and the text that goes on from it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::chat::StreamOptions;
use super::completion::FinishReason;
use super::text_or::TextOr;

/// The body of `POST /v1/completions`, as clients send it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct CompletionsRequest {
    /// `codex-local`, or an id of `GET /v1/models`.
    #[schema(example = "codex-local")]
    pub model: String,
    /// One prompt, or several, each with choices of its own. Tokens cannot be read.
    #[schema(value_type = TextOr<String>, example = "Say hello.")]
    pub prompt: TextOr<Value>,
    /// How many choices for each prompt; with the prompts up to eight in all.
    pub n: Option<u32>,
    /// The most tokens of each choice; without it, as many as the model likes.
    pub max_tokens: Option<u64>,
    /// Texts before which a choice ends, up to four.
    #[schema(value_type = Option<Vec<String>>)]
    pub stop: Option<TextOr<String>>,
    /// Whether the choices come as server-sent events.
    pub stream: Option<bool>,
    /// What a stream carries beside the choices.
    pub stream_options: Option<StreamOptions>,
}

/// One choice, or what a chunk adds to it.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct TextChoice<'a> {
    /// The text.
    pub text: &'a str,
    /// The choice's number: those of the first prompt come first.
    pub index: u32,
    /// Always null: codex has no log probabilities.
    #[schema(value_type = Option<Object>)]
    pub logprobs: Option<()>,
    /// Why the text ended; null in every chunk but a choice's last.
    pub finish_reason: Option<FinishReason>,
}
