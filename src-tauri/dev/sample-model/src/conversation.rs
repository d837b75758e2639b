//! Reads a Responses request: who said what, which tools are offered, which results have come.
//!
//! Pure functions over JSON, lenient: what is missing or of another type reads as empty. Deliberately not here: what
//! is answered.

use serde_json::{Value, json};

/// The input items of a request body; a plain string is one user message to OpenAI, but codex never sends one.
pub(crate) fn input_items(body: &Value) -> &[Value] {
    body["input"].as_array().map_or(&[], Vec::as_slice)
}

/// Whether the model is told what to be: in a field of its own, or by a developer's message, as later codexes do it.
pub(crate) fn is_instructed(body: &Value, items: &[&Value]) -> bool {
    body["instructions"].as_str().is_some_and(|text| !text.is_empty())
        || items.iter().any(|item| item["role"] == "developer")
}

/// Role and text of the message items, in order.
pub(crate) fn messages<'a>(items: impl Iterator<Item = &'a Value>) -> Vec<(String, String)> {
    items
        .filter(|item| is_message(item))
        .map(|item| (item["role"].as_str().unwrap_or_default().to_owned(), content_text(&item["content"])))
        .collect()
}

/// What the conversation has come to: the last prompt, and the tool results that follow it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Latest {
    pub(crate) prompt: String,
    pub(crate) results: Vec<String>,
}

/// Finds the last prompt of a person and the results behind it.
pub(crate) fn latest<'a>(items: impl Iterator<Item = &'a Value>) -> Latest {
    let mut latest = Latest::default();
    for item in items {
        if is_message(item) && item["role"] == "user" {
            let text = content_text(&item["content"]);
            // Codex tells the model about its surroundings in the user's name; nobody asked that.
            if !text.starts_with("<environment_context>") {
                latest = Latest { prompt: text, results: Vec::new() };
            }
        } else if matches!(item["type"].as_str(), Some("function_call_output" | "custom_tool_call_output")) {
            latest.results.push(content_text(&item["output"]));
        }
    }
    latest
}

/// The names of the tools a request offers.
pub(crate) fn tool_names(body: &Value) -> Vec<String> {
    let mut names = Vec::new();
    for tool in body["tools"].as_array().into_iter().flatten() {
        let name = tool["name"].as_str().or_else(|| tool["type"].as_str()).unwrap_or_default();
        match tool["tools"].as_array() {
            Some(inner) => names
                .extend(inner.iter().map(|t| format!("{name}.{}", t["name"].as_str().unwrap_or_default()))),
            None => names.push(name.to_owned()),
        }
    }
    names
}

/// Whether a tool takes free text instead of JSON arguments, as codex's `apply_patch` does.
pub(crate) fn takes_free_text(body: &Value, name: &str) -> bool {
    let tools = body["tools"].as_array();
    tools.is_some_and(|tools| tools.iter().any(|tool| tool["name"] == name && tool["type"] == "custom"))
}

/// The JSON schema the answer must keep to, if one is asked for.
pub(crate) fn schema(body: &Value) -> Option<&Value> {
    let format = &body["text"]["format"];
    (format["type"] == "json_schema").then(|| &format["schema"])
}

/// The answer to `echo`: what the model was sent, in short.
pub(crate) fn echo(body: &Value, messages: &[(String, String)]) -> String {
    json!({
        "instructions": body["instructions"], "input": messages, "tools": tool_names(body),
        "text": body["text"], "reasoning": body["reasoning"], "model": body["model"],
    })
    .to_string()
}

fn is_message(item: &Value) -> bool {
    // OpenAI lets `type` be left out of a message.
    item["type"] == "message" || (item["type"].is_null() && item["role"].is_string())
}

/// The text of a `content` or `output`: a string, or a list of parts. An image is named, not repeated.
fn content_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().map(|part| match part["type"].as_str() {
                Some("input_image" | "output_image") => "[image]",
                _ => part["text"].as_str().unwrap_or_default(),
            });
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_count_only_behind_the_last_prompt() {
        let items = [
            json!({"type":"message","role":"user","content":[{"type":"input_text","text":"first"}]}),
            json!({"type":"function_call_output","call_id":"a","output":"old"}),
            json!({"role":"user","content":"second"}),
            json!({"type":"message","role":"user","content":"<environment_context>…"}),
            json!({"type":"function_call_output","call_id":"b","output":[{"type":"input_text","text":"new"}]}),
        ];
        let expected = Latest { prompt: "second".to_owned(), results: vec!["new".to_owned()] };
        assert_eq!(latest(items.iter()), expected);
    }

    #[test]
    fn tools_are_named_by_name_else_by_type() {
        let body = json!({"tools":[{"type":"function","name":"f"},{"type":"web_search"},
            {"type":"namespace","name":"mcp","tools":[{"name":"g"}]},{"type":"custom","name":"apply_patch"}]});
        assert_eq!(tool_names(&body), ["f", "web_search", "mcp.g", "apply_patch"]);
        assert!(takes_free_text(&body, "apply_patch") && !takes_free_text(&body, "f"));
    }
}
