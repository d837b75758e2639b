//! The body of `POST /v1/responses`, as clients send it.
//!
//! Items and parts are flat, with all fields optional: which of them must be there depends on the type, and an error then
//! names the one that is missing. A parameter that is not named here is judged by its name in `translate`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::openai::chat::Part;
use crate::openai::text_or::TextOr;

/// A request for a response.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct ResponsesRequest {
    /// `codex-local`, or an id of `GET /v1/models`.
    #[schema(example = "codex-local")]
    pub model: String,
    /// What is said: one string, or items, oldest first.
    #[schema(example = "Say hello.")]
    pub input: Option<TextOr<InputItem>>,
    /// Instructions for this request only; a later one that names it as its previous response has its own.
    pub instructions: Option<String>,
    /// The response that this one goes on from.
    pub previous_response_id: Option<String>,
    /// Whether the response is kept, in memory, so that it can be asked for and gone on from. `true` without it.
    pub store: Option<bool>,
    /// Whether the answer comes as server-sent events.
    pub stream: Option<bool>,
    /// The client's tools.
    pub tools: Option<Vec<Tool>>,
    /// `auto`, `none`, `required`, or the one function to call.
    #[schema(value_type = Option<Object>)]
    pub tool_choice: Option<Value>,
    /// Whether one answer may hold several calls.
    pub parallel_tool_calls: Option<bool>,
    /// The form of the answer's text.
    pub text: Option<TextOptions>,
    /// How to think.
    pub reasoning: Option<ReasoningOptions>,
    /// The most tokens that the answer may have.
    pub max_output_tokens: Option<u64>,
    /// The service tier, such as `flex`.
    pub service_tier: Option<String>,
    /// Labels of the client's, sent back as they are.
    pub metadata: Option<BTreeMap<String, String>>,
    /// Sent back as it is, and ignored: codex has no such knob.
    pub temperature: Option<f64>,
    /// Sent back as it is, and ignored: codex has no such knob.
    pub top_p: Option<f64>,
    /// Sent back as it is, and ignored: a conversation that is too long is an error.
    pub truncation: Option<String>,
    /// Sent back as it is.
    pub user: Option<String>,
    /// Sent back as it is.
    pub safety_identifier: Option<String>,
    /// Sent back as it is.
    pub prompt_cache_key: Option<String>,
}

/// One item of the input: a message, a call of a tool, what a tool answered, or a reference to an earlier item.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, ToSchema)]
pub(crate) struct InputItem {
    /// `message`, which may be left out, `function_call`, `function_call_output`, `reasoning` or `item_reference`.
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    /// The item that a reference means.
    pub id: Option<String>,
    /// Who speaks in a message.
    pub role: Option<String>,
    /// What a message says.
    pub content: Option<TextOr<Part>>,
    /// The id of a call, in the call and in its output.
    pub call_id: Option<String>,
    /// The function that is called.
    pub name: Option<String>,
    /// A call's arguments, as the string of JSON that the model wrote.
    pub arguments: Option<String>,
    /// What a tool answered.
    pub output: Option<TextOr<Part>>,
}

/// A tool. Only functions can be given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Tool {
    /// `function`.
    #[serde(rename = "type")]
    #[schema(example = "function")]
    pub kind: String,
    /// The function's name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The JSON schema of its arguments.
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Value>,
    /// Sent back as it is.
    pub strict: Option<bool>,
}

/// The form of the answer's text.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, ToSchema)]
pub(crate) struct TextOptions {
    /// Just text, JSON, or JSON that follows a schema.
    pub format: Option<TextFormat>,
    /// `low`, `medium` or `high`.
    pub verbosity: Option<String>,
}

/// Just text, JSON, or JSON that follows a schema.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub(crate) struct TextFormat {
    /// `text`, `json_object` or `json_schema`.
    #[serde(rename = "type")]
    #[schema(example = "text")]
    pub kind: String,
    /// The name of a schema.
    pub name: Option<String>,
    /// What a schema is for.
    pub description: Option<String>,
    /// The schema.
    #[schema(value_type = Option<Object>)]
    pub schema: Option<Value>,
    /// Whether OpenAI's strict rules are asked for.
    pub strict: Option<bool>,
}

/// How to think.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) struct ReasoningOptions {
    /// How hard; which efforts there are depends on the model.
    pub effort: Option<String>,
    /// `auto`, `concise` or `detailed`: the answer then holds a summary, whatever the settings say.
    pub summary: Option<String>,
    /// The old name of `summary`.
    pub generate_summary: Option<String>,
}
