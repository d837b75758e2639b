//! The body of `POST /v1/chat/completions`, as clients send it.
//!
//! Only what we act on is named; a parameter that is not is judged by its name in `translate::parameters`.

use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A chat completion request.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct ChatRequest {
    /// `codex-local`, or an id of `GET /v1/models`.
    #[schema(example = "codex-local")]
    pub model: String,
    /// The conversation, oldest message first.
    pub messages: Vec<Message>,
    /// Whether the answer comes as server-sent events, a chunk a delta.
    #[serde(default)]
    pub stream: Option<bool>,
    /// What a stream carries beside the answer.
    #[serde(default)]
    pub stream_options: Option<StreamOptions>,
    /// How hard to think; which efforts there are depends on the model.
    #[serde(default)]
    #[schema(example = "medium")]
    pub reasoning_effort: Option<String>,
    /// The form that the answer must have.
    #[serde(default)]
    pub response_format: Option<ResponseFormat>,
}

/// What a stream carries beside the answer.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
pub struct StreamOptions {
    /// Ends the stream with a chunk that holds the usage.
    #[serde(default)]
    pub include_usage: Option<bool>,
}

/// One message of the conversation.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said. An assistant's message that only calls tools has none.
    #[serde(default)]
    pub content: Option<MessageContent>,
    /// The calls that an assistant's message makes.
    #[serde(default)]
    pub tool_calls: Option<Vec<ToolCall>>,
    /// The call that a tool's message answers.
    #[serde(default)]
    pub tool_call_id: Option<String>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
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
}

/// A message's text: a string, or parts.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum MessageContent {
    /// One string.
    Text(String),
    /// Parts, in order.
    Parts(Vec<Part>),
}

// By hand and not `untagged`: an error then names the part that is wrong, and not "no variant matched".
impl<'de> Deserialize<'de> for MessageContent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = MessageContent;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string or an array of content parts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(MessageContent::Text(text.to_owned()))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Self::Value, E> {
                Ok(MessageContent::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, parts: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(parts)).map(MessageContent::Parts)
            }

            // Some clients send a single part without its array.
            fn visit_map<A: MapAccess<'de>>(self, part: A) -> Result<Self::Value, A::Error> {
                let part = Part::deserialize(de::value::MapAccessDeserializer::new(part))?;
                Ok(MessageContent::Parts(vec![part]))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// One part of a message. The kinds that we know carry text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Part {
    /// `text`, `refusal`, `image_url`, `input_audio`, `file`.
    #[serde(rename = "type")]
    #[schema(example = "text")]
    pub kind: String,
    /// The text of a `text` part.
    #[serde(default)]
    pub text: Option<String>,
    /// The text of a `refusal` part.
    #[serde(default)]
    pub refusal: Option<String>,
}

/// A call of one of the client's tools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToolCall {
    /// The id that the tool's message refers to.
    pub id: String,
    /// What is called.
    pub function: FunctionCall,
}

/// The function of a tool call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FunctionCall {
    /// Its name.
    pub name: String,
    /// The arguments, as the string of JSON that the model wrote.
    #[serde(default)]
    pub arguments: String,
}

/// The form that an answer must have.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub struct ResponseFormat {
    /// `text`, `json_schema` or `json_object`.
    #[serde(rename = "type")]
    #[schema(example = "text")]
    pub kind: String,
    /// The schema of a `json_schema` format.
    #[serde(default)]
    pub json_schema: Option<JsonSchemaFormat>,
}

/// The schema that an answer must follow.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub struct JsonSchemaFormat {
    /// The JSON schema.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub schema: Option<Value>,
}
