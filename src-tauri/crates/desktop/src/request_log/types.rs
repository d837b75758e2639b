//! The request log and charts, as the window shows them.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A row of the request log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ExchangeRow {
    /// The id in the log. Newer ids sort after older ones.
    pub id: String,
    /// The response's `x-request-id`, which is also in the log files. Not unique, because clients may choose it. Empty in rows
    /// from older versions.
    pub request_id: String,
    /// When it arrived, in Unix milliseconds.
    pub at: u64,
    /// The key's name.
    pub key: String,
    /// The client from its `User-Agent`, shortened.
    pub client: String,
    /// The route, such as `/v1/chat/completions`.
    pub route: String,
    /// The model.
    pub model: String,
    /// The state.
    pub state: ExchangeState,
    /// The HTTP status, once known.
    pub status: Option<u16>,
    /// Time in the queue, in milliseconds.
    pub wait_ms: Option<u64>,
    /// Time to the first token, in milliseconds after arrival.
    pub first_ms: Option<u64>,
    /// The proxy's share of it, in milliseconds.
    pub own_ms: Option<u64>,
    /// Total time, in milliseconds.
    pub total_ms: Option<u64>,
    /// Input tokens.
    pub input: Option<u64>,
    /// Cached input tokens.
    pub cached: Option<u64>,
    /// Output tokens.
    pub output: Option<u64>,
    /// Reasoning tokens in the output.
    pub reasoning: Option<u64>,
    /// The number of commands codex ran.
    pub commands: u32,
    /// Whether it is a background task of a chat app, such as a title or tags.
    pub background: bool,
    /// The error code sent to the client.
    pub code: Option<String>,
    /// The error message.
    pub error: Option<String>,
}

impl ExchangeRow {
    /// Whether it is unfinished.
    pub(super) fn runs(&self) -> bool {
        matches!(self.state, ExchangeState::Waiting | ExchangeState::Streaming)
    }
}

/// The state of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum ExchangeState {
    /// Queued, or waiting for the first token.
    #[default]
    Waiting,
    /// Streaming the answer.
    Streaming,
    /// Answered completely.
    Done,
    /// Ended with an error.
    Failed,
    /// The client disconnected.
    Stopped,
}

/// All details of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ExchangeDetail {
    /// The row.
    pub row: ExchangeRow,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The request's text, if texts are stored.
    pub request_text: Option<String>,
    /// The answer's text, if texts are stored.
    pub answer_text: Option<String>,
}

/// A step in a request's timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Step {
    /// Milliseconds after arrival.
    pub at_ms: u64,
    /// The title, such as `Arrived`, `Sent to Codex`, `First token` or `Done`.
    pub what: String,
    /// More, such as a command line and its exit code.
    pub detail: Option<String>,
    /// Whether it is an error.
    pub bad: bool,
}

/// A query of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct ExchangeQuery {
    /// Only rows older than this id.
    pub before: Option<String>,
    /// Maximum number of rows; 200 by default, up to 1,000.
    pub limit: Option<u32>,
    /// Only rows with this text in the key, client, model, route, request id or error.
    pub text: Option<String>,
    /// Only rows in this state.
    pub state: Option<ExchangeState>,
    /// Only rows of the key with this name.
    pub key: Option<String>,
    /// Only rows of this model.
    pub model: Option<String>,
}

/// A bar of the charts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChartBar {
    /// The start of its hour or day, in Unix seconds.
    pub from: u64,
    /// Requests that ended in it.
    pub requests: u64,
    /// Failed requests among them.
    pub failed: u64,
    /// Input tokens.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
    /// The median time to the first token, in milliseconds.
    pub first_ms: Option<u64>,
}

/// The length of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum ChartBy {
    /// An hour; the last 24.
    Hour,
    /// A day; the last 30.
    Day,
}
