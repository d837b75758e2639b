//! Tells one version of a file from another.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What of a file changes when it is written or when another one takes its place, as installers do with a new file or with
/// a link that leads elsewhere. Equal stamps mean the same file with the same content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStamp {
    /// The file behind every link.
    file: PathBuf,
    length: u64,
    modified: Option<SystemTime>,
    #[cfg(unix)]
    node: (u64, u64),
}

impl FileStamp {
    /// The file at this path, as it is now; `None` when there is none.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
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
    fn a_file_in_its_place_has_another_stamp_and_none_at_all_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("codex");
        fs::write(&path, "one").unwrap();
        let before = FileStamp::of(&path);
        assert!(before.is_some() && FileStamp::of(&path) == before);
        fs::remove_file(&path).unwrap();
        assert_eq!(FileStamp::of(&path), None);
        fs::write(&path, "another").unwrap();
        assert_ne!(FileStamp::of(&path), before);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_elsewhere_has_another_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let (path, next) = (folder.path().join("codex"), folder.path().join("next"));
        for (version, link) in [("1", &path), ("2", &next)] {
            fs::write(folder.path().join(version), "the same").unwrap();
            std::os::unix::fs::symlink(folder.path().join(version), link).unwrap();
        }
        let before = FileStamp::of(&path);
        assert_eq!(FileStamp::of(&path), before);
        fs::rename(&next, &path).unwrap();
        assert_ne!(FileStamp::of(&path), before);
    }
}
