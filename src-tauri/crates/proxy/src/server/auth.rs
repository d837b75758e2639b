//! Who may ask: a key in the `Authorization` header, compared in constant time; and what codex may do for that key.
//!
//! A key counts nowhere else: not in the address, which logs and browsers keep, nor in a cookie, which browsers send unasked.

use std::net::{IpAddr, Ipv4Addr};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use codex_client::{SandboxMode, ThreadKind, ThreadProfile};

use super::Inner;
use super::error::ApiError;
use super::wrong_keys::Peer;
use crate::keys::{self, KeyLimits, LimitsError};

/// How much of a short text is looked through for keys, in characters.
const LONGEST_LOOKED_AT: usize = 1000;

/// The key that a request was made with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyName {
    /// Its name, for the log.
    pub(crate) name: String,
    /// Its digest, which sets it apart from every other key: a name can be given again.
    pub(crate) id: String,
    /// What it allows less than the settings do.
    pub(crate) limits: KeyLimits,
}

impl KeyName {
    /// Makes what a thread is started with no freer than the key.
    pub(super) async fn limit(&self, profile: &mut ThreadProfile) -> Result<(), ApiError> {
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
                ApiError::workspace_unavailable(matches!(error, LimitsError::Outside { .. }))
            })?;
        Ok(())
    }
}

/// Why a request is not let in.
#[derive(Debug)]
pub(super) enum Denied {
    /// It names no key, or the keys cannot be read.
    Error(ApiError),
    /// Its key is none of ours, which may be a guess.
    WrongKey(ApiError),
}

impl Inner {
    /// What a request with a wrong key is answered, where `denied` says why. It may take a while, which ends when the proxy stops.
    pub(super) async fn refuse(&self, from: Option<Peer>, denied: ApiError) -> ApiError {
        let from = from.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0);
        let noted = tokio::select! {
            noted = self.wrong_keys.note(from) => noted,
            () = self.stopping.cancelled() => Ok(()),
        };
        noted.map_or_else(|_| ApiError::too_many_wrong_keys(), |()| denied)
    }

    /// A client's text as it may be kept, without any key.
    pub(super) fn without_keys(&self, text: &str) -> String {
        keys::without_keys(text, &self.settings.api_keys)
    }

    /// The same of a short text, of which `longest` characters are kept.
    pub(super) fn for_log(&self, text: &str, longest: usize) -> String {
        // What could be half a key at its end is looked at whole; a header or a path of any length is not.
        let text: String = text.chars().take(LONGEST_LOOKED_AT).collect();
        self.without_keys(&text).chars().take(longest).collect()
    }

    /// Looks up the key of a request.
    pub(super) fn check_key(&self, headers: &HeaderMap) -> Result<KeyName, Denied> {
        if !self.settings.keys_needed {
            return Ok(KeyName { name: "no key needed".to_owned(), ..KeyName::default() });
        }
        let header = headers.get(AUTHORIZATION).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let header = header.unwrap_or_default();
        let Some(presented) = keys::bearer(&header) else {
            let given = !header.is_empty() && !header.trim().eq_ignore_ascii_case("bearer");
            return Err(Denied::Error(ApiError::invalid_api_key(given)));
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
            Some(entry) => Ok(KeyName {
                name: entry.name.clone(),
                id: entry.sha256.to_hex(),
                limits: entry.limits.clone(),
            }),
            None => Err(Denied::WrongKey(damaged.unwrap_or_else(|| ApiError::invalid_api_key(true)))),
        }
    }
}
