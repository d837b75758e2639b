//! The available models: `codex-local`, and every model codex lists.
//!
//! codex's list is cached; for unknown ids it is asked again, at most once a minute. A list from another version or
//! account is discarded.
//! The thread profile of a model is also decided here, so the two kinds differ in one place.

use std::time::Duration;

use parking_lot::Mutex;

use codex_client::{Codex, CodexError, Model, Readiness, Status, ThreadKind, ThreadProfile};
use tokio::time::Instant;

use crate::error::ApiError;
use crate::openai::model::{ModelCapabilities, ModelEntry, ModelInfo, ModelMeta};
pub(crate) use crate::settings::CODEX_LOCAL;
use crate::settings::Settings;

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

/// A list and its source.
#[derive(Clone, Debug)]
struct Cached {
    since: Instant,
    /// The codex that returned it.
    from: Option<Readiness>,
    models: Vec<Model>,
}

impl Catalog {
    /// The thread profile for the model or alias `id`, as far as it is known without asking codex.
    ///
    /// # Errors
    /// When there is no such model.
    pub(crate) fn look_up_cached(
        &self,
        id: &str,
        codex: &Codex,
        settings: &Settings,
    ) -> Result<Option<ThreadProfile>, ApiError> {
        let cached = self.cached.lock().clone().filter(|cached| cached.is_fresh(codex, CACHE_TTL));
        match (find(id, cached.as_ref().map(|cached| cached.models.as_slice()), settings), cached) {
            // Perhaps it is new.
            (Err(_), Some(cached)) if !cached.is_fresh(codex, RECHECK_INTERVAL) => Ok(None),
            (found, _) => found,
        }
    }

    /// The thread profile for the model or alias `id`.
    ///
    /// # Errors
    /// When there is no such model, or codex cannot list its models.
    pub(crate) async fn look_up(
        &self,
        id: &str,
        codex: &Codex,
        settings: &Settings,
    ) -> Result<ThreadProfile, ApiError> {
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

/// The thread profile for the model or alias `id`; `None` if only the missing list could tell. An alias refers to a
/// model, not to another alias.
///
/// # Errors
/// When there is no such model.
fn find(id: &str, models: Option<&[Model]>, settings: &Settings) -> Result<Option<ThreadProfile>, ApiError> {
    if is_agent(id, settings) {
        return Ok(Some(agent_profile(settings)));
    }
    let alias_of = settings.model_aliases.get(id);
    let (asked, id) = (id, alias_of.map_or(id, String::as_str));
    let found = || Ok(Some(profile(ThreadKind::Plain, Some(id.to_owned()), settings)));
    // The configured model may exist only at the user's own provider.
    if settings.model.as_deref() == Some(id) {
        return found();
    }
    let Some(models) = models else { return Ok(None) };
    // Old versions of codex list none; then the upstream decides.
    if models.is_empty() || models.iter().any(|model| model.id == id) {
        return found();
    }
    let others = settings.model_aliases.keys().filter(|_| alias_of.is_none());
    Err(ApiError::model_not_found(asked, alias_of.map(String::as_str), &nearest(id, models, others)))
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

/// Whether `id` is Codex itself, by name or alias.
pub(crate) fn is_agent(id: &str, settings: &Settings) -> bool {
    settings.model_aliases.get(id).map_or(id, String::as_str) == CODEX_LOCAL
}

/// The thread profile of codex-local.
pub(crate) fn agent_profile(settings: &Settings) -> ThreadProfile {
    profile(ThreadKind::Agent, settings.model.clone(), settings)
}

fn profile(kind: ThreadKind, model: Option<String>, settings: &Settings) -> ThreadProfile {
    let plain = ThreadProfile::plain(settings.working_folder());
    ThreadProfile { kind, model, sandbox: settings.sandbox, ..plain }
}

/// The entries of `GET /v1/models`: `codex-local`, then codex's visible models in its order, then aliases of existing
/// models. An alias shadows a model of the same id.
pub(crate) fn entries(models: &[Model], settings: &Settings, created: u64) -> Vec<ModelEntry> {
    let aliases = &settings.model_aliases;
    let shown = models.iter().filter(|model| !model.hidden && !aliases.contains_key(&model.id));
    let mut entries = vec![codex_local(settings, created)];
    entries.extend(shown.map(|model| entry_of(&model.id, models, settings, created)));
    if let Some(model) = &settings.model
        && !entries.iter().any(|entry| entry.id == *model)
    {
        entries.push(entry_of(model, models, settings, created));
    }
    let exists = |model: &String| {
        model == CODEX_LOCAL
            || settings.model.as_ref() == Some(model)
            || models.iter().any(|cached| cached.id == *model)
    };
    let there = aliases.iter().filter(|(_, model)| exists(model));
    entries.extend(there.map(|(alias, _)| entry_of(alias, models, settings, created)));
    entries
}

/// The entry of the existing `id`: codex-local, an alias, or a plain model with codex's description, if any.
pub(crate) fn entry_of(id: &str, models: &[Model], settings: &Settings, created: u64) -> ModelEntry {
    match settings.model_aliases.get(id) {
        Some(model) => {
            let real = entry_of_model(model, models, settings, created);
            let description = format!("Alias of {model}. {}", real.info.meta.description);
            entry(id, id, description.trim_end(), real.owned_by, created)
        }
        None => entry_of_model(id, models, settings, created),
    }
}

fn entry_of_model(id: &str, models: &[Model], settings: &Settings, created: u64) -> ModelEntry {
    if id == CODEX_LOCAL {
        return codex_local(settings, created);
    }
    match models.iter().find(|model| model.id == id) {
        Some(model) if !model.display_name.is_empty() => {
            entry(id, &model.display_name, &model.description, "openai", created)
        }
        _ => entry(id, id, "The model of the settings.", "openai", created),
    }
}

fn codex_local(settings: &Settings, created: u64) -> ModelEntry {
    let description = match &settings.model {
        Some(model) => format!("Codex itself, with its tools, on {model}."),
        None => "Codex itself, with its tools and your own configuration.".to_owned(),
    };
    entry(CODEX_LOCAL, "Codex (local)", &description, "codex", created)
}

fn entry(id: &str, name: &str, description: &str, owned_by: &'static str, created: u64) -> ModelEntry {
    // Otherwise Open WebUI sends its 36 built-in tools with every chat and does not request usage.
    let capabilities = ModelCapabilities { builtin_tools: false, usage: true };
    ModelEntry {
        id: id.to_owned(),
        object: "model",
        created,
        owned_by,
        name: name.to_owned(),
        info: ModelInfo { meta: ModelMeta { description: description.to_owned(), capabilities } },
    }
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
