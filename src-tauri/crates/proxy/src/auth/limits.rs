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
            return Ok((sandbox.min(self.sandbox.unwrap_or(sandbox)), workspace.to_owned()));
        };
        let sandbox = sandbox.min(self.sandbox.unwrap_or(SandboxMode::WorkspaceWrite));
        let (own, all) = (folder(own)?, folder(workspace)?);
        if own.starts_with(&all) {
            Ok((sandbox, strip_verbatim_prefix(own)))
        } else {
            Err(LimitsError::Outside { path: own, effective: all })
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
fn folder(path: &Path) -> Result<PathBuf, LimitsError> {
    let unusable = |what: String| LimitsError::Unusable { path: path.to_owned(), what };
    let real = fs::canonicalize(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => unusable("does not exist".to_owned()),
        _ => unusable(format!("cannot be accessed ({error})")),
    })?;
    if real.is_dir() { Ok(real) } else { Err(unusable("is not a folder".to_owned())) }
}

/// On Windows, canonical paths have a verbatim prefix that many programs cannot handle.
fn strip_verbatim_prefix(path: PathBuf) -> PathBuf {
    let plain =
        path.to_str().and_then(|text| text.strip_prefix(r"\\?\")).filter(|rest| rest.get(1..2) == Some(":"));
    plain.map(PathBuf::from).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use SandboxMode::{DangerFullAccess, ReadOnly, WorkspaceWrite};

    use super::*;

    fn mode(sandbox: Option<SandboxMode>) -> KeyLimits {
        KeyLimits { sandbox, ..KeyLimits::default() }
    }

    fn at(workspace: &Path) -> KeyLimits {
        KeyLimits { workspace: Some(workspace.to_owned()), ..KeyLimits::default() }
    }

    #[test]
    fn a_pattern_matches_whole_names() {
        for (pattern, name, expected) in [
            ("gpt-5.5", "gpt-5.5", true),
            ("gpt-5.5", "gpt-5.5-mini", false),
            ("gpt-5", "gpt-5.5", false),
            ("gpt-*", "gpt-5.5", true),
            ("gpt-*", "gpt-", true),
            ("gpt-*", "my-gpt-5", false),
            ("*-mini", "gpt-5.5-mini", true),
            ("*-mini", "gpt-5.5-mini-2", false),
            ("gpt-*-mini", "gpt-5.5-mini", true),
            ("gpt-*-mini", "gpt-mini", false),
            ("*a*b*", "xaybz", true),
            ("*a*b*", "xbya", false),
            ("ab*ba", "aba", false),
            ("*", "codex-local", true),
            ("**", "", true),
            ("", "gpt-5.5", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_key_without_patterns_allows_all_models_and_one_name_is_enough() {
        assert!(KeyLimits::default().allows_model(&["gpt-5.5"]));
        let models = vec!["gpt-4o".to_owned()];
        let limits = KeyLimits { models, ..KeyLimits::default() };
        assert!(limits.allows_model(&["gpt-4o", "gpt-5.5"]) && !limits.allows_model(&["gpt-5.5", "gpt-5.5"]));
    }

    #[test]
    fn values_out_of_range_are_named_and_patterns_are_cleaned() {
        let base = KeyLimits::default;
        for (limits, field) in [
            (KeyLimits { tokens_per_day: Some(0), ..base() }, "tokens_per_day"),
            (KeyLimits { requests_per_minute: Some(0), ..base() }, "requests_per_minute"),
            (KeyLimits { requests_per_minute: Some(10_001), ..base() }, "requests_per_minute"),
            (KeyLimits { reserve_percent: Some(0), ..base() }, "reserve_percent"),
            (KeyLimits { reserve_percent: Some(100), ..base() }, "reserve_percent"),
            (KeyLimits { models: vec!["gpt 5".to_owned()], ..base() }, "models"),
            (KeyLimits { models: vec!["x".repeat(101)], ..base() }, "models"),
            (KeyLimits { models: (0..51).map(|n| format!("m{n}")).collect(), ..base() }, "models"),
        ] {
            assert_eq!(limits.check_values().unwrap_err().field, field);
        }
        let models = ["", " gpt-* ", "gpt-*", "o9"].map(str::to_owned).to_vec();
        let checked = KeyLimits { models, reserve_percent: Some(99), ..base() }.check_values().unwrap();
        assert_eq!(checked.models, ["gpt-*", "o9"]);
    }

    #[test]
    fn web_search_is_off_for_plain_models_unless_it_is_chosen() {
        for (plain_models_only, web_search, allowed) in
            [(false, None, true), (true, None, false), (true, Some(true), true), (false, Some(false), false)]
        {
            let limits = KeyLimits { plain_models_only, web_search, ..KeyLimits::default() };
            assert_eq!(limits.allows_web_search(), allowed, "{limits:?}");
        }
    }

    #[test]
    fn the_stricter_of_the_two_modes_applies() {
        let folder = Path::new("/does/not/matter");
        for (setting, key, expected) in [
            (ReadOnly, None, ReadOnly),
            (DangerFullAccess, None, DangerFullAccess),
            (DangerFullAccess, Some(ReadOnly), ReadOnly),
            (DangerFullAccess, Some(WorkspaceWrite), WorkspaceWrite),
            (WorkspaceWrite, Some(WorkspaceWrite), WorkspaceWrite),
            (ReadOnly, Some(DangerFullAccess), ReadOnly),
        ] {
            let effective = mode(key).effective(setting, folder).unwrap();
            assert_eq!(effective, (expected, folder.to_owned()), "{setting:?} {key:?}");
        }
    }

    #[test]
    fn a_mode_less_strict_than_the_setting_is_rejected() {
        let folder = Path::new("/does/not/matter");
        let error = mode(Some(WorkspaceWrite)).check(ReadOnly, folder).unwrap_err();
        assert!(error.to_string().contains("read-only"), "{error}");
        assert!(mode(Some(ReadOnly)).check(ReadOnly, folder).is_ok());
    }

    #[test]
    fn a_folder_without_a_mode_never_gets_full_access() {
        let all = tempfile::tempdir().unwrap();
        assert_eq!(at(all.path()).effective(DangerFullAccess, all.path()).unwrap().0, WorkspaceWrite);
        let explicit = KeyLimits { sandbox: Some(DangerFullAccess), ..at(all.path()) };
        assert_eq!(explicit.effective(DangerFullAccess, all.path()).unwrap().0, DangerFullAccess);
    }

    #[test]
    fn only_folders_inside_that_of_the_settings_are_allowed() {
        let all = tempfile::tempdir().unwrap();
        let [work, inside, like] = ["work", "work/notes", "workshop"].map(|name| all.path().join(name));
        for folder in [&inside, &like] {
            fs::create_dir_all(folder).unwrap();
        }
        assert!(
            at(&inside).effective(ReadOnly, &work).is_ok() && at(&work).effective(ReadOnly, &work).is_ok()
        );
        for outside in [like, all.path().to_owned(), work.join("..").join("workshop"), work.join("..")] {
            let refused = at(&outside).effective(ReadOnly, &work);
            assert!(matches!(refused, Err(LimitsError::Outside { .. })), "{outside:?}");
        }
    }

    #[test]
    fn a_missing_folder_or_a_file_is_an_error() {
        let all = tempfile::tempdir().unwrap();
        let file = all.path().join("file");
        fs::write(&file, "").unwrap();
        for bad in [all.path().join("gone"), file] {
            let refused = at(&bad).effective(WorkspaceWrite, all.path());
            assert!(matches!(refused, Err(LimitsError::Unusable { .. })), "{bad:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn symlinks_are_resolved() {
        let all = tempfile::tempdir().unwrap();
        let [work, real, elsewhere] = ["work", "work/real", "elsewhere"].map(|name| all.path().join(name));
        for folder in [&real, &elsewhere] {
            fs::create_dir_all(folder).unwrap();
        }
        let [out, into, to_work] = [work.join("out"), work.join("into"), all.path().join("to-work")];
        std::os::unix::fs::symlink(&elsewhere, &out).unwrap();
        std::os::unix::fs::symlink(&real, &into).unwrap();
        std::os::unix::fs::symlink(&work, &to_work).unwrap();
        assert!(matches!(at(&out).effective(ReadOnly, &work), Err(LimitsError::Outside { .. })));
        let real = fs::canonicalize(&real).unwrap();
        assert_eq!(at(&into).effective(ReadOnly, &work).unwrap().1, real);
        assert_eq!(at(&real).check(ReadOnly, &to_work).unwrap().workspace, Some(real));
    }
}
