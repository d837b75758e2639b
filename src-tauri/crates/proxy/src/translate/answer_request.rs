//! The parsed request, the same for all routes: conversation, tools and what the answer must look like.
//!
//! Each route parses its own body into this value; everything after that is shared. Parameters that only affect how an
//! answer is written (ids, `stream_options`) are not part of it.

use codex_client::{Item, WebSearch};
use serde_json::Value;

use super::shorten;
use crate::error::ApiError;
use crate::settings::ReasoningFormat;

/// A parsed request for answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AnswerRequest {
    /// `codex-local`, or an id of `GET /v1/models`.
    pub model: String,
    /// The whole conversation, oldest first, with the client's own tool names.
    pub items: Vec<Item>,
    /// The images in the body that have to be fetched.
    pub image_addresses: Vec<ImageAddress>,
    /// The tools that the client runs.
    pub tools: Vec<ClientTool>,
    pub tool_choice: ToolChoice,
    /// Whether one answer may contain several tool calls.
    pub parallel_tool_calls: bool,
    /// The answer format.
    pub format: Format,
    /// Reasoning effort; `None` defers to the settings and the model.
    pub effort: Option<String>,
    /// How reasoning summaries are sent; `None` defers to the settings.
    pub reasoning_format: Option<ReasoningFormat>,
    /// `low`, `medium` or `high`.
    pub verbosity: Option<String>,
    /// The service tier, such as `flex`; `None` for `auto` and `default`.
    pub service_tier: Option<String>,
    /// Web search options, if the model may search.
    pub web_search: Option<WebSearch>,
    /// Whether web searches are items of the answer.
    pub search_items: bool,
    /// Whether the model can generate images.
    pub images: Images,
    /// Token limit of the answer.
    pub max_tokens: Option<u64>,
    /// Up to four stop sequences.
    pub stop: Vec<String>,
    /// Number of answers, 1 to 8.
    pub n: u32,
    /// What cannot be honoured besides top-level parameters, for the response header.
    pub ignored: Vec<String>,
    /// Whether no request will continue this conversation.
    pub one_shot: bool,
    /// Whether the answer is streamed, so that nothing of it can be taken back.
    pub streamed: bool,
}

/// Whether the model can generate images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Images {
    /// A plain model cannot; codex-local can if the user's settings let it.
    #[default]
    None,
    /// As it sees fit.
    Offered,
    /// The answer is one image, and ends with it.
    Only,
}

impl Images {
    /// As an offered tool, unless none may be called.
    pub(super) fn offered(offered: bool, choice: &ToolChoice) -> Self {
        if offered && *choice != ToolChoice::None { Self::Offered } else { Self::None }
    }
}

impl Default for AnswerRequest {
    fn default() -> Self {
        Self {
            model: String::new(),
            items: Vec::new(),
            image_addresses: Vec::new(),
            tools: Vec::new(),
            tool_choice: ToolChoice::Auto,
            parallel_tool_calls: true,
            format: Format::Text,
            effort: None,
            reasoning_format: None,
            verbosity: None,
            service_tier: None,
            web_search: None,
            search_items: false,
            images: Images::None,
            max_tokens: None,
            stop: Vec::new(),
            n: 1,
            ignored: Vec::new(),
            one_shot: false,
            streamed: false,
        }
    }
}

/// An image given by address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImageAddress {
    pub url: String,
    /// Its path in the body, for errors.
    pub param: String,
}

/// A client's tool.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ClientTool {
    /// Unique within the request: the client's own name, or for a tool in a namespace the two joined.
    pub name: String,
    /// The namespace, and the name within it.
    pub namespaced: Option<(String, String)>,
    /// Whether the client knows it as a custom tool, with a text as its input.
    pub is_custom: bool,
    pub description: String,
    /// JSON schema of its arguments, an object.
    pub parameters: Value,
    /// Whether the arguments of its calls are validated.
    pub strict: bool,
    /// Its path in the body, such as `tools[2].function`, for errors.
    pub param: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum ToolChoice {
    #[default]
    Auto,
    /// No tool may be called.
    None,
    /// At least one must be called.
    Required,
    /// The named tool must be called.
    Named(String),
}

impl ToolChoice {
    /// Whether the model is offered this tool. It cannot call another one than the named one if it knows no other.
    pub(crate) fn offers(&self, tool: &ClientTool) -> bool {
        match self {
            Self::Auto | Self::Required => true,
            Self::None => false,
            Self::Named(name) => tool.name == *name,
        }
    }
}

/// The answer format.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Format {
    #[default]
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that matches a schema.
    Schema {
        /// The schema.
        schema: Value,
        /// Whether the client requested OpenAI's strict mode.
        strict: bool,
        /// Its path in the body, for errors.
        param: String,
    },
}

impl Format {
    /// Parses a format of the type `kind`. `kind_at` and `schema_at` are paths in the body.
    pub(super) fn new(
        kind: &str,
        schema: Option<Value>,
        strict: Option<bool>,
        kind_at: &str,
        schema_at: &str,
    ) -> Result<Self, ApiError> {
        match (kind, schema) {
            ("text", _) => Ok(Self::Text),
            ("json_object", _) | ("json_schema", None) => Ok(Self::JsonObject),
            ("json_schema", Some(schema)) if schema.is_object() => {
                Ok(Self::Schema { schema, strict: strict == Some(true), param: schema_at.to_owned() })
            }
            ("json_schema", _) => {
                Err(ApiError::invalid(schema_at, "A json_schema format requires a schema object."))
            }
            (other, _) => {
                let other = shorten(other);
                let message = format!("{kind_at} must be text, json_object or json_schema, not {other:?}.");
                Err(ApiError::invalid(kind_at, message))
            }
        }
    }
}
