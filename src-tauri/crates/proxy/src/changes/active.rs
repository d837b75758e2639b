//! The answers that are being generated, of all programs with this data folder, and which of them overlapped.
//!
//! Each has a file that its program keeps locked; one that is not locked was left by a program that was killed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::folder::overlap;
use crate::files::lock_within;

/// Maximum wait for another program that begins or ends an answer, which takes milliseconds.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// The folder with the files.
#[derive(Clone, Debug)]
pub(super) struct ActiveAnswers(PathBuf);

/// One answer, until it is dropped.
#[derive(Debug)]
pub(super) struct ActiveAnswer {
    all: ActiveAnswers,
    id: String,
    /// The answers that ran when it began.
    met: Vec<String>,
    /// Locked.
    _file: File,
}

impl ActiveAnswers {
    pub(super) fn in_folder(folder: &Path) -> Self {
        Self(folder.join("active"))
    }

    fn file(&self, id: &str, kind: &str) -> PathBuf {
        self.0.join(format!("{id}.{kind}"))
    }

    /// Begins an answer that may change this folder.
    pub(super) fn begin(&self, id: &str, folder: &Path) -> io::Result<ActiveAnswer> {
        let _lock = lock_within(&self.0, LOCK_TIMEOUT)?;
        fs::create_dir_all(&self.0)?;
        let met = self.running_in(folder);
        for other in &met {
            let mut meets = OpenOptions::new().append(true).create(true).open(self.file(other, "met"))?;
            writeln!(meets, "{id}")?;
        }
        fs::write(self.file(id, "folder"), folder.as_os_str().as_encoded_bytes())?;
        let file = File::create(self.file(id, "lock"))?;
        file.lock()?;
        Ok(ActiveAnswer { all: self.clone(), id: id.to_owned(), met, _file: file })
    }

    /// Whether an answer that may change this folder is being generated.
    pub(super) fn any_in(&self, folder: &Path) -> io::Result<bool> {
        let _lock = lock_within(&self.0, LOCK_TIMEOUT)?;
        Ok(!self.running_in(folder).is_empty())
    }

    /// The ids of those in this folder, in one inside it or around it. Removes what killed programs left.
    fn running_in(&self, folder: &Path) -> Vec<String> {
        let mut running = Vec::new();
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let Some(id) =
                entry.file_name().to_str().and_then(|name| Some(name.strip_suffix(".lock")?.to_owned()))
            else {
                continue;
            };
            let is_over = File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok());
            if is_over {
                self.remove(&id);
                continue;
            }
            let path = fs::read(self.file(&id, "folder")).unwrap_or_default();
            // An unreadable one counts: it may be this folder.
            if path.is_empty() || overlap(&stored_path(path), folder) {
                running.push(id);
            }
        }
        running
    }

    fn remove(&self, id: &str) {
        for kind in ["lock", "folder", "met"] {
            let _gone = fs::remove_file(self.file(id, kind));
        }
    }
}

impl ActiveAnswer {
    /// The ids of the answers that overlapped it so far.
    pub(super) fn met(&self) -> Vec<String> {
        let later = fs::read_to_string(self.all.file(&self.id, "met")).unwrap_or_default();
        self.met.iter().cloned().chain(later.lines().map(str::to_owned)).collect()
    }
}

impl Drop for ActiveAnswer {
    fn drop(&mut self) {
        let _lock = lock_within(&self.all.0, LOCK_TIMEOUT);
        self.all.remove(&self.id);
    }
}

/// A path as written by `begin`. On Windows one that is not Unicode does not come back, and then overlaps with nothing else.
fn stored_path(bytes: Vec<u8>) -> PathBuf {
    #[cfg(unix)]
    let text = <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes);
    #[cfg(not(unix))]
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.into()
}
