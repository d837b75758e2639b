//! Secrets in memory, for tests and the demo.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::{SecretError, SecretStore};
use proxy::Key;

/// A store in memory.
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
        self.secrets.lock().get(id).cloned().ok_or(SecretError::NotFound)
    }

    fn delete(&self, id: &str) -> Result<(), SecretError> {
        self.secrets.lock().remove(id).map(|_| ()).ok_or(SecretError::NotFound)
    }

    fn probe(&self) -> Result<(), SecretError> {
        Ok(())
    }
}
