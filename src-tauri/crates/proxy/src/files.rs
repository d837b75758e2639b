//! Files that several processes change: locks, JSON files, and damaged files set aside.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use codex_client::rename_file;

mod data_folder;
mod json_file;
mod windows_paths;

pub use data_folder::UsualDataFolder;
pub(crate) use json_file::{JsonFile, JsonFileError, Versioned};
pub(crate) use windows_paths::{is_device_or_stream, plain_path, without_prefix};

/// Maximum wait for the lock. A change takes milliseconds, so a longer one hangs.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// std's file locks have no timeout, so the lock is polled.
const LOCK_RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// An exclusive lock among threads and processes. Released on drop and at process exit.
#[derive(Debug)]
pub struct FileLock(File);

impl FileLock {
    /// A file that is locked.
    #[must_use]
    pub fn of(locked: File) -> Self {
        Self(locked)
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Closing is not enough: a child has a copy until it runs its program.
        let _ = self.0.unlock();
    }
}

/// Locks `path` for a change; hold the lock from the read to the replacement. Blocks the thread for up to
/// [`LOCK_TIMEOUT`].
///
/// The lock is on `NAME.lock`, since each change replaces `path`. That file is never deleted: a process waiting on a
/// deleted one would lock nothing.
pub(crate) fn lock_file(path: &Path) -> io::Result<FileLock> {
    lock_within(path, LOCK_TIMEOUT)
}

/// Like [`lock_file`] with another limit.
pub(crate) fn lock_within(path: &Path, timeout: Duration) -> io::Result<FileLock> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    let path = path.with_added_extension("lock");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path)?;
    let deadline = Instant::now() + timeout;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(FileLock(file)),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(LOCK_RETRY_INTERVAL);
            }
            Err(TryLockError::WouldBlock) => {
                let held = format!("another program has locked {}; try again", path.display());
                return Err(io::Error::new(io::ErrorKind::TimedOut, held));
            }
            // On file systems without locks, a lost change is unlikely, and keys that cannot be revoked are worse.
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, path = %path.display(), "cannot lock the file; continuing without a lock");
                return Ok(FileLock(file));
            }
        }
    }
}

/// Renames a damaged file to a free `.damaged-{now}` name and returns that. `now` is in Unix seconds.
///
/// # Errors
/// When the file cannot be renamed.
pub fn set_aside(path: &Path, now: u64) -> io::Result<PathBuf> {
    let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let (stem, kind) = (part(path.file_stem()), part(path.extension()));
    let name = |more: &str| path.with_file_name(format!("{stem}.damaged-{now}{more}.{kind}"));
    // Never overwrite a file damaged in the same second.
    let others = (2..).map(|n| format!("-{n}")).map(|more| name(&more));
    let aside =
        std::iter::once(name("")).chain(others).find(|aside| !aside.exists()).unwrap_or_else(|| name(""));
    rename_file(path, &aside)?;
    Ok(aside)
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
