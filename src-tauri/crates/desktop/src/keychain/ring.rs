//! The app's keys: the key file, which authenticates, and the keychain, which stores the secrets.

mod row;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::index::KeychainIndex;
use super::types::{KeyRow, KeychainState, NewKey};
use super::{BACKGROUND_TIMEOUT, Keychain, Proves, SecretError, SecretStore, USER_TIMEOUT, failed};
use proxy::{Key, KeyEntry, KeyFile, KeyFileError, KeyLimits, Renamed};

use row::{check_name, row};

/// The name of the automatically created key.
const DEFAULT_KEY_NAME: &str = "Default";

/// The app's keys. Clones share them.
#[derive(Clone, Debug)]
pub struct KeyRing {
    disk: Arc<Disk>,
    pub(super) keychain: Keychain,
}

#[derive(Debug)]
struct Disk {
    keys: KeyFile,
    index: KeychainIndex,
    /// Held from reading the key file to writing it, so that concurrent changes are not lost.
    write_lock: Mutex<()>,
    /// The automatically created key if no keychain has it, until it was shown. Only in memory.
    first_key: Mutex<Option<(String, Key)>>,
}

/// Why an operation on keys failed.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// The name is invalid.
    #[error("{0}")]
    Name(String),
    /// There is no such key.
    #[error("This key no longer exists. It was revoked elsewhere.")]
    NoSuchKey,
    /// The key exists, but not its secret.
    #[error("This key isn't in the keychain, so it can't be shown again. Create a new one.")]
    NotInKeychain,
    /// The keychain failed.
    #[error(transparent)]
    Keychain(SecretError),
    /// The key file could not be used.
    #[error("Couldn't use the keys: {0}.")]
    File(KeyFileError),
    /// The operation panicked.
    #[error("Couldn't use the keys. Try again, or restart Codex Proxy.")]
    Stopped,
}

impl From<KeyFileError> for KeyRingError {
    fn from(error: KeyFileError) -> Self {
        match error {
            KeyFileError::NoSuchKey(_) => Self::NoSuchKey,
            error => Self::File(error),
        }
    }
}

impl KeyRing {
    /// The keys in `data_dir`, with their secrets in `store`. Reads nothing yet.
    #[must_use]
    pub fn new(data_dir: &Path, store: Arc<dyn SecretStore>) -> Self {
        let keys = KeyFile::in_folder(data_dir);
        let index = KeychainIndex::in_folder(data_dir);
        Self {
            disk: Arc::new(Disk { keys, index, write_lock: Mutex::default(), first_key: Mutex::default() }),
            keychain: Keychain::new(store),
        }
    }

    /// Whether the keychain can be used, without prompting the user.
    pub async fn state(&self) -> KeychainState {
        self.keychain.state().await
    }

    /// Creates a key, which works immediately, and stores it in the keychain if there is one. The limits must have been checked.
    /// `now` is in Unix seconds.
    ///
    /// # Errors
    /// If the name is invalid, or the key file cannot be written. If only the keychain fails, the row says that the key cannot be
    /// copied later.
    pub async fn create(&self, name: &str, limits: KeyLimits, now: u64) -> Result<NewKey, KeyRingError> {
        let name = name.trim().to_owned();
        let (key, entry) = self
            .on_disk(move |disk| {
                let _lock = disk.write_lock.lock();
                check_name(&name, disk.keys.entries()?.iter())?;
                Ok(disk.keys.create_limited(&name, limits, now)?)
            })
            .await?;
        Ok(self.with_keychain(key, entry, USER_TIMEOUT).await)
    }

    /// Changes a key's limits, from the next request on. They must have been checked.
    ///
    /// # Errors
    /// If there is no such key, or the key file cannot be written.
    pub async fn set_limits(&self, id: &str, limits: KeyLimits) -> Result<(), KeyRingError> {
        let id = id.to_owned();
        self.on_disk(move |disk| {
            let _lock = disk.write_lock.lock();
            disk.keys.limit(&id, limits)?;
            Ok(())
        })
        .await
    }

    /// Renames a key, from the next request on. The log knows its last use under the earlier name, so it is kept with the key.
    /// `now` is in Unix seconds.
    ///
    /// # Errors
    /// If the name is invalid, there is no such key, or the key file cannot be written.
    pub async fn rename(
        &self,
        id: &str,
        name: &str,
        last_used: Option<u64>,
        now: u64,
    ) -> Result<(), KeyRingError> {
        let (id, name) = (id.to_owned(), name.trim().to_owned());
        self.on_disk(move |disk| {
            let _lock = disk.write_lock.lock();
            check_name(&name, disk.keys.entries()?.iter().filter(|entry| entry.id != id))?;
            if disk.entry(&id)?.name != name {
                disk.keys.rename(&id, &name, Renamed { at: now, last_used })?;
            }
            Ok(())
        })
        .await
    }

    /// Renames a damaged key file, and returns a sentence about it. `now` is in Unix seconds.
    ///
    /// # Errors
    /// If it is damaged and cannot be renamed.
    pub async fn set_aside_damaged(&self, now: u64) -> Result<Option<String>, KeyRingError> {
        self.on_disk(move |disk| Ok(disk.keys.set_aside_damaged(now)?)).await
    }

    /// Creates the key `Default` with these limits if there are no keys. If the keychain does not store it, its secret stays in memory for
    /// [`KeyRing::show`].
    ///
    /// # Errors
    /// If the key file cannot be used.
    pub async fn ensure_first_key(
        &self,
        limits: KeyLimits,
        now: u64,
    ) -> Result<Option<NewKey>, KeyRingError> {
        let created = self
            .on_disk(move |disk| {
                let _lock = disk.write_lock.lock();
                let none = disk.keys.entries()?.is_empty();
                Ok(if none { Some(disk.keys.create_limited(DEFAULT_KEY_NAME, limits, now)?) } else { None })
            })
            .await?;
        let Some((key, entry)) = created else { return Ok(None) };
        let mut new = self.with_keychain(key.clone(), entry, BACKGROUND_TIMEOUT).await;
        if !new.row.can_copy {
            *self.disk.first_key.lock() = Some((new.row.id.clone(), key));
            new.row.not_yet_shown = true;
        }
        Ok(Some(new))
    }

    /// Returns the secret of the automatically created key once, if the keychain does not have it.
    ///
    /// # Errors
    /// If this is not that key, or it was shown before.
    pub async fn show(&self, id: &str) -> Result<NewKey, KeyRingError> {
        let entry_id = id.to_owned();
        let entry = self.on_disk(move |disk| disk.entry(&entry_id)).await?;
        let secret = self.disk.first_key.lock().take_if(|(first, _)| first == id);
        let (_, secret) = secret.ok_or(KeyRingError::NotInKeychain)?;
        Ok(NewKey { row: row(&entry, false), secret: secret.reveal().to_owned() })
    }

    /// The keys, oldest first.
    ///
    /// # Errors
    /// If the key file cannot be used.
    pub async fn rows(&self) -> Result<Vec<KeyRow>, KeyRingError> {
        self.on_disk(|disk| {
            let in_keychain = disk.index.ids();
            let row = |entry: &KeyEntry| {
                let mut row = row(entry, in_keychain.contains(&entry.id));
                // The keychain may have stored it after the timeout.
                row.not_yet_shown =
                    !row.can_copy && disk.first_key.lock().as_ref().is_some_and(|(id, _)| *id == entry.id);
                row
            };
            Ok(disk.keys.entries()?.iter().map(row).collect())
        })
        .await
    }

    /// A key's secret, to copy it again. The keychain may prompt the user.
    ///
    /// # Errors
    /// If there is no such key, or the keychain does not return it.
    pub async fn secret(&self, id: &str) -> Result<Key, KeyRingError> {
        let id = id.to_owned();
        let wanted = id.clone();
        let entry = self.on_disk(move |disk| disk.entry(&wanted)).await?;
        let first_key =
            self.disk.first_key.lock().as_ref().filter(|(known, _)| *known == id).map(|(_, key)| key.clone());
        if let Some(key) = first_key {
            return Ok(key);
        }
        let wanted = id.clone();
        match self.keychain.call(USER_TIMEOUT, Proves::Access, move |store| store.get(&wanted)).await {
            // Only this key; another secret may be stored under its id.
            Ok(key) if key.digest() == entry.sha256 => Ok(key),
            Ok(_) | Err(SecretError::NotFound) => {
                self.remove_from_index(id).await;
                Err(KeyRingError::NotInKeychain)
            }
            Err(error) => Err(KeyRingError::Keychain(error)),
        }
    }

    /// Revokes a key, from the next request on, and deletes it from the keychain. Returns a sentence for the user if the secret,
    /// now useless, is still there.
    ///
    /// # Errors
    /// If there is no such key, or the key file cannot be written.
    pub async fn revoke(&self, id: &str) -> Result<Option<String>, KeyRingError> {
        let (id, revoked, forgotten) = (id.to_owned(), id.to_owned(), id.to_owned());
        let was_in_keychain = self
            .on_disk(move |disk| {
                let _lock = disk.write_lock.lock();
                disk.keys.revoke(&revoked)?;
                Ok(disk.index.ids().contains(&revoked))
            })
            .await?;
        self.disk.first_key.lock().take_if(|(first, _)| *first == id);
        // Also for a key that is not in the index, which may be incomplete.
        match self.keychain.call(USER_TIMEOUT, Proves::Access, move |store| store.delete(&forgotten)).await {
            Ok(()) | Err(SecretError::NotFound) => {
                self.remove_from_index(id).await;
                Ok(None)
            }
            Err(error) => Ok(was_in_keychain.then(|| {
                format!("The key no longer works. Its secret is still in the keychain and can be removed there. {error}")
            })),
        }
    }

    /// Stores a new key in the keychain. If that succeeds after the timeout, the key can be copied from then on.
    async fn with_keychain(&self, key: Key, entry: KeyEntry, timeout: Duration) -> NewKey {
        let (disk, id, secret) = (Arc::clone(&self.disk), entry.id.clone(), key.clone());
        let stored = self.keychain.call(timeout, Proves::Access, move |store| {
            store.put(&id, &secret)?;
            // The user may have answered the prompt after the key was revoked.
            let exists = disk.keys.entries().is_ok_and(|keys| keys.iter().any(|key| key.id == id));
            let recorded = if exists { disk.index.change(|ids| ids.insert(id.clone())) } else { Ok(()) };
            if !exists || recorded.is_err() {
                store.delete(&id)?;
            }
            recorded.map_err(|error| failed(&format!("keychain.json could not be written: {error}")))
        });
        let stored = stored.await;
        if let Err(error) = &stored {
            tracing::warn!(key = entry.name, "failed to store the key in the keychain: {error}");
        }
        NewKey { row: row(&entry, stored.is_ok()), secret: key.reveal().to_owned() }
    }

    /// If the index cannot be written, the key keeps a copy button, which fails with this error again.
    async fn remove_from_index(&self, id: String) {
        let recorded = self.on_disk(move |disk| Ok(disk.index.change(|ids| ids.remove(&id)))).await;
        if let Ok(Err(error)) = recorded {
            tracing::warn!("failed to write keychain.json: {error}");
        }
    }

    /// Runs `work` on a thread that may block.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Disk) -> Result<T, KeyRingError> + Send + 'static,
    ) -> Result<T, KeyRingError> {
        let disk = Arc::clone(&self.disk);
        tokio::task::spawn_blocking(move || work(&disk)).await.unwrap_or(Err(KeyRingError::Stopped))
    }
}

impl Disk {
    fn entry(&self, id: &str) -> Result<KeyEntry, KeyRingError> {
        let entries = self.keys.entries()?;
        entries.iter().find(|entry| entry.id == id).cloned().ok_or(KeyRingError::NoSuchKey)
    }
}
