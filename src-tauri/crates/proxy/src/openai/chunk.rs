//! The answers in a chunk of a streamed chat completion.

use serde::Serialize;
use utoipa::ToSchema;

use super::completion::FinishReason;

/// What a chunk adds to one of the answers.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ChunkChoice<'a> {
    /// The answer's number, from 0.
    pub index: u32,
    /// What is new.
    pub delta: Delta<'a>,
    /// Always null: codex has no log probabilities.
    #[schema(value_type = Option<Object>)]
    pub logprobs: Option<()>,
    /// Null in every chunk but the one that ends the answer.
    pub finish_reason: Option<FinishReason>,
}

/// What a chunk adds to the answer.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub(crate) struct Delta<'a> {
    /// `assistant`, in the first chunk only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// A piece of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<&'a str>,
    /// A piece of the reasoning's summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<&'a str>,
    /// A piece of a call of one of the client's tools; always one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<[CallDelta<'a>; 1]>,
    /// The same in the old form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_call: Option<FunctionDelta<'a>>,
}

/// A piece of a call: first its id and name, then its arguments.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct CallDelta<'a> {
    /// Its number among the calls of the answer, from 0.
    pub index: u32,
    /// Its id, in its first piece only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    /// `function`, in its first piece only.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// What is called.
    pub function: FunctionDelta<'a>,
}

/// A piece of what is called.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct FunctionDelta<'a> {
    /// The name, in the first piece only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// A piece of the arguments.
    pub arguments: &'a str,
}
