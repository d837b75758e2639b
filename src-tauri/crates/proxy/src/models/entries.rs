//! The entries of `GET /v1/models`.
//!
//! Which app reads which field is in docs/decisions.md. A value is left out rather than guessed.

use codex_client::{Capabilities, Model};

use super::ids::{self, Agent, Variant};
use crate::openai::model::{
    Architecture, ModelCapabilities, ModelEntry, ModelInfo, ModelLimits, ModelMeta, ReasoningEfforts,
};
use crate::settings::{CODEX_LOCAL, FolderModel, Settings};

/// The parameters that every model honours, by OpenAI's and OpenRouter's names.
const PARAMETERS: [&str; 6] =
    ["max_tokens", "max_completion_tokens", "response_format", "stop", "structured_outputs", "verbosity"];

/// The parameters of models that reason.
const REASONING_PARAMETERS: [&str; 3] = ["include_reasoning", "reasoning", "reasoning_effort"];

/// The parameters of a codex that has the client's tools.
const TOOL_PARAMETERS: [&str; 3] = ["parallel_tool_calls", "tool_choice", "tools"];

/// What entries are made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entries<'a> {
    /// codex's models; empty if it lists none.
    pub(crate) models: &'a [Model],
    /// What the codex that listed them can do, if known.
    pub(crate) capabilities: Option<Capabilities>,
    pub(crate) settings: &'a Settings,
    /// In Unix seconds.
    pub(crate) created: u64,
}

impl Entries<'_> {
    /// All of them: `codex-local`, the folders, then codex's visible models in its order, each with its efforts and speeds where
    /// the settings offer them, then aliases of existing models. An alias shadows a model of the same id.
    pub(crate) fn all(self) -> Vec<ModelEntry> {
        let Self { models, settings, .. } = self;
        let aliases = &settings.model_aliases;
        let mut entries = vec![self.agent(Agent::Local)];
        let agent_model = ids::agent_model(settings, models);
        entries.extend(self.variants(CODEX_LOCAL, agent_model));
        entries.extend(settings.folders.iter().map(|folder| self.agent(Agent::Folder(folder))));
        for model in models.iter().filter(|model| !model.hidden && !aliases.contains_key(&model.id)) {
            entries.push(self.plain(&model.id));
            entries.extend(self.variants(&model.id, Some(model)));
        }
        if let Some(model) = &settings.model
            && !entries.iter().any(|entry| entry.id == *model)
        {
            entries.push(self.plain(model));
        }
        let there = aliases.iter().filter(|(_, model)| self.exists(model));
        entries.extend(there.map(|(alias, _)| self.one(alias)));
        entries
    }

    /// The entry of the existing `id`: Codex itself, an alias, or a plain model with codex's description, if any.
    pub(crate) fn one(self, id: &str) -> ModelEntry {
        let real = ids::real(id, self.settings);
        let mut entry = self.real(real);
        if real != id {
            entry.info.meta.description =
                format!("Alias of {real}. {}", entry.info.meta.description).trim_end().to_owned();
            id.clone_into(&mut entry.name);
        }
        id.clone_into(&mut entry.id);
        entry
    }

    fn exists(self, id: &str) -> bool {
        let Self { models, settings, .. } = self;
        let is_variant = || settings.effort_models && ids::with_variant(id, models).is_some();
        let is_agent = |suffix: Option<&str>| {
            let model = ids::agent_model(settings, models);
            suffix.is_none_or(|suffix| model.is_some_and(|model| ids::variant(suffix, model).is_some()))
        };
        match ids::agent(id, settings) {
            Some((_, suffix)) => is_agent(suffix),
            None => {
                settings.model.as_deref() == Some(id)
                    || models.iter().any(|model| model.id == id)
                    || is_variant()
            }
        }
    }

    /// The entry of what is no alias.
    fn real(self, id: &str) -> ModelEntry {
        let Self { models, settings, .. } = self;
        if let Some((agent, suffix)) = ids::agent(id, settings) {
            let entry = self.agent(agent);
            let model = ids::agent_model(settings, models);
            let variant = suffix.zip(model).and_then(|(suffix, model)| ids::variant(suffix, model));
            return with_variant(entry, suffix, variant);
        }
        if models.iter().any(|model| model.id == id) {
            return self.plain(id);
        }
        match ids::with_variant(id, models).filter(|_| settings.effort_models) {
            Some((model, variant)) => {
                let suffix = id.strip_prefix(model.id.as_str()).and_then(|rest| rest.strip_prefix('-'));
                with_variant(self.plain(&model.id), suffix, Some(variant))
            }
            None => self.plain(id),
        }
    }

    /// A model with each of its efforts and speeds.
    fn variants(self, id: &str, model: Option<&Model>) -> Vec<ModelEntry> {
        let Some(model) = model.filter(|_| self.settings.effort_models) else { return Vec::new() };
        let variant = |suffix: &str| self.one(&format!("{id}-{suffix}"));
        ids::suffixes(model).map(variant).collect()
    }

    fn plain(self, id: &str) -> ModelEntry {
        let model = self.models.iter().find(|model| model.id == id);
        let (name, description) = match model {
            Some(model) if !model.display_name.is_empty() => {
                (model.display_name.as_str(), model.description.as_str())
            }
            _ => (id, "The model of the settings."),
        };
        let default = model.and_then(|model| model.default_effort.clone());
        self.entry(id, name, description, "openai", model, default)
    }

    fn agent(self, agent: Agent<'_>) -> ModelEntry {
        let settings = self.settings;
        let model = ids::agent_model(settings, self.models);
        // Without an effort in the settings, it is the one in codex's configuration.
        let entry = |id: &str, name: &str, description: &str| {
            self.entry(id, name, description, "codex", model, settings.effort.clone())
        };
        match agent {
            Agent::Folder(folder) => {
                entry(&folder.id(), &folder.name, &described(folder, settings.model.as_deref()))
            }
            Agent::Local => {
                let description = match &settings.model {
                    Some(model) => format!("Codex itself, with its tools, on {model}."),
                    None => "Codex itself, with its tools and your own configuration.".to_owned(),
                };
                entry(CODEX_LOCAL, "Codex (local)", &description)
            }
        }
    }

    fn entry(
        self,
        id: &str,
        name: &str,
        description: &str,
        owned_by: &'static str,
        model: Option<&Model>,
        default_effort: Option<String>,
    ) -> ModelEntry {
        // Otherwise Open WebUI sends its 36 built-in tools with every chat and does not request usage.
        let vision = model.filter(|model| !model.input_modalities.is_empty());
        let vision = vision.map(|model| model.input_modalities.iter().any(|kind| kind == "image"));
        let capabilities = ModelCapabilities { builtin_tools: false, usage: true, vision };
        ModelEntry {
            id: id.to_owned(),
            object: "model",
            created: self.created,
            owned_by,
            name: name.to_owned(),
            info: ModelInfo { meta: ModelMeta { description: description.to_owned(), capabilities } },
            limits: model.map(|model| self.limits(model, default_effort)).unwrap_or_default(),
        }
    }

    fn limits(self, model: &Model, default_effort: Option<String>) -> ModelLimits {
        let has_tools = self.capabilities.is_some_and(|can| can.tools());
        let mut parameters = PARAMETERS.to_vec();
        if !model.efforts.is_empty() {
            parameters.extend(REASONING_PARAMETERS);
        }
        if has_tools {
            parameters.extend(TOOL_PARAMETERS);
        }
        parameters.sort_unstable();
        let efforts = Some(model.efforts.clone()).filter(|efforts| !efforts.is_empty());
        let default_effort = default_effort.filter(|effort| model.efforts.contains(effort));
        let input = Some(model.input_modalities.clone()).filter(|kinds| !kinds.is_empty());
        ModelLimits {
            context_window: model.context_window,
            context_length: model.context_window,
            max_model_len: model.context_window,
            max_output_tokens: model.max_output_tokens,
            architecture: input
                .clone()
                .map(|input| Architecture { input_modalities: input, output_modalities: ["text"] }),
            input_modalities: input,
            supported_parameters: self.capabilities.map(|_| parameters),
            reasoning: efforts.clone().map(|efforts| ReasoningEfforts {
                supported_efforts: efforts,
                default_effort: default_effort.clone(),
            }),
            reasoning_effort_levels: efforts,
            default_reasoning_effort: default_effort,
        }
    }
}

/// Describes a folder without its path, which is private.
fn described(folder: &FolderModel, model: Option<&str>) -> String {
    let on = model.map(|model| format!(", on {model}")).unwrap_or_default();
    format!("Codex itself, with its tools, in the folder {}{on}.", folder.name)
}

/// The entry with an effort and a speed behind its id.
fn with_variant(mut entry: ModelEntry, suffix: Option<&str>, variant: Option<Variant>) -> ModelEntry {
    let (Some(suffix), Some(Variant { effort, service_tier })) = (suffix, variant) else { return entry };
    entry.id = format!("{}-{suffix}", entry.id);
    let speed = service_tier.map(|_| "fast".to_owned());
    let words: Vec<String> = effort.iter().cloned().chain(speed).collect();
    entry.name = format!("{} ({})", entry.name, words.join(", "));
    if let Some(effort) = effort {
        if let Some(reasoning) = &mut entry.limits.reasoning {
            reasoning.default_effort = Some(effort.clone());
        }
        entry.limits.default_reasoning_effort = Some(effort);
    }
    entry
}
