//! What the window is shown and what it may ask, as plain data.
//!
//! `cargo test` writes these types to `ui/src/bindings` by ts-rs; the window imports them from there and from nowhere else. No
//! field holds a key's secret, but the one of [`NewKey`], which is shown once.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Everything that the status view and the tray show; sent anew whenever any of it changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Overview {
    /// Whether the proxy runs.
    pub proxy: ProxyState,
    /// The base URL for clients on this machine, ending with `/v1`.
    pub base_url: String,
    /// Whether others than this machine can reach it, in words; `None` when only this machine can.
    pub reachable_by: Option<String>,
    /// Whether a key is needed.
    pub keys_needed: bool,
    /// How codex is.
    pub codex: CodexView,
    /// The one thing that needs doing, if something is wrong.
    pub problem: Option<Problem>,
    /// Requests since midnight.
    pub requests_today: u64,
    /// Requests that run now.
    pub running_now: u64,
    /// Whether secrets are kept in the system's keychain.
    pub keychain: KeychainState,
    /// Whether there is a tray; without one the window does all that the tray does.
    pub has_tray: bool,
    /// Our version.
    pub version: String,
}

/// Whether the proxy runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "state")]
#[ts(export)]
pub enum ProxyState {
    /// It answers.
    Running {
        /// Since when, in Unix seconds.
        since: u64,
    },
    /// It lets open streams finish.
    Stopping,
    /// It was stopped.
    Stopped,
    /// Its port belongs to another program.
    PortTaken {
        /// The port.
        port: u16,
        /// A port near it that is free.
        free: Option<u16>,
    },
    /// It could not start for another reason.
    Failed {
        /// What happened and what to do.
        message: String,
    },
}

/// How codex is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct CodexView {
    /// `notStarted` (starts on first use), `starting`, `ready`, `notFound`, `unsupported`, `notSignedIn`, `failed`.
    pub state: CodexState,
    /// The binary, where one was found.
    pub path: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// What it can do, in a few words each.
    pub abilities: Vec<String>,
    /// What is wrong, in a sentence.
    pub message: Option<String>,
}

/// The states of codex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum CodexState {
    /// It starts with the first request.
    NotStarted,
    /// It is being started.
    Starting,
    /// It answers.
    Ready,
    /// It is not installed, or not where the setting says.
    NotFound,
    /// It is too old.
    Unsupported,
    /// It has no account.
    NotSignedIn,
    /// It does not start.
    Failed,
}

/// Something that needs doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Problem {
    /// What is wrong, in a sentence.
    pub message: String,
    /// What to do about it, in a sentence; may hold a command to copy in backquotes.
    pub next_step: String,
    /// What the button beside it does.
    pub fix: Fix,
}

/// What the button beside a problem does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum Fix {
    /// Looks for codex once more (`look_again`).
    LookAgain,
    /// Takes the next free port (`use_free_port`).
    UseFreePort,
    /// Opens the settings view.
    OpenSettings,
    /// Starts the proxy (`start_proxy`).
    StartProxy,
}

/// Where secrets are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "state")]
#[ts(export)]
pub enum KeychainState {
    /// In the system's keychain.
    Available,
    /// There is none, it is locked, or access was denied. Keys work all the same, but cannot be shown again.
    Unavailable {
        /// Why, and what to do.
        message: String,
    },
}

/// A key in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct KeyRow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its last four characters.
    pub last_four: String,
    /// When it was made, in Unix seconds.
    pub created: u64,
    /// When it was last used, in Unix seconds.
    pub last_used: Option<u64>,
    /// Whether the keychain has it, so that it can be copied again.
    pub can_copy: bool,
}

/// A key that was just made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct NewKey {
    /// Its row.
    pub row: KeyRow,
    /// The secret, this once.
    pub secret: String,
}

/// One line of the request log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ExchangeRow {
    /// Its id, the same as in `x-request-id`'s log line; newer ones sort after older ones.
    pub id: String,
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
    /// What went wrong, in a sentence.
    pub error: Option<String>,
}

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum ExchangeState {
    /// It waits for its place, or for codex's first word.
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
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
    /// What, in a few words: `Arrived`, `Given to codex`, `First word`, `Ran a command`, `Done`.
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
    /// Only rows that hold this text in their key, client, model, route or error.
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

/// The settings as the window shows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SettingsForm {
    /// The codex binary; empty looks for it.
    pub codex_path: String,
    /// The model behind `codex-local`; empty takes what codex is configured for.
    pub model: String,
    /// How hard it thinks; empty leaves it to the model.
    pub effort: String,
    /// `read-only`, `workspace-write` or `danger-full-access`.
    pub sandbox: String,
    /// Codex's working folder; empty takes an empty one of ours.
    pub workspace: String,
    /// The port.
    pub port: String,
    /// Who can reach the proxy.
    pub listen: Listen,
    /// Whether a key is needed; only on loopback can it be switched off.
    pub keys_needed: bool,
    /// Whether the app starts with the session.
    pub start_at_login: bool,
    /// Whether the proxy starts with the app.
    pub start_proxy: bool,
    /// `error`, `warn`, `info` or `debug`.
    pub log_level: String,
    /// For how many days the request log is kept.
    pub keep_days: String,
    /// Whether the texts of requests and answers are kept in the log.
    pub keep_texts: bool,
}

/// Who can reach the proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum Listen {
    /// Programs on this machine.
    #[default]
    Loopback,
    /// And containers of Docker on it.
    DockerBridge,
    /// And everybody in the same network.
    Everywhere,
}

/// What the settings view needs beside the form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SettingsView {
    /// The settings.
    pub form: SettingsForm,
    /// What they are when nothing is changed.
    pub defaults: SettingsForm,
    /// The codex that would be used.
    pub codex: CodexCheck,
    /// codex's models, empty while they are not known.
    pub models: Vec<ModelChoice>,
    /// The addresses for each choice of who can reach the proxy.
    pub addresses: Vec<ListenChoice>,
    /// Said once when the settings file was damaged: where it was put.
    pub notice: Option<String>,
}

/// A choice of who can reach the proxy, with its addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ListenChoice {
    /// The choice.
    pub listen: Listen,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// Whether it can be chosen on this machine; Docker may not be there.
    pub available: bool,
}

/// A model to choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ModelChoice {
    /// Its id.
    pub id: String,
    /// The name that people read.
    pub name: String,
    /// The efforts that it knows.
    pub efforts: Vec<String>,
}

/// A codex binary that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct CodexCheck {
    /// Where it is; `None` when there is none.
    pub path: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// What is wrong, in a sentence.
    pub error: Option<String>,
}

/// What is wrong with one field of the settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct FieldError {
    /// The field's name in [`SettingsForm`].
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// A recipe of the connect view. Its text holds the key's place and not the key; copying fills it in outside of the window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Recipe {
    /// `openWebUi`, `openWebUiDocker`, `openWebUiDockerDesktop`, `curl`, `python`, `node`, `other`.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// One sentence before the text.
    pub intro: String,
    /// What is to be copied, in pieces, each with a label of its own.
    pub pieces: Vec<RecipePiece>,
    /// A sentence that must be seen, such as that the address cannot be reached yet.
    pub warning: Option<String>,
    /// The setting that makes the warning go away (`listen_on_docker_bridge`).
    pub can_open_docker: bool,
}

/// One piece of a recipe, with a copy button of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RecipePiece {
    /// What it is: `Base URL`, `Key`, `Command`.
    pub label: String,
    /// The text, with the key as `sk-…abcd`.
    pub text: String,
    /// Whether it is code and keeps its line breaks.
    pub code: bool,
}

/// One step of the connection check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct CheckStep {
    /// What was tried.
    pub what: String,
    /// Whether it worked.
    pub ok: bool,
    /// What came of it, or why it failed and what to do.
    pub detail: String,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

/// What the test prompt tells while it is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
#[ts(export)]
pub enum TestPromptEvent {
    /// A piece of the answer.
    Text {
        /// The piece.
        text: String,
        /// When the first piece came, in milliseconds.
        first_ms: u64,
    },
    /// It is answered.
    Done {
        /// When the first piece came, in milliseconds.
        first_ms: u64,
        /// How long it took, in milliseconds.
        total_ms: u64,
        /// The model that answered.
        model: String,
    },
    /// It failed.
    Failed {
        /// Why, and what to do.
        message: String,
    },
}

/// An error as the window gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ViewError {
    /// Said to the user.
    pub message: String,
    /// The fields that are wrong, when a form was refused.
    pub fields: Vec<FieldError>,
}
