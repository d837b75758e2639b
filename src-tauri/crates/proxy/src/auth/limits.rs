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
