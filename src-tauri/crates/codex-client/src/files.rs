//! Files on disk: tell one version of a file from another, and replace a file whole: a reader finds the old text or the new
//! one, and nothing between.

use std::fs::{self, File};
use std::io::{self, Write};
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
    pub fn read(path: &Path) -> Option<Self> {
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

/// Writes `bytes` beside `path`, waits until the disk has them, and renames the new file to `path`. Creates the folder.
///
/// A process that is killed on the way leaves a temporary file (`.saving-…`) and the old file as it was. On Unix only the
/// owner can read the new file.
///
/// # Errors
/// Whatever keeps the folder from being created or the file from being written; the old file stays as it was.
pub fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes, true)
}

/// Like [`replace_file`], for a file that is rewritten at each start: it does not wait for the disk.
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
    // The rename is on the disk once the folder is. Some systems cannot open a folder; the file is whole there too, so a
    // failure here is not an error.
    if sync && let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_its_place_has_another_stamp_and_none_at_all_has_none() {
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
    fn a_link_that_leads_elsewhere_has_another_stamp() {
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
    fn a_file_is_replaced_whole_in_a_folder_that_did_not_exist() {
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
