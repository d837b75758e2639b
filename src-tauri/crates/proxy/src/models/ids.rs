//! What the id of a model stands for: codex-local, a folder, a model in codex's list, or an alias of one of these. Where the
//! settings offer that, with an effort and a speed behind it: `gpt-5.5-high`, `codex-local-fast`, `gpt-5.5-low-fast`.

use codex_client::Model;

use super::efforts::EFFORTS;
use crate::settings::{CODEX_LOCAL, FOLDER_PREFIX, FolderModel, Settings};

/// Ends an id for the model's fast service tier.
const FAST: &str = "fast";

/// Codex itself, in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agent<'a> {
    /// In the working folder of the settings.
    Local,
    /// In a folder that is a model.
    Folder(&'a FolderModel),
}

impl<'a> Agent<'a> {
    /// Its id.
    pub(crate) fn id(self) -> String {
        self.folder().map_or_else(|| CODEX_LOCAL.to_owned(), FolderModel::id)
    }

    /// The folder that is a model, if it is one.
    pub(crate) fn folder(self) -> Option<&'a FolderModel> {
        match self {
            Self::Local => None,
            Self::Folder(folder) => Some(folder),
        }
    }
}

/// The effort and the service tier that an id names; the parameters of a request win.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) effort: Option<String>,
    pub(crate) service_tier: Option<String>,
}

/// What an alias stands for, or the id itself.
pub(crate) fn real<'a>(id: &'a str, settings: &'a Settings) -> &'a str {
    settings.model_aliases.get(id).map_or(id, String::as_str)
}

/// Codex itself, if the id or alias stands for it, and what is behind its id.
pub(crate) fn agent<'a>(id: &'a str, settings: &'a Settings) -> Option<(Agent<'a>, Option<&'a str>)> {
    let id = real(id, settings);
    if id == CODEX_LOCAL {
        return Some((Agent::Local, None));
    }
    if let Some(folder) = settings.folder_model(id) {
        return Some((Agent::Folder(folder), None));
    }
    if !settings.effort_models {
        return None;
    }
    if let Some(suffix) = behind(id, CODEX_LOCAL) {
        return Some((Agent::Local, Some(suffix)));
    }
    let name = id.strip_prefix(FOLDER_PREFIX)?;
    let with_suffix = |folder: &'a FolderModel| Some((folder, behind(name, &folder.name)?));
    // The longest name: `web-shop-high` is of `web-shop`, and not of `web`.
    let longest = settings.folders.iter().filter_map(with_suffix).min_by_key(|(_, suffix)| suffix.len());
    longest.map(|(folder, suffix)| (Agent::Folder(folder), Some(suffix)))
}

/// Whether `id` has the form of a folder's model.
pub(crate) fn is_folder_id(id: &str) -> bool {
    id.starts_with(FOLDER_PREFIX)
}

/// The model behind Codex itself, if codex lists it.
pub(crate) fn agent_model<'a>(settings: &Settings, models: &'a [Model]) -> Option<&'a Model> {
    models.iter().find(|model| settings.model.as_ref().map_or(model.is_default, |id| model.id == *id))
}

/// The listed model whose id this is with an effort or a speed behind it.
pub(crate) fn with_variant<'a>(id: &str, models: &'a [Model]) -> Option<(&'a Model, Variant)> {
    let found = models.iter().filter_map(|model| Some((model, variant(behind(id, &model.id)?, model)?)));
    found.max_by_key(|(model, _)| model.id.len())
}

/// The id without what may be an effort and a speed; which ones the model has does not matter.
pub(crate) fn without_variant(id: &str) -> &str {
    let base = id.strip_suffix(FAST).and_then(|base| base.strip_suffix('-')).unwrap_or(id);
    let effort = |(base, effort): &(&str, &str)| EFFORTS.contains(effort) && !base.is_empty();
    base.rsplit_once('-').filter(effort).map_or(base, |(base, _)| base)
}

/// The effort and speed that `suffix` names, if the model has both.
pub(crate) fn variant(suffix: &str, model: &Model) -> Option<Variant> {
    let (effort, is_fast) = match suffix.strip_suffix(FAST) {
        Some("") => (None, true),
        Some(effort) => (Some(effort.strip_suffix('-')?), true),
        None => (Some(suffix), false),
    };
    let known = |effort: &str| model.efforts.iter().any(|known| known == effort).then(|| effort.to_owned());
    let effort = effort.map(|effort| known(effort).ok_or(())).transpose().ok()?;
    let service_tier = if is_fast { Some(fast_tier(model)?.to_owned()) } else { None };
    Some(Variant { effort, service_tier })
}

/// What can stand behind the ids of a model in the list: each effort, and `fast`.
pub(crate) fn suffixes(model: &Model) -> impl Iterator<Item = &str> {
    model.efforts.iter().map(String::as_str).chain(fast_tier(model).map(|_| FAST))
}

/// The tier that codex calls fast.
fn fast_tier(model: &Model) -> Option<&str> {
    let fast = model.service_tiers.iter().find(|tier| tier.name.eq_ignore_ascii_case(FAST));
    fast.map(|tier| tier.id.as_str())
}

/// What stands behind `base` and a hyphen.
fn behind<'a>(id: &'a str, base: &str) -> Option<&'a str> {
    id.strip_prefix(base)?.strip_prefix('-').filter(|suffix| !suffix.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn model(id: &str, efforts: &[&str], is_fast: bool) -> Model {
        let efforts: Vec<_> = efforts.iter().map(|effort| json!({"reasoningEffort": effort})).collect();
        let tiers = if is_fast { json!([{"id": "priority", "name": "Fast"}]) } else { json!([]) };
        let model = json!({"id": id, "supportedReasoningEfforts": efforts, "serviceTiers": tiers});
        serde_json::from_value(model).unwrap()
    }

    fn variant(effort: &str, tier: &str) -> Variant {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Variant { effort: some(effort), service_tier: some(tier) }
    }

    #[test]
    fn an_id_can_have_an_effort_and_a_speed_that_its_model_has() {
        let models =
            [model("gpt-5.5", &["low", "high"], true), model("gpt-5.5-mini", &["low", "unheard-of"], false)];
        for (id, expected) in [
            ("gpt-5.5-high", Some(("gpt-5.5", variant("high", "")))),
            ("gpt-5.5-fast", Some(("gpt-5.5", variant("", "priority")))),
            ("gpt-5.5-low-fast", Some(("gpt-5.5", variant("low", "priority")))),
            ("gpt-5.5-mini-low", Some(("gpt-5.5-mini", variant("low", "")))),
            ("gpt-5.5-mini-unheard-of", Some(("gpt-5.5-mini", variant("unheard-of", "")))),
            ("gpt-5.5-mini-high", None),
            ("gpt-5.5-mini-fast", None),
            ("gpt-5.5-max", None),
            ("gpt-5.5-max-fast", None),
            ("gpt-5.5-fast-low", None),
            ("gpt-5.5-lowfast", None),
            ("gpt-5.5-", None),
            ("gpt-5.5", None),
        ] {
            let found = with_variant(id, &models).map(|(model, variant)| (model.id.as_str(), variant));
            assert_eq!(found, expected, "{id}");
        }
        assert_eq!(suffixes(&models[0]).collect::<Vec<_>>(), ["low", "high", "fast"]);
    }

    #[test]
    fn the_longest_name_of_a_folder_counts_and_an_alias_is_followed_once() {
        let folder = |name: &str| FolderModel { name: name.to_owned(), ..FolderModel::default() };
        let aliases = [("a", "codex:web"), ("b", "a"), ("c", "codex-local-high")];
        let mut settings = Settings {
            folders: vec![folder("web"), folder("web-shop"), folder("web-high")],
            model_aliases: aliases.map(|(alias, model)| (alias.to_owned(), model.to_owned())).into(),
            effort_models: true,
            ..Settings::default()
        };
        let found = |id: &str, settings: &Settings| {
            let (agent, suffix) = agent(id, settings)?;
            let name = agent.folder().map_or("", |folder| &folder.name).to_owned();
            Some((name, suffix.unwrap_or_default().to_owned()))
        };
        for (id, expected) in [
            ("codex-local", Some(("", ""))),
            ("codex-local-high", Some(("", "high"))),
            ("codex:web", Some(("web", ""))),
            ("codex:web-low", Some(("web", "low"))),
            ("codex:web-shop-low", Some(("web-shop", "low"))),
            ("codex:web-high", Some(("web-high", ""))),
            ("codex:we", None),
            ("web", None),
            ("codex-localhigh", None),
            ("a", Some(("web", ""))),
            ("b", None),
            ("c", Some(("", "high"))),
        ] {
            let expected = expected.map(|(name, suffix)| (name.to_owned(), suffix.to_owned()));
            assert_eq!(found(id, &settings), expected, "{id}");
        }
        settings.effort_models = false;
        assert!(
            found("codex-local-high", &settings).is_none() && found("codex:web-low", &settings).is_none()
        );
        assert!(found("codex:web-high", &settings).is_some() && found("a", &settings).is_some());
    }
}
