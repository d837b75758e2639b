//! The keys of the desktop app: the file that decides what opens the proxy, and the keychain that remembers secrets.

mod row;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::index::Copies;
use super::types::{KeyRow, KeychainState, NewKey};
use super::{Keychain, Proves, START_LIMIT, SecretError, SecretStore, USER_LIMIT, failed};
use proxy::{Key, KeyEntry, KeyFile, KeyFileError, KeyLimits};

use row::{check_name, row};

/// The name of the key that is made at the first start.
const FIRST_NAME: &str = "Default";

/// The keys, and what can be done with them. Clones share them.
#[derive(Clone, Debug)]
pub struct KeyRing {
    disk: Arc<Disk>,
    pub(super) keychain: Keychain,
}

#[derive(Debug)]
struct Disk {
    keys: KeyFile,
    copies: Copies,
    /// Held while the file of keys is read and written anew, so that two windows' keys do not overwrite each other.
    changing: Mutex<()>,
    /// The key that was made by itself and that no keychain has, until somebody has seen it. It is in memory alone.
    unshown: Mutex<Option<(String, Key)>>,
}

/// Why something could not be done with keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// A name that a key cannot have.
    #[error("{0}")]
    Name(String),
    /// There is no such key.
    #[error("This key is no longer there. It was revoked elsewhere.")]
    NoSuchKey,
    /// The key is there, and its secret was never kept or was removed.
    #[error("The keychain does not have this key, so it cannot be shown again. Make a new one in its place.")]
    NotInKeychain,
    /// The keychain could not be used.
    #[error(transparent)]
    Keychain(SecretError),
    /// The file of keys could not be used.
    #[error("The keys could not be used: {0}.")]
    File(KeyFileError),
    /// The disk was not done with.
    #[error("The keys could not be used. Try again, or start Codex Proxy again.")]
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
    /// The keys in `data_dir`, with their secrets in `store`. Nothing is read yet.
    #[must_use]
    pub fn new(data_dir: &Path, store: Arc<dyn SecretStore>) -> Self {
        let keys = KeyFile::in_folder(data_dir);
        let copies = Copies::in_folder(data_dir);
        Self {
            disk: Arc::new(Disk { keys, copies, changing: Mutex::default(), unshown: Mutex::default() }),
            keychain: Keychain::new(store),
        }
    }

    /// How the keychain is, without a question to the user.
    pub async fn state(&self) -> KeychainState {
        self.keychain.state().await
    }

    /// Makes a key, which opens the proxy at once, and has the keychain remember it if there is one. It may do less than the
    /// settings allow; the limits have been checked. `now` is in Unix seconds.
    ///
    /// # Errors
    /// When the name will not do, or the file of keys cannot be written. A keychain that fails is no error: the row says that
    /// the key cannot be copied later.
    pub async fn create(&self, name: &str, limits: KeyLimits, now: u64) -> Result<NewKey, KeyRingError> {
        let name = name.trim().to_owned();
        let (key, entry) = self
            .on_disk(move |disk| {
                let _changing = disk.changing.lock();
                check_name(&name, &disk.keys.entries()?)?;
                Ok(disk.keys.create_limited(&name, limits, now)?)
            })
            .await?;
        Ok(self.with_keychain(key, entry, USER_LIMIT).await)
    }

    /// Gives a key other limits, which count from the next request on; they have been checked.
    ///
    /// # Errors
    /// When there is no such key, or the file of keys cannot be written.
    pub async fn limit(&self, id: &str, limits: KeyLimits) -> Result<(), KeyRingError> {
        let id = id.to_owned();
        self.on_disk(move |disk| {
            let _changing = disk.changing.lock();
            disk.keys.limit(&id, limits)?;
            Ok(())
        })
        .await
    }

    /// Moves a damaged file of keys out of the way, and says so in a sentence. `now` is in Unix seconds.
    ///
    /// # Errors
    /// When it is damaged and is still there.
    pub async fn set_aside_damaged(&self, now: u64) -> Result<Option<String>, KeyRingError> {
        self.on_disk(move |disk| Ok(disk.keys.set_aside_damaged(now)?)).await
    }

    /// Makes the key `Default` when there is none at all. If the keychain does not have its secret, it waits in memory for
    /// [`KeyRing::show`].
    ///
    /// # Errors
    /// When the file of keys cannot be used.
    pub async fn ensure_first(&self, now: u64) -> Result<Option<NewKey>, KeyRingError> {
        let made = self
            .on_disk(move |disk| {
                let _changing = disk.changing.lock();
                let none = disk.keys.entries()?.is_empty();
                Ok(if none { Some(disk.keys.create(FIRST_NAME, now)?) } else { None })
            })
            .await?;
        let Some((key, entry)) = made else { return Ok(None) };
        let mut made = self.with_keychain(key.clone(), entry, START_LIMIT).await;
        if !made.row.can_copy {
            *self.disk.unshown.lock() = Some((made.row.id.clone(), key));
            made.row.unshown = true;
        }
        Ok(Some(made))
    }

    /// The key that was made by itself, whose secret nobody has seen. It is given once and then forgotten.
    ///
    /// # Errors
    /// When this is not that key, or not any more.
    pub async fn show(&self, id: &str) -> Result<NewKey, KeyRingError> {
        let wanted = id.to_owned();
        let entry = self.on_disk(move |disk| disk.entry(&wanted)).await?;
        let secret = self.disk.unshown.lock().take_if(|(unshown, _)| unshown == id);
        let (_, secret) = secret.ok_or(KeyRingError::NotInKeychain)?;
        Ok(NewKey { row: row(&entry, false), secret: secret.reveal().to_owned() })
    }

    /// The keys in the order in which they were made.
    ///
    /// # Errors
    /// When the file of keys cannot be used.
    pub async fn rows(&self) -> Result<Vec<KeyRow>, KeyRingError> {
        self.on_disk(|disk| {
            let copies = disk.copies.ids();
            let row = |entry: &KeyEntry| {
                let mut row = row(entry, copies.contains(&entry.id));
                // The keychain may have answered after its time was up.
                row.unshown =
                    !row.can_copy && disk.unshown.lock().as_ref().is_some_and(|(id, _)| *id == entry.id);
                row
            };
            Ok(disk.keys.entries()?.iter().map(row).collect())
        })
        .await
    }

    /// The secret of a key, for copying it again. The keychain may ask the user first.
    ///
    /// # Errors
    /// When there is no such key, or the keychain does not have it or give it.
    pub async fn secret(&self, id: &str) -> Result<Key, KeyRingError> {
        let id = id.to_owned();
        let wanted = id.clone();
        let entry = self.on_disk(move |disk| disk.entry(&wanted)).await?;
        let unshown =
            self.disk.unshown.lock().as_ref().filter(|(known, _)| *known == id).map(|(_, key)| key.clone());
        if let Some(key) = unshown {
            return Ok(key);
        }
        let wanted = id.clone();
        match self.keychain.ask(USER_LIMIT, Proves::Access, move |store| store.get(&wanted)).await {
            // Whatever else may be kept under our name does not open the proxy.
            Ok(key) if key.digest() == entry.sha256 => Ok(key),
            Ok(_) | Err(SecretError::NotThere) => {
                self.forget_copy(id).await;
                Err(KeyRingError::NotInKeychain)
            }
            Err(error) => Err(KeyRingError::Keychain(error)),
        }
    }

    /// Takes a key away, which counts from the next request on, and has the keychain forget it. The answer is a sentence for the
    /// user when its secret, now worthless, is still in the keychain.
    ///
    /// # Errors
    /// When there is no such key, or the file of keys cannot be written.
    pub async fn revoke(&self, id: &str) -> Result<Option<String>, KeyRingError> {
        let (id, revoked, forgotten) = (id.to_owned(), id.to_owned(), id.to_owned());
        let had_copy = self
            .on_disk(move |disk| {
                let _changing = disk.changing.lock();
                disk.keys.revoke(&revoked)?;
                Ok(disk.copies.ids().contains(&revoked))
            })
            .await?;
        self.disk.unshown.lock().take_if(|(unshown, _)| *unshown == id);
        // Asked for even when no copy is known of: the list of copies may have been lost.
        match self.keychain.ask(USER_LIMIT, Proves::Access, move |store| store.delete(&forgotten)).await {
            Ok(()) | Err(SecretError::NotThere) => {
                self.forget_copy(id).await;
                Ok(None)
            }
            Err(error) => Ok(had_copy.then(|| {
                format!("The key no longer works. Its secret is still in the keychain and can be removed there. {error}")
            })),
        }
    }

    /// Has the keychain remember a new key. If it does so after `limit`, the row can be copied from then on.
    async fn with_keychain(&self, key: Key, entry: KeyEntry, limit: Duration) -> NewKey {
        let (disk, id, secret) = (Arc::clone(&self.disk), entry.id.clone(), key.clone());
        let kept = self.keychain.ask(limit, Proves::Access, move |store| {
            store.put(&id, &secret)?;
            // The prompt may have been answered after the key was revoked.
            let still_wanted = disk.keys.entries().is_ok_and(|keys| keys.iter().any(|key| key.id == id));
            let noted = if still_wanted { disk.copies.change(|ids| ids.insert(id.clone())) } else { Ok(()) };
            if !still_wanted || noted.is_err() {
                store.delete(&id)?;
            }
            noted.map_err(|error| failed(&format!("its list could not be written: {error}")))
        });
        let kept = kept.await;
        if let Err(error) = &kept {
            tracing::warn!(key = entry.name, "the keychain does not have the key: {error}");
        }
        NewKey { row: row(&entry, kept.is_ok()), secret: key.reveal().to_owned() }
    }

    /// A list that cannot be written shows a button too many, which then says what is so.
    async fn forget_copy(&self, id: String) {
        let noted = self.on_disk(move |disk| Ok(disk.copies.change(|ids| ids.remove(&id)))).await;
        if let Ok(Err(error)) = noted {
            tracing::warn!("the list of keys in the keychain was not written: {error}");
        }
    }

    /// Files are read and written where it may block.
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
