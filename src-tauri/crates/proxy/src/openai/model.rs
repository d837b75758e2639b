//! The entries of `GET /v1/models`.

use serde::Serialize;
use utoipa::ToSchema;

/// The available models.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ModelList {
    /// Always `list`.
    pub object: &'static str,
    /// `codex-local` first, then folders, the models codex lists, the model from the settings, and aliases.
    pub data: Vec<ModelEntry>,
}

/// A model that requests can use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ModelEntry {
    /// ID to send as `model` in requests.
    pub id: String,
    /// Always `model`.
    pub object: &'static str,
    /// Unix time in seconds at which the proxy started; codex does not report when a model was created.
    pub created: u64,
    /// `codex` for the Codex agent, `openai` for plain models.
    pub owned_by: &'static str,
    /// Display name, shown by Open WebUI.
    pub name: String,
    /// Hints for Open WebUI, which merges them into its own entry for the model.
    pub info: ModelInfo,
    #[serde(flatten)]
    pub limits: ModelLimits,
}

/// What clients read of a model, under the names that they look for. From codex's own list; absent if it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ModelLimits {
    /// How many tokens a conversation may have, the answer included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u64>,
    /// The same as `context_window`, as OpenRouter names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_length: Option<u64>,
    /// The same as `context_window`, as vLLM names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_model_len: Option<u64>,
    /// How many tokens an answer may have. codex's own list does not say, so only a list of the user's can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// What the model reads: `text`, `image`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_modalities: Option<Vec<String>>,
    /// What the model reads and writes, as OpenRouter has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<Architecture>,
    /// Parameters of a chat that are honoured for this model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supported_parameters: Option<Vec<&'static str>>,
    /// The reasoning efforts, as OpenRouter has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<ReasoningEfforts>,
    /// The reasoning efforts, as LiteLLM names them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_effort_levels: Option<Vec<String>>,
    /// The effort of a request without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_reasoning_effort: Option<String>,
}

/// What a model reads and writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Architecture {
    /// `text`, `image`.
    pub input_modalities: Vec<String>,
    /// Always `text`.
    pub output_modalities: [&'static str; 1],
}

/// The reasoning efforts of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ReasoningEfforts {
    /// The efforts, as codex lists them.
    pub supported_efforts: Vec<String>,
    /// The effort of a request without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_effort: Option<String>,
}

/// Hints for Open WebUI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ModelInfo {
    /// Description and capabilities.
    pub meta: ModelMeta,
}

/// What Open WebUI shows about a model, and offers for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ModelMeta {
    /// One sentence about the model.
    pub description: String,
    /// Features Open WebUI turns on or off for the model.
    pub capabilities: ModelCapabilities,
}

/// Features Open WebUI turns on or off for a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ModelCapabilities {
    /// Always `false`: Open WebUI does not attach its built-in tools to every chat.
    pub builtin_tools: bool,
    /// Always `true`: Open WebUI requests token usage.
    pub usage: bool,
    /// Whether the model reads images; absent if unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vision: Option<bool>,
}
