//! Items that were stored, for the model and for references.

use std::collections::HashSet;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{StoredItem, foreign, items};
use crate::openai::responses::request::InputItem;
use crate::openai::text_or::TextOr;
use crate::store;
use crate::translate::response_events::Ids;

/// What the model sees of a stored item: the same as if the client had sent it.
pub(crate) fn from_stored(stored: &store::Item) -> StoredItem {
    let mut value: Value = serde_json::from_slice(&stored.json).unwrap_or_default();
    foreign::replace_item(&mut value);
    if let Value::Object(fields) = &mut value {
        fields.retain(|_, value| !value.is_null());
    }
    let item = serde_json::from_value::<InputItem>(value).ok().and_then(items::parse_stored);
    StoredItem { id: stored.id.clone(), item, json: stored.json.clone() }
}

/// The same item with another id.
pub(crate) fn with_id(item: &store::Item, id: String) -> store::Item {
    let mut value: Value = serde_json::from_slice(&item.json).unwrap_or_default();
    value["id"] = json!(id);
    store::Item { json: value.to_string().into(), id }
}

/// The ids of stored items to which an input refers.
pub(crate) fn references(input: Option<&TextOr<InputItem>>) -> HashSet<&str> {
    let Some(TextOr::Parts(items)) = input else { return HashSet::new() };
    let references = items.iter().filter(|item| items::is_reference(item));
    references.filter_map(|item| item.id.as_deref()).collect()
}

/// Parses input items alone. Also returns whether they refer to items that are not stored.
pub(crate) fn parse_input(
    input: TextOr<InputItem>,
    find: &dyn Fn(&str) -> Option<StoredItem>,
    ids: &mut Ids,
) -> Result<(Vec<StoredItem>, bool), crate::error::ApiError> {
    items::parse(Some(input), true, find, ids)
}

impl StoredItem {
    /// An item that nothing is known of.
    pub(super) fn unknown() -> Self {
        Self { id: String::new(), item: None, json: Bytes::new() }
    }
}

#[cfg(test)]
mod tests {
    use codex_client::{Content, Item, Role};

    use super::*;

    #[test]
    fn a_stored_item_is_the_same_for_the_model_as_one_that_was_sent() {
        let item =
            |json: Value| from_stored(&store::Item { id: "x".into(), json: json.to_string().into() }).item;
        assert_eq!(
            item(json!({"type":"message","id":"msg_1","status":"completed","role":"assistant",
                "content":[{"type":"output_text","text":"a","annotations":[],"logprobs":[]}]})),
            Some(Item::Message { role: Role::Assistant, content: vec![Content::Text("a".into())] })
        );
        assert_eq!(item(json!({"type":"reasoning","id":"rs_1","summary":[]})), None);
        assert!(matches!(
            item(json!({"type":"custom_tool_call","id":"ctc_1","call_id":"c","name":"run","input":"ls"})),
            Some(Item::ToolCall(call)) if call.call_id == "c" && call.arguments.contains("ls")
        ));
        assert!(matches!(
            item(json!({"type":"function_call_output","id":"fco_1","call_id":"c","output":"seen"})),
            Some(Item::ToolOutput { .. })
        ));
        assert_eq!(item(json!(null)), None);
    }
}
