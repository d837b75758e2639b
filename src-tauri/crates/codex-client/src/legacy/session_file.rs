//! The session files that an older codex writes though nobody will go on with the session: found and taken away.
//!
//! A codex that knows `ephemeral` writes none, and `codex exec` has no such switch before. A file is touched only when its
//! name holds the id of a session that we have started ourselves.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Day folders that are looked through for a session: it may have begun before midnight, here or elsewhere.
const DAYS: usize = 3;

/// Where the session `id` was written, by the path that codex names; `None` when the path does not look like one.
pub(crate) fn of_session(path: &Path, id: &str) -> Option<PathBuf> {
    is_of_session(path, id).then(|| path.to_owned())
}

fn is_of_session(path: &Path, id: &str) -> bool {
    // The id goes into the name of a file that is deleted, so it must be one.
    let is_id = id.len() >= 16 && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    is_id && name.starts_with("rollout-") && name.ends_with(&format!("{id}.jsonl"))
}

/// Takes the file away, from where it was written and from where codex keeps what was archived, and the folders that are
/// empty then.
pub(crate) fn remove(path: &Path) {
    let _gone = fs::remove_file(path);
    let folders: Vec<&Path> = path.ancestors().skip(1).take(4).collect();
    if let (Some(home), Some(name)) = (path.ancestors().nth(5), path.file_name()) {
        let archive = home.join("archived_sessions");
        let _gone = fs::remove_file(archive.join(name));
        let _in_use = fs::remove_dir(archive);
    }
    for folder in folders {
        // Day, month, year, `sessions`: one that holds anything else stays.
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
}

/// Finds the file of the session `id` below codex's home and takes it away.
pub(crate) fn remove_by_id(codex_home: &Path, id: &str) {
    let sessions = codex_home.join("sessions");
    let days = latest(&sessions).into_iter().flat_map(|year| latest(&year)).flat_map(|month| latest(&month));
    for day in days.take(DAYS) {
        for path in entries(&day) {
            if is_of_session(&path, id) {
                return remove(&path);
            }
        }
    }
}

/// The folders in `folder` that sort last, which for years, months and days are the latest.
fn latest(folder: &Path) -> Vec<PathBuf> {
    let mut folders = entries(folder);
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders.reverse();
    folders.truncate(DAYS);
    folders
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// The files of the sessions that are open. Those that are left when codex is gone are taken away with it.
#[derive(Debug, Default)]
pub(crate) struct SessionFiles(Mutex<Vec<PathBuf>>);

impl SessionFiles {
    pub(crate) fn add(&self, path: PathBuf) {
        self.lock().push(path);
    }

    /// The session is over.
    pub(crate) fn remove(&self, path: &Path) {
        self.lock().retain(|open| open != path);
        remove(path);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SessionFiles {
    fn drop(&mut self) {
        self.lock().iter().for_each(|path| remove(path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01a20533-c1d0-7802-9248-6606ba858580";

    fn written(home: &Path, id: &str) -> PathBuf {
        let folder = home.join("sessions/2026/11/22");
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("rollout-2026-11-22T21-40-07-{id}.jsonl"));
        fs::write(&path, "x").unwrap();
        path
    }

    #[test]
    fn a_session_of_ours_goes_and_the_users_stay() {
        let home = tempfile::tempdir().unwrap();
        let theirs = written(home.path(), "01a20533-0000-7802-9248-6606ba858580");
        let ours = written(home.path(), ID);
        remove_by_id(home.path(), ID);
        assert!(!ours.exists() && theirs.exists());
        for no_id in ["", "jsonl", "../../x", "*"] {
            remove_by_id(home.path(), no_id);
            assert_eq!(of_session(&theirs, no_id), None);
        }
        assert!(theirs.exists());
    }

    #[test]
    fn nothing_is_left_in_a_home_that_had_no_sessions() {
        let home = tempfile::tempdir().unwrap();
        let ours = written(home.path(), ID);
        let archive = home.path().join("archived_sessions");
        fs::create_dir_all(&archive).unwrap();
        fs::rename(&ours, archive.join(ours.file_name().unwrap())).unwrap();
        let open = SessionFiles::default();
        open.add(of_session(&ours, ID).unwrap());
        drop(open);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }
}
