//! The request log and charts, as the window shows them.

use proxy::changes::Changes;
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
    /// The client's `User-Agent`, shortened.
    pub client: String,
    /// The app's name, from the table in `client_name`.
    pub app: String,
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
    /// Output tokens. An estimate until the request is done.
    pub output: Option<u64>,
    /// Reasoning tokens in the output.
    pub reasoning: Option<u64>,
    /// The number of commands codex ran.
    pub commands: u32,
    /// The number of files that changed in the working folder during the answer.
    pub files_changed: u32,
    /// Whether it is a background task of a chat app, such as a title or tags.
    pub background: bool,
    /// The error code sent to the client.
    pub code: Option<String>,
    /// Why it failed: the message as answered, or what is stored of it.
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
    /// Stopped by the user, in the window.
    Cancelled,
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
    /// The pictures of the answer in base64, if texts are stored.
    #[serde(default)]
    pub pictures: Vec<String>,
    /// The chat, if codex keeps it.
    pub chat: Option<KeptChat>,
    /// What changed in the working folder during the answer.
    pub changes: Option<Changes>,
    /// The review of these changes.
    pub review: Option<Review>,
    /// What is stored in place of the row's error, which may quote the request. The error itself is stored only with texts.
    #[serde(skip)]
    pub summary: Option<String>,
}

/// A chat that codex keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct KeptChat {
    /// The id of its thread in codex.
    pub thread: String,
    /// The working folder.
    pub folder: String,
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

/// A review of an answer's changes by codex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Review {
    /// How far it is.
    pub state: ReviewState,
    /// When it began, in Unix milliseconds.
    pub began: u64,
    /// When it ended, in Unix milliseconds.
    pub ended: Option<u64>,
    /// What codex does at the moment, such as a command.
    pub step: Option<String>,
    /// The verdict in a few sentences, or why there is none.
    pub summary: String,
    /// What it found.
    pub findings: Vec<Finding>,
    /// The tokens that it used, if codex said so.
    pub tokens: Option<u64>,
}

/// How far a review is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum ReviewState {
    /// codex reviews.
    Running,
    /// It is complete.
    Done,
    /// It failed.
    Failed,
    /// The user stopped it.
    Cancelled,
}

/// Something that a review found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Finding {
    /// The title.
    pub title: String,
    /// The explanation.
    pub text: String,
    /// Where it is, as `path:line` or `path:first-last`.
    pub place: String,
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
    /// Only these rows.
    pub show: Option<Show>,
    /// Only rows of the key with this name.
    pub key: Option<String>,
    /// Only rows of this model.
    pub model: Option<String>,
    /// Only rows of the app with this name.
    pub app: Option<String>,
    /// Only rows that arrived at this time or later, in Unix milliseconds.
    pub since: Option<u64>,
    /// Only rows that arrived before this time, in Unix milliseconds.
    pub until: Option<u64>,
}

/// Which rows of the log to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum Show {
    /// Unfinished requests.
    Running,
    /// Requests that ended with an error.
    Failed,
    /// Requests that their app or the user stopped.
    Stopped,
    /// Background tasks of chat apps.
    Background,
}

/// How many requests match a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ExchangeCounts {
    /// All of them.
    pub total: u64,
    /// Failed requests.
    pub failed: u64,
}

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum ExportFormat {
    /// Comma-separated values after RFC 4180.
    Csv,
    /// An array of objects.
    Json,
}

/// Today's requests since midnight, without the window's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Today {
    /// Requests that arrived today.
    pub requests: u64,
    /// Failed requests.
    pub failed: u64,
    /// Input tokens.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
    /// The median time to the first token, in milliseconds.
    pub first_ms: Option<u64>,
    /// The median of the proxy's share of it, in milliseconds.
    pub own_ms: Option<u64>,
}

/// The charts of a period.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Chart {
    /// The period.
    pub range: ChartRange,
    /// The length of a bar, in seconds.
    pub bar_seconds: u64,
    /// Oldest first, including empty ones.
    pub bars: Vec<ChartBar>,
}

/// A bar of the charts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChartBar {
    /// Its start, in Unix seconds.
    pub from: u64,
    /// Requests that arrived in it and have ended.
    pub requests: u64,
    /// Failed requests among them.
    pub failed: u64,
    /// Input tokens.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
    /// The median time to the first token, in milliseconds.
    pub first_ms: Option<u64>,
    /// Its requests by model, key or app, if asked for.
    pub groups: Vec<ChartGroup>,
}

/// The requests of one model, key or app in a bar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChartGroup {
    /// The name of the model, key or app.
    pub name: String,
    /// Requests.
    pub requests: u64,
    /// Input and output tokens.
    pub tokens: u64,
}

/// The period of the charts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum ChartRange {
    /// The last hour, in bars of two minutes.
    Hour,
    /// The last 24 hours, in bars of an hour.
    #[default]
    Day,
    /// The last seven days, in bars of six hours.
    Week,
    /// The last 30 days, in bars of a day.
    Month,
}

/// What the bars are stacked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum ChartStack {
    /// The model.
    Model,
    /// The key.
    Key,
    /// The app.
    App,
}
