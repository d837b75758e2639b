//! The choices in a chunk of a streamed chat completion.

use serde::Serialize;
use utoipa::ToSchema;

use super::completion::{Annotation, AnswerImage, FinishReason};

/// What a chunk adds to one answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ChunkChoice<'a> {
    /// Index of the answer, from 0.
    pub index: u32,
    /// The new part of the answer's message.
    pub delta: Delta<'a>,
    /// Always `null`: log probabilities are not supported.
    #[schema(value_type = Option<Object>)]
    pub logprobs: Option<()>,
    /// Why the model stopped; `null` until the answer's last chunk.
    pub finish_reason: Option<FinishReason>,
}

/// The new part of an answer's message. Fields that add nothing are absent.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub(crate) struct Delta<'a> {
    /// Always `assistant`; in the answer's first chunk only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// Text to append to the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<&'a str>,
    /// Text to append to the reasoning summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<&'a str>,
    /// The pages that the answer's text cites, all at once after the text.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub annotations: &'a [Annotation],
    /// Part of a tool call. Always one element.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<[CallDelta<'a>; 1]>,
    /// Part of a call in the legacy form, for requests with `functions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_call: Option<FunctionDelta<'a>>,
    /// A generated image, whole. Always one element.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<[AnswerImage<'a>; 1]>,
}

/// Part of a tool call: first its ID and name, then its arguments.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct CallDelta<'a> {
    /// Index of the call within the answer, from 0.
    pub index: u32,
    /// ID of the call; in its first part only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    /// `function` or `custom`; in the call's first part only.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// Name or arguments of the function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<FunctionDelta<'a>>,
    /// Name or input of the custom tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<CustomDelta<'a>>,
}

/// Part of a call's custom tool.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct CustomDelta<'a> {
    /// Name of the custom tool; in the call's first part only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// Text to append to the input. Empty in the call's first part.
    pub input: &'a str,
}

/// Part of a call's function.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct FunctionDelta<'a> {
    /// Name of the function; in the call's first part only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// JSON text to append to the arguments. Empty in the call's first part.
    pub arguments: &'a str,
}
