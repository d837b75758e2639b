//! Locking a file that several processes change, and setting one aside that makes no sense.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a change waits for another process's. A change takes milliseconds, so one that takes longer hangs, and waiting on
/// would hang as well.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// How long until the lock is tried again: std has no lock with a timeout.
const LOCK_RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// A lock against every other thread and process that changes the same file. Dropping it unlocks, and so does the end of the process.
#[derive(Debug)]
pub(crate) struct FileLock(#[expect(dead_code, reason = "held, never read")] File);

/// Locks `path` for a change: hold it from the read to the replacement. Blocks the thread for up to [`LOCK_TIMEOUT`].
///
/// The lock is on `NAME.lock` beside the file, since each change puts a new file in the place of `path`. It is never deleted: a
/// process that waits on a deleted one would lock nothing.
pub(crate) fn lock_file(path: &Path) -> io::Result<FileLock> {
    lock_within(path, LOCK_TIMEOUT)
}

fn lock_within(path: &Path, timeout: Duration) -> io::Result<FileLock> {
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
                let held = format!("another program holds {}; try again", path.display());
                return Err(io::Error::new(io::ErrorKind::TimedOut, held));
            }
            // A file system without locks: two changes at once are unlikely there, and keys that cannot be revoked are worse.
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, path = %path.display(), "the file cannot be locked");
                return Ok(FileLock(file));
            }
        }
    }
}

/// Moves a damaged file out of the way, to a name that says so, and returns that. `now` is in Unix seconds.
///
/// # Errors
/// When it cannot be renamed.
pub fn set_aside(path: &Path, now: u64) -> io::Result<PathBuf> {
    let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let (stem, kind) = (part(path.file_stem()), part(path.extension()));
    let name = |more: &str| path.with_file_name(format!("{stem}.damaged-{now}{more}.{kind}"));
    // An earlier damaged file of the same second is somebody's as well.
    let others = (2..).map(|n| format!("-{n}")).map(|more| name(&more));
    let aside =
        std::iter::once(name("")).chain(others).find(|aside| !aside.exists()).unwrap_or_else(|| name(""));
    fs::rename(path, &aside)?;
    Ok(aside)
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
