//! The keychain of the system: Keychain on macOS, Credential Manager on Windows, the Secret Service elsewhere.
//!
//! keyring looks for it once a process, at the first call. Where there is none then, there is none until the app is started
//! again, and the sentence says so.

use keyring::{Entry, Error};

use super::{SecretError, SecretStore, failed};
use proxy::Key;

/// The name under which secrets are found in the system's own program for them.
const SERVICE: &str = "Codex Proxy";

/// An id that no key has, since those are hexadecimal.
const NOBODY: &str = "probe";

/// What the Secret Service is like on a machine where nobody ever made a keyring.
const NO_KEYRING: &str = "The keychain has no place for keys yet. Make a default keyring in it, as with the program \
                          Passwords and Keys, and try again. Keys work without it, but cannot be shown again.";

const LOCKED: &str = "The keychain is locked, or Codex Proxy was not let in. Unlock it and try again. Keys work without it, \
                      but cannot be shown again.";

/// The keychain of the system.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsKeychain;

impl SecretStore for OsKeychain {
    fn put(&self, id: &str, secret: &Key) -> Result<(), SecretError> {
        Entry::new(SERVICE, id).and_then(|entry| entry.set_password(secret.reveal())).map_err(told)
    }

    fn get(&self, id: &str) -> Result<Key, SecretError> {
        Entry::new(SERVICE, id).and_then(|entry| entry.get_password()).map(Key::new).map_err(told)
    }

    fn delete(&self, id: &str) -> Result<(), SecretError> {
        Entry::new(SERVICE, id).and_then(|entry| entry.delete_credential()).map_err(told)
    }

    fn probe(&self) -> Result<(), SecretError> {
        // Looking for what is not there asks no user anything, and still tells whether somebody answers.
        match self.get(NOBODY) {
            Ok(_) | Err(SecretError::NotThere) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// What keyring says, in words that lead somewhere. Its own texts hold no secret: those travel in its values.
#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn told(error: Error) -> SecretError {
    match &error {
        Error::NoEntry => SecretError::NotThere,
        Error::NoDefaultStore => SecretError::Failed(none().to_owned()),
        // The cause has no type here that could be asked; where its words change, the next sentence is still right.
        Error::NoStorageAccess(cause) if cause.to_string().contains("result not returned") => {
            SecretError::Failed(NO_KEYRING.to_owned())
        }
        Error::NoStorageAccess(_) => SecretError::Failed(LOCKED.to_owned()),
        Error::PlatformFailure(cause) => failed(&cause.to_string()),
        other => failed(&other.to_string()),
    }
}

fn none() -> &'static str {
    if cfg!(any(windows, target_os = "macos")) {
        "The keychain of this system cannot be used, so a key can be copied only when it is made. Start Codex Proxy \
         again to look for it once more."
    } else {
        "This session has no keychain, so a key can be copied only when it is made. Install GNOME Keyring or KWallet, \
         and start Codex Proxy again."
    }
}
