//! Secrets in memory, for tests and for the demo; they are gone when the process is.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::{SecretError, SecretStore};
use proxy::Key;

/// A store that forgets with the process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    secrets: Mutex<HashMap<String, Key>>,
}

impl SecretStore for MemoryStore {
    fn put(&self, id: &str, secret: &Key) -> Result<(), SecretError> {
        self.secrets.lock().insert(id.to_owned(), secret.clone());
        Ok(())
    }

    fn get(&self, id: &str) -> Result<Key, SecretError> {
        self.secrets.lock().get(id).cloned().ok_or(SecretError::NotThere)
    }

    fn delete(&self, id: &str) -> Result<(), SecretError> {
        self.secrets.lock().remove(id).map(|_| ()).ok_or(SecretError::NotThere)
    }

    fn probe(&self) -> Result<(), SecretError> {
        Ok(())
    }
}
