//! Input items as the API sends them back: with an id, a status and every required field.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::openai::chat::Part;
use crate::openai::responses::item::OutputItem;
use crate::openai::responses::request::InputItem;
use crate::openai::text_or::TextOr;

/// The JSON of an input item of this type.
pub(super) fn input(item: &InputItem, kind: &str, id: &str) -> Bytes {
    let call_id = item.call_id.as_deref().unwrap_or_default();
    let (name, status) = (item.name.as_deref().unwrap_or_default(), "completed");
    let mut json = match kind {
        "function_call" => json!({
            "type": kind, "id": id, "call_id": call_id, "name": name, "arguments": item.arguments, "status": status,
        }),
        "custom_tool_call" => json!({
            "type": kind, "id": id, "call_id": call_id, "name": name, "status": status,
            "input": item.input.as_deref().unwrap_or(&item.arguments),
        }),
        "function_call_output" | "custom_tool_call_output" => json!({
            "type": kind, "id": id, "call_id": call_id, "status": status,
            "output": match &item.output {
                Some(TextOr::Text(text)) => json!(text),
                Some(TextOr::Parts(parts)) => parts.iter().map(|item| part(item, "input_text")).collect(),
                None => json!(""),
            },
        }),
        "compaction" => json!({
            "type": kind, "id": id, "encrypted_content": item.encrypted_content.as_deref().unwrap_or_default(),
        }),
        "reasoning" => json!({ "type": kind, "id": id, "summary": [] }),
        _ => {
            let role = item.role.as_deref().unwrap_or("user");
            let text = if role == "assistant" { "output_text" } else { "input_text" };
            let content = match &item.content {
                Some(TextOr::Text(whole)) => vec![text_part(text, whole)],
                Some(TextOr::Parts(parts)) => parts.iter().map(|item| part(item, text)).collect(),
                None => Vec::new(),
            };
            json!({ "type": "message", "id": id, "status": status, "role": role, "content": content })
        }
    };
    if let (Some(namespace), true) = (&item.namespace, kind.ends_with("_call")) {
        json["namespace"] = json!(namespace);
    }
    bytes(&json)
}

/// The JSON of a message with only a text.
pub(super) fn message(id: &str, role: &str, text: &str) -> Bytes {
    let kind = if role == "assistant" { "output_text" } else { "input_text" };
    let content = [text_part(kind, text)];
    bytes(&json!({ "type": "message", "id": id, "status": "completed", "role": role, "content": content }))
}

/// The JSON of an output item.
pub(super) fn output(item: &OutputItem) -> Bytes {
    // Serializing our own types cannot fail.
    serde_json::to_vec(item).unwrap_or_default().into()
}

fn part(part: &Part, text: &str) -> Value {
    match part.kind.as_str() {
        "image_url" | "input_image" => {
            let image = part.image_url.as_ref();
            let detail = part.detail.as_ref().or(image.and_then(|image| image.detail.as_ref()));
            json!({
                "type": "input_image", "image_url": image.map(|image| &image.url),
                "detail": detail.map_or("auto", String::as_str),
            })
        }
        "file" | "input_file" => json!({ "type": "input_file", "filename": part.filename }),
        "refusal" => json!({ "type": "refusal", "refusal": part.refusal }),
        _ => text_part(text, part.text.as_deref().unwrap_or_default()),
    }
}

fn text_part(kind: &str, text: &str) -> Value {
    match kind {
        "output_text" => json!({ "type": kind, "text": text, "annotations": [], "logprobs": [] }),
        _ => json!({ "type": kind, "text": text }),
    }
}

fn bytes(json: &Value) -> Bytes {
    json.to_string().into()
}
