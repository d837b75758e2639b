//! What a client wants, whichever route it came by: one conversation, the client's tools, and what the answer must look like.
//!
//! The routes read their own bodies into this value, and everything behind it is shared: finding the model, the turns, the
//! limits of the answer. Parts of a body that only shape how an answer is sent (`stream`, the ids) are not here.

use codex_client::{Item, WebSearch};
use serde_json::Value;

use super::shorten;
use crate::error::ApiError;
use crate::settings::ReasoningFormat;

/// What a client wants.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AnswerRequest {
    /// `codex-local`, or an id of `GET /v1/models`.
    pub model: String,
    /// The whole conversation, oldest first, with the client's own tool names.
    pub items: Vec<Item>,
    /// The client's tools.
    pub tools: Vec<ClientTool>,
    /// Whether and which tool must be called.
    pub tool_choice: ToolChoice,
    /// Whether one answer may hold several calls.
    pub parallel_tool_calls: bool,
    /// The form of the answer.
    pub format: Format,
    /// How hard to think; `None` leaves it to the settings and the model.
    pub effort: Option<String>,
    /// How summaries of the reasoning are sent; `None` leaves it to the settings.
    pub reasoning_format: Option<ReasoningFormat>,
    /// `low`, `medium` or `high`.
    pub verbosity: Option<String>,
    /// The service tier, such as `flex`; `None` for `auto` and `default`.
    pub service_tier: Option<String>,
    /// Whether the model may search the web, and how.
    pub web_search: Option<WebSearch>,
    /// The most tokens that the answer may have.
    pub max_tokens: Option<u64>,
    /// Texts before which the answer ends, up to four.
    pub stop: Vec<String>,
    /// How many answers, from 1 to 8.
    pub n: u32,
}

impl Default for AnswerRequest {
    fn default() -> Self {
        Self {
            model: String::new(),
            items: Vec::new(),
            tools: Vec::new(),
            tool_choice: ToolChoice::Auto,
            parallel_tool_calls: true,
            format: Format::Text,
            effort: None,
            reasoning_format: None,
            verbosity: None,
            service_tier: None,
            web_search: None,
            max_tokens: None,
            stop: Vec::new(),
            n: 1,
        }
    }
}

/// A tool of the client's.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClientTool {
    /// Its name, as the client spells it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The JSON schema of its arguments, an object.
    pub parameters: Value,
    /// Where the body has its name and schema, such as `tools[2].function`, for complaints.
    pub param: String,
}

/// Whether and which tool must be called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// None may be called.
    None,
    /// One at least must be called.
    Required,
    /// This one must be called.
    Named(String),
}

/// The form of the answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Format {
    /// Just text.
    #[default]
    Text,
    /// An object of JSON.
    JsonObject,
    /// JSON that follows a schema.
    Schema {
        /// The schema.
        schema: Value,
        /// Whether the client asked for OpenAI's strict rules.
        strict: bool,
        /// Where the body has it, for complaints.
        param: String,
    },
}

impl Format {
    /// Reads a format of the type `kind`, which the body has at `kind_at`; a schema is at `schema_at`.
    pub(super) fn read(
        kind: &str,
        schema: Option<Value>,
        strict: Option<bool>,
        kind_at: &str,
        schema_at: &str,
    ) -> Result<Self, ApiError> {
        match (kind, schema) {
            ("text", _) => Ok(Self::Text),
            ("json_object", _) => Ok(Self::JsonObject),
            ("json_schema", Some(schema)) if schema.is_object() => {
                Ok(Self::Schema { schema, strict: strict == Some(true), param: schema_at.to_owned() })
            }
            ("json_schema", _) => {
                Err(ApiError::invalid(schema_at, "A json_schema format needs its schema, an object."))
            }
            (other, _) => {
                let other = shorten(other);
                let message = format!("{kind_at} must be text, json_object or json_schema, not {other:?}.");
                Err(ApiError::invalid(kind_at, message))
            }
        }
    }
}
