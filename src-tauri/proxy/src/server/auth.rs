//! Who may ask: a key in the `Authorization` header, compared in constant time.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use super::Inner;
use super::error::ApiError;
use crate::keys;

/// The key that a request was made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyName {
    /// Its name, for the log.
    pub(crate) name: String,
    /// What sets it apart from every other key: a name can be given again.
    pub(crate) id: String,
}

impl Inner {
    /// Checks the key of a request.
    pub(crate) fn check_key(&self, headers: &HeaderMap) -> Result<KeyName, ApiError> {
        if !self.settings.auth {
            return Ok(KeyName { name: "no key needed".to_owned(), id: String::new() });
        }
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let Some(presented) = keys::bearer(header) else {
            let given = !header.is_empty() && !header.trim().eq_ignore_ascii_case("bearer");
            return Err(ApiError::invalid_api_key(given));
        };
        let stored = self.key_file.entries().map_err(|error| {
            tracing::error!(%error, "the keys cannot be read");
            ApiError::keys_unavailable()
        });
        // A damaged file does not shut out the keys that were given otherwise.
        let (stored, damaged) = match stored {
            Ok(stored) => (stored, None),
            Err(error) => (Default::default(), Some(error)),
        };
        match keys::find(self.given_keys.iter().chain(stored.iter()), &presented) {
            Some(entry) => Ok(KeyName { name: entry.name.clone(), id: entry.id.clone() }),
            None => Err(damaged.unwrap_or_else(|| ApiError::invalid_api_key(true))),
        }
    }
}
