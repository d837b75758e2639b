//! Commands that run without asking again: `approvals.json` in the data folder.
//!
//! A rule allows one exact command of one key in one folder. When the file cannot be read there are no rules, so codex asks.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::types::ApprovalRule;
use super::visible::visible;
use crate::auth::{KeyEntry, KeyFile};
use crate::clock::unix_now;
use crate::files::{JsonFile, JsonFileError, Versioned};

/// Maximum number of rules. The list is for a person to read.
const MAX_RULES: usize = 500;

/// Longest command that can be remembered, in bytes.
pub(super) const MAX_COMMAND_BYTES: usize = 16 * 1024;

/// The latest format version.
const VERSION: u32 = 1;

/// What a rule allows: all of it must be the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Allowed {
    /// The digest of the key; empty where no key is needed.
    pub(super) key_sha256: String,
    /// As codex sends it.
    pub(super) command: String,
    pub(super) argv: Vec<String>,
    pub(super) folder: PathBuf,
    /// Whether it runs outside the sandbox.
    pub(super) outside_sandbox: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct StoredRule {
    id: String,
    /// The key's name when the rule was made.
    key: String,
    created: u64,
    #[serde(flatten)]
    allowed: Allowed,
    /// Fields of newer versions, preserved.
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct RuleFile {
    version: u32,
    rules: Vec<StoredRule>,
    /// Fields of newer versions, preserved.
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

impl Versioned for RuleFile {
    const LATEST: u32 = VERSION;

    fn set_version(&mut self) {
        self.version = VERSION;
    }
}

/// Why a rule cannot be kept or removed.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// The file cannot be used.
    #[error("{0}")]
    File(String),
    /// There are too many.
    #[error("there are {MAX_RULES} rules already; remove some first")]
    TooMany,
    /// There is no such rule.
    #[error("there is no rule with the id {0}")]
    NoSuchRule(String),
}

impl From<JsonFileError> for RuleError {
    fn from(error: JsonFileError) -> Self {
        Self::File(error.to_string())
    }
}

/// The rules, and the keys that they are for.
#[derive(Debug)]
pub(super) struct Rules {
    file: JsonFile<RuleFile>,
    keys: KeyFile,
    /// The keys that are not in the key file.
    configured_keys: Vec<KeyEntry>,
}

impl Rules {
    pub(super) fn new(data_dir: &Path, configured_keys: Vec<KeyEntry>) -> Self {
        let file = JsonFile::new(data_dir.join("approvals.json"));
        Self { file, keys: KeyFile::in_folder(data_dir), configured_keys }
    }

    /// Whether a rule allows this. A revoked key has no rules.
    pub(super) fn allow(&self, wanted: &Allowed) -> bool {
        self.read().iter().any(|rule| rule.allowed == *wanted) && self.is_valid_key(&wanted.key_sha256)
    }

    /// Adds a rule, and returns its id if it is new. Blocks on the file system.
    pub(super) fn add(&self, allowed: &Allowed, key: &str) -> Result<Option<String>, RuleError> {
        // With nothing in it that can be read, there is nothing to lose.
        self.file.set_aside_damaged(unix_now())?;
        self.file.change(|stored| {
            if stored.rules.iter().any(|rule| rule.allowed == *allowed) {
                return Ok(None);
            }
            if stored.rules.len() >= MAX_RULES {
                return Err(RuleError::TooMany);
            }
            let id = uuid::Uuid::now_v7().simple().to_string();
            stored.rules.push(StoredRule {
                id: id.clone(),
                key: key.to_owned(),
                created: unix_now(),
                allowed: allowed.clone(),
                unknown: Map::new(),
            });
            Ok(Some(id))
        })
    }

    /// Removes a rule. Blocks on the file system.
    pub(super) fn forget(&self, id: &str) -> Result<(), RuleError> {
        self.file.change(|stored| {
            let at = stored.rules.iter().position(|rule| rule.id == id);
            let at = at.ok_or_else(|| RuleError::NoSuchRule(id.to_owned()))?;
            stored.rules.remove(at);
            Ok(())
        })
    }

    /// The rules, latest first, with the present names of their keys.
    pub(super) fn list(&self) -> Vec<ApprovalRule> {
        let keys = self.keys.entries().unwrap_or_default();
        let name = |rule: &StoredRule| {
            let key = keys.iter().find(|key| key.sha256.to_hex() == rule.allowed.key_sha256);
            visible(key.map_or(&rule.key, |key| &key.name))
        };
        let rule = |rule: &StoredRule| ApprovalRule {
            id: rule.id.clone(),
            command: visible(&rule.allowed.command),
            folder: visible(&rule.allowed.folder.to_string_lossy()),
            key: name(rule),
            created: rule.created,
        };
        self.read().iter().rev().map(rule).collect()
    }

    fn read(&self) -> Vec<StoredRule> {
        match self.file.read() {
            Ok(stored) => stored.rules.clone(),
            Err(error) => {
                tracing::error!(%error, "cannot read what is allowed from now on; asking again");
                Vec::new()
            }
        }
    }

    fn is_valid_key(&self, sha256: &str) -> bool {
        // Where no key is needed, there is none to revoke.
        let is_it = |key: &KeyEntry| key.sha256.to_hex() == sha256;
        sha256.is_empty()
            || self.configured_keys.iter().any(is_it)
            || self.keys.entries().is_ok_and(|keys| keys.iter().any(is_it))
    }
}
