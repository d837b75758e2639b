//! The available models: `codex-local`, folders, and every model codex lists.
//!
//! codex's list is cached; for unknown ids it is asked again, at most once a minute. A list from another version or
//! account is discarded.
//! The thread profile of a model is also decided here, so the two kinds differ in one place.

use std::time::Duration;

use parking_lot::Mutex;

use codex_client::{Capabilities, Codex, CodexError, Model, Readiness, Status, ThreadKind, ThreadProfile};
use tokio::time::Instant;

use super::ids::{self, Variant};
use crate::error::ApiError;
pub(crate) use crate::settings::CODEX_LOCAL;
use crate::settings::{FolderModel, Settings};

/// Lifetime of the cached list. It changes only with the account and codex's version.
const CACHE_TTL: Duration = Duration::from_secs(300);

/// How long an id that the cached list lacks is unknown without asking codex again.
const RECHECK_INTERVAL: Duration = Duration::from_secs(60);

/// Longest unknown id that is compared with the others, in characters.
const MAX_COMPARED_CHARS: usize = 100;

/// The models as last listed.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    cached: Mutex<Option<Cached>>,
    /// Held while codex is asked, so that it is asked once; the last failure, for those who waited for it.
    asking: tokio::sync::Mutex<Option<(Instant, CodexError)>>,
}

/// A model that a request can use.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    /// What its threads are started with.
    pub(crate) profile: ThreadProfile,
    /// What its id says besides the model.
    pub(crate) variant: Variant,
    /// The folder that it is, if it is one.
    pub(crate) folder: Option<FolderModel>,
}

/// A list and its source.
#[derive(Clone, Debug)]
struct Cached {
    since: Instant,
    /// The codex that returned it.
    from: Option<Readiness>,
    models: Vec<Model>,
}

impl Catalog {
    /// What the model or alias `id` is, as far as it is known without asking codex.
    ///
    /// # Errors
    /// When there is no such model.
    pub(crate) fn look_up_cached(
        &self,
        id: &str,
        codex: &Codex,
        settings: &Settings,
    ) -> Result<Option<Resolved>, ApiError> {
        let cached = self.cached.lock().clone().filter(|cached| cached.is_fresh(codex, CACHE_TTL));
        match (find(id, cached.as_ref().map(|cached| cached.models.as_slice()), settings), cached) {
            // Perhaps it is new.
            (Err(_), Some(cached)) if !cached.is_fresh(codex, RECHECK_INTERVAL) => Ok(None),
            (found, _) => found,
        }
    }

    /// What the model or alias `id` is.
    ///
    /// # Errors
    /// When there is no such model, or codex cannot list its models.
    pub(crate) async fn look_up(
        &self,
        id: &str,
        codex: &Codex,
        settings: &Settings,
    ) -> Result<Resolved, ApiError> {
        if let Some(found) = self.look_up_cached(id, codex, settings)? {
            return Ok(found);
        }
        let models = self.refresh(codex, RECHECK_INTERVAL).await?;
        find(id, Some(&models), settings)?.ok_or_else(ApiError::internal)
    }

    /// The models as last listed, however old; empty if never listed.
    pub(crate) fn cached(&self) -> Vec<Model> {
        let cached = self.cached.lock();
        cached.as_ref().map(|cached| cached.models.clone()).unwrap_or_default()
    }

    /// What the codex that listed the models can do; `None` if it is not live.
    pub(crate) fn capabilities(&self) -> Option<Capabilities> {
        let cached = self.cached.lock();
        Some(cached.as_ref()?.from.as_ref()?.capabilities)
    }

    /// The efforts of the model `id`, or of the default model, as last listed; empty if unknown.
    pub(crate) fn efforts(&self, id: Option<&str>) -> Vec<String> {
        self.cached_model(id).map(|model| model.efforts).unwrap_or_default()
    }

    /// Whether the model `id`, or the default model, accepts images. Assumed if unknown.
    pub(crate) fn reads_images(&self, id: Option<&str>) -> bool {
        let reads = self.cached_model(id).map(|model| model.input_modalities).unwrap_or_default();
        reads.is_empty() || reads.iter().any(|kind| kind == "image")
    }

    /// The model `id`, or the default model, as last listed.
    fn cached_model(&self, id: Option<&str>) -> Option<Model> {
        let cached = self.cached.lock();
        let mut models = cached.as_ref()?.models.iter();
        models.find(|model| id.map_or(model.is_default, |id| model.id == id)).cloned()
    }

    /// codex's models, cached for [`CACHE_TTL`].
    ///
    /// # Errors
    /// When codex cannot list them.
    pub(crate) async fn models(&self, codex: &Codex) -> Result<Vec<Model>, CodexError> {
        self.refresh(codex, CACHE_TTL).await
    }

    /// The models as listed within `max_age`.
    async fn refresh(&self, codex: &Codex, max_age: Duration) -> Result<Vec<Model>, CodexError> {
        let fresh = || self.cached.lock().clone().filter(|cached| cached.is_fresh(codex, max_age));
        if let Some(cached) = fresh() {
            return Ok(cached.models);
        }
        let began = Instant::now();
        let mut last_failure = self.asking.lock().await;
        // Another request may have asked meanwhile.
        if let Some(cached) = fresh() {
            return Ok(cached.models);
        }
        if let Some((_, error)) = last_failure.as_ref().filter(|(failed, _)| *failed > began) {
            return Err(error.clone());
        }
        let models = codex
            .models()
            .await
            .inspect_err(|error| *last_failure = Some((Instant::now(), error.clone())))?;
        let cached = Cached { since: Instant::now(), from: live(codex), models: models.clone() };
        *self.cached.lock() = Some(cached);
        Ok(models)
    }
}

/// What the model or alias `id` is; `None` if only the missing list could tell. An alias refers to a
/// model, not to another alias.
///
/// # Errors
/// When there is no such model.
fn find(id: &str, models: Option<&[Model]>, settings: &Settings) -> Result<Option<Resolved>, ApiError> {
    let (asked, id) = (id, ids::real(id, settings));
    let alias_of = (asked != id).then_some(id);
    let not_found = |nearest: &[String]| Err(ApiError::model_not_found(asked, alias_of, nearest));
    if let Some((agent, suffix)) = ids::agent(asked, settings) {
        let variant = match (suffix, models) {
            (None, _) => Some(Variant::default()),
            (Some(_), None) => return Ok(None),
            (Some(suffix), Some(models)) => {
                ids::agent_model(settings, models).and_then(|model| ids::variant(suffix, model))
            }
        };
        let folder = agent.folder();
        let instructions = folder.map(|folder| folder.instructions.clone()).filter(|text| !text.is_empty());
        let profile = ThreadProfile { developer_instructions: instructions, ..agent_profile(settings) };
        return match variant {
            Some(variant) => Ok(Some(Resolved { profile, variant, folder: folder.cloned() })),
            None => not_found(&[]),
        };
    }
    if ids::is_folder_id(id) {
        return not_found(&[]);
    }
    let found = |id: &str, variant| {
        let profile = profile(ThreadKind::Plain, Some(id.to_owned()), settings);
        Ok(Some(Resolved { profile, variant, folder: None }))
    };
    // The configured model may exist only at the user's own provider.
    if settings.model.as_deref() == Some(id) {
        return found(id, Variant::default());
    }
    let Some(models) = models else { return Ok(None) };
    // Old versions of codex list none; then the upstream decides.
    if models.is_empty() || models.iter().any(|model| model.id == id) {
        return found(id, Variant::default());
    }
    if let Some((model, variant)) = ids::with_variant(id, models).filter(|_| settings.effort_models) {
        return found(&model.id, variant);
    }
    let others = settings.model_aliases.keys().filter(|_| alias_of.is_none());
    not_found(&nearest(id, models, others))
}

impl Cached {
    /// Whether it is younger than `max_age` and the same codex, version and account is live.
    fn is_fresh(&self, codex: &Codex, max_age: Duration) -> bool {
        let is_the_same = live(codex).is_none_or(|now| self.from.as_ref() == Some(&now));
        self.since.elapsed() < max_age && is_the_same
    }
}

/// The live codex, if any.
fn live(codex: &Codex) -> Option<Readiness> {
    match &*codex.status().borrow() {
        Status::Ready(readiness) => Some(readiness.clone()),
        _ => None,
    }
}

/// Whether `id` is Codex itself, by name or alias: codex-local or a folder.
#[must_use]
pub fn is_agent(id: &str, settings: &Settings) -> bool {
    ids::agent(id, settings).is_some()
}

/// The thread profile of codex-local.
pub(crate) fn agent_profile(settings: &Settings) -> ThreadProfile {
    profile(ThreadKind::Agent, settings.model.clone(), settings)
}

fn profile(kind: ThreadKind, model: Option<String>, settings: &Settings) -> ThreadProfile {
    let plain = ThreadProfile::plain(settings.working_folder());
    ThreadProfile { kind, model, sandbox: settings.sandbox, ..plain }
}

/// Up to three ids most similar to `id`, by shared character pairs.
fn nearest<'a>(id: &str, models: &'a [Model], aliases: impl Iterator<Item = &'a String>) -> Vec<String> {
    let pairs = |text: &str| -> Vec<(char, char)> {
        let lower: String = text.chars().take(MAX_COMPARED_CHARS).flat_map(char::to_lowercase).collect();
        lower.chars().zip(lower.chars().skip(1)).collect()
    };
    let target = pairs(id);
    let mut scored: Vec<(usize, &str)> = models
        .iter()
        .map(|model| model.id.as_str())
        .chain([CODEX_LOCAL])
        .chain(aliases.map(String::as_str))
        .map(|cached| (pairs(cached).iter().filter(|pair| target.contains(pair)).count(), cached))
        .filter(|(shared, _)| *shared > 0)
        .collect();
    scored.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
    scored.into_iter().take(3).map(|(_, id)| id.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_ids_are_suggested() {
        let models = ["gpt-5.5", "gpt-6-sol", "o9"]
            .map(|id| serde_json::from_value(serde_json::json!({ "id": id })).unwrap());
        let aliases = ["gpt-4o".to_owned()];
        let nearest = |id| nearest(id, &models, aliases.iter());
        assert_eq!(nearest("gpt-5")[0], "gpt-5.5");
        assert_eq!(nearest("codex"), [CODEX_LOCAL]);
        assert_eq!(nearest("4o"), ["gpt-4o"]);
        assert!(nearest("").is_empty());
    }
}
