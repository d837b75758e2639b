//! What the status view, the tray and the settings view show.

use serde::Serialize;
use ts_rs::TS;

use crate::gateway::ProxyState;
use crate::keychain::KeychainState;
use crate::settings_file::DesktopSettings;
use crate::view::{CodexCheck, ListenChoice, ModelChoice};

/// Everything that the status view and the tray show; sent again on every change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Overview {
    /// The state of the proxy.
    pub proxy: ProxyState,
    /// The base URL on this computer, ending with `/v1`.
    pub base_url: String,
    /// The port, for the tray.
    #[serde(skip)]
    pub port: u16,
    /// Who else can connect, in a sentence; `None` if only this computer can.
    pub reachable_by: Option<String>,
    /// Whether a key is required.
    pub keys_needed: bool,
    /// The state of codex.
    pub codex: CodexView,
    /// The most important problem.
    pub problem: Option<Problem>,
    /// Requests since midnight.
    pub requests_today: u64,
    /// Unfinished requests, including queued ones.
    pub running_now: u64,
    /// Running turns.
    pub answering: u32,
    /// Queued requests.
    pub waiting: u32,
    /// The state of the system keychain.
    pub keychain: KeychainState,
    /// Whether the desktop shows tray icons.
    pub has_tray: bool,
    /// Whether the app starts at login.
    pub starts_at_login: bool,
    /// The version of Codex Proxy.
    pub version: String,
}

/// The state of codex.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct CodexView {
    /// Whether it can be used.
    pub state: CodexState,
    /// The binary, if one was found.
    pub path: Option<String>,
    /// The version.
    pub version: Option<String>,
    /// The account, such as `ChatGPT Plus, me@example.com`; `None` until it is known.
    pub account: Option<String>,
    /// What this version lacks, and how to update, in sentences.
    pub missing: Option<String>,
    /// What is wrong.
    pub message: Option<String>,
    /// What to do about it, if the state alone does not say.
    #[serde(skip)]
    pub next_step: Option<String>,
}

/// Whether codex can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum CodexState {
    /// Starts on the first request.
    #[default]
    NotStarted,
    /// Starting.
    Starting,
    /// Ready for requests.
    Ready,
    /// Not installed, or not at the configured path.
    NotFound,
    /// Too old.
    Unsupported,
    /// Has no account.
    NotSignedIn,
    /// Failed to start.
    Failed,
}

/// A problem, and how to fix it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Problem {
    /// What happened.
    pub message: String,
    /// What to do, in sentences; commands to copy are in backquotes.
    pub next_step: String,
    /// What the button does.
    pub fix: Fix,
}

/// What the button of a problem does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum Fix {
    /// Checks codex again (`recheck_codex`).
    RecheckCodex,
    /// Switches to the free port (`use_free_port`).
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
    /// The codex in use.
    pub codex: CodexCheck,
    /// codex's models; empty until they are known.
    pub models: Vec<ModelChoice>,
    /// The choices for network access, with their addresses.
    pub addresses: Vec<ListenChoice>,
    /// What is wrong with the app's files, such as a damaged one and where it was moved.
    pub notice: Option<String>,
}
