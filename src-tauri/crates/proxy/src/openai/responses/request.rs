//! The body of `POST /v1/responses`, as clients send it.
//!
//! Items and parts are flat, with all fields optional: which ones are required depends on the type, and an error names the one that
//! is missing. `translate::parameters` decides about every parameter without a field by its name.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::openai::chat::Part;
use crate::openai::lenient;
use crate::openai::text_or::TextOr;

/// A request for a response.
/// Parameters not listed here are ignored and named in `x-codex-proxy-ignored`, or refused with `unsupported_parameter`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct ResponsesRequest {
    /// ID of the model to use: `codex-local` for the Codex agent, or any other `id` from `GET /v1/models`.
    pub model: String,
    /// Text as a message of the user, or an array of items, oldest first. Required unless `previous_response_id` is given.
    pub input: Option<TextOr<InputItem>>,
    /// Instructions for the model, placed before the conversation. Not inherited from the previous response.
    pub instructions: Option<String>,
    /// ID of a stored response to continue. It must have ended, and been created with the same API key.
    pub previous_response_id: Option<String>,
    /// The conversation to continue: its ID, or `{"id": …}`. Its items come before the input, and it gets the items of the input and
    /// of the output when the response ends. Not together with `previous_response_id`.
    #[schema(value_type = Option<Object>)]
    pub conversation: Option<Value>,
    /// Whether to store the response, for retrieval and `previous_response_id`. Default `true`.
    /// The latest 256 objects or 64 MiB are in memory. The app keeps them on disk too while it saves prompts and answers.
    pub store: Option<bool>,
    /// Whether another request can continue the response although it is not stored. Not sent by clients.
    #[serde(skip)]
    #[schema(ignore)]
    pub is_continued: bool,
    /// If `true`, the response is generated in the background: it is returned at once with the status `queued`, and goes on when the
    /// client disconnects. It needs `store`. Default `false`.
    pub background: Option<bool>,
    /// If `true`, the response is sent as server-sent events while it is generated. Default `false`.
    pub stream: Option<bool>,
    /// Tools the model may use.
    pub tools: Option<Vec<Tool>>,
    /// Which tool the model calls: `auto` (the default) lets it decide, `none` disables tools, `required` asks for at least one call,
    /// and `{"type": "function", "name": "my_function"}` asks for that function.
    /// If the model still does not make the required call, the request fails with `tool_not_called`.
    pub tool_choice: Option<Value>,
    /// Whether one response may contain several tool calls. Default `true`; with `false`, calls are returned one at a time.
    pub parallel_tool_calls: Option<bool>,
    /// The format of the text, and how detailed it is.
    pub text: Option<TextOptions>,
    /// How much the model reasons, and whether the output has summaries of it.
    pub reasoning: Option<ReasoningOptions>,
    /// Maximum number of tokens in the text of the response, reasoning not included. A longer one is cut and ends as `incomplete`.
    /// Default, and -1: no limit.
    #[serde(default, deserialize_with = "lenient::max_tokens")]
    pub max_output_tokens: Option<u64>,
    /// The service tier to request upstream, such as `flex` or `priority`. `auto` and `default` request none in particular.
    /// codex ignores a tier it does not know.
    pub service_tier: Option<String>,
    /// Labels of the client: up to 16 strings, with names of up to 64 and values of up to 512 characters. The response repeats them.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub metadata: Option<Value>,
    /// Sampling temperature. Ignored, since codex has no such setting. The response repeats it.
    pub temperature: Option<f64>,
    /// Nucleus sampling. Ignored, since codex has no such setting. The response repeats it.
    pub top_p: Option<f64>,
    /// `auto` leaves out the oldest items of a conversation that is too long for the model; without it, that is a
    /// `context_length_exceeded` error. Ignored for a model whose context is unknown. Default `disabled`.
    pub truncation: Option<String>,
    /// Identifier of the end user. Accepted without effect. The response repeats it.
    pub user: Option<String>,
    /// Identifier of the end user, for abuse detection. Accepted without effect. The response repeats it.
    pub safety_identifier: Option<String>,
    /// Cache key of the prompt. Accepted without effect, since codex caches by itself. The response repeats it.
    pub prompt_cache_key: Option<String>,
}

/// An item of the input.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, ToSchema)]
pub(crate) struct InputItem {
    /// Type of the item. Default `message`, or `item_reference` for an item with nothing but an `id`:
    /// - `message`: needs `role` and `content`.
    /// - `function_call`: a call the model made; needs `name`.
    /// - `function_call_output`: the result of a call; needs `output`.
    /// - `custom_tool_call`, `custom_tool_call_output`: the same for a custom tool, with `input` in place of arguments.
    /// - `additional_tools`: more `tools`.
    /// - `item_reference`: an item of a stored response; needs `id`.
    /// - `compaction`: a summary from `POST /v1/responses/compact`; needs `encrypted_content`.
    /// - `reasoning`: accepted and not read.
    ///
    /// Items of other types, such as `web_search_call` of another service, become text for the model.
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    /// ID of the item, to which later references refer.
    pub id: Option<String>,
    /// Role of a message's author: `user`, `assistant`, `developer` or `system`, which is sent to the model as `developer`.
    pub role: Option<String>,
    /// Content of a message: text, or an array of content parts. Only messages of the user may contain images.
    pub content: Option<TextOr<Part>>,
    /// ID that a call and its output share. Outputs without it answer the calls in their order.
    pub call_id: Option<String>,
    /// Name of the function that is called, or of a message's author, which the model sees before the content.
    pub name: Option<String>,
    /// Namespace of the function or custom tool that is called.
    pub namespace: Option<String>,
    /// Input of a call of a custom tool.
    pub input: Option<String>,
    /// Tools that an `additional_tools` item adds to those of the request.
    pub tools: Option<Vec<Tool>>,
    /// Arguments of the call, as a string of JSON or as an object.
    #[serde(default, deserialize_with = "lenient::arguments")]
    pub arguments: String,
    /// The summary of a `compaction` item.
    pub encrypted_content: Option<String>,
    /// Result of the call: text, or an array of content parts, which may include images.
    pub output: Option<TextOr<Part>>,
}

/// A tool the model may use.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, ToSchema)]
#[schema(as = ResponseTool)]
pub(crate) struct Tool {
    /// Type of the tool:
    /// - `function`: a function with `parameters`.
    /// - `custom`: a tool with a text as its input. Its `format` is passed to the model and not enforced.
    /// - `namespace`: a name for several functions and custom tools, its `tools`.
    /// - `web_search`, `web_search_preview`: web search by codex, with `search_context_size`, `user_location`, `filters.allowed_domains`
    ///   and `external_web_access`.
    ///
    /// `tool_search` is ignored: the tools that it would find are offered from the start. Other types are refused with
    /// `unsupported_parameter`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Name of the function, custom tool or namespace, unique within the request. A name that codex cannot take is mapped to another
    /// one and back.
    pub name: Option<String>,
    /// What the tool does. The model decides by it when and how to call it.
    pub description: Option<String>,
    /// JSON Schema of a function's arguments, of type `object`. Default: no arguments.
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Value>,
    /// If `true`, calls are validated. If the model calls the function with arguments that do not match, it is asked once more; then the
    /// response fails. Default `false`.
    pub strict: Option<bool>,
    /// The fields that depend on the type.
    #[serde(flatten)]
    #[schema(ignore)]
    pub rest: Map<String, Value>,
}

impl Serialize for Tool {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { kind, name, description, parameters, strict, rest } = self;
        let own =
            json!({"name": name, "description": description, "parameters": parameters, "strict": strict});
        let is_function = kind == "function";
        let own = own.as_object().into_iter().flatten().filter(|(_, value)| is_function || !value.is_null());
        let rest = rest.iter().filter(|_| !is_function);
        serializer.collect_map([(&"type".to_owned(), &json!(kind))].into_iter().chain(own).chain(rest))
    }
}

/// The format of the text, and how detailed it is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, ToSchema)]
pub(crate) struct TextOptions {
    /// The format of the text. Default: plain text.
    pub format: Option<TextFormat>,
    /// How detailed the text is: `low`, `medium` or `high`. Default: the model's own.
    pub verbosity: Option<String>,
}

/// The format of the text. A finished response that does not match it is an `invalid_output` error.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub(crate) struct TextFormat {
    /// `text`, `json_schema` for JSON that matches a schema, or `json_object` for any JSON object.
    #[serde(rename = "type")]
    pub kind: String,
    /// Name of the schema. Required for `json_schema`.
    pub name: Option<String>,
    /// What the schema is for. The response repeats it.
    pub description: Option<String>,
    /// The JSON Schema, an object. Required for `json_schema`. References to other documents are refused.
    #[schema(value_type = Option<Object>)]
    pub schema: Option<Value>,
    /// If `true`, the schema is sent in strict mode as it is and must follow OpenAI's rules for it.
    /// Default `false`: strict mode is used where the schema allows it; every answer is validated either way.
    pub strict: Option<bool>,
}

/// How much the model reasons, and whether the output has summaries of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) struct ReasoningOptions {
    /// How much the model reasons before it answers, such as `low`, `medium` or `high`. Supported values depend on the model.
    /// Default: the model's own, or the effort from the settings for `codex-local`.
    pub effort: Option<String>,
    /// `auto`, `concise` or `detailed` add reasoning summaries to the output, in whatever length codex writes them.
    /// Default: as the proxy's `--reasoning` setting says.
    pub summary: Option<String>,
    /// Older name of `summary`, which takes precedence.
    pub generate_summary: Option<String>,
}

/// A request for the summary of a conversation. Parameters not listed here have no effect.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes what the route reads by name")]
pub(crate) struct CompactRequest {
    /// ID of the model that writes the summary.
    pub model: String,
    /// The conversation: text, or an array of items as for a response.
    pub input: Option<TextOr<InputItem>>,
    /// Instructions of the conversation.
    pub instructions: Option<String>,
    /// ID of a stored response with which the conversation begins.
    pub previous_response_id: Option<String>,
    /// The service tier to request upstream.
    pub service_tier: Option<String>,
}
