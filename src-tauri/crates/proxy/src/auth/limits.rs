//! Per-key limits on codex, stricter than the settings.
//!
//! Limits only restrict: the stricter of the key's and the settings' values applies, evaluated per request, so
//! tightened settings affect every key. A key's working folder must be inside that of the settings after resolving
//! symlinks; codex gets the resolved path. Plain models run nothing, so a key for plain models only needs no other limit.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use codex_client::SandboxMode;
use serde::{Deserialize, Serialize};

use crate::files::plain_path;

/// The limits of a key; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyLimits {
    /// Maximum sandbox mode; `None` defers to the settings.
    ///
    /// With a working folder and no mode, the maximum is `workspace-write`: full access would defeat the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<SandboxMode>,
    /// The working folder, an absolute path; `None` uses that of the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<PathBuf>,
    /// Whether the key may use plain models only, and not `codex-local`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub plain_models_only: bool,
    /// Whether codex asks its owner before it leaves the sandbox; `None` defers to the settings. The only choice here that the
    /// settings do not bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_ask: Option<bool>,
    /// Whether codex keeps the chats of `codex-local` and of folders; `None` defers to the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_chats: Option<bool>,
    /// The models and aliases that the key may use, as patterns in which `*` stands for any characters; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// When the key stops working, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
    /// Maximum tokens per day of this computer's clock, input and output together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_day: Option<u64>,
    /// Maximum requests for answers within a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// The key stops once this much of the account's week is used, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserve_percent: Option<u8>,
    /// Whether web search is available; `None` switches it off only for a key for plain models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_search: Option<bool>,
    /// Whether `codex-local` runs without the user's MCP servers, apps and plugins.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_mcp_servers: bool,
}

/// The highest limit of requests per minute. Each request of the last minute is remembered.
pub const MAX_REQUESTS_PER_MINUTE: u32 = 10_000;

/// The most patterns of models that a key may have.
const MAX_MODEL_PATTERNS: usize = 50;

/// The longest pattern, in characters.
const MAX_PATTERN_CHARS: usize = 100;

/// A limit, by its name in the key file, and what is wrong with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct InvalidLimit {
    /// Its name.
    pub field: &'static str,
    /// What it must be, a sentence without its period.
    pub what: &'static str,
}

/// Why limits cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum LimitsError {
    /// The mode is less strict than that of the settings.
    #[error("The settings allow at most {}; a key can only be stricter", .0.name())]
    LessStrict(SandboxMode),
    /// The folder cannot be used.
    #[error("{} {what}", path.display())]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// The problem.
        what: String,
    },
    /// The folder is outside that of the settings.
    #[error("{} is not inside the working folder of the settings, {}", path.display(), effective.display())]
    Outside {
        /// The folder.
        path: PathBuf,
        /// The folder it must be inside.
        effective: PathBuf,
    },
}

impl KeyLimits {
    /// The limits of a new key, unless the user chooses: where others can reach the proxy, plain models only.
    #[must_use]
    pub fn of_new_key(beyond_loopback: bool) -> Self {
        Self { plain_models_only: beyond_loopback, ..Self::default() }
    }

    /// Whether there are no limits.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Validates the limits that are numbers and patterns, and takes spaces and repetitions out of the patterns.
    ///
    /// # Errors
    /// When one of them is out of range.
    pub fn check_values(mut self) -> Result<Self, InvalidLimit> {
        let mut patterns: Vec<String> = Vec::new();
        for pattern in self.models.iter().map(|pattern| pattern.trim()).filter(|pattern| !pattern.is_empty())
        {
            if !patterns.iter().any(|known| known == pattern) {
                patterns.push(pattern.to_owned());
            }
        }
        let is_pattern = |pattern: &String| {
            pattern.chars().count() <= MAX_PATTERN_CHARS
                && !pattern.chars().any(|c| c.is_whitespace() || c.is_control())
        };
        let limits = 1..=MAX_REQUESTS_PER_MINUTE;
        for (field, is_valid, what) in [
            ("tokens_per_day", self.tokens_per_day != Some(0), "The tokens per day must be at least 1"),
            (
                "requests_per_minute",
                self.requests_per_minute.is_none_or(|requests| limits.contains(&requests)),
                "The requests per minute must be between 1 and 10,000",
            ),
            (
                "reserve_percent",
                self.reserve_percent.is_none_or(|percent| (1..=99).contains(&percent)),
                "The share of the week must be between 1 % and 99 %",
            ),
            (
                "models",
                patterns.len() <= MAX_MODEL_PATTERNS && patterns.iter().all(is_pattern),
                "Enter up to 50 names of models without spaces, in which * stands for any characters",
            ),
        ] {
            if !is_valid {
                return Err(InvalidLimit { field, what });
            }
        }
        // All of them is no limit.
        self.models = if patterns.iter().any(|pattern| pattern == "*") { Vec::new() } else { patterns };
        Ok(self)
    }

    /// Whether the key has expired at `now`, in Unix seconds.
    #[must_use]
    pub fn has_expired(&self, now: u64) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }

    /// Whether one of the patterns matches one of these names of a model, or there are no patterns.
    #[must_use]
    pub fn allows_model(&self, names: &[&str]) -> bool {
        let matches_one = |pattern: &String| names.iter().any(|name| matches(pattern, name));
        self.models.is_empty() || self.models.iter().any(matches_one)
    }

    /// Whether the key may use web search.
    #[must_use]
    pub fn allows_web_search(&self) -> bool {
        self.web_search.unwrap_or(!self.plain_models_only)
    }

    /// Validates chosen limits and resolves the folder. `sandbox` and `workspace` are those of the settings. Blocks on
    /// the file system.
    ///
    /// # Errors
    /// When the limits are less strict than the settings, or the folder does not exist.
    pub fn check(self, sandbox: SandboxMode, workspace: &Path) -> Result<Self, LimitsError> {
        if self.sandbox.is_some_and(|wanted| wanted > sandbox) {
            return Err(LimitsError::LessStrict(sandbox));
        }
        let (_, folder) = self.effective(sandbox, workspace)?;
        Ok(Self { workspace: self.workspace.map(|_| folder), ..self })
    }

    /// The stricter of this mode and the key's.
    #[must_use]
    pub(crate) fn strictest(&self, sandbox: SandboxMode) -> SandboxMode {
        let without = if self.workspace.is_some() { SandboxMode::WorkspaceWrite } else { sandbox };
        sandbox.min(self.sandbox.unwrap_or(without))
    }

    /// The effective mode and folder under the current settings. Blocks on the file system.
    ///
    /// # Errors
    /// When the folder does not exist, or is no longer inside that of the settings.
    pub fn effective(
        &self,
        sandbox: SandboxMode,
        workspace: &Path,
    ) -> Result<(SandboxMode, PathBuf), LimitsError> {
        let Some(own) = &self.workspace else {
            return Ok((self.strictest(sandbox), workspace.to_owned()));
        };
        let sandbox = self.strictest(sandbox);
        let (own, all) = (real_folder(own)?, real_folder(workspace)?);
        if own.starts_with(&all) {
            Ok((sandbox, plain_path(own)))
        } else {
            Err(LimitsError::Outside { path: plain_path(own), effective: plain_path(all) })
        }
    }
}

/// Whether a pattern matches a whole name. `*` stands for any characters, also none.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        let Some(at) = name.find(part) else { return false };
        name = &name[at + part.len()..];
    }
    name.ends_with(last)
}

/// Resolves a folder's symlinks.
pub(crate) fn real_folder(path: &Path) -> Result<PathBuf, LimitsError> {
    let unusable = |what: String| LimitsError::Unusable { path: path.to_owned(), what };
    let real = fs::canonicalize(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => unusable("does not exist".to_owned()),
        _ => unusable(format!("cannot be accessed ({error})")),
    })?;
    if real.is_dir() { Ok(real) } else { Err(unusable("is not a folder".to_owned())) }
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
