//! Input items that OpenAI's own tools leave behind, and types that do not exist yet. They become text: the model cannot
//! continue them, and an error would end the whole conversation.

use serde_json::{Map, Value, json};

use super::compaction;
use super::items::about_image;
use crate::translate::images::{check_image, of_base64};
use crate::translate::response_events::Ids;

/// The types that `items` parses.
const PARSED: [&str; 7] = [
    "additional_tools",
    "custom_tool_call",
    "custom_tool_call_output",
    "function_call",
    "function_call_output",
    "item_reference",
    "message",
];

/// Types with nothing to tell. codex keeps the reasoning itself.
const SILENT: [&str; 2] = ["mcp_list_tools", "reasoning"];

/// Fields that say nothing to the model.
const OMITTED: [&str; 5] = ["call_id", "encrypted_content", "id", "status", "type"];

/// Encoded text is at least this long, in bytes.
const MIN_BLOB_LEN: usize = 256;

/// Replaces the foreign items of a request's input by messages, or by empty reasoning.
pub(crate) fn replace(body: &mut Map<String, Value>) {
    match body.get_mut("input") {
        Some(Value::Array(items)) => items.iter_mut().for_each(replace_item),
        Some(item) => replace_item(item),
        None => {}
    }
}

/// Replaces an item if it is foreign.
pub(super) fn replace_item(item: &mut Value) {
    let Some(kind) = item["type"].as_str().filter(|kind| !PARSED.contains(kind)) else { return };
    let is_summary = |content: &str| compaction::decode(content).is_some();
    if kind == "compaction" && item["encrypted_content"].as_str().is_some_and(is_summary) {
        return;
    }
    let id = item["id"].clone();
    // The thread has our own searches, and its text is what they led to.
    let is_ours = kind == "web_search_call" && id.as_str().is_some_and(|id| Ids::is_ours(id, "ws"));
    if is_ours || SILENT.contains(&kind) {
        *item = json!({ "type": "reasoning", "id": id });
        return;
    }
    if kind == "image_generation_call"
        && let Some(url) = item["result"].as_str().map(of_base64)
        && let Ok(url) = check_image(&url, "result")
    {
        let text = about_image(item["revised_prompt"].as_str());
        let content =
            json!([{"type": "input_text", "text": text}, {"type": "input_image", "image_url": url}]);
        *item = json!({ "type": "message", "id": id, "role": "user", "content": content });
        return;
    }
    // What came from outside is not the model's word.
    let role = if kind.ends_with("_output") || kind.ends_with("_response") { "user" } else { "assistant" };
    let fields = item.as_object().into_iter().flatten();
    let told: Map<String, Value> = fields
        .filter(|(name, value)| !OMITTED.contains(&name.as_str()) && !value.is_null() && !is_blob(value))
        .map(|(name, value)| (name.clone(), without_blobs(value)))
        .collect();
    let text = if told.is_empty() {
        format!("[{kind}, not passed on]")
    } else {
        format!("[{kind}: {}]", Value::Object(told))
    };
    *item = json!({ "type": "message", "id": id, "role": role, "content": text });
}

fn without_blobs(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(without_blobs).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            Value::Object(fields.map(|(name, value)| (name.clone(), without_blobs(value))).collect())
        }
        value if is_blob(value) => json!("[not passed on]"),
        value => value.clone(),
    }
}

/// Whether a value is an encoded file or encrypted.
fn is_blob(value: &Value) -> bool {
    let is_base64 = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_'))
    };
    value
        .as_str()
        .is_some_and(|text| text.starts_with("data:") || (text.len() >= MIN_BLOB_LEN && is_base64(text)))
}
