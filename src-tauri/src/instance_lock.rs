//! One app to a data folder, found out before anything else is started.
//!
//! The desktop's own way to be the only one (the single-instance plugin) speaks only once the desktop's parts are loaded. This
//! is for the time before, and for the moment in which an app that is ending still has the folder.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

/// An app that ends lets its streams finish for five seconds and needs a moment more for codex.
const LIMIT: Duration = Duration::from_secs(15);

/// How often it is looked whether the other has ended.
const PAUSE: Duration = Duration::from_millis(50);

/// A claim on a data folder, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Claim {
    file: File,
    is_ours: bool,
}

impl Claim {
    /// Claims a folder, which another app may have.
    pub(crate) fn on(data_dir: &Path) -> Result<Self, String> {
        let path = data_dir.join("running.lock");
        let cannot = |error| format!("{} cannot be used: {error}", path.display());
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(cannot)?;
        let is_ours = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            // A file system without locks: two apps in one folder are unlikely, and one that does not start is worse.
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, "the data folder cannot be locked");
                true
            }
        };
        Ok(Self { file, is_ours })
    }

    /// Whether the folder is ours.
    pub(crate) fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// Waits until the other app has ended.
    pub(crate) fn wait(&mut self) -> Result<(), String> {
        let begun = Instant::now();
        while !self.is_ours {
            if begun.elapsed() > LIMIT {
                return Err(
                    "another Codex Proxy uses this data folder and does not answer; end it first".to_owned()
                );
            }
            std::thread::sleep(PAUSE);
            self.is_ours = self.file.try_lock().is_ok();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_app_and_the_next_one_waits_for_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let first = Claim::on(folder.path()).unwrap();
        let mut second = Claim::on(folder.path()).unwrap();
        assert!(first.is_ours() && !second.is_ours());
        drop(first);
        second.wait().unwrap();
        assert!(second.is_ours() && !Claim::on(folder.path()).unwrap().is_ours());
    }
}
