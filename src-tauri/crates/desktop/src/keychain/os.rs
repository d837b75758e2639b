//! The system keychain: Keychain on macOS, Credential Manager on Windows, the Secret Service elsewhere.
//!
//! keyring looks for it once per process, so a keychain that starts later is found only after a restart of the app.

use keyring::{Entry, Error};

use super::{SecretError, SecretStore, failed};
use proxy::Key;

/// The service name in the system keychain.
const SERVICE: &str = "Codex Proxy";

/// An id no key has, because ids are hexadecimal.
const PROBE_ID: &str = "probe";

/// The Secret Service runs, but no keyring was ever created.
const NO_KEYRING: &str = "No default keyring yet. Create one in Passwords and Keys, then try again. Keys work, but you can \
                          copy each one only once.";

const LOCKED: &str = "The keychain is locked, or access was denied. Unlock it and try again. Keys work, but you can copy \
                      each one only once.";

/// The system keychain.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsKeychain;

impl SecretStore for OsKeychain {
    fn put(&self, id: &str, secret: &Key) -> Result<(), SecretError> {
        Entry::new(SERVICE, id).and_then(|entry| entry.set_password(secret.reveal())).map_err(secret_error)
    }

    fn get(&self, id: &str) -> Result<Key, SecretError> {
        Entry::new(SERVICE, id).and_then(|entry| entry.get_password()).map(Key::new).map_err(secret_error)
    }

    fn delete(&self, id: &str) -> Result<(), SecretError> {
        Entry::new(SERVICE, id).and_then(|entry| entry.delete_credential()).map_err(secret_error)
    }

    fn probe(&self) -> Result<(), SecretError> {
        // Looking up a missing id prompts no user, and fails without a keychain.
        match self.get(PROBE_ID) {
            Ok(_) | Err(SecretError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Adds what to do to keyring's errors, whose messages contain no secrets.
#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn secret_error(error: Error) -> SecretError {
    match &error {
        Error::NoEntry => SecretError::NotFound,
        Error::NoDefaultStore => SecretError::Failed(no_keychain().to_owned()),
        // The cause has no public type. If its message changes, the next case still fits.
        Error::NoStorageAccess(cause) if cause.to_string().contains("result not returned") => {
            SecretError::Failed(NO_KEYRING.to_owned())
        }
        Error::NoStorageAccess(_) => SecretError::Failed(LOCKED.to_owned()),
        #[cfg(target_os = "macos")]
        Error::PlatformFailure(cause) if is_denied(cause.as_ref()) => SecretError::Failed(LOCKED.to_owned()),
        Error::PlatformFailure(cause) => failed(&cause.to_string()),
        other => failed(&other.to_string()),
    }
}

/// Whether the user has denied access, or the keychain is locked and cannot ask for its password.
#[cfg(target_os = "macos")]
fn is_denied(cause: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    /// `errSecUserCanceled`, `errSecAuthFailed`, `errSecInteractionNotAllowed` and `errSecInteractionRequired`.
    const DENIED: [i32; 4] = [-128, -25293, -25308, -25315];
    cause
        .downcast_ref::<security_framework::base::Error>()
        .is_some_and(|error| DENIED.contains(&error.code()))
}

fn no_keychain() -> &'static str {
    if cfg!(any(windows, target_os = "macos")) {
        "The keychain can't be used. Keys work, but you can copy each one only once. To try again, restart Codex Proxy."
    } else {
        "No keychain found. Keys work, but you can copy each one only once. To copy them later, install GNOME Keyring or \
         KWallet and restart Codex Proxy."
    }
}
