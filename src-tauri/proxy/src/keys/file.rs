//! The file of keys in the data folder, shared by the running proxy and the `key` commands.
//!
//! It is written whole by a temporary file and a rename, and read anew when it has changed, so a key that another process
//! makes or revokes counts from the next request on.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Key, KeyEntry, KeyLimits};

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
    #[error("there is no key with the id {0}. `codex-proxyd key list` shows them")]
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
    stamp: Option<Stamp>,
    entries: Arc<[KeyEntry]>,
}

/// What tells two states of the file apart without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    bytes: u64,
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
        let stamp = self.stamp()?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if stamp != read.stamp {
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
        let mut stored = self.load()?;
        stored.keys.push(entry.clone());
        self.save(stored)?;
        Ok((key, entry))
    }

    /// Gives a key other limits, which count from the next request on; they have been checked.
    ///
    /// # Errors
    /// When there is no such key, or the file cannot be used.
    pub fn limit(&self, id: &str, limits: KeyLimits) -> Result<KeyEntry, KeyFileError> {
        let mut stored = self.load()?;
        let entry = stored.keys.iter_mut().find(|entry| entry.id == id);
        let entry = entry.ok_or_else(|| KeyFileError::NoSuchKey(id.to_owned()))?;
        entry.limits = limits;
        let entry = entry.clone();
        self.save(stored)?;
        Ok(entry)
    }

    /// Takes a key away.
    ///
    /// # Errors
    /// When there is no such key, or the file cannot be used.
    pub fn revoke(&self, id: &str) -> Result<KeyEntry, KeyFileError> {
        let mut stored = self.load()?;
        let at = stored.keys.iter().position(|entry| entry.id == id);
        let revoked =
            at.map(|at| stored.keys.remove(at)).ok_or_else(|| KeyFileError::NoSuchKey(id.to_owned()))?;
        self.save(stored)?;
        Ok(revoked)
    }

    fn stamp(&self) -> Result<Option<Stamp>, KeyFileError> {
        match fs::metadata(&self.path) {
            Ok(metadata) => {
                let modified = metadata.modified().map_err(|error| self.io(error))?;
                Ok(Some(Stamp { modified, bytes: metadata.len() }))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.io(error)),
        }
    }

    fn load(&self) -> Result<Stored, KeyFileError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let damaged = |error| KeyFileError::Damaged { path: self.path.clone(), error };
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Stored::default()),
            Err(error) => return Err(self.io(error)),
        };
        // The version first: a newer file may have another form, and must not be called damaged.
        if serde_json::from_str::<Versioned>(&text).map_err(damaged)?.version > VERSION {
            return Err(KeyFileError::Newer { path: self.path.clone() });
        }
        serde_json::from_str(&text).map_err(damaged)
    }

    fn save(&self, mut stored: Stored) -> Result<(), KeyFileError> {
        let limited = stored.keys.iter().any(|entry| !entry.limits.is_none());
        stored.version = if limited { VERSION } else { WITHOUT_LIMITS };
        let write = || -> io::Result<()> {
            let folder = self.path.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder)?;
            // A temporary file of this kind is readable by its owner only.
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer_pretty(&mut file, &stored)?;
            file.write_all(b"\n")?;
            file.as_file().sync_all()?;
            file.persist(&self.path)?;
            Ok(())
        };
        write().map_err(|error| self.io(error))
    }

    fn io(&self, error: io::Error) -> KeyFileError {
        KeyFileError::Io { path: self.path.clone(), error }
    }
}

#[cfg(test)]
mod tests {
    use codex_client::SandboxMode;

    use super::super::find;
    use super::*;

    #[test]
    fn a_key_made_by_another_process_counts_at_once_and_until_it_is_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (KeyFile::in_folder(folder.path()), KeyFile::in_folder(folder.path()));
        assert!(ours.entries().unwrap().is_empty());
        let (key, entry) = theirs.create("laptop", 5).unwrap();
        assert_eq!(find(ours.entries().unwrap().iter(), &key), Some(&entry));
        theirs.revoke(&entry.id).unwrap();
        assert_eq!(find(ours.entries().unwrap().iter(), &key), None);
    }

    #[test]
    fn a_file_from_before_there_were_limits_is_read_and_what_a_newer_one_says_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (path, keys) = (folder.path().join("keys.json"), KeyFile::in_folder(folder.path()));
        let (_, old) = keys.create("laptop", 5).unwrap();
        let mut text: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(text["version"], 1);
        assert!(text["keys"][0].get("sandbox").is_none() && text["keys"][0].get("limits").is_none());
        text["later"] = "whole".into();
        text["keys"][0]["later"] = "of a key".into();
        fs::write(&path, text.to_string()).unwrap();
        let limits = KeyLimits { sandbox: Some(SandboxMode::ReadOnly), workspace: Some("/srv/notes".into()) };
        let (_, limited) = keys.create_limited("phone", limits.clone(), 6).unwrap();
        assert_eq!(limited.limits, limits);
        let text: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!((&text["later"], &text["keys"][0]["later"]), (&"whole".into(), &"of a key".into()));
        assert_eq!(KeyFile::in_folder(folder.path()).entries().unwrap()[1].limits, limits);
        assert!(keys.entries().unwrap()[0].limits == old.limits && old.limits.is_none());
    }

    #[test]
    fn a_program_that_knows_no_limits_is_kept_from_a_file_that_has_some() {
        let folder = tempfile::tempdir().unwrap();
        let (path, keys) = (folder.path().join("keys.json"), KeyFile::in_folder(folder.path()));
        let version = || -> Value {
            let text: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            text["version"].clone()
        };
        let (_, entry) = keys.create("laptop", 5).unwrap();
        let read_only = KeyLimits { sandbox: Some(SandboxMode::ReadOnly), workspace: None };
        assert_eq!(keys.limit(&entry.id, read_only.clone()).unwrap().limits, read_only);
        assert_eq!(version(), 2);
        keys.limit(&entry.id, KeyLimits::default()).unwrap();
        assert_eq!(version(), 1);
        assert!(matches!(keys.limit("abc", read_only), Err(KeyFileError::NoSuchKey(_))));
    }

    #[test]
    fn the_secret_is_nowhere_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (key, _) = KeyFile::in_folder(folder.path()).create("laptop", 5).unwrap();
        let text = fs::read_to_string(folder.path().join("keys.json")).unwrap();
        assert!(text.contains("laptop") && !text.contains(key.reveal()));
        assert!(!text.contains(&key.reveal()[6..]));
    }

    #[test]
    fn a_damaged_or_newer_file_is_said_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        let keys = KeyFile::in_folder(folder.path());
        for (text, newer) in [("{", false), ("{\"version\":9,\"keys\":{}}", true)] {
            fs::write(&path, text).unwrap();
            let error = keys.create("laptop", 5).unwrap_err();
            assert_eq!(matches!(error, KeyFileError::Newer { .. }), newer, "{error}");
            assert!(keys.entries().is_err());
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn revoking_a_key_that_is_not_there_says_so() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(KeyFile::in_folder(folder.path()).revoke("abc"), Err(KeyFileError::NoSuchKey(_))));
    }
}
