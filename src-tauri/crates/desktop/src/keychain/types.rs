//! Keys and the keychain, as the window shows them.

use proxy::KeyLimits;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A key in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct KeyRow {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The last four characters.
    pub last_four: String,
    /// When it was created, in Unix seconds.
    pub created: u64,
    /// When it was last used, in Unix seconds.
    pub last_used: Option<u64>,
    /// Since when it has its name, in Unix seconds.
    #[serde(skip)]
    pub(crate) named: u64,
    /// Whether the keychain has it, so that it can be copied.
    pub can_copy: bool,
    /// Its limits, stricter than the settings.
    pub limits: KeyLimitsForm,
    /// Whether it can be shown once: it was created automatically, and no keychain has it. Until the app quits.
    pub not_yet_shown: bool,
    /// Its digest, by which its use is known.
    #[serde(skip)]
    pub(crate) digest: String,
    /// Whether it has expired.
    pub expired: bool,
    /// The tokens that it has used today; `None` if that is unknown.
    pub tokens_today: Option<u64>,
    /// The requests that it has made in the last minute, as far as they count.
    pub recent_requests: u32,
}

impl KeyRow {
    /// Sets the last use from the log, in Unix seconds. A use older than its name was of another key.
    pub(crate) fn used(&mut self, at: u64) {
        if at >= self.named {
            self.last_used = Some(at);
        }
    }
}

/// A key's limits in the window, which can only be stricter than the settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct KeyLimitsForm {
    /// `read-only`, `workspace-write` or `danger-full-access`; empty uses the settings.
    pub sandbox: String,
    /// The working folder; empty uses the one from the settings.
    pub workspace: String,
    /// Whether it may use plain models only, and not codex-local. The mode and the folder are then empty.
    pub plain_models_only: bool,
    /// The last day on which it works, such as `2027-01-31`; empty never expires.
    pub expires: String,
    /// The tokens that it may use per day; empty for any number.
    pub tokens_per_day: String,
    /// The requests that it may make per minute; empty for any number.
    pub requests_per_minute: String,
    /// The percentage of the week at which it stops; empty for none.
    pub reserve_percent: String,
    /// The models that it may use, separated by commas, with `*` for any characters; empty for all.
    pub models: String,
    /// Whether it may use web search; `None` for all but keys for plain models.
    pub web_search: Option<bool>,
    /// Whether codex-local runs without MCP servers, apps and plugins.
    pub no_mcp_servers: bool,
    /// Whether codex asks before it leaves the sandbox; `None` uses the settings.
    pub may_ask: Option<bool>,
    /// Whether chats are kept in the user's Codex; `None` uses the settings.
    pub keep_chats: Option<bool>,
}

impl KeyLimitsForm {
    /// The patterns of the models that it may use.
    pub(crate) fn model_patterns(&self) -> Vec<String> {
        self.models
            .split(',')
            .map(|pattern| pattern.trim().to_owned())
            .filter(|one| !one.is_empty())
            .collect()
    }

    /// Whether it may use this model.
    pub(crate) fn allows_model(&self, id: &str) -> bool {
        KeyLimits { models: self.model_patterns(), ..KeyLimits::default() }.allows_model(&[id])
    }
}

/// A new key with its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct NewKey {
    /// The row.
    pub row: KeyRow,
    /// The secret, shown only once.
    pub secret: String,
}

/// Whether the system keychain can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "state")]
#[ts(export)]
pub enum KeychainState {
    /// Secrets are stored in the keychain.
    #[default]
    Available,
    /// Missing, locked or access denied. Keys work, but cannot be copied again.
    Unavailable {
        /// Why, and what to do.
        message: String,
    },
}
