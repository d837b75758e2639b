//! The session files that an older codex writes, found and deleted.
//!
//! A codex that knows `ephemeral` writes none, and `codex exec` had no such switch. A file is deleted only when its name
//! holds the id of a session that we started.

use std::fs;
use std::path::{Path, PathBuf};

/// Day folders that are searched for a session: it may have begun before midnight, here or elsewhere.
const MAX_DAYS: usize = 3;

/// Finds the file of the session `id` below codex's home and deletes it.
pub(crate) fn find_and_delete(codex_home: &Path, id: &str) {
    let sessions = codex_home.join("sessions");
    let days = latest(&sessions).into_iter().flat_map(|year| latest(&year)).flat_map(|month| latest(&month));
    for path in days.take(MAX_DAYS).flat_map(|day| entries(&day)) {
        delete(&path, id);
    }
}

/// Deletes the file of the session `id`, where it was written and where codex archives it, and then the folders that are
/// empty. A path that does not look like one of that session is left alone.
pub(crate) fn delete(path: &Path, id: &str) {
    // The id is part of the name of a file that is deleted, so it must look like one.
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
    // Day, month, year, `sessions`: one that holds anything else stays.
    for folder in path.ancestors().skip(1).take(4) {
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
}

/// The folders in `folder` that sort last, which for years, months and days are the latest.
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
    fn a_session_of_ours_goes_and_the_users_stay() {
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
    fn nothing_is_left_in_a_home_that_had_no_sessions() {
        let home = tempfile::tempdir().unwrap();
        let ours = written(home.path(), ID);
        let archive = home.path().join("archived_sessions");
        fs::create_dir_all(&archive).unwrap();
        fs::rename(&ours, archive.join(ours.file_name().unwrap())).unwrap();
        delete(&ours, ID);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }
}
