//! Recognises Open WebUI's task prompts (titles, tags, follow-ups and the like) by how they start.
//!
//! Three of Open WebUI's prompts are not recognised on purpose: templates customised by an admin, which could be a
//! person's prompt; merged answers, which users read; and compacted histories, on which later answers build.

use serde_json::{Map, Value};

/// The tasks and the start of their prompts, from the default templates of Open WebUI 0.12.4, and of 0.6 where
/// different.
const TASKS: [(&str, &str); 9] = [
    ("title", "### Task:\nGenerate a concise title summarizing the chat history."),
    ("title", "### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history."),
    ("tags", "### Task:\nGenerate 1-3 broad tags categorizing the main themes of the chat history"),
    ("follow-ups", "### Task:\nPredict 3-5 useful messages this user might naturally send next"),
    ("follow-ups", "### Task:\nSuggest 3-5 relevant follow-up questions or prompts that the user might"),
    // "am" is Open WebUI's typo.
    ("image prompt", "### Task:\nGenerate a detailed prompt for am image generation task"),
    (
        "queries",
        "### Task:\nAnalyze the chat history to determine the necessity of generating search queries",
    ),
    ("autocompletion", "### Task:\nYou are an autocompletion system. Continue the text in `<text>`"),
    ("emoji", "Your task is to reflect the speaker's likely facial expression through a fitting emoji."),
];

/// The Open WebUI task of this request, if it is one. `conversation` is the field with the messages.
///
/// Besides the prompt, a task has a single user message, is not streamed, and has no tools and no effort. A client
/// that sets any of these expects a real answer.
pub(crate) fn open_webui_task(body: &Map<String, Value>, conversation: &str) -> Option<&'static str> {
    const NEVER_IN_A_TASK: [&str; 5] =
        ["tools", "functions", "reasoning_effort", "instructions", "previous_response_id"];
    let has_effort = body.get("reasoning").is_some_and(|reasoning| !reasoning["effort"].is_null());
    let is_streamed = body.get("stream").is_some_and(|stream| *stream == true);
    if has_effort || is_streamed || NEVER_IN_A_TASK.iter().any(|field| is_given(body.get(*field))) {
        return None;
    }
    let prompt = only_text(body.get(conversation)?)?;
    TASKS.iter().find(|(_, opening)| prompt.starts_with(opening)).map(|(task, _)| *task)
}

/// Whether a field is set: SDKs send null, and Open WebUI an empty list, for unset fields.
fn is_given(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::Array(list)) => !list.is_empty(),
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    }
}

/// The text of a conversation that consists of one user text.
fn only_text(conversation: &Value) -> Option<&str> {
    let message = match conversation {
        Value::Array(messages) => match messages.as_slice() {
            [message] if message["role"] == "user" => message,
            _ => return None,
        },
        // Responses accepts a bare string as the only message.
        text => return text.as_str(),
    };
    match &message["content"] {
        Value::Array(parts) => match parts.as_slice() {
            [part] => part["text"].as_str(),
            _ => None,
        },
        content => content.as_str(),
    }
}

#[cfg(test)]
#[path = "tasks_tests.rs"]
mod tests;
