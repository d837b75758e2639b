//! Stored chat completions: their form on the wire beyond that of a completion.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A stored chat completion.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct StoredChat {
    /// The completion, as it was answered: `id`, `object`, `created`, `model`, `choices` and `usage`.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub completion: Map<String, Value>,
    /// Labels of the client.
    pub metadata: BTreeMap<String, String>,
}

/// A message of a stored chat completion's request.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct StoredMessage {
    /// ID of the message: that of the completion, and the message's index.
    pub id: String,
    /// Role of the author.
    pub role: Value,
    /// The text; `null` if the content is in parts.
    pub content: Value,
    /// Content that was sent in parts; `null` if it is text.
    pub content_parts: Value,
    /// The text of a refusal.
    pub refusal: Value,
    /// The other fields of the message, such as `tool_calls`.
    #[serde(flatten)]
    #[schema(ignore)]
    pub rest: Map<String, Value>,
}

/// Labels of the client, in place of all earlier ones.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, ToSchema)]
pub(crate) struct MetadataUpdate {
    /// Up to 16 labels: names of up to 64 characters, and values of up to 512.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Value>,
}
