//! Keys and the keychain, as the window shows them.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

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
    /// What it allows less than the settings do.
    pub limits: KeyLimitsForm,
    /// Whether nobody has seen it yet: it was made by itself, no keychain has it, and it can be shown once until the app ends.
    pub unshown: bool,
}

impl KeyRow {
    /// The log knows keys by their names, and last saw this one at `at`, in Unix seconds. What is older than the key belongs to an
    /// earlier one of the same name.
    pub(crate) fn used(&mut self, at: u64) {
        self.last_used = Some(at).filter(|at| *at >= self.created);
    }
}

/// What a key allows less than the settings do, as the window shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct KeyLimitsForm {
    /// `read-only`, `workspace-write` or `danger-full-access`; empty leaves it to the settings.
    pub sandbox: String,
    /// Codex's working folder; empty takes the one of the settings.
    pub workspace: String,
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

/// Where secrets are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "state")]
#[ts(export)]
pub enum KeychainState {
    /// In the system's keychain.
    #[default]
    Available,
    /// There is none, it is locked, or access was denied. Keys work all the same, but cannot be shown again.
    Unavailable {
        /// Why, and what to do.
        message: String,
    },
}
