//! The file of keys in the data folder, shared by the running proxy and the `key` commands.
//!
//! It is written whole by a temporary file and a rename, and read again when it has changed, so a key that another process
//! makes or revokes counts from the next request on. A change holds a lock from its read to its rename: without it, two processes
//! that change the file at once would each write back what they read, and a key would be lost or a revoked one come back.
//! Changes wait for each other and block the thread; an async caller puts the call where it may block.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use codex_client::{FileStamp, replace_file};
use parking_lot::Mutex;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::keys::{Key, KeyEntry};
use super::limits::KeyLimits;
use crate::files::{FileLock, lock_file, set_aside};

/// The newest format that is known.
const VERSION: u32 = 2;

/// The format that is written while no key has limits.
///
/// A program that knows only this one would let a key with limits do everything, so it must not take the file for its own.
const WITHOUT_LIMITS: u32 = 1;

/// Why the file of keys could not be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It is not a file of keys.
    #[error("{} is damaged ({error}). Move it away to start with new keys", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: serde_json::Error,
    },
    /// A newer program wrote it.
    #[error("{} was written by a newer version of Codex Proxy. Use that version", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// There is no such key.
    #[error("there is no key with the id {0}")]
    NoSuchKey(String),
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Stored {
    version: u32,
    keys: Vec<KeyEntry>,
    /// Fields of a newer program, written back as they were.
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

/// The file of keys.
#[derive(Debug)]
pub struct KeyFile {
    path: PathBuf,
    read: Mutex<Read>,
}

/// What was read, and from which state of the file.
#[derive(Debug, Default)]
struct Read {
    stamp: Option<FileStamp>,
    entries: Arc<[KeyEntry]>,
}

impl KeyFile {
    /// The file of keys in `data_dir`; it need not exist yet.
    #[must_use]
    pub fn in_folder(data_dir: &Path) -> Self {
        Self { path: data_dir.join("keys.json"), read: Mutex::default() }
    }

    /// The keys as they are on disk now.
    ///
    /// # Errors
    /// When the file is there and cannot be used.
    pub fn entries(&self) -> Result<Arc<[KeyEntry]>, KeyFileError> {
        let stamp = FileStamp::read(&self.path);
        let mut read = self.read.lock();
        // Without a stamp there is no file, or one that cannot be reached: reading it says which.
        if stamp.is_none() || stamp != read.stamp {
            *read = Read { stamp, entries: self.load()?.keys.into() };
        }
        Ok(Arc::clone(&read.entries))
    }

    /// Makes a key and keeps what is to be kept of it. `now` is in Unix seconds.
    ///
    /// # Errors
    /// When the file cannot be used, or the system gives no random bytes.
    pub fn create(&self, name: &str, now: u64) -> Result<(Key, KeyEntry), KeyFileError> {
        self.create_limited(name, KeyLimits::default(), now)
    }

    /// Makes a key that may do less than the settings allow; the limits have been checked. `now` is in Unix seconds.
    ///
    /// # Errors
    /// As [`KeyFile::create`].
    pub fn create_limited(
        &self,
        name: &str,
        limits: KeyLimits,
        now: u64,
    ) -> Result<(Key, KeyEntry), KeyFileError> {
        let key = Key::generate().map_err(|error| self.io(io::Error::other(error.to_string())))?;
        let entry = KeyEntry { limits, ..KeyEntry::new(name, &key, now) };
        self.change(|keys| {
            keys.push(entry.clone());
            Ok((key, entry))
        })
    }

    /// Gives a key other limits, which count from the next request on; they have been checked.
    ///
    /// # Errors
    /// When there is no such key, or the file cannot be used.
    pub fn limit(&self, id: &str, limits: KeyLimits) -> Result<KeyEntry, KeyFileError> {
        self.change(|keys| {
            let entry = keys.iter_mut().find(|entry| entry.id == id);
            let entry = entry.ok_or_else(|| KeyFileError::NoSuchKey(id.to_owned()))?;
            entry.limits = limits;
            Ok(entry.clone())
        })
    }

    /// Takes a key away.
    ///
    /// # Errors
    /// When there is no such key, or the file cannot be used.
    pub fn revoke(&self, id: &str) -> Result<KeyEntry, KeyFileError> {
        self.change(|keys| {
            let at = keys.iter().position(|entry| entry.id == id);
            at.map(|at| keys.remove(at)).ok_or_else(|| KeyFileError::NoSuchKey(id.to_owned()))
        })
    }

    /// Moves a damaged file out of the way, so that a start can go on with new keys. Says what was done, in a sentence; `None` where
    /// nothing was to be done. One of a newer program is not damaged. `now` is in Unix seconds.
    ///
    /// # Errors
    /// When it is damaged and is still there.
    pub fn set_aside_damaged(&self, now: u64) -> Result<Option<String>, KeyFileError> {
        let damage = || match self.load() {
            Err(KeyFileError::Damaged { error, .. }) => Some(error),
            _ => None,
        };
        if damage().is_none() {
            return Ok(None);
        }
        let _lock = self.lock()?;
        // Another process may have set it aside by now, and what is there is a good one.
        let Some(error) = damage() else { return Ok(None) };
        let aside = set_aside(&self.path, now).map_err(|error| self.io(error))?;
        Ok(Some(format!(
            "The file of keys was damaged ({error}). It was set aside as {}, and its keys do not work any more.",
            aside.display()
        )))
    }

    /// Changes the keys on disk; an error of `change` leaves them as they are.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Vec<KeyEntry>) -> Result<T, KeyFileError>,
    ) -> Result<T, KeyFileError> {
        let _lock = self.lock()?;
        let mut stored = self.load()?;
        let changed = change(&mut stored.keys)?;
        self.save(stored)?;
        Ok(changed)
    }

    fn lock(&self) -> Result<FileLock, KeyFileError> {
        lock_file(&self.path).map_err(|error| self.io(error))
    }

    fn load(&self) -> Result<Stored, KeyFileError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let damaged = |error| KeyFileError::Damaged { path: self.path.clone(), error };
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Stored::default()),
            Err(error) => return Err(self.io(error)),
        };
        // The version first: a newer file may have another form, and must not be called damaged.
        if serde_json::from_slice::<Versioned>(&text).map_err(damaged)?.version > VERSION {
            return Err(KeyFileError::Newer { path: self.path.clone() });
        }
        serde_json::from_slice(&text).map_err(damaged)
    }

    fn save(&self, mut stored: Stored) -> Result<(), KeyFileError> {
        let limited = stored.keys.iter().any(|entry| !entry.limits.is_none());
        stored.version = if limited { VERSION } else { WITHOUT_LIMITS };
        let mut text = serde_json::to_vec_pretty(&stored).map_err(|error| self.io(error.into()))?;
        text.push(b'\n');
        replace_file(&self.path, &text).map_err(|error| self.io(error))
    }

    fn io(&self, error: io::Error) -> KeyFileError {
        KeyFileError::Io { path: self.path.clone(), error }
    }
}

#[cfg(test)]
#[path = "key_file_tests.rs"]
mod tests;
