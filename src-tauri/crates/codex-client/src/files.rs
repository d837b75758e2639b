//! Files on disk: detecting changes, and atomic replacement, so that a reader sees either the old or the new content.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempPath;

/// Maximum wait to replace a file that another program has open. Go's tools wait as long for the same errors
/// (`cmd/internal/robustio`).
const REPLACE_TIMEOUT: Duration = Duration::from_secs(2);

/// Maximum wait to read a file. Shorter, since a file that may not be read at all fails with the same error.
const READ_TIMEOUT: Duration = Duration::from_millis(500);

const RETRY_INTERVAL: Duration = Duration::from_millis(5);

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
    persist_file(file.into_temp_path(), path)?;
    // Syncing the folder makes the rename durable. Some systems cannot open a folder; the rename is still atomic there, so
    // a failure here is not an error.
    if sync && let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Renames a temporary file to `path`, in place of the file that is there.
///
/// # Errors
/// See [`rename_file`]; the temporary file is then deleted.
pub fn persist_file(temporary: TempPath, path: &Path) -> io::Result<()> {
    // Not `persist`: unlike `rename`, it cannot replace a file that has a reader.
    let from = temporary.keep()?;
    rename_file(&from, path).inspect_err(|_| {
        let _leftover = fs::remove_file(&from);
    })
}

/// Renames a file, in place of the one that is at `to`.
///
/// Windows refuses this while another program has one of them open, such as a virus scanner or a backup, so it is tried for up
/// to 2 s. Readers that share deletion, as Rust's do, are no obstacle on NTFS.
///
/// # Errors
/// When it cannot be renamed.
pub fn rename_file(from: &Path, to: &Path) -> io::Result<()> {
    retry_while_in_use(REPLACE_TIMEOUT, || fs::rename(from, to))
}

/// Reads a file that others replace by [`replace_file`]. On Windows it cannot be opened at that moment, so it is tried for up
/// to half a second.
///
/// # Errors
/// When it cannot be read.
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    retry_while_in_use(READ_TIMEOUT, || fs::read(path))
}

/// Repeats an action while its file is in use. Blocks.
fn retry_while_in_use<T>(timeout: Duration, mut action: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let deadline = Instant::now() + timeout;
    loop {
        match action() {
            Err(error) if is_in_use(&error) && Instant::now() < deadline => thread::sleep(RETRY_INTERVAL),
            done => return done,
        }
    }
}

/// Whether another program may have the file open: `ERROR_ACCESS_DENIED`, `ERROR_SHARING_VIOLATION`, `ERROR_LOCK_VIOLATION`.
fn is_in_use(error: &io::Error) -> bool {
    cfg!(windows) && matches!(error.raw_os_error(), Some(5 | 32 | 33))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_and_writers_of_a_file_never_fail_and_never_see_half_of_it() {
        sample_model::not_under_wine!(
            "Wine lacks FILE_RENAME_POSIX_SEMANTICS, and replaces no file that is open"
        );
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        let texts = [vec![b'a'; 100_000], vec![b'b'; 1000]];
        replace_file(&path, &texts[0]).unwrap();
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for round in 0..200 {
                    replace_file_unsynced(&path, &texts[round % 2]).unwrap();
                }
            });
            while !writer.is_finished() {
                let text = read_file(&path).unwrap();
                assert!(texts.contains(&text), "{} bytes", text.len());
            }
        });
    }

    #[test]
    fn file_is_replaced_while_it_is_being_read() {
        sample_model::not_under_wine!(
            "Wine lacks FILE_RENAME_POSIX_SEMANTICS, and replaces no file that is open"
        );
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        fs::write(&path, "old").unwrap();
        let reader = File::open(&path).unwrap();
        replace_file(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(io::read_to_string(reader).unwrap(), "old");
    }

    // Windows only: elsewhere an open file is no obstacle.
    #[cfg(windows)]
    #[test]
    fn file_that_another_program_has_open_alone_is_replaced_and_read_once_it_is_closed() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        fs::write(&path, "old").unwrap();
        let alone = || {
            let mut options = fs::OpenOptions::new();
            std::os::windows::fs::OpenOptionsExt::share_mode(options.read(true), 0).open(&path).unwrap()
        };
        let (mut attempts, mut held) = (0, Some(alone()));
        let read = retry_while_in_use(READ_TIMEOUT, || {
            attempts += 1;
            if attempts == 3 {
                held = None;
            }
            fs::read(&path)
        });
        assert_eq!((read.unwrap(), attempts), (b"old".to_vec(), 3));
        let held = alone();
        thread::scope(|scope| {
            let replacing = scope.spawn(|| replace_file(&path, b"new"));
            drop(held);
            replacing.join().unwrap().unwrap();
        });
        assert_eq!(fs::read(&path).unwrap(), b"new");
        // For good: the old file stays, and no temporary one.
        let held = alone();
        assert!(replace_file(&path, b"newer").is_err());
        drop(held);
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

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

    // Unix only: Windows may refuse links.
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
