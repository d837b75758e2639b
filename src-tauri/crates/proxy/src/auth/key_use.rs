//! What keys have used: tokens by day, in a file that all programs of one data folder share.
//!
//! Tokens are added up in memory and written at most once a second, each time under the file's lock, so two programs never lose
//! each other's. What a program has not written yet counts for itself. Days are those of this computer's clock.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use codex_client::{FileStamp, read_file, replace_file};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::time::sleep;

use super::key_file::KeyFile;
use super::recent_requests::RecentRequests;
use crate::clock::{local_day, unix_now};
use crate::files::{lock_file, set_aside};

/// The format version.
const VERSION: u32 = 1;

/// How often tokens are written while they are used. A program that is killed loses at most those since the last time.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);

/// How many days of a key are kept: programs may disagree about the time zone.
const MAX_DAYS: usize = 2;

/// Tokens by day, and those by the digest of the key.
type Tokens = BTreeMap<String, BTreeMap<String, u64>>;

/// Why the use of keys is unknown.
#[derive(Debug, thiserror::Error)]
pub enum KeyUseError {
    /// Reading or writing the file failed.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// It was written by a newer version.
    #[error("{} was written by a newer version of Codex Proxy. Use that version", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
    },
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Contents {
    version: u32,
    keys: Tokens,
}

/// What keys have used. Clones share it.
#[derive(Clone, Debug)]
pub struct KeyUse(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    keys: KeyFile,
    state: Mutex<State>,
    /// Held while the file is written.
    writing: Mutex<()>,
    requests: RecentRequests,
}

#[derive(Debug, Default)]
struct State {
    /// The file as last read or written, and its stamp.
    stored: Tokens,
    stamp: Option<FileStamp>,
    /// What has been used since.
    pending: Tokens,
    /// Whether `pending` is being written; the file may already contain it.
    is_writing: bool,
    /// Whether a task writes `pending` until nothing is left.
    has_writer: bool,
}

impl KeyUse {
    /// The use of the keys in `data_dir`; there need not be a file yet.
    #[must_use]
    pub fn in_folder(data_dir: &Path) -> Self {
        Self(Arc::new(Inner {
            path: data_dir.join("key-use.json"),
            keys: KeyFile::in_folder(data_dir),
            state: Mutex::default(),
            writing: Mutex::default(),
            requests: RecentRequests::default(),
        }))
    }

    /// The tokens that the key with this digest has used on the day of `now`, in Unix seconds.
    ///
    /// # Errors
    /// When the file exists and cannot be used.
    pub fn tokens_today(&self, key: &str, now: u64) -> Result<u64, KeyUseError> {
        let Inner { path, state, .. } = &*self.0;
        let mut state = state.lock();
        if !state.is_writing {
            let stamp = FileStamp::read(path);
            if stamp.is_none() || stamp != state.stamp {
                (state.stored, state.stamp) = (self.0.load(&state.stored, now)?, stamp);
            }
        }
        let day = local_day(now);
        let of = |tokens: &Tokens| tokens.get(key).and_then(|days| days.get(&day)).copied().unwrap_or(0);
        Ok(of(&state.stored).saturating_add(of(&state.pending)))
    }

    /// Adds tokens that the key with this digest has used at `now`, in Unix seconds. They are written soon, within a runtime, or by
    /// [`KeyUse::flush`].
    pub fn add(&self, key: &str, tokens: u64, now: u64) {
        if tokens == 0 {
            return;
        }
        let mut state = self.0.state.lock();
        add(&mut state.pending, key, &local_day(now), tokens);
        if !state.has_writer
            && let Ok(runtime) = Handle::try_current()
        {
            state.has_writer = true;
            // Ends by itself, a second after the last write.
            runtime.spawn(self.clone().write_pending());
        }
    }

    async fn write_pending(self) {
        let mut warned = false;
        loop {
            let this = self.clone();
            let written = tokio::task::spawn_blocking(move || this.flush(unix_now())).await;
            if let Ok(Err(error)) = written
                && !std::mem::replace(&mut warned, true)
            {
                tracing::warn!(%error, "failed to store what keys have used; trying again");
            }
            sleep(WRITE_INTERVAL).await;
            let mut state = self.0.state.lock();
            if state.pending.is_empty() {
                state.has_writer = false;
                return;
            }
        }
    }

    /// Writes what has not been written yet, and leaves out revoked keys and earlier days. Blocks on the file system. `now` is in Unix
    /// seconds.
    ///
    /// # Errors
    /// When the file cannot be used; what has not been written then still counts for this program.
    pub fn flush(&self, now: u64) -> Result<(), KeyUseError> {
        let Inner { state, writing, .. } = &*self.0;
        let _one = writing.lock();
        let (pending, known) = {
            let mut state = state.lock();
            if state.pending.is_empty() {
                return Ok(());
            }
            state.is_writing = true;
            (state.pending.clone(), state.stored.clone())
        };
        let written = self.0.write(&pending, &known, now);
        let mut state = state.lock();
        state.is_writing = false;
        (state.stored, state.stamp) = written?;
        for (key, days) in &pending {
            for (day, tokens) in days {
                subtract(&mut state.pending, key, day, *tokens);
            }
        }
        Ok(())
    }

    /// The requests of the last minute.
    #[must_use]
    pub fn requests(&self) -> &RecentRequests {
        &self.0.requests
    }
}

impl Inner {
    /// The tokens on disk. A damaged file is set aside, and counting goes on from what this program last knew.
    fn load(&self, known: &Tokens, now: u64) -> Result<Tokens, KeyUseError> {
        if let Ok(tokens) = self.read()? {
            return Ok(tokens);
        }
        let _lock = lock_file(&self.path).map_err(|error| self.io(error))?;
        self.load_locked(known, now)
    }

    /// The same, with the file's lock held.
    fn load_locked(&self, known: &Tokens, now: u64) -> Result<Tokens, KeyUseError> {
        let error = match self.read()? {
            Ok(tokens) => return Ok(tokens),
            Err(error) => error,
        };
        let aside = set_aside(&self.path, now).map_err(|error| self.io(error))?;
        tracing::warn!(
            %error, aside = %aside.display(),
            "the file of what keys have used was damaged and was renamed; today's tokens count from here"
        );
        self.save(known)?;
        Ok(known.clone())
    }

    fn save(&self, tokens: &Tokens) -> Result<(), KeyUseError> {
        let contents = Contents { version: VERSION, keys: tokens.clone() };
        let mut text = serde_json::to_vec_pretty(&contents).map_err(|error| self.io(error.into()))?;
        text.push(b'\n');
        replace_file(&self.path, &text).map_err(|error| self.io(error))
    }

    /// The tokens on disk, or what is wrong with the text.
    fn read(&self) -> Result<Result<Tokens, serde_json::Error>, KeyUseError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let text = match read_file(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ok(Tokens::new())),
            Err(error) => return Err(self.io(error)),
        };
        match serde_json::from_slice::<Versioned>(&text) {
            Ok(Versioned { version }) if version > VERSION => {
                Err(KeyUseError::Newer { path: self.path.clone() })
            }
            _ => Ok(serde_json::from_slice::<Contents>(&text).map(|contents| contents.keys)),
        }
    }

    /// Adds `pending` to the file, and returns its tokens and its stamp.
    fn write(
        &self,
        pending: &Tokens,
        known: &Tokens,
        now: u64,
    ) -> Result<(Tokens, Option<FileStamp>), KeyUseError> {
        let _lock = lock_file(&self.path).map_err(|error| self.io(error))?;
        let before = self.load_locked(known, now)?;
        let mut tokens = before.clone();
        for (key, days) in pending {
            for (day, used) in days {
                add(&mut tokens, key, day, *used);
            }
        }
        // While the key file cannot be read, nothing is left out.
        if let Ok(entries) = self.keys.entries() {
            tokens.retain(|key, _| entries.iter().any(|entry| entry.sha256.to_hex() == *key));
        }
        for days in tokens.values_mut() {
            while days.len() > MAX_DAYS {
                days.pop_first();
            }
        }
        if tokens != before {
            self.save(&tokens)?;
        }
        Ok((tokens, FileStamp::read(&self.path)))
    }

    fn io(&self, error: io::Error) -> KeyUseError {
        KeyUseError::Io { path: self.path.clone(), error }
    }
}

fn add(tokens: &mut Tokens, key: &str, day: &str, used: u64) {
    let count = tokens.entry(key.to_owned()).or_default().entry(day.to_owned()).or_default();
    *count = count.saturating_add(used);
}

fn subtract(tokens: &mut Tokens, key: &str, day: &str, used: u64) {
    let Some(days) = tokens.get_mut(key) else { return };
    if let Some(count) = days.get_mut(day) {
        *count = count.saturating_sub(used);
    }
    days.retain(|_, count| *count > 0);
    if days.is_empty() {
        tokens.remove(key);
    }
}

#[cfg(test)]
#[path = "key_use_tests.rs"]
mod tests;
