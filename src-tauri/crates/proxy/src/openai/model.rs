//! The entries of `GET /v1/models`.

use serde::Serialize;
use utoipa::ToSchema;

/// The available models.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ModelList {
    /// Always `list`.
    pub object: &'static str,
    /// `codex-local` first, then the models codex lists, the model from the settings, and aliases.
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
}
