//! The entries of `GET /v1/models`.

use serde::Serialize;
use utoipa::ToSchema;

/// The list of models.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ModelList {
    /// Always `list`.
    pub object: &'static str,
    /// The models, `codex-local` first.
    pub data: Vec<ModelEntry>,
}

/// One model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ModelEntry {
    /// The id that a request names.
    pub id: String,
    /// Always `model`.
    pub object: &'static str,
    /// When this proxy was built or started, in Unix seconds: codex does not say when a model was made.
    pub created: u64,
    /// `codex` or `openai`.
    pub owned_by: &'static str,
    /// The name that people read; Open WebUI shows it.
    pub name: String,
    /// What Open WebUI merges into its own entry for the model.
    pub info: ModelInfo,
}

/// What Open WebUI merges into its own entry for a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ModelInfo {
    /// Its one field that matters here.
    pub meta: ModelMeta,
}

/// The hints of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ModelMeta {
    /// One sentence about the model.
    pub description: String,
    /// What the model is to be used for.
    pub capabilities: ModelCapabilities,
}

/// What a chat interface should offer for a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ModelCapabilities {
    /// Whether the interface's own tools go along with every chat.
    pub builtin_tools: bool,
    /// Whether the interface should ask for the usage.
    pub usage: bool,
}
