//! The events of one answer. Each route sends them in its own format.

use codex_client::{ToolCall, Usage};

use crate::error::Failure;
use crate::openai::completion::FinishReason;

/// An event of an answer, in order. The last one is `Ended`.
#[derive(Clone, Debug)]
pub(crate) enum AnswerEvent {
    /// The model that answers; sent again when the upstream switches models.
    Model(String),
    /// A text delta, never empty.
    Text(String),
    /// A delta of the reasoning summary, or a line about an action codex took; never empty.
    Reasoning(String),
    /// A complete call of a client's tool, by the client's own name.
    Call(ToolCall),
    Ended(Result<AnswerEnd, Failure>),
}

/// How a successful answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AnswerEnd {
    pub reason: FinishReason,
    /// `None` when unknown.
    pub usage: Option<Usage>,
}
