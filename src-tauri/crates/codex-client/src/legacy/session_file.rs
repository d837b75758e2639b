//! Finds and deletes the session files that an older codex writes.
//!
//! A codex that supports `ephemeral` writes none; `codex exec` had no such switch. A file is deleted only when its name
//! contains the id of a session that we started.

use std::fs;
use std::path::{Path, PathBuf};

/// Day folders to search for a session, which may have started before midnight in any time zone.
const MAX_DAYS: usize = 3;

/// Finds the file of the session `id` in codex's home and deletes it.
pub(crate) fn find_and_delete(codex_home: &Path, id: &str) {
    let sessions = codex_home.join("sessions");
    let days = latest(&sessions).into_iter().flat_map(|year| latest(&year)).flat_map(|month| latest(&month));
    for path in days.take(MAX_DAYS).flat_map(|day| entries(&day)) {
        delete(&path, id);
    }
}

/// Deletes the file of the session `id`, both at `path` and in codex's archive, and then the folders that are empty. Does
/// nothing if `path` does not look like that session's file.
pub(crate) fn delete(path: &Path, id: &str) {
    // The id selects a file to delete, so it must look like an id.
    let is_id = id.len() >= 16 && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let name = path.file_name().unwrap_or_default();
    let text = name.to_string_lossy();
    if !is_id || !text.starts_with("rollout-") || !text.ends_with(&format!("{id}.jsonl")) {
        return;
    }
    let _gone = fs::remove_file(path);
    if let Some(home) = path.ancestors().nth(5) {
        let archive = home.join("archived_sessions");
        let _gone = fs::remove_file(archive.join(name));
        let _in_use = fs::remove_dir(archive);
    }
    // Day, month, year, `sessions`, unless they contain anything else.
    for folder in path.ancestors().skip(1).take(4) {
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
}

/// The latest folders by name, which are years, months or days.
fn latest(folder: &Path) -> Vec<PathBuf> {
    let mut folders = entries(folder);
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders.reverse();
    folders.truncate(MAX_DAYS);
    folders
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
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
    fn only_our_own_session_is_deleted() {
        let home = tempfile::tempdir().unwrap();
        let theirs = written(home.path(), "01a20533-0000-7802-9248-6606ba858580");
        let ours = written(home.path(), ID);
        find_and_delete(home.path(), ID);
        assert!(!ours.exists() && theirs.exists());
        for no_id in ["", "jsonl", "../../x", "*"] {
            find_and_delete(home.path(), no_id);
            delete(&theirs, no_id);
        }
        assert!(theirs.exists());
    }

    #[test]
    fn empty_folders_are_removed() {
        let home = tempfile::tempdir().unwrap();
        let ours = written(home.path(), ID);
        let archive = home.path().join("archived_sessions");
        fs::create_dir_all(&archive).unwrap();
        fs::rename(&ours, archive.join(ours.file_name().unwrap())).unwrap();
        delete(&ours, ID);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }
}
