//! The request log and its charts.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// One line of the request log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ExchangeRow {
    /// Its id in the log; newer ones sort after older ones.
    pub id: String,
    /// The id that its client and the program's log know it by: the answer's `x-request-id`. A client may choose it, so several
    /// requests may have the same one. Empty where an older version wrote the row.
    pub request_id: String,
    /// When it arrived, in Unix milliseconds.
    pub at: u64,
    /// The name of the key.
    pub key: String,
    /// The client, as its `User-Agent` names it, shortened.
    pub client: String,
    /// The route, such as `/v1/chat/completions`.
    pub route: String,
    /// The model that was asked for.
    pub model: String,
    /// Where it stands.
    pub state: ExchangeState,
    /// The HTTP status, once it is known.
    pub status: Option<u16>,
    /// How long it waited for its place, in milliseconds.
    pub wait_ms: Option<u64>,
    /// When the first piece of the answer came, in milliseconds after its arrival.
    pub first_ms: Option<u64>,
    /// Of that, the proxy's own share, in milliseconds.
    pub own_ms: Option<u64>,
    /// How long it took in all, in milliseconds.
    pub total_ms: Option<u64>,
    /// Tokens read.
    pub input: Option<u64>,
    /// Of these, tokens from the cache.
    pub cached: Option<u64>,
    /// Tokens written.
    pub output: Option<u64>,
    /// Of these, tokens of the reasoning.
    pub reasoning: Option<u64>,
    /// How many commands codex ran.
    pub commands: u32,
    /// Whether it is a background call of a chat interface: a title, tags, follow-ups.
    pub background: bool,
    /// The code of what went wrong, as the client was told it.
    pub code: Option<String>,
    /// What went wrong, in a sentence.
    pub error: Option<String>,
}

impl ExchangeRow {
    /// Whether it has not ended.
    pub(super) fn runs(&self) -> bool {
        matches!(self.state, ExchangeState::Waiting | ExchangeState::Streaming)
    }
}

/// Where a request stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum ExchangeState {
    /// It waits for its place, or for codex's first word.
    #[default]
    Waiting,
    /// The answer is coming.
    Streaming,
    /// It was answered whole.
    Done,
    /// It ended with an error.
    Failed,
    /// The client went away first.
    Stopped,
}

/// Everything that is kept of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ExchangeDetail {
    /// Its line.
    pub row: ExchangeRow,
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// The request's text, if texts are kept.
    pub request_text: Option<String>,
    /// The answer's text, if texts are kept.
    pub answer_text: Option<String>,
}

/// One step on a request's time line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Step {
    /// When, in milliseconds after the arrival.
    pub at_ms: u64,
    /// What, in a few words: `Arrived`, `Sent to Codex`, `First word`, `Ran a command`, `Done`.
    pub what: String,
    /// More about it, such as the command line and its exit code.
    pub detail: Option<String>,
    /// Whether it is something that went wrong.
    pub bad: bool,
}

/// What of the log is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct ExchangeQuery {
    /// Only rows older than this id.
    pub before: Option<String>,
    /// How many at most; 200 when absent, 1,000 at most.
    pub limit: Option<u32>,
    /// Only rows that hold this text in their key, client, model, route, request id or error.
    pub text: Option<String>,
    /// Only rows in this state.
    pub state: Option<ExchangeState>,
    /// Only rows of the key of this name.
    pub key: Option<String>,
    /// Only rows of this model.
    pub model: Option<String>,
}

/// A bar of the charts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChartBar {
    /// When its hour or day begins, in Unix seconds.
    pub from: u64,
    /// Requests that ended in it.
    pub requests: u64,
    /// Of these, failed ones.
    pub failed: u64,
    /// Tokens read.
    pub input: u64,
    /// Tokens written.
    pub output: u64,
    /// The median time to the first piece of an answer, in milliseconds.
    pub first_ms: Option<u64>,
}

/// By what the charts' bars are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum ChartBy {
    /// The last 24 hours.
    Hour,
    /// The last 30 days.
    Day,
}
