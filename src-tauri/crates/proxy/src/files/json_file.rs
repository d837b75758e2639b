//! A JSON file in the data folder that several processes read and change.
//!
//! It is replaced atomically and read again when it has changed. A change holds a lock from read to rename; otherwise two
//! processes could undo each other's changes. Changes block the thread, so async callers use `spawn_blocking`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use codex_client::{FileStamp, read_file, replace_file};
use parking_lot::Mutex;
use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{FileLock, lock_file, set_aside};

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JsonFileError {
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("{} is damaged ({error})", path.display())]
    Damaged { path: PathBuf, error: serde_json::Error },
    #[error("{} was written by a newer version of Codex Proxy. Use that version", path.display())]
    Newer { path: PathBuf },
}

/// The contents of a file with a version of its format.
pub(crate) trait Versioned: Default + Serialize + DeserializeOwned {
    /// The latest version.
    const LATEST: u32;

    /// Sets the version to write: the oldest whose programs understand the contents.
    fn set_version(&mut self);
}

/// The file.
#[derive(Debug)]
pub(crate) struct JsonFile<T> {
    path: PathBuf,
    /// What was read last, and the stamp of the file that it came from.
    cached: Mutex<(Option<FileStamp>, Arc<T>)>,
}

impl<T: Versioned> JsonFile<T> {
    /// The file at `path`; it need not exist.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, cached: Mutex::default() }
    }

    /// Its current contents; the default ones if there is no file.
    pub(crate) fn read(&self) -> Result<Arc<T>, JsonFileError> {
        let stamp = FileStamp::read(&self.path);
        let mut cached = self.cached.lock();
        // Without a stamp the file is missing or inaccessible; reading it tells which.
        if stamp.is_none() || stamp != cached.0 {
            *cached = (stamp, Arc::new(self.load()?));
        }
        Ok(Arc::clone(&cached.1))
    }

    /// Changes it, unless `change` fails.
    pub(crate) fn change<R, E: From<JsonFileError>>(
        &self,
        change: impl FnOnce(&mut T) -> Result<R, E>,
    ) -> Result<R, E> {
        let _lock = self.lock()?;
        let mut contents = self.load()?;
        let changed = change(&mut contents)?;
        self.save(contents)?;
        Ok(changed)
    }

    /// Sets a damaged file aside, so that the next change starts with a new one. Returns its new name; `None` if it is not
    /// damaged. Files of newer versions are not. `now` is in Unix seconds.
    pub(crate) fn set_aside_damaged(&self, now: u64) -> Result<Option<PathBuf>, JsonFileError> {
        let damage = || match self.load() {
            Err(JsonFileError::Damaged { error, .. }) => Some(error),
            _ => None,
        };
        if damage().is_none() {
            return Ok(None);
        }
        let _lock = self.lock()?;
        // Another process may have set it aside by now.
        let Some(error) = damage() else { return Ok(None) };
        tracing::warn!(file = %self.path.display(), %error, "the file is damaged; setting it aside");
        set_aside(&self.path, now).map(Some).map_err(|error| self.io(error))
    }

    fn lock(&self) -> Result<FileLock, JsonFileError> {
        lock_file(&self.path).map_err(|error| self.io(error))
    }

    fn load(&self) -> Result<T, JsonFileError> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let damaged = |error| JsonFileError::Damaged { path: self.path.clone(), error };
        let text = match read_file(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(T::default()),
            Err(error) => return Err(self.io(error)),
        };
        // Check the version first: a newer file may have another structure and is not damaged.
        if serde_json::from_slice::<Head>(&text).map_err(damaged)?.version > T::LATEST {
            return Err(JsonFileError::Newer { path: self.path.clone() });
        }
        serde_json::from_slice(&text).map_err(damaged)
    }

    fn save(&self, mut contents: T) -> Result<(), JsonFileError> {
        contents.set_version();
        let mut text = serde_json::to_vec_pretty(&contents).map_err(|error| self.io(error.into()))?;
        text.push(b'\n');
        replace_file(&self.path, &text).map_err(|error| self.io(error))
    }

    fn io(&self, error: io::Error) -> JsonFileError {
        JsonFileError::Io { path: self.path.clone(), error }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}
