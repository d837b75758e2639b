//! From a chat request to a turn: the messages become items with their roles, the last one of the user's its input.
//!
//! No message is flattened into another's text, and none is left out: instructions in the middle stay where they were, as
//! developer messages, since codex drops `system` items.

use codex_client::{Content, Item, Role as Speaker, ToolCall};
use serde_json::{Map, Value};

use super::Refusal;
use crate::openai::chat::{ChatRequest, Message, MessageContent, Part, ResponseFormat, Role};

/// What a conversation is for codex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Everything that was said before.
    pub history: Vec<Item>,
    /// What is said now; empty when the last message is not the user's.
    pub input: Vec<Content>,
}

/// Reads the messages.
///
/// # Errors
/// [`Refusal`] naming the message that is wrong.
pub fn conversation(request: &ChatRequest) -> Result<Conversation, Refusal> {
    let Some((last, earlier)) = request.messages.split_last() else {
        return Err(invalid("messages", "messages must hold at least one message."));
    };
    let mut history = Vec::with_capacity(request.messages.len());
    for (index, message) in earlier.iter().enumerate() {
        items(message, index, &mut history)?;
    }
    let index = earlier.len();
    let input = match last.role {
        Role::User => contents(last, index)?,
        _ => {
            items(last, index, &mut history)?;
            Vec::new()
        }
    };
    Ok(Conversation { history, input })
}

/// Checks that the model can think as hard as it is asked to. `known` are the efforts that codex names for it; where it names none,
/// any is passed on.
///
/// # Errors
/// [`Refusal::Invalid`] for an effort that is not one of them.
pub fn check_effort(wanted: Option<&str>, model: &str, known: &[String]) -> Result<(), Refusal> {
    match wanted {
        Some(wanted) if !known.is_empty() && !known.iter().any(|effort| effort == wanted) => {
            Err(Refusal::Invalid {
                param: "reasoning_effort".to_owned(),
                message: format!("The model {model} knows these efforts: {}.", known.join(", ")),
            })
        }
        _ => Ok(()),
    }
}

/// The schema that the answer must follow, if the request names one.
///
/// # Errors
/// [`Refusal`] for a format that cannot be given.
pub fn output_schema(format: Option<&ResponseFormat>) -> Result<Option<Value>, Refusal> {
    let Some(format) = format else { return Ok(None) };
    match format.kind.as_str() {
        "text" => Ok(None),
        "json_schema" => match format.json_schema.as_ref().and_then(|wanted| wanted.schema.clone()) {
            Some(schema) if schema.is_object() => Ok(Some(schema)),
            _ => Err(invalid(
                "response_format.json_schema.schema",
                "A json_schema format needs its schema, an object.",
            )),
        },
        "json_object" => Err(Refusal::Unsupported {
            param: "response_format".to_owned(),
            message: "codex cannot promise just any JSON. Use the type json_schema with a schema.".to_owned(),
        }),
        other => Err(invalid(
            "response_format.type",
            &format!("response_format.type must be text or json_schema, not {:?}.", shorten(other)),
        )),
    }
}

/// Whether this is one of Open WebUI's own calls (a title, tags, follow-ups, search queries), which nobody typed: one message
/// of the user's that begins with its heading.
#[must_use]
pub fn is_background(body: &Map<String, Value>) -> bool {
    let messages = body.get("messages").and_then(Value::as_array);
    let Some([message]) = messages.map(Vec::as_slice) else { return false };
    message["role"] == "user" && message["content"].as_str().is_some_and(|text| text.starts_with("### Task:"))
}

fn items(message: &Message, index: usize, items: &mut Vec<Item>) -> Result<(), Refusal> {
    let say = |role| Ok::<_, Refusal>(Item::Message { role, content: contents(message, index)? });
    match message.role {
        Role::System | Role::Developer => items.push(say(Speaker::Developer)?),
        Role::User => items.push(say(Speaker::User)?),
        Role::Assistant => {
            let calls = message.tool_calls.as_deref().unwrap_or_default();
            let content = optional_contents(message, index)?;
            if content.iter().any(|part| !matches!(part, Content::Text(text) if text.is_empty()))
                || calls.is_empty()
            {
                items.push(Item::Message { role: Speaker::Assistant, content });
            }
            items.extend(calls.iter().map(|call| {
                Item::ToolCall(ToolCall {
                    call_id: call.id.clone(),
                    name: call.function.name.clone(),
                    arguments: call.function.arguments.clone(),
                })
            }));
        }
        Role::Tool => {
            let Some(call_id) = message.tool_call_id.clone() else {
                let param = format!("messages[{index}].tool_call_id");
                return Err(invalid(&param, "A tool message needs the tool_call_id that it answers."));
            };
            items.push(Item::ToolOutput { call_id, output: optional_contents(message, index)? });
        }
    }
    Ok(())
}

/// The parts of a message that must say something.
fn contents(message: &Message, index: usize) -> Result<Vec<Content>, Refusal> {
    if message.content.is_none() {
        return Err(invalid(&format!("messages[{index}].content"), "This message needs a content."));
    }
    optional_contents(message, index)
}

fn optional_contents(message: &Message, index: usize) -> Result<Vec<Content>, Refusal> {
    match &message.content {
        None => Ok(Vec::new()),
        Some(MessageContent::Text(text)) => Ok(vec![Content::Text(text.clone())]),
        Some(MessageContent::Parts(parts)) => {
            parts.iter().enumerate().map(|(part, value)| content(value, index, part)).collect()
        }
    }
}

fn content(part: &Part, message: usize, index: usize) -> Result<Content, Refusal> {
    let param = || format!("messages[{message}].content[{index}]");
    match (part.kind.as_str(), &part.text, &part.refusal) {
        ("text" | "input_text" | "output_text", Some(text), _) | ("refusal", _, Some(text)) => {
            Ok(Content::Text(text.clone()))
        }
        ("text" | "input_text" | "output_text" | "refusal", ..) => {
            Err(invalid(&param(), "A text part needs its text."))
        }
        (kind @ ("image_url" | "input_audio" | "file"), ..) => Err(Refusal::Unsupported {
            param: param(),
            message: format!("This version cannot pass parts of the type {kind} to codex. Send text."),
        }),
        (kind, ..) => {
            Err(invalid(&param(), &format!("There is no content part of the type {:?}.", shorten(kind))))
        }
    }
}

fn invalid(param: &str, message: &str) -> Refusal {
    Refusal::Invalid { param: param.to_owned(), message: message.to_owned() }
}

/// A client's word, short enough for an error message.
fn shorten(word: &str) -> String {
    word.chars().take(40).collect()
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
