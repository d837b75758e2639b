//! The messages of a chat request as a stored chat returns them.

use serde_json::{Value, json};

use crate::openai::stored_chat::StoredMessage;
use crate::store::Item;

/// The messages of a request's body for the chat `id`.
pub(crate) fn messages(id: &str, messages: Option<&Value>) -> Vec<Item> {
    let messages = messages.and_then(Value::as_array).into_iter().flatten();
    let stored = messages.enumerate().filter_map(|(index, message)| {
        let id = format!("{id}-{index}");
        let mut rest = message.as_object()?.clone();
        rest.retain(|_, value| !value.is_null());
        let mut take = |name: &str| rest.shift_remove(name).unwrap_or_default();
        let (role, content, refusal) = (take("role"), take("content"), take("refusal"));
        let (content, content_parts) = match content {
            Value::Array(parts) => (Value::Null, Value::Array(parts)),
            Value::Object(part) => (Value::Null, json!([part])),
            content => (content, Value::Null),
        };
        let message = StoredMessage { id: id.clone(), role, content, content_parts, refusal, rest };
        // Serializing JSON cannot fail.
        Some(Item { id, json: serde_json::to_vec(&message).unwrap_or_default().into() })
    });
    stored.collect()
}
