//! How everything is: the status view and the tray.

use serde::Serialize;
use ts_rs::TS;

use crate::gateway::ProxyState;
use crate::keychain::KeychainState;
use crate::settings_file::DesktopSettings;
use crate::view::{CodexCheck, ListenChoice, ModelChoice};

/// Everything that the status view and the tray show; sent anew whenever any of it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
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
    /// Requests that run now, those that wait included.
    pub running_now: u64,
    /// Answers that are being made now.
    pub answering: u32,
    /// Requests that wait for their place among these.
    pub waiting: u32,
    /// Whether secrets are kept in the system's keychain.
    pub keychain: KeychainState,
    /// Whether there is a tray; without one the window does all that the tray does.
    pub has_tray: bool,
    /// Whether the app starts with the session.
    pub starts_at_login: bool,
    /// Our version.
    pub version: String,
}

/// How codex is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct CodexView {
    /// `notStarted` (starts on first use), `starting`, `ready`, `notFound`, `unsupported`, `notSignedIn`, `failed`.
    pub state: CodexState,
    /// The binary, where one was found.
    pub path: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The account that it works with, in a few words; `None` while it has not said so.
    pub account: Option<String>,
    /// What it can do, in a few words each.
    pub abilities: Vec<String>,
    /// What it cannot do that a later one can, and how to get that, in sentences; `None` when it can everything.
    pub cannot: Option<String>,
    /// What is wrong, in a sentence.
    pub message: Option<String>,
}

/// The states of codex.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum CodexState {
    /// It starts with the first request.
    #[default]
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

/// The settings, and what the window needs to show them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SettingsView {
    /// The settings.
    pub form: DesktopSettings,
    /// The fields that count only once the proxy is started again.
    pub restarts: Vec<String>,
    /// The codex that would be used.
    pub codex: CodexCheck,
    /// codex's models, empty while they are not known.
    pub models: Vec<ModelChoice>,
    /// The addresses for each choice of who can reach the proxy.
    pub addresses: Vec<ListenChoice>,
    /// What is wrong with the app's own files, such as that one was damaged, and where it was put.
    pub notice: Option<String>,
}
