//! The body of `POST /v1/chat/completions`, as clients send it.
//!
//! Only the parameters that have an effect have a field; `translate::parameters` decides about every other by its name.

use serde::de::Deserializer;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::lenient;
use super::text_or::TextOr;

/// A chat completion request.
/// Parameters not listed here are ignored and named in `x-codex-proxy-ignored`, or refused with `unsupported_parameter`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct ChatRequest {
    /// ID of the model to use: `codex-local` for the Codex agent, or any other `id` from `GET /v1/models`.
    pub model: String,
    /// The conversation so far, oldest message first. At least one message.
    pub messages: Vec<Message>,
    /// If `true`, the completion is sent as server-sent events while it is generated, ended by `data: [DONE]`. Default `false`.
    pub stream: Option<bool>,
    /// Options for streaming. No effect unless `stream` is `true`.
    pub stream_options: Option<StreamOptions>,
    /// How much the model reasons before it answers, such as `low`, `medium` or `high`. Supported values depend on the model.
    /// Default: the model's own, or the effort from the settings for `codex-local`.
    pub reasoning_effort: Option<String>,
    /// The format of the answer. Default: plain text.
    pub response_format: Option<ResponseFormat>,
    /// Tools the model may use. Functions and custom tools need unique names.
    pub tools: Option<Vec<Tool>>,
    /// Which tool the model calls: `auto` (the default) lets it decide, `none` disables tools, `required` asks for at least one call,
    /// and `{"type": "function", "function": {"name": "my_function"}}` asks for that function.
    /// If the model still does not make the required call, the request fails with `tool_not_called`.
    pub tool_choice: Option<Value>,
    /// Whether one answer may contain several tool calls. Default `true`; with `false`, calls are returned one at a time.
    pub parallel_tool_calls: Option<bool>,
    /// Legacy form of `tools`. Without `tools`, calls have the legacy form too and are returned one at a time.
    pub functions: Option<Vec<Function>>,
    /// Legacy form of `tool_choice`: `auto`, `none`, or `{"name": "my_function"}`.
    pub function_call: Option<Value>,
    /// Maximum number of tokens in the text of each answer, reasoning not included. A longer answer is cut and finishes with `length`.
    /// Default, and -1: no limit.
    #[serde(default, deserialize_with = "lenient::max_tokens")]
    pub max_completion_tokens: Option<u64>,
    /// Older name of `max_completion_tokens`, which takes precedence.
    #[serde(default, deserialize_with = "lenient::max_tokens")]
    pub max_tokens: Option<u64>,
    /// Up to four stop sequences of at most 1024 bytes. The answer ends before the first one that occurs in it.
    pub stop: Option<TextOr<String>>,
    /// Number of answers to generate, 1 to 8. Each is a separate turn with its own token usage. Default 1.
    #[serde(default, deserialize_with = "lenient::whole")]
    pub n: Option<u32>,
    /// How detailed the answer is: `low`, `medium` or `high`. Default: the model's own.
    pub verbosity: Option<String>,
    /// The service tier to request upstream, such as `flex` or `priority`. `auto` and `default` request none in particular.
    /// codex ignores a tier it does not know.
    pub service_tier: Option<String>,
    /// Whether to store the completion and its messages, for `GET /v1/chat/completions`. Default `false`.
    pub store: Option<bool>,
    /// Labels of the client, as strings. They are stored with the completion, and have no effect without `store`.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Value>,
    /// Lets the model search the web for this request. An empty object is enough.
    pub web_search_options: Option<WebSearchOptions>,
    /// Where reasoning summaries go: `parsed` (into `reasoning_content`), `raw` (into the answer, between `<think>` and `</think>`)
    /// or `hidden`. Default: the proxy's `--reasoning` setting.
    pub reasoning_format: Option<String>,
    /// `false` is the same as `reasoning_format: "hidden"` and takes precedence over it. `true` has no effect.
    pub include_reasoning: Option<bool>,
}

/// Options for web search.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, ToSchema)]
pub(crate) struct WebSearchOptions {
    /// How much of the search results the model reads: `low`, `medium` or `high`. Default: codex's own.
    pub search_context_size: Option<String>,
    /// Approximate location of the user, to find results nearby.
    pub user_location: Option<UserLocation>,
}

/// The location of the user.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, ToSchema)]
pub(crate) struct UserLocation {
    /// Any of `city`, `region`, `country` (two-letter ISO code) and `timezone` (IANA name), as strings.
    #[serde(default, deserialize_with = "lenient::or_default")]
    #[schema(value_type = Object)]
    pub approximate: codex_client::WebSearchLocation,
}

/// A tool the model may call.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub(crate) struct Tool {
    /// `function`, `custom`, or `web_search` with the options that it has in the Responses API. `tool_search` is ignored; tools of
    /// other types are refused with `unsupported_parameter`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The function's definition. Required for functions.
    pub function: Option<Function>,
    /// The custom tool's definition. Required for custom tools.
    pub custom: Option<CustomTool>,
    /// The fields that depend on the type.
    #[serde(flatten)]
    #[schema(ignore)]
    pub rest: Map<String, Value>,
}

/// A tool with a text as its input.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub(crate) struct CustomTool {
    /// Name of the tool, unique within the request.
    pub name: String,
    /// What the tool does. The model decides by it when and how to call the tool.
    pub description: Option<String>,
    /// Format of the input: `{"type": "text"}`, or a grammar, which is passed to the model and not enforced.
    #[schema(value_type = Option<Object>)]
    pub format: Option<Value>,
}

/// A function the model may call.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub(crate) struct Function {
    /// Name of the function, unique within the request. A name that codex cannot take is mapped to another one and back.
    pub name: String,
    /// What the function does. The model decides by it when and how to call the function.
    pub description: Option<String>,
    /// JSON Schema of the arguments, of type `object`. Default: no arguments.
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Value>,
    /// If `true`, calls are validated. If the model calls the function with arguments that do not match, it is asked once more; then the
    /// request fails with `invalid_output`. Default `false`.
    pub strict: Option<bool>,
}

/// Options for a streamed completion.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
pub(crate) struct StreamOptions {
    /// If `true`, an additional last chunk with empty `choices` reports the token usage of the whole request. Default `false`.
    pub include_usage: Option<bool>,
}

/// A message of the conversation.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct Message {
    /// Role of the author.
    pub role: Role,
    /// Text, or an array of content parts. Only `user` and `tool` messages may contain images.
    /// Required, except for `assistant` messages that only call tools.
    pub content: Option<TextOr<Part>>,
    /// Tool calls the model made in this `assistant` message. Each needs a `tool` message right after it.
    pub tool_calls: Option<Vec<ToolCall>>,
    /// ID of the tool call this `tool` message responds to. Default: the first call that has no response yet.
    pub tool_call_id: Option<String>,
    /// Legacy form of `tool_calls`, for a single call.
    pub function_call: Option<FunctionCall>,
    /// Name of the author, which the model sees before the content; the name of an `assistant` only if there are several.
    /// Not read in `tool` and `function` messages.
    pub name: Option<String>,
    /// The text of an earlier refusal of the model.
    pub refusal: Option<String>,
    /// Earlier audio of the model. The model only learns that there was some.
    #[schema(value_type = Option<Object>)]
    pub audio: Option<Value>,
}

/// Role of a message's author:
/// - `developer`, `system`: instructions. Both are sent to the model as `developer` messages, in their position.
/// - `user`: the end user.
/// - `assistant`: the model.
/// - `tool`: the result of a tool call.
/// - `function`: the legacy form of `tool`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    System,
    Developer,
    User,
    Assistant,
    Tool,
    Function,
}

/// A content part: text or an image.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) struct Part {
    /// `text`, `image_url` or `refusal`; in the Responses API `input_text`, `output_text`, `input_image` or `refusal`.
    /// Audio and file parts are refused with `unsupported_parameter`, unless an answer of the model follows: then the model
    /// only learns that there was one.
    #[serde(rename = "type")]
    pub kind: String,
    /// The text. Required for text parts.
    pub text: Option<String>,
    /// The text of an earlier refusal. Required for `refusal` parts.
    pub refusal: Option<String>,
    /// The image: an object in `image_url` parts, a string in `input_image` parts.
    pub image_url: Option<ImageUrl>,
    /// Level of detail of an `input_image` part: `auto`, `low` or `high`. See `ImageUrl`.
    pub detail: Option<String>,
    /// The file of a `file` part. Only its `filename` is read.
    #[schema(value_type = Option<Object>)]
    pub file: Option<Value>,
    /// Name of the file of an `input_file` part.
    pub filename: Option<String>,
}

/// An image: this object, or just its URL as a string.
#[derive(Clone, Debug, PartialEq, Eq, ToSchema)]
pub(crate) struct ImageUrl {
    /// The image: PNG, JPEG, WebP or GIF of at most 20 MiB, as a base64 data URL or as an `https` or `http` address that the
    /// proxy fetches.
    pub url: String,
    /// Requested level of detail: `auto`, `low` or `high`. codex makes the final decision.
    pub detail: Option<String>,
}

// Some clients send just the URL.
impl<'de> Deserialize<'de> for ImageUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a URL or an object with a url")]
        enum Either {
            Url(String),
            Object {
                url: String,
                #[serde(default)]
                detail: Option<String>,
            },
        }
        Ok(match Either::deserialize(deserializer)? {
            Either::Url(url) => Self { url, detail: None },
            Either::Object { url, detail } => Self { url, detail },
        })
    }
}

/// A tool call made by the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ToolCall {
    /// ID of the call, to be repeated as `tool_call_id` in the `tool` message with the result. Results without it answer the
    /// calls in their order.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub id: String,
    /// `function` or `custom`.
    #[serde(rename = "type", default = "function", deserialize_with = "or_function")]
    pub kind: String,
    /// The function and its arguments, for functions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<FunctionCall>,
    /// The custom tool and its input, for custom tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<CustomCall>,
}

/// A custom tool and the input to call it with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct CustomCall {
    /// Name of the custom tool.
    pub name: String,
    /// The input, a text.
    #[serde(default)]
    pub input: String,
}

fn function() -> String {
    "function".to_owned()
}

fn or_function<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::deserialize(deserializer).map(|kind| kind.unwrap_or_else(function))
}

/// A function and the arguments to call it with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct FunctionCall {
    /// Name of the function.
    pub name: String,
    /// The arguments as a string of JSON, exactly as the model wrote it. It may be invalid: validate it before the call.
    /// In a request, the object itself is accepted too.
    #[serde(default, deserialize_with = "lenient::arguments")]
    pub arguments: String,
}

/// The format of the answer. A finished answer that does not match it is an `invalid_output` error.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub(crate) struct ResponseFormat {
    /// `text`, `json_schema` for JSON that matches a schema, or `json_object` for any JSON object.
    #[serde(rename = "type")]
    pub kind: String,
    /// The schema. Required for `json_schema`.
    pub json_schema: Option<JsonSchemaFormat>,
}

/// The schema the answer must match.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub(crate) struct JsonSchemaFormat {
    /// The JSON Schema, an object. Required. References to other documents are refused.
    #[schema(value_type = Option<Object>)]
    pub schema: Option<Value>,
    /// If `true`, the schema is sent in strict mode as it is and must follow OpenAI's rules for it.
    /// Default `false`: strict mode is used where the schema allows it; every answer is validated either way.
    pub strict: Option<bool>,
}
