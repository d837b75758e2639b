//! The key file in the data folder, shared by the running proxy and the `key` commands.
//!
//! It is replaced atomically and reloaded when it changes, so a key created or revoked by another process takes effect
//! with the next request. Changes hold a lock from read to rename; otherwise two processes changing the file at once
//! could lose a key or restore a revoked one. Changes wait for each other and block the thread, so async callers use
//! `spawn_blocking`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use codex_client::{FileStamp, replace_file};
use parking_lot::Mutex;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::keys::{Key, KeyEntry, Renamed};
use super::limits::KeyLimits;
use crate::files::{FileLock, lock_file, set_aside};

/// The latest format version.
const VERSION: u32 = 3;

/// The oldest version that honours these limits. A program that knows only an older one would ignore them, so it must not
/// accept the file.
fn version_for(limits: &KeyLimits) -> u32 {
    match limits {
        KeyLimits { plain_models_only: true, .. } => VERSION,
        limits if limits.is_none() => 1,
        _ => 2,
    }
}

/// Why the key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Reading or writing it failed.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// It is not a valid key file.
    #[error("{} is damaged ({error}). Move it away to start with new keys", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The parse error.
        error: serde_json::Error,
    },
    /// It was written by a newer version.
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
struct KeyFileContents {
    version: u32,
    keys: Vec<KeyEntry>,
    /// Fields of newer versions, preserved.
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

/// The key file.
#[derive(Debug)]
pub struct KeyFile {
    path: PathBuf,
    cached: Mutex<CachedKeys>,
}

/// The cached contents and the stamp of the file they came from.
#[derive(Debug, Default)]
struct CachedKeys {
    stamp: Option<FileStamp>,
    entries: Arc<[KeyEntry]>,
}

impl KeyFile {
    /// The key file in `data_dir`; it need not exist.
    #[must_use]
    pub fn in_folder(data_dir: &Path) -> Self {
        Self { path: data_dir.join("keys.json"), cached: Mutex::default() }
    }

    /// The current keys on disk.
    ///
    /// # Errors
    /// When the file exists and cannot be used.
    pub fn entries(&self) -> Result<Arc<[KeyEntry]>, KeyFileError> {
        let stamp = FileStamp::read(&self.path);
        let mut cached = self.cached.lock();
        // Without a stamp the file is missing or inaccessible; reading it tells which.
        if stamp.is_none() || stamp != cached.stamp {
            *cached = CachedKeys { stamp, entries: self.load()?.keys.into() };
        }
        Ok(Arc::clone(&cached.entries))
    }

    /// Creates a key. `now` is in Unix seconds.
    ///
    /// # Errors
    /// When the file cannot be used, or the system provides no random bytes.
    pub fn create(&self, name: &str, now: u64) -> Result<(Key, KeyEntry), KeyFileError> {
        self.create_limited(name, KeyLimits::default(), now)
    }

    /// Creates a key with limits that have been checked. `now` is in Unix seconds.
    ///
    /// # Errors
    /// See [`KeyFile::create`].
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

    /// Changes a key's limits, which have been checked, from the next request on.
    ///
    /// # Errors
    /// When there is no such key, or the file cannot be used.
    pub fn limit(&self, id: &str, limits: KeyLimits) -> Result<KeyEntry, KeyFileError> {
        self.change_entry(id, |entry| entry.limits = limits)
    }

    /// Renames a key, from the next request on. The name has been checked.
    ///
    /// # Errors
    /// When there is no such key, or the file cannot be used.
    pub fn rename(&self, id: &str, name: &str, renamed: Renamed) -> Result<KeyEntry, KeyFileError> {
        self.change_entry(id, |entry| {
            name.clone_into(&mut entry.name);
            entry.renamed = Some(renamed);
        })
    }

    fn change_entry(&self, id: &str, change: impl FnOnce(&mut KeyEntry)) -> Result<KeyEntry, KeyFileError> {
        self.change(|keys| {
            let entry = keys.iter_mut().find(|entry| entry.id == id);
            let entry = entry.ok_or_else(|| KeyFileError::NoSuchKey(id.to_owned()))?;
            change(entry);
            Ok(entry.clone())
        })
    }

    /// Revokes a key.
    ///
    /// # Errors
    /// When there is no such key, or the file cannot be used.
    pub fn revoke(&self, id: &str) -> Result<KeyEntry, KeyFileError> {
        self.change(|keys| {
            let at = keys.iter().position(|entry| entry.id == id);
            at.map(|at| keys.remove(at)).ok_or_else(|| KeyFileError::NoSuchKey(id.to_owned()))
        })
    }

    /// Sets a damaged file aside so that startup can continue with a new one. Returns a message about it; `None` if
    /// nothing was done. Files of newer versions are not damaged. `now` is in Unix seconds.
    ///
    /// # Errors
    /// When it is damaged and cannot be set aside.
    pub fn set_aside_damaged(&self, now: u64) -> Result<Option<String>, KeyFileError> {
        let damage = || match self.load() {
            Err(KeyFileError::Damaged { error, .. }) => Some(error),
            _ => None,
        };
        if damage().is_none() {
            return Ok(None);
        }
        let _lock = self.lock()?;
        // Another process may have set it aside by now.
        let Some(error) = damage() else { return Ok(None) };
        tracing::warn!(file = %self.path.display(), %error, "failed to parse the keys");
        let aside = set_aside(&self.path, now).map_err(|error| self.io(error))?;
        Ok(Some(format!(
            "The key file was damaged. It was renamed to {}, and its keys no longer work.",
            aside.display()
        )))
    }

    /// Changes the keys on disk, unless `change` fails.
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

    fn load(&self) -> Result<KeyFileContents, KeyFileError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let damaged = |error| KeyFileError::Damaged { path: self.path.clone(), error };
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(KeyFileContents::default()),
            Err(error) => return Err(self.io(error)),
        };
        // Check the version first: a newer file may have another structure and is not damaged.
        if serde_json::from_slice::<Versioned>(&text).map_err(damaged)?.version > VERSION {
            return Err(KeyFileError::Newer { path: self.path.clone() });
        }
        serde_json::from_slice(&text).map_err(damaged)
    }

    fn save(&self, mut stored: KeyFileContents) -> Result<(), KeyFileError> {
        stored.version = stored.keys.iter().map(|entry| version_for(&entry.limits)).max().unwrap_or(1);
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
