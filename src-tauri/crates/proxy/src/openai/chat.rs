//! The body of `POST /v1/chat/completions`, as clients send it.
//!
//! Only what we act on is named; a parameter that is not is judged by its name in `translate::parameters`.

use serde::de::Deserializer;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::text_or::TextOr;

/// A chat completion request.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct ChatRequest {
    /// `codex-local`, or an id of `GET /v1/models`.
    #[schema(example = "codex-local")]
    pub model: String,
    /// The conversation, oldest message first.
    pub messages: Vec<Message>,
    /// Whether the answer comes as server-sent events, a chunk a delta.
    pub stream: Option<bool>,
    /// What a stream carries beside the answer.
    pub stream_options: Option<StreamOptions>,
    /// How hard to think; which efforts there are depends on the model.
    #[schema(example = "medium")]
    pub reasoning_effort: Option<String>,
    /// The form that the answer must have.
    pub response_format: Option<ResponseFormat>,
    /// The client's tools.
    pub tools: Option<Vec<Tool>>,
    /// `auto`, `none`, `required`, or one tool: `{"type": "function", "function": {"name": …}}`.
    #[schema(value_type = Option<Object>)]
    pub tool_choice: Option<Value>,
    /// Whether one answer may hold several calls.
    pub parallel_tool_calls: Option<bool>,
    /// The old form of `tools`.
    pub functions: Option<Vec<Function>>,
    /// The old form of `tool_choice`: `auto`, `none`, or `{"name": …}`.
    #[schema(value_type = Option<Object>)]
    pub function_call: Option<Value>,
    /// The most tokens that the answer may have.
    pub max_completion_tokens: Option<u64>,
    /// The same by its old name.
    pub max_tokens: Option<u64>,
    /// Texts before which the answer ends: one, or up to four.
    #[schema(value_type = Option<Vec<String>>)]
    pub stop: Option<TextOr<String>>,
    /// How many answers, up to 8.
    pub n: Option<u32>,
    /// How long the answer is: `low`, `medium` or `high`.
    pub verbosity: Option<String>,
    /// The service tier, such as `flex`.
    pub service_tier: Option<String>,
    /// Lets the model search the web.
    pub web_search_options: Option<WebSearchOptions>,
    /// How summaries of the reasoning come: `parsed` (as `reasoning_content`), `raw` (between `<think>` and `</think>`) or `hidden`. The
    /// settings decide where it is left out.
    pub reasoning_format: Option<String>,
    /// `false` is another way to say `hidden`.
    pub include_reasoning: Option<bool>,
}

/// How the model searches the web.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, ToSchema)]
pub(crate) struct WebSearchOptions {
    /// How much of what it finds it reads: `low`, `medium` or `high`.
    #[schema(example = "medium")]
    pub search_context_size: Option<String>,
    /// Where the person is.
    pub user_location: Option<UserLocation>,
}

/// Where the person is that the model searches for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, ToSchema)]
pub(crate) struct UserLocation {
    /// `city`, `country`, `region` and `timezone`, as far as they are to be known.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub approximate: codex_client::WebSearchLocation,
}

/// A tool of the client's.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub(crate) struct Tool {
    /// `function`; OpenAI's other kinds are its own.
    #[serde(rename = "type")]
    #[schema(example = "function")]
    pub kind: String,
    /// The function.
    pub function: Option<Function>,
}

/// A function that the model can call.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub(crate) struct Function {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The JSON schema of its arguments; without it, it takes none.
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Value>,
}

/// What a stream carries beside the answer.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
pub(crate) struct StreamOptions {
    /// Ends the stream with a chunk that holds the usage.
    pub include_usage: Option<bool>,
}

/// One message of the conversation.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said. An assistant's message that only calls tools has none.
    pub content: Option<TextOr<Part>>,
    /// The calls that an assistant's message makes.
    pub tool_calls: Option<Vec<ToolCall>>,
    /// The call that a tool's message answers.
    pub tool_call_id: Option<String>,
    /// The old form of `tool_calls`, for one call.
    pub function_call: Option<FunctionCall>,
    /// The function that a function's message answers, in the old form.
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "part of the API's description; the position of the message says which call it answers"
    )]
    pub name: Option<String>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Instructions, by their old name.
    System,
    /// Instructions.
    Developer,
    /// The one who asks.
    User,
    /// The model.
    Assistant,
    /// A tool of the client's.
    Tool,
    /// The same in the old form.
    Function,
}

/// One part of a message. The kinds that we know carry text or a picture.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) struct Part {
    /// `text`, `refusal` and `image_url`; in Responses `input_text`, `output_text`, `refusal` and `input_image`.
    #[serde(rename = "type")]
    #[schema(example = "text")]
    pub kind: String,
    /// The text of a `text` part.
    pub text: Option<String>,
    /// The text of a `refusal` part.
    pub refusal: Option<String>,
    /// The picture of an `image_url` part, or the data URL of an `input_image` part.
    pub image_url: Option<ImageUrl>,
    /// How closely the picture of an `input_image` part is looked at.
    pub detail: Option<String>,
}

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq, ToSchema)]
pub(crate) struct ImageUrl {
    /// A data URL: `data:image/png;base64,…`.
    pub url: String,
    /// How closely it is looked at: `auto`, `low` or `high`.
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

/// A call of one of the client's tools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ToolCall {
    /// The id that the tool's message refers to.
    pub id: String,
    /// Always `function`.
    #[serde(rename = "type", default = "function")]
    pub kind: String,
    /// What is called.
    pub function: FunctionCall,
}

fn function() -> String {
    "function".to_owned()
}

/// The function of a tool call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct FunctionCall {
    /// Its name.
    pub name: String,
    /// The arguments, as the string of JSON that the model wrote.
    #[serde(default)]
    pub arguments: String,
}

/// The form that an answer must have.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub(crate) struct ResponseFormat {
    /// `text`, `json_schema` or `json_object`.
    #[serde(rename = "type")]
    #[schema(example = "text")]
    pub kind: String,
    /// The schema of a `json_schema` format.
    pub json_schema: Option<JsonSchemaFormat>,
}

/// The schema that an answer must follow.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub(crate) struct JsonSchemaFormat {
    /// The JSON schema.
    #[schema(value_type = Option<Object>)]
    pub schema: Option<Value>,
    /// Whether OpenAI's strict rules are wanted.
    pub strict: Option<bool>,
}
