//! Conversations on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A conversation, without its items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Conversation {
    /// Unique ID, `conv_…`.
    pub id: String,
    /// Always `conversation`.
    pub object: &'static str,
    /// Unix time in seconds at which the conversation was created.
    pub created_at: u64,
    /// Labels of the client.
    pub metadata: BTreeMap<String, String>,
}

/// A new conversation.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub(crate) struct NewConversation {
    /// Its first items, up to 20, as in the input of a response.
    #[schema(value_type = Option<Vec<Object>>)]
    pub items: Option<Value>,
    /// Up to 16 labels: names of up to 64 characters, and values of up to 512.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Value>,
}

/// Items to add to a conversation.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub(crate) struct NewItems {
    /// The items, up to 20, as in the input of a response.
    #[schema(value_type = Vec<Object>)]
    pub items: Value,
}
