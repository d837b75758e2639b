//! Authenticates requests by the key in the header `Authorization` or `x-api-key`, compared in constant time, and applies the
//! key's limits.
//!
//! Keys are accepted nowhere else: URLs end up in logs and browser history, and browsers send cookies unasked.

use std::path::PathBuf;
use std::sync::Arc;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use codex_client::{SandboxMode, ThreadKind};

use super::request_id::KindCell;
use crate::auth::{self, Key, KeyEntry, KeyLimits, LimitsError};
use crate::clock::unix_now;
use crate::error::ApiError;
use crate::models::catalog::Resolved;
use crate::models::ids::{self, Agent};
use crate::models::place::{self, PlaceError};
use crate::openai::model::ModelEntry;
use crate::server::state::Inner;
use crate::settings::{FolderModel, Settings};

/// Where clients of Anthropic's API send their key.
pub(in crate::server) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Names the folder that Codex itself works in for one request.
pub(in crate::server) const X_CODEX_WORKSPACE: HeaderName = HeaderName::from_static("x-codex-workspace");

/// How much of a text is scanned for keys, in characters.
const MAX_SCANNED_CHARS: usize = 1000;

/// The key that authenticates a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caller {
    /// Its name, for logs.
    pub(crate) name: String,
    /// Its digest. Unlike the name, it is unique.
    pub(crate) id: String,
    /// Its short id, by which folders name the keys that see them.
    pub(super) key_id: String,
    /// Whether it is the window's own key, which sees every folder.
    pub(super) is_owner: bool,
    /// The folder that the request names.
    pub(super) workspace: Option<PathBuf>,
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

    /// Whether the request names a folder, which only Codex itself works in.
    pub(in crate::server) fn names_workspace(&self) -> bool {
        self.workspace.is_some()
    }

    /// Whether the key sees a folder that is a model.
    fn sees(&self, folder: &FolderModel) -> bool {
        self.is_owner || folder.is_seen_by(&self.key_id)
    }

    /// Checks that the key may use the model or alias `id`. A pattern may match the id, the alias's model, or the model without an
    /// effort; the model behind codex-local does not matter. A folder that the key does not see does not exist for it.
    pub(in crate::server) fn check_model(&self, id: &str, settings: &Settings) -> Result<(), ApiError> {
        let real = ids::real(id, settings);
        let agent = ids::agent(id, settings);
        let folder = agent.and_then(|(agent, _)| agent.folder());
        if ids::is_folder_id(real) && !folder.is_some_and(|folder| self.sees(folder)) {
            return Err(ApiError::model_not_found(id, None, &[]));
        }
        if self.limits.plain_models_only && agent.is_some() {
            return Err(ApiError::plain_models_only(id));
        }
        let base = match (agent, settings.effort_models) {
            (Some((agent, _)), _) => agent.id(),
            (None, true) => ids::without_variant(real).to_owned(),
            (None, false) => real.to_owned(),
        };
        if self.limits.allows_model(&[id, real, &base]) {
            Ok(())
        } else {
            Err(ApiError::model_not_allowed(id))
        }
    }

    /// Removes the folders that are outside the key's own.
    pub(in crate::server) async fn retain_reachable(
        &self,
        entries: &mut Vec<ModelEntry>,
        settings: &Settings,
    ) {
        if self.limits.workspace.is_none() || settings.folders.is_empty() {
            return;
        }
        let outside = |caller: &Self, settings: &Settings, id: &str| {
            let (agent @ Agent::Folder(_), _) = ids::agent(id, settings)? else { return None };
            let request = place::Request { agent, limits: &caller.limits, named: None };
            place::place(request, settings, |_| true).err()
        };
        let (caller, settings) = (self.clone(), settings.clone());
        let ids: Vec<String> = entries.iter().map(|entry| entry.id.clone()).collect();
        let reachable =
            move || -> Vec<bool> { ids.iter().map(|id| outside(&caller, &settings, id).is_none()).collect() };
        let Ok(reachable) = tokio::task::spawn_blocking(reachable).await else { return entries.clear() };
        let mut reachable = reachable.into_iter();
        entries.retain(|_| reachable.next().unwrap_or_default());
    }

    /// Restricts the profile of a thread to the key's limits, and chooses its folder. `model` is the requested model.
    pub(in crate::server) async fn limit(
        &self,
        resolved: &mut Resolved,
        model: &str,
        settings: &Arc<Settings>,
    ) -> Result<(), ApiError> {
        let Resolved { profile, folder, .. } = resolved;
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
        profile.ask = match folder.as_ref().and_then(|folder| folder.ask) {
            None => self.limits.may_ask.unwrap_or(settings.ask),
            Some(asks) => asks && self.limits.may_ask.unwrap_or(true),
        };
        let keeps = folder.as_ref().and_then(|folder| folder.keep).unwrap_or(settings.keep_chats);
        profile.keep = self.limits.keep_chats.unwrap_or(keeps);
        let (caller, folder, settings) = (self.clone(), folder.clone(), Arc::clone(settings));
        let place = move || {
            let agent = folder.as_ref().map_or(Agent::Local, Agent::Folder);
            let named = caller.workspace.as_deref();
            let request = place::Request { agent, limits: &caller.limits, named };
            place::place(request, &settings, |folder| caller.sees(folder))
        };
        let placed = tokio::task::spawn_blocking(place).await.map_err(|_| ApiError::internal())?;
        (profile.sandbox, profile.workspace) = placed.map_err(|error| {
            tracing::warn!(key = self.name, model, "no folder to work in: {error}");
            match error {
                PlaceError::NoWorkspace => ApiError::no_workspace(),
                PlaceError::NoFolder(_) => ApiError::no_folder(),
                PlaceError::OutsideKey => ApiError::folder_outside_key(),
                PlaceError::NotAllowed => ApiError::workspace_not_allowed(),
                PlaceError::Limits(LimitsError::Outside { .. }) => ApiError::workspace_outside(),
                PlaceError::Limits(_) => ApiError::workspace_unavailable(),
            }
        })?;
        // Threads that are the same compare as the same.
        profile.ask = profile.asks();
        Ok(())
    }
}

/// The folder in a header, as UTF-8. A name that is none is no folder that there is.
fn folder_in(value: &HeaderValue) -> PathBuf {
    String::from_utf8_lossy(value.as_bytes()).trim().into()
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
        let workspace = headers.get(X_CODEX_WORKSPACE).map(folder_in);
        if !self.settings().keys_needed {
            return Ok(Caller { name: "no key needed".to_owned(), workspace, ..Caller::default() });
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
                key_id: entry.id.clone(),
                is_owner: self.owner_keys.contains(&entry.sha256),
                workspace,
                limits: entry.limits.clone(),
                kind: KindCell::default(),
            }),
            None => Err(Denied::WrongKey(damaged.unwrap_or_else(ApiError::wrong_api_key))),
        }
    }
}
