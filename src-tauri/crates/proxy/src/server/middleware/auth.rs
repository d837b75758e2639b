//! Who may ask: a key in the `Authorization` header, compared in constant time; and what codex may do for that key.
//!
//! A key counts nowhere else: not in the address, which logs and browsers keep, nor in a cookie, which browsers send unasked.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use codex_client::{SandboxMode, ThreadKind, ThreadProfile};

use super::request_id::KindCell;
use crate::auth::{self, KeyLimits, LimitsError};
use crate::error::ApiError;
use crate::server::state::Inner;

/// How much of a short text is looked through for keys, in characters.
const LONGEST_LOOKED_AT: usize = 1000;

/// Who makes a request: the key that it was made with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caller {
    /// Its name, for the log.
    pub(crate) name: String,
    /// Its digest, which sets it apart from every other key: a name can be given again.
    pub(crate) id: String,
    /// What it allows less than the settings do.
    pub(crate) limits: KeyLimits,
    /// Where the kind of model that this request asks for is counted.
    pub(in crate::server) kind: KindCell,
}

impl Caller {
    /// Makes what a thread is started with no freer than the key.
    pub(in crate::server) async fn limit(&self, profile: &mut ThreadProfile) -> Result<(), ApiError> {
        if self.limits.is_none() {
            return Ok(());
        }
        if profile.kind == ThreadKind::Plain {
            // A plain model runs nothing. A codex that gives it a shell all the same lets it change nothing.
            profile.sandbox = SandboxMode::ReadOnly;
            return Ok(());
        }
        let (limits, sandbox, workspace) = (self.limits.clone(), profile.sandbox, profile.workspace.clone());
        let within = tokio::task::spawn_blocking(move || limits.within(sandbox, &workspace)).await;
        (profile.sandbox, profile.workspace) =
            within.map_err(|_| ApiError::internal())?.map_err(|error| {
                tracing::warn!(key = self.name, "codex was not started for this key: {error}");
                match error {
                    LimitsError::Outside { .. } => ApiError::workspace_outside(),
                    LimitsError::Freer(_) | LimitsError::Unusable { .. } => ApiError::workspace_unavailable(),
                }
            })?;
        Ok(())
    }
}

/// Why a request is not let in.
#[derive(Debug)]
pub(in crate::server) enum Denied {
    /// It names no key, or the keys cannot be read.
    Error(ApiError),
    /// Its key is none of ours, which may be a guess.
    WrongKey(ApiError),
}

impl Inner {
    /// A client's text as it may be kept, without any key.
    pub(in crate::server) fn without_keys(&self, text: &str) -> String {
        auth::without_keys(text, &self.settings.api_keys)
    }

    /// The same of a short text, of which `longest` characters are kept.
    pub(in crate::server) fn for_log(&self, text: &str, longest: usize) -> String {
        // What could be half a key at its end is looked at whole; a header or a path of any length is not.
        let text: String = text.chars().take(LONGEST_LOOKED_AT).collect();
        self.without_keys(&text).chars().take(longest).collect()
    }

    /// Looks up the key of a request.
    pub(in crate::server) fn check_key(&self, headers: &HeaderMap) -> Result<Caller, Denied> {
        if !self.settings.keys_needed {
            return Ok(Caller { name: "no key needed".to_owned(), ..Caller::default() });
        }
        let header = headers.get(AUTHORIZATION).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let header = header.unwrap_or_default();
        let Some(presented) = auth::bearer(&header) else {
            let given = !header.is_empty() && !header.trim().eq_ignore_ascii_case("bearer");
            let error = if given { ApiError::wrong_api_key() } else { ApiError::no_api_key() };
            return Err(Denied::Error(error));
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
        match auth::find_key(self.given_keys.iter().chain(stored.iter()), &presented) {
            Some(entry) => Ok(Caller {
                name: entry.name.clone(),
                id: entry.sha256.to_hex(),
                limits: entry.limits.clone(),
                kind: KindCell::default(),
            }),
            None => Err(Denied::WrongKey(damaged.unwrap_or_else(ApiError::wrong_api_key))),
        }
    }
}
