//! The items of an answer.

use serde::Serialize;
use utoipa::ToSchema;

/// One item of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum OutputItem {
    /// What the model says.
    Message {
        /// `msg_…`
        id: String,
        /// How far it is.
        status: ItemStatus,
        /// Always `assistant`.
        role: &'static str,
        /// One part, once it has begun.
        content: Vec<OutputPart>,
    },
    /// A summary of the model's reasoning, and lines about what codex does.
    Reasoning {
        /// `rs_…`
        id: String,
        /// One part, once it has begun.
        summary: Vec<SummaryPart>,
    },
    /// A call of one of the client's tools.
    FunctionCall {
        /// `fc_…`
        id: String,
        /// How far it is.
        status: ItemStatus,
        /// The id that the tool's output refers to.
        call_id: String,
        /// The tool's name.
        name: String,
        /// The arguments, as the string of JSON that the model wrote.
        arguments: String,
    },
}

impl OutputItem {
    /// Its id.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Message { id, .. } | Self::Reasoning { id, .. } | Self::FunctionCall { id, .. } => id,
        }
    }
}

/// How far an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ItemStatus {
    /// It is being written.
    InProgress,
    /// It is whole.
    Completed,
    /// The response ended before it did.
    Incomplete,
}

/// The text of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "type", rename = "output_text")]
pub(crate) struct OutputPart {
    /// The text.
    pub text: String,
    /// Always empty: codex gives no citations.
    #[schema(value_type = Vec<Object>)]
    pub annotations: [(); 0],
    /// Always empty: codex gives no log probabilities.
    #[schema(value_type = Vec<Object>)]
    pub logprobs: [(); 0],
}

/// The text of a summary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "type", rename = "summary_text")]
pub(crate) struct SummaryPart {
    /// The text.
    pub text: String,
}
