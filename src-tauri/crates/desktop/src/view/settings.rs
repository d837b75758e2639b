//! The settings view.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use proxy::settings::ReasoningAs;

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
    /// How summaries of the reasoning are sent where a request does not say.
    pub reasoning: ReasoningAs,
    /// Whether an answer of `codex-local` shows what codex does.
    pub show_work: bool,
    /// Other names for models, one a line, as `gpt-4o=gpt-5.5`.
    pub model_aliases: String,
    /// Whether Open WebUI's own calls (titles, tags and the like) go to the smallest model.
    pub side_calls: bool,
    /// How many turns run at once.
    pub max_turns: String,
    /// How many requests may wait for their place.
    pub max_waiting: String,
    /// For how many seconds a request waits at most.
    pub max_wait: String,
    /// For how many minutes a turn may last.
    pub turn_limit: String,
    /// For how many minutes codex may say nothing within a turn.
    pub silence_limit: String,
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
    /// What is wrong with the app's own files, such as that one was damaged, and where it was put.
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
