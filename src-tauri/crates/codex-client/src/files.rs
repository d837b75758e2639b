//! Files on disk: detecting changes, and atomic replacement, so that a reader sees either the old or the new content.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Identifies one version of a file. It changes when the file is written or replaced, as installers do with a new file or
/// by pointing a link elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStamp {
    /// With all links resolved.
    file: PathBuf,
    length: u64,
    modified: Option<SystemTime>,
    #[cfg(unix)]
    inode: (u64, u64),
}

impl FileStamp {
    /// The current stamp of the file at `path`; `None` when there is none.
    #[must_use]
    pub fn read(path: &Path) -> Option<Self> {
        let file = fs::canonicalize(path).ok()?;
        let meta = fs::metadata(&file).ok()?;
        Some(Self {
            file,
            length: meta.len(),
            modified: meta.modified().ok(),
            #[cfg(unix)]
            inode: (std::os::unix::fs::MetadataExt::dev(&meta), std::os::unix::fs::MetadataExt::ino(&meta)),
        })
    }
}

/// Writes `bytes` to a temporary file, syncs it, and renames it to `path`. Creates the folder.
///
/// A process killed halfway leaves a temporary file (`.saving-…`) and the old file unchanged. On Unix only the owner can
/// read the new file.
///
/// # Errors
/// When the folder cannot be created or the file cannot be written; the old file is unchanged.
pub fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes, true)
}

/// Like [`replace_file`] without syncing, for a file that is rewritten at each start.
pub(crate) fn replace_file_unsynced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes, false)
}

fn replace(path: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".saving-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    if sync {
        file.as_file().sync_all()?;
    }
    file.persist(path)?;
    // Syncing the folder makes the rename durable. Some systems cannot open a folder; the rename is still atomic there, so
    // a failure here is not an error.
    if sync && let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaced_file_has_another_stamp_and_missing_file_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("codex");
        fs::write(&path, "one").unwrap();
        let before = FileStamp::read(&path);
        assert!(before.is_some() && FileStamp::read(&path) == before);
        fs::remove_file(&path).unwrap();
        assert_eq!(FileStamp::read(&path), None);
        fs::write(&path, "another").unwrap();
        assert_ne!(FileStamp::read(&path), before);
    }

    #[cfg(unix)]
    #[test]
    fn retargeted_link_has_another_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let (path, next) = (folder.path().join("codex"), folder.path().join("next"));
        for (version, link) in [("1", &path), ("2", &next)] {
            fs::write(folder.path().join(version), "the same").unwrap();
            std::os::unix::fs::symlink(folder.path().join(version), link).unwrap();
        }
        let before = FileStamp::read(&path);
        assert_eq!(FileStamp::read(&path), before);
        fs::rename(&next, &path).unwrap();
        assert_ne!(FileStamp::read(&path), before);
    }

    #[test]
    fn file_is_replaced_atomically_and_its_folder_is_created() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("new/file");
        replace_file(&path, b"a longer text").unwrap();
        replace_file(&path, b"short").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"short");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert!(replace_file(&path.join("below-a-file"), b"x").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"short");
    }
}
