//! What codex may do for a key, where that is less than the settings allow.
//!
//! A limit takes away and never gives: what counts is worked out for each request from the key and the settings as they are then,
//! so settings that become stricter hold for every key. A working folder must lie within that of the settings after every
//! symbolic link has been followed; codex is given the path without them. Deliberately not here: limits on plain models, which
//! run nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use codex_client::SandboxMode;
use serde::{Deserialize, Serialize};

/// The limits of a key; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyLimits {
    /// What commands may do at most; `None` leaves it to the settings.
    ///
    /// A key with a working folder and no mode gets at most `workspace-write`: full access would make nothing of the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<SandboxMode>,
    /// The working folder, an absolute path; `None` takes that of the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<PathBuf>,
}

/// Why limits cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LimitsError {
    /// The key would allow more than the settings do.
    #[error("The settings allow {} at most, and a key can only be stricter", .0.name())]
    Freer(SandboxMode),
    /// The folder cannot be worked in.
    #[error("{} {what}", path.display())]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The folder lies elsewhere.
    #[error("{} is not within the working folder of the settings, {}", path.display(), within.display())]
    Outside {
        /// The folder.
        path: PathBuf,
        /// The one that it should lie in.
        within: PathBuf,
    },
}

impl KeyLimits {
    /// Whether the key may do whatever the settings allow.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Limits that somebody chose, with the folder's path made whole. `sandbox` and `workspace` are those of the settings. It looks at
    /// folders, so it belongs where it may block.
    ///
    /// # Errors
    /// When they are not stricter than the settings, or the folder is not there.
    pub fn check(self, sandbox: SandboxMode, workspace: &Path) -> Result<Self, LimitsError> {
        if self.sandbox.is_some_and(|wanted| wanted > sandbox) {
            return Err(LimitsError::Freer(sandbox));
        }
        let (_, folder) = self.within(sandbox, workspace)?;
        Ok(Self { workspace: self.workspace.map(|_| folder), ..self })
    }

    /// What counts for a request, by the settings as they are: the stricter mode, and the folder. It looks at folders, so it belongs
    /// where it may block.
    ///
    /// # Errors
    /// When the folder is not there, or is not within that of the settings any more.
    pub fn within(
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
            Ok((sandbox, without_mark(own)))
        } else {
            Err(LimitsError::Outside { path: own, within: all })
        }
    }
}

/// The folder at the end of every link.
fn folder(path: &Path) -> Result<PathBuf, LimitsError> {
    let unusable = |what: String| LimitsError::Unusable { path: path.to_owned(), what };
    let real = fs::canonicalize(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => unusable("is not there".to_owned()),
        _ => unusable(format!("cannot be looked at ({error})")),
    })?;
    if real.is_dir() { Ok(real) } else { Err(unusable("is not a folder".to_owned())) }
}

/// Windows marks a path that was followed to its end, and programs started in such a folder stumble over the mark.
fn without_mark(path: PathBuf) -> PathBuf {
    let plain =
        path.to_str().and_then(|text| text.strip_prefix(r"\\?\")).filter(|rest| rest.get(1..2) == Some(":"));
    plain.map(PathBuf::from).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use SandboxMode::{DangerFullAccess, ReadOnly, WorkspaceWrite};

    use super::*;

    fn mode(sandbox: Option<SandboxMode>) -> KeyLimits {
        KeyLimits { sandbox, workspace: None }
    }

    fn at(workspace: &Path) -> KeyLimits {
        KeyLimits { sandbox: None, workspace: Some(workspace.to_owned()) }
    }

    #[test]
    fn the_stricter_mode_counts_whichever_of_the_two_has_it() {
        let folder = Path::new("/does/not/matter");
        for (setting, key, counts) in [
            (ReadOnly, None, ReadOnly),
            (DangerFullAccess, None, DangerFullAccess),
            (DangerFullAccess, Some(ReadOnly), ReadOnly),
            (DangerFullAccess, Some(WorkspaceWrite), WorkspaceWrite),
            (WorkspaceWrite, Some(WorkspaceWrite), WorkspaceWrite),
            (ReadOnly, Some(DangerFullAccess), ReadOnly),
        ] {
            let within = mode(key).within(setting, folder).unwrap();
            assert_eq!(within, (counts, folder.to_owned()), "{setting:?} {key:?}");
        }
    }

    #[test]
    fn a_mode_that_is_freer_than_the_setting_cannot_be_chosen() {
        let folder = Path::new("/does/not/matter");
        let error = mode(Some(WorkspaceWrite)).check(ReadOnly, folder).unwrap_err();
        assert!(error.to_string().contains("read-only"), "{error}");
        assert!(mode(Some(ReadOnly)).check(ReadOnly, folder).is_ok());
    }

    #[test]
    fn a_folder_without_a_mode_is_never_given_full_access() {
        let all = tempfile::tempdir().unwrap();
        assert_eq!(at(all.path()).within(DangerFullAccess, all.path()).unwrap().0, WorkspaceWrite);
        let said_so = KeyLimits { sandbox: Some(DangerFullAccess), ..at(all.path()) };
        assert_eq!(said_so.within(DangerFullAccess, all.path()).unwrap().0, DangerFullAccess);
    }

    #[test]
    fn a_folder_lies_within_that_of_the_settings_and_a_neighbour_of_a_like_name_does_not() {
        let all = tempfile::tempdir().unwrap();
        let [work, inside, like] = ["work", "work/notes", "workshop"].map(|name| all.path().join(name));
        for folder in [&inside, &like] {
            fs::create_dir_all(folder).unwrap();
        }
        assert!(at(&inside).within(ReadOnly, &work).is_ok() && at(&work).within(ReadOnly, &work).is_ok());
        for outside in [like, all.path().to_owned(), work.join("..").join("workshop"), work.join("..")] {
            let refused = at(&outside).within(ReadOnly, &work);
            assert!(matches!(refused, Err(LimitsError::Outside { .. })), "{outside:?}");
        }
    }

    #[test]
    fn a_folder_that_is_gone_or_a_file_is_said_and_not_replaced_by_another() {
        let all = tempfile::tempdir().unwrap();
        let file = all.path().join("file");
        fs::write(&file, "").unwrap();
        for bad in [all.path().join("gone"), file] {
            let refused = at(&bad).within(WorkspaceWrite, all.path());
            assert!(matches!(refused, Err(LimitsError::Unusable { .. })), "{bad:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_counts_as_what_it_leads_to() {
        let all = tempfile::tempdir().unwrap();
        let [work, real, elsewhere] = ["work", "work/real", "elsewhere"].map(|name| all.path().join(name));
        for folder in [&real, &elsewhere] {
            fs::create_dir_all(folder).unwrap();
        }
        let [out, into, to_work] = [work.join("out"), work.join("into"), all.path().join("to-work")];
        std::os::unix::fs::symlink(&elsewhere, &out).unwrap();
        std::os::unix::fs::symlink(&real, &into).unwrap();
        std::os::unix::fs::symlink(&work, &to_work).unwrap();
        assert!(matches!(at(&out).within(ReadOnly, &work), Err(LimitsError::Outside { .. })));
        let real = fs::canonicalize(&real).unwrap();
        assert_eq!(at(&into).within(ReadOnly, &work).unwrap().1, real);
        assert_eq!(at(&real).check(ReadOnly, &to_work).unwrap().workspace, Some(real));
    }
}
