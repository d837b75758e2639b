//! Recognises Open WebUI's own task prompts (titles, tags, follow-ups and the like) by how they begin.
//!
//! Any other prompt goes to the model that it names, and so do three of Open WebUI's: a template that an admin has rewritten, which
//! could be a person's; merged answers, which the user reads; and a compacted history, on which later answers build.

use serde_json::{Map, Value};

/// The tasks, and how their prompts begin: the default templates of Open WebUI 0.12.4, and of 0.6 where those differ.
const TASKS: [(&str, &str); 9] = [
    ("title", "### Task:\nGenerate a concise title summarizing the chat history."),
    ("title", "### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history."),
    ("tags", "### Task:\nGenerate 1-3 broad tags categorizing the main themes of the chat history"),
    ("follow-ups", "### Task:\nPredict 3-5 useful messages this user might naturally send next"),
    ("follow-ups", "### Task:\nSuggest 3-5 relevant follow-up questions or prompts that the user might"),
    // "am" is how Open WebUI spells it.
    ("image prompt", "### Task:\nGenerate a detailed prompt for am image generation task"),
    (
        "queries",
        "### Task:\nAnalyze the chat history to determine the necessity of generating search queries",
    ),
    ("autocompletion", "### Task:\nYou are an autocompletion system. Continue the text in `<text>`"),
    ("emoji", "Your task is to reflect the speaker's likely facial expression through a fitting emoji."),
];

/// Which task of Open WebUI's this request is, if it is one. `conversation` is the field of the messages, as the route calls it.
///
/// Beyond its words, a task is one message of the user's with nothing before it, not streamed, without tools and at no effort.
/// A client that asks for any of these asks for a real answer.
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

/// Whether a field says anything: SDKs send null, and Open WebUI an empty list, for what is not set.
fn is_given(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::Array(list)) => !list.is_empty(),
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    }
}

/// The text of a conversation that is one text of the user's.
fn only_text(conversation: &Value) -> Option<&str> {
    let message = match conversation {
        Value::Array(messages) => match messages.as_slice() {
            [message] if message["role"] == "user" => message,
            _ => return None,
        },
        // Responses takes a bare string for the one message.
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
