//! What the status view, the tray and the settings view show.

use proxy::approvals::Approval;
use proxy::health::Health;
use serde::Serialize;
use ts_rs::TS;

use super::account::AccountView;
use super::sign_in::SignInView;
use super::usage::LimitsView;
use crate::gateway::ProxyState;
use crate::keychain::KeychainState;
use crate::settings_file::DesktopSettings;
use crate::setup::SetupView;
use crate::view::{CodexCheck, ListenChoice, ModelChoice};

/// Everything that the status view and the tray show; sent again on every change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Overview {
    /// Whether requests are answered, and if not, why and what to do.
    pub health: Health,
    /// The state of the proxy.
    pub proxy: ProxyState,
    /// The base URL, ending with `/v1`: the first of `base_urls`.
    pub base_url: String,
    /// The base URLs that apps may use: those for other devices first, if they can connect, then the one on this computer.
    pub base_urls: Vec<String>,
    /// The port, for the tray.
    #[serde(skip)]
    pub port: u16,
    /// Who else can connect, in a sentence; `None` if only this computer can.
    pub reachable_by: Option<String>,
    /// Whether a key is required.
    pub keys_needed: bool,
    /// The state of codex.
    pub codex: CodexView,
    /// A sign-in that is under way, or has just ended.
    pub sign_in: Option<SignInView>,
    /// The usage limits of the account; `None` if there are none, or none are known.
    pub limits: Option<LimitsView>,
    /// Requests since midnight, without the window's own.
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
    /// The first start; `None` once it is finished or skipped.
    pub setup: Option<SetupView>,
    /// What codex asks, oldest first.
    pub approvals: Vec<Approval>,
    /// The home folder, which paths are shown without.
    pub home: Option<String>,
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
    /// The account; `None` until it is known.
    pub account: Option<AccountView>,
    /// Whether this version can ask before it leaves the sandbox; `None` until it is known.
    pub can_ask: Option<bool>,
    /// Whether its model can ask questions and for permissions; `None` until it is known.
    pub can_ask_questions: Option<bool>,
    /// Whether it can keep chats; `None` if that is not known.
    pub can_keep: Option<bool>,
    /// What this version lacks, and how to update, in sentences.
    pub missing: Option<String>,
    /// What is wrong.
    pub message: Option<String>,
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

/// The settings, and what the window needs to show them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SettingsView {
    /// The settings.
    pub form: DesktopSettings,
    /// The defaults.
    pub defaults: DesktopSettings,
    /// The path in `CODEX_PATH`, if it decides which codex is used.
    pub codex_variable: Option<String>,
    /// What was typed but is not valid or not applied yet, as the window handed it over; empty if there is nothing.
    pub drafts: String,
    /// The codex in use.
    pub codex: CodexCheck,
    /// codex's models; empty until they are known.
    pub models: Vec<ModelChoice>,
    /// The choices for network access, with their addresses.
    pub addresses: Vec<ListenChoice>,
    /// What is wrong with the app's files, such as a damaged one and where it was moved.
    pub notice: Option<String>,
}
