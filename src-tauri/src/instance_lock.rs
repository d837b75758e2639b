//! Allows one app per data folder.
//!
//! The single-instance plugin works only after the desktop's libraries are loaded. This lock covers the time before, and an app
//! that is still shutting down.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::options::CHECK_FOLDER;

/// How long to wait for the other app, which gives its streams five seconds and then stops codex.
const EXIT_TIMEOUT: Duration = Duration::from_secs(15);

/// How often the lock is tried.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The lock on a data folder, released on drop.
#[derive(Debug)]
pub(crate) struct InstanceLock {
    file: File,
    is_held: bool,
}

impl InstanceLock {
    /// Tries to lock the folder, which another app may hold.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, String> {
        let path = data_dir.join("running.lock");
        let cannot = |error| format!("cannot open {}: {error}. {CHECK_FOLDER}", path.display());
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(cannot)?;
        let is_held = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            // A file system without locks: two apps on one folder are unlikely, and not starting is worse.
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, "cannot lock the data folder");
                true
            }
        };
        Ok(Self { file, is_held })
    }

    /// Whether this app holds the lock.
    pub(crate) fn is_held(&self) -> bool {
        self.is_held
    }

    /// Waits until the other app has exited.
    pub(crate) fn wait(&mut self) -> Result<(), String> {
        let started = Instant::now();
        while !self.is_held {
            if started.elapsed() > EXIT_TIMEOUT {
                return Err(
                    "another Codex Proxy is using this data folder and isn't responding; quit it and try again".to_owned()
                );
            }
            std::thread::sleep(POLL_INTERVAL);
            self.is_held = self.file.try_lock().is_ok();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_app_waits_until_the_first_has_exited() {
        let folder = tempfile::tempdir().unwrap();
        let first = InstanceLock::open(folder.path()).unwrap();
        let mut second = InstanceLock::open(folder.path()).unwrap();
        assert!(first.is_held() && !second.is_held());
        drop(first);
        second.wait().unwrap();
        assert!(second.is_held() && !InstanceLock::open(folder.path()).unwrap().is_held());
    }
}
