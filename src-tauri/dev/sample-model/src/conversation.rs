//! Reads the messages, tools and tool results of a Responses request.
//!
//! Lenient: a missing field, or one of the wrong type, reads as empty.

use serde_json::{Value, json};

/// The input items of a request body. OpenAI also accepts a string, which codex never sends.
pub(crate) fn input_items(body: &Value) -> &[Value] {
    body["input"].as_array().map_or(&[], Vec::as_slice)
}

/// Whether there are instructions, in their field or, from newer versions of codex, as a developer message.
pub(crate) fn has_instructions(body: &Value, items: &[&Value]) -> bool {
    body["instructions"].as_str().is_some_and(|text| !text.is_empty())
        || items.iter().any(|item| item["role"] == "developer")
}

/// The role and text of each message, in order.
pub(crate) fn messages<'a>(items: impl Iterator<Item = &'a Value>) -> Vec<(String, String)> {
    items
        .filter(|item| is_message(item))
        .map(|item| (item["role"].as_str().unwrap_or_default().to_owned(), content_text(&item["content"])))
        .collect()
}

/// The last prompt, and the tool results after it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Latest {
    pub(crate) prompt: String,
    pub(crate) results: Vec<String>,
}

pub(crate) fn latest<'a>(items: impl Iterator<Item = &'a Value>) -> Latest {
    let mut latest = Latest::default();
    for item in items {
        if is_message(item) && item["role"] == "user" {
            let text = content_text(&item["content"]);
            // Codex describes the environment in a user message, which is not a prompt.
            if !text.starts_with("<environment_context>") {
                latest = Latest { prompt: text, results: Vec::new() };
            }
        } else if matches!(item["type"].as_str(), Some("function_call_output" | "custom_tool_call_output")) {
            latest.results.push(content_text(&item["output"]));
        }
    }
    latest
}

/// The names of the tools in a request.
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

/// Whether a tool takes free text instead of JSON, like codex's `apply_patch`.
pub(crate) fn takes_free_text(body: &Value, name: &str) -> bool {
    let tools = body["tools"].as_array();
    tools.is_some_and(|tools| tools.iter().any(|tool| tool["name"] == name && tool["type"] == "custom"))
}

/// The JSON schema for the answer, if any.
pub(crate) fn schema(body: &Value) -> Option<&Value> {
    let format = &body["text"]["format"];
    (format["type"] == "json_schema").then(|| &format["schema"])
}

/// The answer to `echo`: a summary of the request.
pub(crate) fn echo(body: &Value, messages: &[(String, String)]) -> String {
    json!({
        "instructions": body["instructions"], "input": messages, "tools": tool_names(body),
        "text": body["text"], "reasoning": body["reasoning"], "model": body["model"],
    })
    .to_string()
}

fn is_message(item: &Value) -> bool {
    // A message's `type` is optional.
    item["type"] == "message" || (item["type"].is_null() && item["role"].is_string())
}

/// The text of a `content` or `output`: a string, or a list of parts. An image becomes `[image]`.
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
    fn only_results_after_the_last_prompt_count() {
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
    fn tools_without_a_name_are_named_by_type() {
        let body = json!({"tools":[{"type":"function","name":"f"},{"type":"web_search"},
            {"type":"namespace","name":"mcp","tools":[{"name":"g"}]},{"type":"custom","name":"apply_patch"}]});
        assert_eq!(tool_names(&body), ["f", "web_search", "mcp.g", "apply_patch"]);
        assert!(takes_free_text(&body, "apply_patch") && !takes_free_text(&body, "f"));
    }
}
