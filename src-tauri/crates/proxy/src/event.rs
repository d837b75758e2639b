//! The events of one answer. Each route sends them in its own format.

use codex_client::{Citation, Picture, ToolCall, Usage, WebSearchCall};

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
    /// A web search that starts or ends; only where the request wants to know.
    Searched(WebSearchCall),
    /// Pages that the text so far cites. Their places are those in all of its deltas together.
    Citations(Vec<Citation>),
    /// A complete call of a client's tool.
    Call(ClientCall),
    /// The picture with this id is being generated.
    PictureStarted(String),
    /// A generated picture.
    Picture(Picture),
    Ended(Result<AnswerEnd, Failure>),
}

/// A complete call of a client's tool, by the client's own names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientCall {
    pub call_id: String,
    pub namespace: Option<String>,
    pub name: String,
    /// The arguments as the model wrote them, or the input of a custom tool.
    pub input: String,
    pub is_custom: bool,
}

impl From<ToolCall> for ClientCall {
    /// The call of a function.
    fn from(ToolCall { call_id, name, arguments }: ToolCall) -> Self {
        Self { call_id, namespace: None, name, input: arguments, is_custom: false }
    }
}

/// How a successful answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AnswerEnd {
    pub reason: FinishReason,
    /// `None` when unknown.
    pub usage: Option<Usage>,
    /// How many files changed in the working folder while the request was answered: with its last answer, if known.
    pub files_changed: Option<u32>,
}
