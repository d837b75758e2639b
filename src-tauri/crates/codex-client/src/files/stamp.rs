//! Which file codex was started from, so that an update under our feet is noticed.
//!
//! Installers put a new file in the old one's place, or let a link lead to another one; both show where the path leads to.
//! Deliberately not here: what version it is. Only a codex that was started tells that.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A codex as it was when it was started.
#[derive(Debug)]
pub(crate) struct Binary {
    path: PathBuf,
    then: Option<Identity>,
}

/// What tells one file from another that has taken its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Where every link was followed to.
    file: PathBuf,
    length: u64,
    modified: Option<SystemTime>,
    #[cfg(unix)]
    node: (u64, u64),
}

impl Binary {
    /// The codex at this path, as it is now.
    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), then: Identity::of(path) }
    }

    /// What has taken its place; `None` while that is nothing. One that is gone may be in the middle of an update.
    pub(crate) fn replacement(&self) -> Option<Identity> {
        Identity::of(&self.path).filter(|now| Some(now) != self.then.as_ref())
    }
}

impl Identity {
    fn of(path: &Path) -> Option<Self> {
        let file = fs::canonicalize(path).ok()?;
        let found = fs::metadata(&file).ok()?;
        Some(Self {
            file,
            length: found.len(),
            modified: found.modified().ok(),
            #[cfg(unix)]
            node: (std::os::unix::fs::MetadataExt::dev(&found), std::os::unix::fs::MetadataExt::ino(&found)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_its_place_is_a_replacement_and_none_at_all_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("codex");
        fs::write(&path, "one").unwrap();
        let binary = Binary::at(&path);
        assert_eq!(binary.replacement(), None);
        fs::remove_file(&path).unwrap();
        assert_eq!(binary.replacement(), None);
        fs::write(&path, "another").unwrap();
        assert!(binary.replacement().is_some());
        assert_eq!(Binary::at(&path).replacement(), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_elsewhere_is_a_replacement() {
        let folder = tempfile::tempdir().unwrap();
        let (path, next) = (folder.path().join("codex"), folder.path().join("next"));
        for (version, link) in [("1", &path), ("2", &next)] {
            fs::write(folder.path().join(version), "the same").unwrap();
            std::os::unix::fs::symlink(folder.path().join(version), link).unwrap();
        }
        let binary = Binary::at(&path);
        assert_eq!(binary.replacement(), None);
        fs::rename(&next, &path).unwrap();
        assert!(binary.replacement().is_some());
    }
}
