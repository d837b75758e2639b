//! The client's tools, the tool choice, and the pairing of calls and outputs in a history.

use codex_client::WebSearch;
use serde_json::Value;

use super::answer_request::{ClientTool, ToolChoice};
use super::open_calls::OpenCalls;
use super::shorten;
use crate::error::ApiError;

/// Parses the tool choice, in any form that clients use. What cannot be honoured goes to `ignored`.
///
/// # Errors
/// [`ApiError`] for an unknown choice.
pub(crate) fn choice(
    choice: Option<&Value>,
    param: &str,
    ignored: &mut Vec<String>,
) -> Result<ToolChoice, ApiError> {
    let Some(choice) = choice else { return Ok(ToolChoice::Auto) };
    let name = |value: &Value| value["name"].as_str().map(|name| ToolChoice::Named(name.to_owned()));
    let word = |word: &Value| match word.as_str()? {
        "auto" => Some(ToolChoice::Auto),
        "none" => Some(ToolChoice::None),
        // Other services call it `any`.
        "required" | "any" => Some(ToolChoice::Required),
        _ => None,
    };
    let named = match (choice, allowed(Some(choice))) {
        (_, Some(allowed)) if allowed["mode"].is_null() => Some(ToolChoice::Auto),
        (_, Some(allowed)) => word(&allowed["mode"]),
        (Value::Object(_), None) if is_hosted(&choice["type"]) => {
            ignored.push(param.to_owned());
            Some(ToolChoice::Auto)
        }
        (Value::Object(_), None) => {
            let kinds = [&choice["function"], &choice["custom"], choice];
            kinds.into_iter().find_map(name).or_else(|| word(&choice["type"]))
        }
        (choice, None) => word(choice),
    };
    let message = format!("{param} must be auto, none, required or the name of a function.");
    named.ok_or_else(|| ApiError::invalid(param, message).loggable())
}

/// codex can offer web search and images, but not require them.
fn is_hosted(kind: &Value) -> bool {
    is_web_search(kind) || kind == "image_generation"
}

fn is_web_search(kind: &Value) -> bool {
    kind.as_str().is_some_and(|kind| kind.starts_with("web_search"))
}

/// The mode and tools of a choice of the type `allowed_tools`: chat nests them, Responses does not.
pub(super) fn allowed(choice: Option<&Value>) -> Option<&Value> {
    let choice = choice.filter(|choice| choice["type"] == "allowed_tools")?;
    Some(if choice["allowed_tools"].is_object() { &choice["allowed_tools"] } else { choice })
}

/// Removes the tools that a choice of the type `allowed_tools` does not name.
///
/// # Errors
/// [`ApiError`] if it names a tool that does not exist.
pub(super) fn retain_allowed(
    tools: &mut Vec<ClientTool>,
    web_search: &mut Option<WebSearch>,
    images: &mut bool,
    choice: Option<&Value>,
    param: &str,
) -> Result<(), ApiError> {
    let Some(allowed) = allowed(choice) else { return Ok(()) };
    let Some(entries) = allowed["tools"].as_array() else {
        return Err(ApiError::invalid(param, "allowed_tools requires tools, an array."));
    };
    let mut names = Vec::new();
    for entry in entries {
        let named = [&entry["function"], &entry["custom"], entry];
        let Some(name) = named.iter().find_map(|entry| entry["name"].as_str()) else { continue };
        if !tools.iter().any(|tool| has_name(tool, name)) {
            let message = format!("The request has no tool {:?}.", shorten(name));
            return Err(ApiError::invalid(param, message));
        }
        names.push(name);
    }
    tools.retain(|tool| names.iter().any(|name| has_name(tool, name)));
    if !entries.iter().any(|entry| is_web_search(&entry["type"])) {
        *web_search = None;
    }
    *images &= entries.iter().any(|entry| entry["type"] == "image_generation");
    Ok(())
}

/// Whether the tool, or its namespace, has this name.
fn has_name(tool: &ClientTool, name: &str) -> bool {
    let names = tool.namespaced.iter().flat_map(|(namespace, name)| [namespace, name]);
    names.chain([&tool.name]).any(|known| known == name)
}

/// Checks that a required tool exists.
///
/// # Errors
/// [`ApiError`] if it does not.
pub(crate) fn check_choice(tools: &[ClientTool], choice: &ToolChoice, param: &str) -> Result<(), ApiError> {
    match choice {
        ToolChoice::Required if tools.is_empty() => {
            Err(ApiError::invalid(param, "A tool call can be required only if there are tools."))
        }
        ToolChoice::Auto | ToolChoice::None | ToolChoice::Required => Ok(()),
        ToolChoice::Named(name) if tools.iter().any(|tool| tool.name == *name) => Ok(()),
        ToolChoice::Named(name) => {
            let message = format!("The request has no tool {:?}.", shorten(name));
            Err(ApiError::invalid(param, message))
        }
    }
}

/// The instruction to call a tool, and a firmer one for the second attempt.
pub(crate) fn notes(choice: &ToolChoice) -> Option<(String, String)> {
    let what = match choice {
        ToolChoice::Auto | ToolChoice::None => return None,
        ToolChoice::Required => "at least one of the tools".to_owned(),
        ToolChoice::Named(name) => format!("the tool {name}"),
    };
    let note = format!("Answer by calling {what}, and say nothing before the call.");
    let again = format!(
        "You must call {what} now. An answer in words is not accepted: whatever is missing, call it with the best arguments that you have."
    );
    Some((note, again))
}

/// Checks that every call in a history has its output before the conversation continues, as OpenAI requires.
#[derive(Debug, Default)]
pub(crate) struct Pairing {
    /// The calls of the last message.
    calls: OpenCalls,
    message: usize,
}

impl Pairing {
    /// Message `message` makes these calls.
    pub(crate) fn begin<'a>(&mut self, calls: impl Iterator<Item = &'a str>, message: usize) {
        self.calls = OpenCalls::default();
        calls.for_each(|id| self.calls.insert(id.to_owned()));
        self.message = message;
    }

    /// The first call of the last message without output.
    pub(crate) fn first_open(&self) -> Option<String> {
        self.calls.first_open().map(str::to_owned)
    }

    /// Message `message` contains the output of a call.
    ///
    /// # Errors
    /// [`ApiError`] when there is no such call.
    pub(crate) fn answer(&mut self, call_id: &str, message: usize) -> Result<(), ApiError> {
        if self.calls.answer(call_id) {
            return Ok(());
        }
        let param = format!("messages[{message}].tool_call_id");
        let message = "A tool message must follow the assistant message with its call.";
        Err(ApiError::invalid(param, message))
    }

    /// The conversation continues or ends.
    ///
    /// # Errors
    /// [`ApiError`] when outputs are missing.
    pub(crate) fn end(&self) -> Result<(), ApiError> {
        let Some(missing) = self.calls.missing() else { return Ok(()) };
        let message = format!("Every call requires a tool message with its output. Missing: {missing}.");
        Err(ApiError::invalid(format!("messages[{}].tool_calls", self.message), message))
    }
}

#[cfg(test)]
#[path = "tools_tests.rs"]
mod tests;
