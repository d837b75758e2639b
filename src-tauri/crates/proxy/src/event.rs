//! One answer to a client, in the pieces that every route sends in its own form.
//!
//! What a route writes (chat chunks, events of the Responses API, one whole body) is the route's business; what goes into the
//! answer, and how it ends, is decided before.

use codex_client::{ToolCall, Usage};

use crate::error::Failure;
use crate::openai::completion::FinishReason;

/// A piece of an answer, in order. The last one is `Ended`.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    /// The model that answers; may come again when the upstream takes another.
    Model(String),
    /// A piece of the text, never empty.
    Text(String),
    /// A piece of the reasoning's summary, or a line about what codex does; never empty.
    Reasoning(String),
    /// A call of one of the client's tools, whole, with the client's own name of it.
    Call(ToolCall),
    /// The end.
    Ended(Result<Finish, Failure>),
}

/// How an answer ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Finish {
    /// Why it ended.
    pub reason: FinishReason,
    /// What it cost; `None` when nobody knows.
    pub usage: Option<Usage>,
}
