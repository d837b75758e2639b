//! The key file in the data folder, shared by the running proxy and the `key` commands.
//!
//! A key created or revoked by another process takes effect with the next request. Changes block the thread, so async callers
//! use `spawn_blocking`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::keys::{Key, KeyEntry, Renamed};
use super::limits::KeyLimits;
use crate::files::{JsonFile, JsonFileError, Versioned};

/// The latest format version.
const VERSION: u32 = 4;

/// The oldest version that honours these limits. A program that knows only an older one would ignore them, so it must not
/// accept the file.
fn version_for(limits: &KeyLimits) -> u32 {
    // A program that does not know `keep_chats` keeps none.
    let limits = &KeyLimits { keep_chats: None, ..limits.clone() };
    let KeyLimits { sandbox, workspace, plain_models_only, .. } = limits.clone();
    let known = KeyLimits { sandbox, workspace, plain_models_only, ..KeyLimits::default() };
    match known {
        known if known != *limits => VERSION,
        KeyLimits { plain_models_only: true, .. } => 3,
        known if known.is_none() => 1,
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

impl From<JsonFileError> for KeyFileError {
    fn from(error: JsonFileError) -> Self {
        match error {
            JsonFileError::Io { path, error } => Self::Io { path, error },
            JsonFileError::Damaged { path, error } => Self::Damaged { path, error },
            JsonFileError::Newer { path } => Self::Newer { path },
        }
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct KeyFileContents {
    version: u32,
    #[serde(with = "shared")]
    keys: Arc<[KeyEntry]>,
    /// Fields of newer versions, preserved.
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

/// The keys are shared with requests, without a copy.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::KeyEntry;

    pub(super) fn serialize<S: Serializer>(keys: &Arc<[KeyEntry]>, to: S) -> Result<S::Ok, S::Error> {
        keys.as_ref().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<[KeyEntry]>, D::Error> {
        Vec::deserialize(from).map(Into::into)
    }
}

impl Versioned for KeyFileContents {
    const LATEST: u32 = VERSION;

    fn set_version(&mut self) {
        self.version = self.keys.iter().map(|entry| version_for(&entry.limits)).max().unwrap_or(1);
    }
}

/// The key file.
#[derive(Debug)]
pub struct KeyFile(JsonFile<KeyFileContents>);

impl KeyFile {
    /// The key file in `data_dir`; it need not exist.
    #[must_use]
    pub fn in_folder(data_dir: &Path) -> Self {
        Self(JsonFile::new(data_dir.join("keys.json")))
    }

    /// The current keys on disk.
    ///
    /// # Errors
    /// When the file exists and cannot be used.
    pub fn entries(&self) -> Result<Arc<[KeyEntry]>, KeyFileError> {
        Ok(Arc::clone(&self.0.read()?.keys))
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
        let key = Key::generate().map_err(|error| KeyFileError::Io {
            path: self.0.path().to_owned(),
            error: io::Error::other(error.to_string()),
        })?;
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
        let aside = self.0.set_aside_damaged(now)?;
        Ok(aside.map(|aside| {
            format!(
                "The key file was damaged. It was renamed to {}, and its keys no longer work.",
                aside.display()
            )
        }))
    }

    /// Changes the keys on disk, unless `change` fails.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Vec<KeyEntry>) -> Result<T, KeyFileError>,
    ) -> Result<T, KeyFileError> {
        self.0.change(|stored| {
            let mut keys = stored.keys.to_vec();
            let changed = change(&mut keys)?;
            stored.keys = keys.into();
            Ok(changed)
        })
    }
}

#[cfg(test)]
#[path = "key_file_tests.rs"]
mod tests;
