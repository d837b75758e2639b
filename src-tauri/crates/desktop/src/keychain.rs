//! Where the secrets of keys are kept, so that a key can be copied once more: the keychain of the system.
//!
//! [`KeyRing`] is what the desktop app uses. It joins the file of keys, which alone decides what opens the proxy, with the
//! keychain, which only remembers. A keychain that is missing, locked or silent therefore takes nothing away but the second
//! look at a key: that is a state with a sentence.
//!
//! Deliberately not here: a place for secrets that is not the system's keychain (there is no plaintext file to fall back
//! on), and the check of a presented key (`keys`). Whether a keychain is locked is not asked, since systems answer that by
//! asking the user; the last real call tells.

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

/// How long a call that the user asked for may take: enough to find and type the keychain's password.
const USER_LIMIT: Duration = Duration::from_secs(60);

/// How long a call may take that nobody asked for, at the start and for the state.
const START_LIMIT: Duration = Duration::from_secs(5);

/// What is said when the time is up; the question may still be open.
const NO_ANSWER: &str = "The keychain has not answered. It may be asking for its password in another window: answer \
                         there and try again. Keys work without it.";

/// Why a secret was not kept, found or forgotten.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The keychain works, and does not have this secret.
    #[error("The keychain does not have this key.")]
    NotThere,
    /// There is none, it is locked, it did not let us in, it did not answer, or it gave an error: which of these, and what to do.
    #[error("{0}")]
    Failed(String),
}

/// A place for secrets. Its calls block, for as long as a user looks at a prompt, and so belong behind a `Keychain`.
pub trait SecretStore: Debug + Send + Sync + 'static {
    /// Keeps a secret under an id; one that is there already is replaced.
    ///
    /// # Errors
    /// When it was not kept.
    fn put(&self, id: &str, secret: &Key) -> Result<(), SecretError>;

    /// The secret of an id.
    ///
    /// # Errors
    /// When there is none, or it cannot be had.
    fn get(&self, id: &str) -> Result<Key, SecretError>;

    /// Forgets the secret of an id.
    ///
    /// # Errors
    /// When there is none, or it is still there.
    fn delete(&self, id: &str) -> Result<(), SecretError>;

    /// Whether there is a keychain at all, found out without a question to the user.
    ///
    /// # Errors
    /// When there is none, or it does not work.
    fn probe(&self) -> Result<(), SecretError>;
}

/// A store of secrets that answers in time.
#[derive(Clone, Debug)]
struct Keychain {
    store: Arc<dyn SecretStore>,
    /// One call at a time. The stores would queue them anyway, each on a thread of its own, behind an open prompt.
    turn: Arc<Semaphore>,
    /// What was wrong at the last call that could tell.
    trouble: Arc<Mutex<Option<String>>>,
}

/// What a call that went well says about the keychain.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proves {
    /// It let us in.
    Access,
    /// It is there. It may be locked all the same.
    Presence,
}

impl Keychain {
    /// Puts time limits around `store`.
    fn new(store: Arc<dyn SecretStore>) -> Self {
        Self { store, turn: Arc::new(Semaphore::new(1)), trouble: Arc::default() }
    }

    /// How the keychain is, without a question to the user: whether it is there, and what the last call met.
    async fn state(&self) -> KeychainState {
        // While a prompt is open there is nothing to wait for: the call that waits for it has said so already.
        if self.turn.available_permits() == 0
            && let Some(message) = self.trouble.lock().clone()
        {
            return KeychainState::Unavailable { message };
        }
        let probed = self.ask(START_LIMIT, Proves::Presence, <dyn SecretStore>::probe).await;
        match probed.err().map(|error| error.to_string()).or_else(|| self.trouble.lock().clone()) {
            Some(message) => KeychainState::Unavailable { message },
            None => KeychainState::Available,
        }
    }

    /// Runs `call` on a thread and waits for it, in all no longer than `limit`. It runs to its end even when nobody waits.
    ///
    /// The thread is its own and not one of `spawn_blocking`: a runtime that ends waits for those, and a prompt that nobody
    /// answers must not keep the app from quitting.
    async fn ask<T: Send + 'static>(
        &self,
        limit: Duration,
        proves: Proves,
        call: impl FnOnce(&dyn SecretStore) -> Result<T, SecretError> + Send + 'static,
    ) -> Result<T, SecretError> {
        let deadline = Instant::now() + limit;
        let no_answer = || SecretError::Failed(NO_ANSWER.to_owned());
        let Ok(Ok(permit)) = timeout_at(deadline, Arc::clone(&self.turn).acquire_owned()).await else {
            return Err(no_answer());
        };
        let (tell, told) = oneshot::channel();
        let this = self.clone();
        let started = thread::Builder::new().name("keychain".to_owned()).spawn(move || {
            let answer = call(this.store.as_ref());
            this.remember(&answer, proves);
            drop(permit);
            // Whoever asked may have stopped waiting.
            let _ = tell.send(answer);
        });
        if let Err(error) = started {
            return Err(failed(&error.to_string()));
        }
        match timeout_at(deadline, told).await {
            Ok(Ok(answer)) => answer,
            // A store that panics has dropped its end.
            Ok(Err(_)) => Err(failed("it stopped unexpectedly")),
            Err(_) => {
                *self.trouble.lock() = Some(NO_ANSWER.to_owned());
                Err(no_answer())
            }
        }
    }

    fn remember<T>(&self, answer: &Result<T, SecretError>, proves: Proves) {
        let mut trouble = self.trouble.lock();
        match answer {
            Ok(_) if proves == Proves::Access || trouble.as_deref() == Some(NO_ANSWER) => *trouble = None,
            Ok(_) | Err(SecretError::NotThere) => {}
            Err(SecretError::Failed(message)) => *trouble = Some(message.clone()),
        }
    }
}

fn failed(what: &str) -> SecretError {
    SecretError::Failed(format!(
        "The keychain gave an error ({what}). Try again, or start Codex Proxy again. Keys work without it."
    ))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod session_tests;
#[cfg(test)]
mod tests;
