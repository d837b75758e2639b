//! Removes the pictures that codex saves in its home: `generated_images/THREAD/CALL.png`.
//!
//! A thread's pictures stay until it ends, since its model may copy them into the working folder or edit them. The thread is
//! noted in a folder of ours until then, in a file that stays locked: one that is not locked was left by a program that was
//! killed, and the next start removes those pictures. A chat that codex stores keeps its pictures.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

/// codex's folder for pictures in its home.
const SAVED: &str = "generated_images";

/// The folder of the notes.
const NOTES: &str = "codex-pictures";

/// The pictures of one codex's threads.
#[derive(Debug)]
pub(crate) struct Pictures {
    /// codex's folder; `None` if its home is unknown.
    saved: Option<PathBuf>,
    notes: PathBuf,
    /// The notes of threads that have pictures. Bounded by the threads.
    noted: Mutex<HashMap<String, File>>,
    /// The threads whose pictures stay. Bounded by the threads.
    stored: Mutex<HashSet<String>>,
}

impl Pictures {
    /// Removes what is left of earlier programs. The notes are in `folder`.
    pub(crate) fn new(home: Option<&Path>, folder: &Path) -> Self {
        let notes = folder.join(NOTES);
        for entry in fs::read_dir(&notes).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_over = File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
            if is_over && let Ok(left) = fs::read_to_string(&path) {
                remove(Path::new(&left));
                let _ = fs::remove_file(&path);
            }
        }
        Self {
            saved: home.map(|home| home.join(SAVED)),
            notes,
            noted: Mutex::default(),
            stored: Mutex::default(),
        }
    }

    /// `thread` is one that codex stores, so that its pictures stay.
    pub(crate) fn keep(&self, thread: &str) {
        self.stored.lock().insert(thread.to_owned());
    }

    /// codex begins to generate a picture on `thread`.
    pub(crate) fn begun(&self, thread: &str) {
        if self.stored.lock().contains(thread) {
            return;
        }
        let Some(folder) = self.folder(thread) else { return };
        let mut noted = self.noted.lock();
        if noted.contains_key(thread) {
            return;
        }
        match note(&self.notes, thread, &folder) {
            Ok(file) => drop(noted.insert(thread.to_owned(), file)),
            // The end of the thread removes them all the same.
            Err(error) => tracing::warn!(%error, "a generated picture could not be noted"),
        }
    }

    /// Removes the pictures of a thread that has ended, unless they stay.
    pub(crate) fn remove(&self, thread: &str) {
        if self.stored.lock().remove(thread) {
            return;
        }
        if let Some(folder) = self.folder(thread) {
            remove(&folder);
        }
        if self.noted.lock().remove(thread).is_some() {
            let _ = fs::remove_file(self.notes.join(thread));
        }
    }

    fn folder(&self, thread: &str) -> Option<PathBuf> {
        let is_name = !thread.is_empty() && thread.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
        self.saved.as_ref().filter(|_| is_name).map(|saved| saved.join(thread))
    }
}

/// Notes that the pictures of `thread` are in `folder`.
fn note(notes: &Path, thread: &str, folder: &Path) -> io::Result<File> {
    fs::create_dir_all(notes)?;
    let path = notes.join(thread);
    let folder = std::path::absolute(folder)?;
    let text = folder.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
    fs::write(&path, text)?;
    let file = File::open(&path)?;
    file.lock()?;
    Ok(file)
}

/// Removes the folder of a thread, and codex's folder if it is then empty.
fn remove(folder: &Path) {
    let is_saved = folder.parent().and_then(Path::file_name).is_some_and(|name| name == SAVED);
    if is_saved && fs::remove_dir_all(folder).is_ok() {
        // Fails if there are others.
        let _ = folder.parent().map(fs::remove_dir);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of `thread`, as codex saves it.
    fn save(home: &Path, thread: &str) -> PathBuf {
        let folder = home.join(SAVED).join(thread);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("call_1.png"), "png").unwrap();
        folder
    }

    #[test]
    fn pictures_go_with_their_thread_and_others_stay() {
        let home = tempfile::tempdir().unwrap();
        let pictures = Pictures::new(Some(home.path()), home.path());
        let (ours, users) = (save(home.path(), "a-1"), save(home.path(), "b-2"));
        pictures.begun("a-1");
        pictures.begun("a-1");
        pictures.remove("a-1");
        assert!(!ours.exists() && users.exists());
        assert_eq!(fs::read_dir(home.path().join(NOTES)).unwrap().count(), 0);
        for name in ["", "..", "../b-2", "/"] {
            pictures.begun(name);
            pictures.remove(name);
        }
        assert!(users.exists());
        fs::remove_dir_all(users).unwrap();
        save(home.path(), "a-1");
        pictures.remove("a-1");
        assert!(!home.path().join(SAVED).exists());
    }

    #[test]
    fn pictures_of_a_killed_program_are_removed_at_the_next_start() {
        let home = tempfile::tempdir().unwrap();
        let running = Pictures::new(Some(home.path()), home.path());
        let (left, kept) = (save(home.path(), "left"), save(home.path(), "kept"));
        running.begun("left");
        running.begun("kept");
        // A child that another test starts would keep the lock.
        running.noted.lock().remove("left").unwrap().unlock().unwrap();
        drop(Pictures::new(None, home.path()));
        assert!(!left.exists() && kept.exists());
        running.remove("kept");
        assert!(!kept.exists());
    }

    #[test]
    fn pictures_of_a_stored_chat_stay() {
        let home = tempfile::tempdir().unwrap();
        let pictures = Pictures::new(Some(home.path()), home.path());
        let chat = save(home.path(), "a-1");
        pictures.keep("a-1");
        pictures.begun("a-1");
        assert!(!home.path().join(NOTES).exists());
        pictures.remove("a-1");
        assert!(chat.exists());
        // Nothing is remembered of a thread that has ended.
        pictures.remove("a-1");
        assert!(!chat.exists());
    }

    #[test]
    fn a_damaged_note_removes_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let other = home.path().join("other");
        fs::create_dir_all(home.path().join(NOTES)).unwrap();
        fs::create_dir_all(&other).unwrap();
        fs::write(home.path().join(NOTES).join("x"), other.to_str().unwrap()).unwrap();
        drop(Pictures::new(None, home.path()));
        assert!(other.exists());
    }
}
