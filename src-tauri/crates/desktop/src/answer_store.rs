//! Answers that clients asked to keep, on disk: responses, conversations and stored chats.
//!
//! They are kept only while prompts and answers may be, in a file beside the request log: a damaged file, or a long read
//! of one, then costs the other nothing. The proxy has the latest ones in memory too, so an error here never fails a
//! request; the window shows it. The file is bounded by days and bytes.

mod sql;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use proxy::store::{Batch, Item, Kind, Object, Query, Store, StoreError, Stored};
use proxy::{Key, without_keys};
use rusqlite::Connection;
use serde::Serialize;
use ts_rs::TS;

use crate::database::{self, OpenError};
use crate::text::join_some;

/// Limit of the file in bytes. Beyond it, the answers that were not used for longest are deleted.
pub const MAX_STORE_BYTES: u64 = 256 * 1024 * 1024;

/// How to open the store.
#[derive(Clone, Debug)]
pub struct AnswerStoreOptions {
    /// The database file.
    pub path: PathBuf,
    /// Whether answers are kept. If not, stored ones are deleted.
    pub keep: bool,
    /// Keys that no file may contain, besides everything that looks like one.
    pub keys: Vec<Key>,
    /// Limit of the file in bytes, usually [`MAX_STORE_BYTES`].
    pub max_bytes: u64,
    /// The time in Unix milliseconds, for the name of a damaged file.
    pub now_ms: u64,
}

/// What is kept on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct StoredCounts {
    /// Responses, conversations and stored chats.
    #[ts(type = "number")]
    pub answers: u64,
    /// Their size in bytes.
    #[ts(type = "number")]
    pub bytes: u64,
}

/// The store on disk.
#[derive(Debug)]
pub struct AnswerStore {
    options: AnswerStoreOptions,
    keep: AtomicBool,
    /// Whether the file can be used. Asked on the response path, where the lock of the connection must not be waited for.
    usable: AtomicBool,
    /// `None` if the file cannot be used.
    connection: Mutex<Option<Connection>>,
    /// What is wrong with the file.
    file_notice: Mutex<Option<String>>,
    /// Why the last write failed.
    write_notice: Mutex<Option<String>>,
}

impl AnswerStore {
    /// A store that is not open yet.
    #[must_use]
    pub fn new(options: AnswerStoreOptions) -> Self {
        Self {
            keep: options.keep.into(),
            usable: false.into(),
            connection: Mutex::default(),
            file_notice: Mutex::default(),
            write_notice: Mutex::default(),
            options,
        }
    }

    /// Opens the file. It blocks. If the file cannot be used, [`AnswerStore::notice`] says why. A damaged file is renamed and
    /// replaced.
    pub fn open(&self) {
        let mut connection = self.connection.lock();
        *connection = match database::open(&self.options.path, sql::MIGRATIONS, |_| Ok(())) {
            Ok(connection) => Some(connection),
            Err(error) if error.is_damaged() => self.replace_damaged(self.options.now_ms),
            Err(error) => self.unusable(&format!("couldn't be opened ({error})")),
        };
        self.usable.store(connection.is_some(), Ordering::Relaxed);
        drop(connection);
        if !self.keep.load(Ordering::Relaxed) {
            // An error is in the notice.
            let _ = self.forget_all();
        }
    }

    /// What is wrong with the store, in sentences for the window.
    #[must_use]
    pub fn notice(&self) -> Option<String> {
        join_some([self.file_notice.lock().clone(), self.write_notice.lock().clone()], " ")
    }

    /// Sets whether answers are kept. If not, stored ones are deleted. It blocks.
    pub fn set_keep(&self, keep: bool) {
        self.keep.store(keep, Ordering::Relaxed);
        if !keep {
            // An error is in the notice.
            let _ = self.forget_all();
        }
    }

    /// Deletes what has not changed since `before_s`, in Unix seconds. It blocks.
    pub fn prune(&self, before_s: u64) {
        let _ = self.run(|connection| sql::prune(connection, before_s));
    }

    /// Deletes what belongs to other keys than these: a revoked key can never read it. It blocks.
    pub fn retain_keys(&self, keys: &[String]) {
        let _ = self.run(|connection| sql::retain_keys(connection, keys));
    }

    /// How much is kept. It blocks.
    #[must_use]
    pub fn counts(&self) -> StoredCounts {
        self.run(|connection| sql::counts(connection)).unwrap_or_default()
    }

    /// Deletes everything. It blocks.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn forget_all(&self) -> Result<(), StoreError> {
        if self.usable.load(Ordering::Relaxed) { self.clear() } else { Ok(()) }
    }

    /// Closes the file.
    pub fn close(&self) {
        *self.connection.lock() = None;
    }

    /// JSON without keys, as in the request log.
    fn redacted(&self, json: &[u8]) -> String {
        without_keys(&String::from_utf8_lossy(json), &self.options.keys)
    }

    /// Does some work in the database, and replaces a damaged one.
    fn run<T>(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let mut connection = self.connection.lock();
        let Some(open) = connection.as_mut() else { return Err(StoreError("it is not open".to_owned())) };
        work(open).map_err(|error| {
            if database::is_damaged(&error) {
                // Closed before the file is renamed.
                *connection = None;
                *connection = self.replace_damaged(unix_now_ms());
            }
            StoreError(error.to_string())
        })
    }

    /// The same for work that changes something.
    fn write<T>(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let done = self.run(work);
        *self.write_notice.lock() = done.as_ref().err().filter(|_| self.usable.load(Ordering::Relaxed)).map(|error| {
            format!("Stored answers couldn't be written ({error}). They are kept only until Codex Proxy quits.")
        });
        done
    }

    fn replace_damaged(&self, now_ms: u64) -> Option<Connection> {
        let path = &self.options.path;
        let replaced = database::set_aside(path, now_ms)
            .map_err(OpenError::from)
            .and_then(|aside| Ok((database::open(path, sql::MIGRATIONS, |_| Ok(()))?, aside)));
        match replaced {
            Ok((connection, aside)) => {
                let aside = aside.display();
                self.warn(format!(
                    "The file with stored answers was damaged. It was renamed to {aside}, and a new one was created."
                ));
                Some(connection)
            }
            Err(error) => self.unusable(&format!("is damaged and couldn't be replaced ({error})")),
        }
    }

    fn unusable(&self, why: &str) -> Option<Connection> {
        let path = self.options.path.display();
        self.usable.store(false, Ordering::Relaxed);
        self.warn(format!(
            "The file with stored answers, {path}, {why}. They are kept only until Codex Proxy quits."
        ));
        None
    }

    fn warn(&self, notice: String) {
        tracing::warn!("{notice}");
        *self.file_notice.lock() = Some(notice);
    }
}

impl Store for AnswerStore {
    fn is_on(&self) -> bool {
        self.keep.load(Ordering::Relaxed) && self.usable.load(Ordering::Relaxed)
    }

    fn put(&self, object: &Object, batches: &[Arc<Batch>]) -> Result<(), StoreError> {
        // Switched off since it was queued.
        if !self.is_on() {
            return Ok(());
        }
        self.write(|connection| {
            sql::put(connection, object, batches, &|json| self.redacted(json))?;
            sql::prune_bytes(connection, self.options.max_bytes)
        })
    }

    fn load(&self, key: &str, kind: Kind, id: &str) -> Result<Option<Stored>, StoreError> {
        self.run(|connection| sql::load(connection, key, kind, id))
    }

    fn list(&self, key: &str, query: &Query) -> Result<Vec<Object>, StoreError> {
        self.run(|connection| sql::list(connection, key, query))
    }

    fn find_items(&self, key: &str, ids: &[String]) -> Result<Vec<Item>, StoreError> {
        self.run(|connection| sql::find_items(connection, key, ids))
    }

    fn delete(&self, key: &str, kind: Kind, id: &str) -> Result<bool, StoreError> {
        self.write(|connection| sql::delete(connection, key, kind, id))
    }

    fn clear(&self) -> Result<(), StoreError> {
        self.write(sql::clear)
    }
}

fn unix_now_ms() -> u64 {
    proxy::unix_now().saturating_mul(1_000)
}
