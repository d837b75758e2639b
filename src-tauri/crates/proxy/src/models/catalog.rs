//! Which models there are: `codex-local`, and every id of codex's own list.
//!
//! The list is asked of codex and kept for a while; an id that is not in it is looked for once more in a fresh one. What
//! a model's thread is started with is decided here too, so that the two kinds differ in one place. A list that another codex
//! gave, or the same one for another account, is not believed.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use codex_client::{Codex, CodexError, Model, Readiness, Status, ThreadKind, ThreadProfile};
use tokio::time::Instant;

use crate::error::ApiError;
use crate::openai::model::{ModelCapabilities, ModelEntry, ModelInfo, ModelMeta};
pub(crate) use crate::settings::CODEX_LOCAL;
use crate::settings::Settings;

/// How long codex's list is believed. It changes with the account and with codex's version, so seldom.
const FRESH_FOR: Duration = Duration::from_secs(300);

/// The models, as last heard.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    known: Mutex<Option<Known>>,
}

/// A list, and where it came from.
#[derive(Clone, Debug)]
struct Known {
    since: Instant,
    /// The codex that gave it.
    from: Option<Readiness>,
    models: Vec<Model>,
}

impl Catalog {
    /// What the threads of the model `id` are started with, which may be an alias. What an alias leads to is a model and no further
    /// alias.
    ///
    /// # Errors
    /// When there is no such model, and whatever keeps codex from listing its models.
    pub(crate) async fn look_up(
        &self,
        id: &str,
        codex: &Codex,
        settings: &Settings,
    ) -> Result<ThreadProfile, ApiError> {
        let alias_of = settings.model_aliases.get(id);
        if is_agent(id, settings) {
            return Ok(profile(ThreadKind::Agent, settings.model.clone(), settings));
        }
        let (asked, id) = (id, alias_of.map_or(id, String::as_str));
        let found = || Ok(profile(ThreadKind::Plain, Some(id.to_owned()), settings));
        // The model of the settings may be one that only the user's own provider knows.
        if settings.model.as_deref() == Some(id) {
            return found();
        }
        let has = |models: &[Model]| models.iter().any(|model| model.id == id);
        if has(&self.models(codex).await?) {
            return found();
        }
        let models = self.refresh(codex).await?;
        // An old codex lists none; then its upstream says whether there is such a model.
        if has(&models) || models.is_empty() {
            return found();
        }
        let others = settings.model_aliases.keys().filter(|_| alias_of.is_none());
        Err(ApiError::model_not_found(asked, alias_of.map(String::as_str), &nearest(id, &models, others)))
    }

    /// The models as last heard, however long ago; empty when they never were.
    pub(crate) fn known(&self) -> Vec<Model> {
        let known = self.known.lock();
        known.as_ref().map(|known| known.models.clone()).unwrap_or_default()
    }

    /// How hard the model `id` can be told to think, as last heard; empty when codex has not said so of it.
    pub(crate) fn efforts(&self, id: &str) -> Vec<String> {
        let known = self.known.lock();
        let models = known.as_ref().map(|known| known.models.as_slice()).unwrap_or_default();
        models.iter().find(|model| model.id == id).map(|model| model.efforts.clone()).unwrap_or_default()
    }

    /// Whether the model `id` reads pictures, as last heard; codex's own choice of a model where none is named. A model that
    /// codex says nothing of is believed to.
    pub(crate) fn reads_pictures(&self, id: Option<&str>) -> bool {
        let known = self.known.lock();
        let models = known.as_ref().map(|known| known.models.as_slice()).unwrap_or_default();
        let model = models.iter().find(|model| id.map_or(model.is_default, |id| model.id == id));
        let reads = model.map(|model| model.input_modalities.as_slice()).unwrap_or_default();
        reads.is_empty() || reads.iter().any(|kind| kind == "image")
    }

    /// codex's models, from memory while they are fresh.
    ///
    /// # Errors
    /// Whatever keeps codex from listing them.
    pub(crate) async fn models(&self, codex: &Codex) -> Result<Vec<Model>, CodexError> {
        let known = self.known.lock().clone();
        match known {
            Some(known) if known.is_fresh(codex) => Ok(known.models),
            _ => self.refresh(codex).await,
        }
    }

    async fn refresh(&self, codex: &Codex) -> Result<Vec<Model>, CodexError> {
        let models = codex.models().await?;
        let known = Known { since: Instant::now(), from: answering(codex), models: models.clone() };
        *self.known.lock() = Some(known);
        Ok(models)
    }
}

impl Known {
    /// Whether it is young enough, and no other codex, version or account answers by now.
    fn is_fresh(&self, codex: &Codex) -> bool {
        let is_the_same = answering(codex).is_none_or(|now| self.from.as_ref() == Some(&now));
        self.since.elapsed() < FRESH_FOR && is_the_same
    }
}

/// The codex that answers now; `None` while none does.
fn answering(codex: &Codex) -> Option<Readiness> {
    match &*codex.status().borrow() {
        Status::Ready(readiness) => Some(readiness.clone()),
        _ => None,
    }
}

/// Whether `id` is Codex itself, by its own name or by an alias.
pub(crate) fn is_agent(id: &str, settings: &Settings) -> bool {
    settings.model_aliases.get(id).map_or(id, String::as_str) == CODEX_LOCAL
}

fn profile(kind: ThreadKind, model: Option<String>, settings: &Settings) -> ThreadProfile {
    ThreadProfile {
        kind,
        model,
        workspace: settings.working_folder(),
        sandbox: settings.sandbox,
        tools: Arc::default(),
        verbosity: None,
        service_tier: None,
        web_search: None,
    }
}

/// The entries of the list: `codex-local` first, then codex's models in its own order, the hidden ones left out, then the aliases of
/// models that there are. An alias that has the id of a model stands in its place.
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
    let is_there = |model: &String| {
        model == CODEX_LOCAL
            || settings.model.as_ref() == Some(model)
            || models.iter().any(|known| known.id == *model)
    };
    let there = aliases.iter().filter(|(_, model)| is_there(model));
    entries.extend(there.map(|(alias, _)| entry_of(alias, models, settings, created)));
    entries
}

/// The entry of `id`, which is there: codex-local, an alias, or a plain model with what codex says of it, if it says anything.
pub(crate) fn entry_of(id: &str, models: &[Model], settings: &Settings, created: u64) -> ModelEntry {
    match settings.model_aliases.get(id) {
        Some(model) => {
            let real = entry_of_model(model, models, settings, created);
            let description = format!("Another name for {model}. {}", real.info.meta.description);
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

/// The entry of Codex itself.
fn codex_local(settings: &Settings, created: u64) -> ModelEntry {
    let description = match &settings.model {
        Some(model) => format!("Codex itself, with its tools, on {model}."),
        None => "Codex itself, with its tools and your own configuration.".to_owned(),
    };
    entry(CODEX_LOCAL, "Codex (local)", &description, "codex", created)
}

fn entry(id: &str, name: &str, description: &str, owned_by: &'static str, created: u64) -> ModelEntry {
    // Open WebUI would send its 36 built-in tools with every chat, and would not ask for the usage.
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

/// Up to three ids that share the most with `id`, by pairs of letters.
fn nearest<'a>(id: &str, models: &'a [Model], aliases: impl Iterator<Item = &'a String>) -> Vec<String> {
    let pairs = |text: &str| -> Vec<(char, char)> {
        let lower = text.to_lowercase();
        lower.chars().zip(lower.chars().skip(1)).collect()
    };
    let wanted = pairs(id);
    let mut scored: Vec<(usize, &str)> = models
        .iter()
        .map(|model| model.id.as_str())
        .chain([CODEX_LOCAL])
        .chain(aliases.map(String::as_str))
        .map(|known| (pairs(known).iter().filter(|pair| wanted.contains(pair)).count(), known))
        .filter(|(shared, _)| *shared > 0)
        .collect();
    scored.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
    scored.into_iter().take(3).map(|(_, id)| id.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_ids_are_named() {
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
