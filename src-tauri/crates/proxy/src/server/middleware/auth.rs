//! Authenticates requests by the key in the header `Authorization` or `x-api-key`, compared in constant time, and applies the
//! key's limits.
//!
//! Keys are accepted nowhere else: URLs end up in logs and browser history, and browsers send cookies unasked.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName};
use codex_client::{SandboxMode, ThreadKind, ThreadProfile};

use super::request_id::KindCell;
use crate::auth::{self, Key, KeyEntry, KeyLimits, LimitsError};
use crate::clock::unix_now;
use crate::error::ApiError;
use crate::models::catalog::is_agent;
use crate::server::state::Inner;
use crate::settings::Settings;

/// Where clients of Anthropic's API send their key.
pub(super) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// How much of a text is scanned for keys, in characters.
const MAX_SCANNED_CHARS: usize = 1000;

/// The key that authenticates a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caller {
    /// Its name, for logs.
    pub(crate) name: String,
    /// Its digest. Unlike the name, it is unique.
    pub(crate) id: String,
    /// Its limits, stricter than the settings.
    pub(crate) limits: KeyLimits,
    /// Receives the kind of model, for metrics.
    pub(in crate::server) kind: KindCell,
}

impl Caller {
    /// Whether the key may use the model or alias `id`.
    pub(in crate::server) fn may_use(&self, id: &str, settings: &Settings) -> bool {
        self.check_model(id, settings).is_ok()
    }

    /// Checks that the key may use the model or alias `id`. A pattern may match either the alias or what it stands for; the model
    /// behind codex-local does not matter.
    pub(in crate::server) fn check_model(&self, id: &str, settings: &Settings) -> Result<(), ApiError> {
        if self.limits.plain_models_only && is_agent(id, settings) {
            return Err(ApiError::plain_models_only(id));
        }
        let real = settings.model_aliases.get(id).map_or(id, String::as_str);
        if self.limits.allows_model(&[id, real]) { Ok(()) } else { Err(ApiError::model_not_allowed(id)) }
    }

    /// Restricts a thread's profile to the key's limits. `model` is the requested model.
    pub(in crate::server) async fn limit(
        &self,
        profile: &mut ThreadProfile,
        model: &str,
    ) -> Result<(), ApiError> {
        if profile.kind == ThreadKind::Plain {
            if !self.limits.is_none() {
                // Plain models run nothing. Should codex offer a shell anyway, it must not change anything.
                profile.sandbox = SandboxMode::ReadOnly;
            }
            return Ok(());
        }
        if self.limits.plain_models_only {
            return Err(ApiError::plain_models_only(model));
        }
        profile.no_web_search = !self.limits.allows_web_search();
        profile.no_mcp_servers = self.limits.no_mcp_servers;
        if self.limits.workspace.is_none() {
            let workspace = profile.workspace.clone();
            let is_there = tokio::task::spawn_blocking(move || workspace.is_dir()).await.unwrap_or_default();
            if !is_there {
                return Err(ApiError::no_workspace());
            }
        }
        let (limits, sandbox, workspace) = (self.limits.clone(), profile.sandbox, profile.workspace.clone());
        let effective = tokio::task::spawn_blocking(move || limits.effective(sandbox, &workspace)).await;
        (profile.sandbox, profile.workspace) =
            effective.map_err(|_| ApiError::internal())?.map_err(|error| {
                tracing::warn!(key = self.name, "the limits of this key cannot be applied: {error}");
                match error {
                    LimitsError::Outside { .. } => ApiError::workspace_outside(),
                    LimitsError::LessStrict(_) | LimitsError::Unusable { .. } => {
                        ApiError::workspace_unavailable()
                    }
                }
            })?;
        Ok(())
    }
}

/// Why a request is unauthorized.
#[derive(Debug)]
pub(in crate::server) enum Denied {
    /// It has no key, or the key file cannot be read.
    Error(ApiError),
    /// Its key is unknown, possibly a guess.
    WrongKey(ApiError),
}

impl Inner {
    /// Client text with keys redacted, safe to store.
    pub(in crate::server) fn without_keys(&self, text: &str) -> String {
        auth::without_keys(text, &self.settings().api_keys)
    }

    /// The first `max` characters of client text, with keys redacted.
    pub(in crate::server) fn for_log(&self, text: &str, max: usize) -> String {
        // Scans further than it returns, so that a key cut in half is still found, but not text of any length.
        let text: String = text.chars().take(MAX_SCANNED_CHARS).collect();
        self.without_keys(&text).chars().take(max).collect()
    }

    pub(in crate::server) fn check_key(&self, headers: &HeaderMap) -> Result<Caller, Denied> {
        if !self.settings().keys_needed {
            return Ok(Caller { name: "no key needed".to_owned(), ..Caller::default() });
        }
        let header = |name| {
            let value = headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
            value.unwrap_or_default()
        };
        let (authorization, api_key) = (header(AUTHORIZATION), header(X_API_KEY));
        let api_key = Some(api_key.trim()).filter(|key| !key.is_empty()).map(Key::new);
        // Clients of Anthropic's API send a placeholder in one header and the key in the other.
        let presented: Vec<Key> = auth::bearer(&authorization).into_iter().chain(api_key).collect();
        if presented.is_empty() {
            let has_credentials =
                !authorization.is_empty() && !authorization.trim().eq_ignore_ascii_case("bearer");
            let error = if has_credentials { ApiError::wrong_api_key() } else { ApiError::no_api_key() };
            return Err(Denied::Error(error));
        }
        let stored = self.key_file.entries().map_err(|error| {
            tracing::error!(%error, "failed to read the key file");
            ApiError::keys_unavailable()
        });
        // With a damaged key file, configured keys still work.
        let (stored, damaged) = match stored {
            Ok(stored) => (stored, None),
            Err(error) => (Default::default(), Some(error)),
        };
        let find = |key| auth::find_key(self.configured_keys.iter().chain(stored.iter()), key);
        match presented.iter().find_map(find) {
            Some(KeyEntry { limits, .. }) if limits.has_expired(unix_now()) => {
                let at = limits.expires.unwrap_or_default();
                Err(Denied::Error(ApiError::key_expired(at)))
            }
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
