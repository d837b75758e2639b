//! The client's tools: which there are, which must be called, and whether a history's calls have their outputs.

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::answer_request::{ClientTool, ToolChoice};
use super::shorten;
use crate::error::ApiError;
use crate::openai::chat::{Function, Tool};

/// The tools of a chat request.
///
/// # Errors
/// [`ApiError`] for a tool that is no function.
pub(crate) fn of_tools(tools: Vec<Tool>) -> Result<Vec<ClientTool>, ApiError> {
    let read = |(index, tool): (usize, Tool)| {
        let param = format!("tools[{index}]");
        match (tool.kind.as_str(), tool.function) {
            ("function", Some(function)) => Ok(of_function(function, format!("{param}.function"))),
            ("function", None) => {
                let param = format!("{param}.function");
                Err(ApiError::invalid(&param, "A tool of the type function needs its function."))
            }
            (kind, _) => Err(no_function(kind, &param)),
        }
    };
    tools.into_iter().enumerate().map(read).collect()
}

/// The tools of the old form.
pub(crate) fn of_functions(functions: Vec<Function>) -> Vec<ClientTool> {
    let read = |(index, function): (usize, Function)| of_function(function, format!("functions[{index}]"));
    functions.into_iter().enumerate().map(read).collect()
}

fn of_function(function: Function, param: String) -> ClientTool {
    ClientTool {
        name: function.name,
        description: function.description.unwrap_or_default(),
        parameters: function.parameters.unwrap_or_else(no_arguments),
        param,
    }
}

/// A tool of a kind that codex does not take; `param` is where the body has it.
pub(super) fn no_function(kind: &str, param: &str) -> ApiError {
    let message = format!("Tools of the type {:?} cannot be passed to codex. Send functions.", shorten(kind));
    ApiError::unsupported(format!("{param}.type"), message)
}

/// The schema of a function that takes no arguments.
pub(super) fn no_arguments() -> Value {
    json!({ "type": "object", "properties": {} })
}

/// Which tools must be called, in any of the forms that clients use.
///
/// # Errors
/// [`ApiError`] for a choice that there is not.
pub(crate) fn choice(choice: Option<&Value>, param: &str) -> Result<ToolChoice, ApiError> {
    let Some(choice) = choice else { return Ok(ToolChoice::Auto) };
    let name = |value: &Value| value["name"].as_str().map(|name| ToolChoice::Named(name.to_owned()));
    let named = match choice {
        Value::String(word) => match word.as_str() {
            "auto" => Some(ToolChoice::Auto),
            "none" => Some(ToolChoice::None),
            // `any` is what other services call it.
            "required" | "any" => Some(ToolChoice::Required),
            _ => None,
        },
        Value::Object(_) if choice["type"] == "allowed_tools" => {
            let message = "The model cannot be kept to some of the tools. Send only those.".to_owned();
            return Err(ApiError::unsupported(param, message));
        }
        Value::Object(_) => name(&choice["function"]).or_else(|| name(choice)),
        _ => None,
    };
    let words = format!("{param} must be auto, none, required or the name of a function.");
    named.ok_or_else(|| ApiError::invalid(param, &words))
}

/// Checks that what must be called is there.
///
/// # Errors
/// [`ApiError`] when it is not.
pub(crate) fn check_choice(tools: &[ClientTool], choice: &ToolChoice, param: &str) -> Result<(), ApiError> {
    match choice {
        ToolChoice::Required if tools.is_empty() => {
            Err(ApiError::invalid(param, "A tool can be required only where there are tools."))
        }
        ToolChoice::Auto | ToolChoice::None | ToolChoice::Required => Ok(()),
        ToolChoice::Named(name) if tools.iter().any(|tool| tool.name == *name) => Ok(()),
        ToolChoice::Named(name) => {
            let words = format!("There is no tool {:?} among the tools of the request.", shorten(name));
            Err(ApiError::invalid(param, &words))
        }
    }
}

/// What the model is told when it has to call a tool, and, more firmly, when it did not.
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

/// Follows a history, and sees that every call has its output before the conversation goes on, as OpenAI demands it.
#[derive(Debug, Default)]
pub(crate) struct Pairing {
    /// The calls of the last message, and whether each is answered.
    calls: IndexMap<String, bool>,
    /// How many of them are not.
    open: usize,
    message: usize,
}

impl Pairing {
    /// The message `message` makes these calls.
    pub(crate) fn begin<'a>(&mut self, calls: impl Iterator<Item = &'a str>, message: usize) {
        self.calls = calls.map(|id| (id.to_owned(), false)).collect();
        self.open = self.calls.len();
        self.message = message;
    }

    /// The one call of the last message; the old form has no more.
    pub(crate) fn only(&self) -> Option<String> {
        self.calls.keys().next().cloned()
    }

    /// The message `message` holds the output of a call.
    ///
    /// # Errors
    /// [`ApiError`] when there is no such call.
    pub(crate) fn answer(&mut self, call_id: &str, message: usize) -> Result<(), ApiError> {
        let Some(answered) = self.calls.get_mut(call_id) else {
            let param = format!("messages[{message}].tool_call_id");
            let message = "A tool message must follow the assistant's message that made its call.";
            return Err(ApiError::invalid(param, message));
        };
        self.open -= usize::from(!std::mem::replace(answered, true));
        Ok(())
    }

    /// The conversation goes on, or ends.
    ///
    /// # Errors
    /// [`ApiError`] when outputs are missing.
    pub(crate) fn end(&self) -> Result<(), ApiError> {
        if self.open == 0 {
            return Ok(());
        }
        let message =
            format!("Every call needs a tool message with its output. Missing: {}.", missing(&self.calls));
        Err(ApiError::invalid(format!("messages[{}].tool_calls", self.message), message))
    }
}

/// The first calls that are not answered, as many as an error names.
pub(super) fn missing(calls: &IndexMap<impl AsRef<str>, bool>) -> String {
    let open = calls.iter().filter(|(_, answered)| !**answered);
    open.take(4).map(|(id, _)| shorten(id.as_ref())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[path = "tools_tests.rs"]
mod tests;
