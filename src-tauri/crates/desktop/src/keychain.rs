//! Stores keys' secrets in the system keychain, so that keys can be copied again.
//!
//! [`KeyRing`] combines the key file, which alone authenticates, with the keychain. Without a working keychain, keys still work
//! but cannot be copied again. There is no fallback to a plaintext file.
//!
//! Whether the keychain is locked is known only from the last call, because asking would prompt the user.

mod index;
mod memory;
mod os;
mod ring;
mod types;

use std::fmt::Debug;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, timeout_at};

use proxy::Key;

pub use memory::MemoryStore;
pub use os::OsKeychain;
pub use ring::{KeyRing, KeyRingError};
pub use types::{KeyLimitsForm, KeyRow, KeychainState, NewKey};

/// Timeout of calls the user started: enough to type the keychain's password.
const USER_TIMEOUT: Duration = Duration::from_secs(60);

/// Timeout of calls in the background, at startup and for the state.
const BACKGROUND_TIMEOUT: Duration = Duration::from_secs(5);

/// The error on a timeout, while the prompt may still be open.
const NO_RESPONSE: &str = "The keychain hasn't responded. It may be asking for its password in another window. Enter it \
                           there and try again. Keys work without it.";

/// Why a secret could not be stored, found or deleted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The keychain works, but does not have this secret.
    #[error("This key isn't in the keychain.")]
    NotFound,
    /// No keychain, locked, access denied, timeout or another error, and what to do.
    #[error("{0}")]
    Failed(String),
}

/// A store of secrets. Calls block, possibly on a prompt to the user, so `Keychain` wraps them.
pub trait SecretStore: Debug + Send + Sync + 'static {
    /// Stores or replaces the secret of an id.
    ///
    /// # Errors
    /// If it was not stored.
    fn put(&self, id: &str, secret: &Key) -> Result<(), SecretError>;

    /// The secret of an id.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    fn get(&self, id: &str) -> Result<Key, SecretError>;

    /// Deletes the secret of an id.
    ///
    /// # Errors
    /// If there is none, or it could not be deleted.
    fn delete(&self, id: &str) -> Result<(), SecretError>;

    /// Checks that there is a keychain, without prompting the user.
    ///
    /// # Errors
    /// If there is none, or it does not work.
    fn probe(&self) -> Result<(), SecretError>;
}

/// A [`SecretStore`] with timeouts.
#[derive(Clone, Debug)]
struct Keychain {
    store: Arc<dyn SecretStore>,
    /// One call at a time. Stores would queue them behind an open prompt anyway, each on its thread.
    one_call: Arc<Semaphore>,
    /// The error of the last call that proved anything.
    last_error: Arc<Mutex<Option<String>>>,
}

/// What a successful call proves about the keychain.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proves {
    /// It is unlocked.
    Access,
    /// It exists, but may be locked.
    Presence,
}

impl Keychain {
    fn new(store: Arc<dyn SecretStore>) -> Self {
        Self { store, one_call: Arc::new(Semaphore::new(1)), last_error: Arc::default() }
    }

    /// Whether the keychain can be used, without prompting the user.
    async fn state(&self) -> KeychainState {
        // Does not wait behind an open prompt, whose call has already timed out with this error.
        if self.one_call.available_permits() == 0
            && let Some(message) = self.last_error.lock().clone()
        {
            return KeychainState::Unavailable { message };
        }
        let probed = self.call(BACKGROUND_TIMEOUT, Proves::Presence, <dyn SecretStore>::probe).await;
        match probed.err().map(|error| error.to_string()).or_else(|| self.last_error.lock().clone()) {
            Some(message) => KeychainState::Unavailable { message },
            None => KeychainState::Available,
        }
    }

    /// Runs `call` on a thread for up to `timeout`, including the wait for earlier calls. After a timeout it continues in the
    /// background.
    ///
    /// Not with `spawn_blocking`: the runtime would wait for it at shutdown, and an open prompt must not keep the app from
    /// quitting.
    async fn call<T: Send + 'static>(
        &self,
        timeout: Duration,
        proves: Proves,
        call: impl FnOnce(&dyn SecretStore) -> Result<T, SecretError> + Send + 'static,
    ) -> Result<T, SecretError> {
        let deadline = Instant::now() + timeout;
        let no_response = || SecretError::Failed(NO_RESPONSE.to_owned());
        let Ok(Ok(permit)) = timeout_at(deadline, Arc::clone(&self.one_call).acquire_owned()).await else {
            return Err(no_response());
        };
        let (sender, receiver) = oneshot::channel();
        let this = self.clone();
        let started = thread::Builder::new().name("keychain".to_owned()).spawn(move || {
            let answer = call(this.store.as_ref());
            this.record(&answer, proves);
            drop(permit);
            // The caller may have timed out.
            let _ = sender.send(answer);
        });
        if let Err(error) = started {
            return Err(failed(&error.to_string()));
        }
        match timeout_at(deadline, receiver).await {
            Ok(Ok(answer)) => answer,
            // The store panicked.
            Ok(Err(_)) => Err(failed("it stopped unexpectedly")),
            Err(_) => {
                *self.last_error.lock() = Some(NO_RESPONSE.to_owned());
                Err(no_response())
            }
        }
    }

    fn record<T>(&self, answer: &Result<T, SecretError>, proves: Proves) {
        let mut error = self.last_error.lock();
        match answer {
            Ok(_) if proves == Proves::Access || error.as_deref() == Some(NO_RESPONSE) => *error = None,
            Ok(_) | Err(SecretError::NotFound) => {}
            Err(SecretError::Failed(message)) => *error = Some(message.clone()),
        }
    }
}

fn failed(what: &str) -> SecretError {
    SecretError::Failed(format!(
        "The keychain reported an error ({what}). Try again, or restart Codex Proxy. Keys work without it."
    ))
}

// Linux only: the Secret Service.
#[cfg(test)]
#[cfg(target_os = "linux")]
mod session_tests;
#[cfg(test)]
mod tests;
// Windows only: its Credential Manager can be tested without a separate session.
#[cfg(all(test, windows))]
mod windows_tests;
