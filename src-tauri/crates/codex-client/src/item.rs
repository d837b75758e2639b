//! The items of a conversation.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// OpenAI's limit on the id of a call, in characters.
const MAX_CALL_ID: usize = 64;

/// The role of a message. codex drops `system` items, so there is no such role here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions to the model.
    Developer,
    /// The user.
    User,
    /// The model.
    Assistant,
}

/// One part of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// An image, valid only in a user message or a tool output.
    Image {
        /// A data URL; codex rejects any other.
        url: String,
        /// `auto`, `low` or `high`, from the client.
        detail: Option<String>,
    },
}

/// One item of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Item {
    /// A message.
    Message {
        /// Its author's role.
        role: Role,
        /// Its parts.
        content: Vec<Content>,
    },
    /// The model's call to one of the client's tools.
    ToolCall(ToolCall),
    /// A tool's output.
    ToolOutput {
        /// The call that it belongs to.
        call_id: String,
        /// Its parts.
        output: Vec<Content>,
    },
}

/// The model's call to one of the client's tools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToolCall {
    /// The id that its output refers to.
    pub call_id: String,
    /// The tool's name.
    pub name: String,
    /// The argument string, verbatim.
    pub arguments: String,
}

/// The id of a call that its client sent without one begins with this.
const NO_CALL_ID: &str = "call_of_message_";

impl ToolCall {
    /// The id of the call at this position among those of a message, for a client that sent none.
    #[must_use]
    pub fn id_by_position(message: usize, at: usize) -> String {
        format!("{NO_CALL_ID}{message}_{at}")
    }

    /// Whether the client knows the call's id.
    pub(crate) fn has_id(&self) -> bool {
        !self.call_id.starts_with(NO_CALL_ID)
    }
}

impl Item {
    /// Instructions to the model.
    pub(crate) fn developer(text: String) -> Self {
        Self::Message { role: Role::Developer, content: vec![Content::Text(text)] }
    }

    /// Its parts; a call has none.
    #[must_use]
    pub fn content(&self) -> &[Content] {
        match self {
            Self::Message { content, .. } | Self::ToolOutput { output: content, .. } => content,
            Self::ToolCall(_) => &[],
        }
    }

    /// Its parts; a call has none.
    pub fn content_mut(&mut self) -> &mut [Content] {
        match self {
            Self::Message { content, .. } | Self::ToolOutput { output: content, .. } => content,
            Self::ToolCall(_) => &mut [],
        }
    }

    /// Whether it contains an image.
    #[must_use]
    pub fn has_images(&self) -> bool {
        self.content().iter().any(|part| matches!(part, Content::Image { .. }))
    }

    /// The item as a raw item of the Responses API, which `thread/inject_items` takes.
    pub(crate) fn to_raw(&self) -> Value {
        match self {
            Self::Message { role, content } => {
                let kind = if *role == Role::Assistant { "output_text" } else { "input_text" };
                let parts: Vec<Value> = content.iter().map(|part| part.to_raw(kind)).collect();
                json!({ "type": "message", "role": role, "content": parts })
            }
            Self::ToolCall(ToolCall { call_id, name, arguments }) => {
                let call_id = upstream_id(call_id);
                json!({ "type": "function_call", "call_id": call_id, "name": name, "arguments": arguments })
            }
            Self::ToolOutput { call_id, output } => {
                let output: Value = match output.as_slice() {
                    [] => "".into(),
                    [Content::Text(text)] => text.as_str().into(),
                    parts => parts.iter().map(|part| part.to_raw("input_text")).collect(),
                };
                let call_id = upstream_id(call_id);
                json!({ "type": "function_call_output", "call_id": call_id, "output": output })
            }
        }
    }
}

/// The call's id if OpenAI accepts it, or a replacement.
fn upstream_id(call_id: &str) -> Cow<'_, str> {
    if (1..=MAX_CALL_ID).contains(&call_id.chars().count()) {
        return call_id.into();
    }
    let mut hash = [0; 16];
    hash.copy_from_slice(&Sha256::digest(call_id)[..16]);
    format!("call_{:032x}", u128::from_be_bytes(hash)).into()
}

impl Content {
    /// The text of a text part.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Image { .. } => None,
        }
    }

    /// The part in the Responses API's format; `kind` is the type that API gives text here.
    fn to_raw(&self, kind: &str) -> Value {
        match self {
            Self::Text(text) => json!({ "type": kind, "text": text }),
            Self::Image { url, detail } => {
                json!({ "type": "input_image", "image_url": url, "detail": detail })
            }
        }
    }

    /// The part in the format of codex's tool outputs.
    pub(crate) fn to_tool_output(&self) -> Value {
        match self {
            Self::Text(text) => json!({ "type": "inputText", "text": text }),
            Self::Image { url, .. } => json!({ "type": "inputImage", "imageUrl": url }),
        }
    }

    /// The part as input for `turn/start`.
    pub(crate) fn to_input(&self) -> Value {
        match self {
            Self::Text(text) => json!({ "type": "text", "text": text, "text_elements": [] }),
            Self::Image { url, detail } => json!({ "type": "image", "url": url, "detail": detail }),
        }
    }
}

/// Splits off the leading instructions of a conversation as one text; blank ones are dropped. The rest is empty only if
/// `items` is: upstream rejects a request without input.
pub(crate) fn split_instructions(items: &[Item]) -> (Option<String>, &[Item]) {
    let before_last = items.len().saturating_sub(1);
    let instructions = items.iter().take(before_last).map_while(|item| match item {
        // A message with an image stays in place: instructions are text.
        Item::Message { role: Role::Developer, content } => {
            content.iter().map(Content::as_text).collect::<Option<Vec<&str>>>()
        }
        _ => None,
    });
    let texts: Vec<String> = instructions.map(|parts| parts.join("\n")).collect();
    let rest = items.get(texts.len()..).unwrap_or_default();
    (Some(texts.join("\n\n")).filter(|text| !text.trim().is_empty()), rest)
}

/// Splits off the user's last message, the prompt; empty when the last item is not a user message.
pub(crate) fn split_prompt(items: &[Item]) -> (&[Item], &[Content]) {
    match items.split_last() {
        Some((Item::Message { role: Role::User, content }, history)) => (history, content),
        _ => (items, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_and_argument_strings_are_preserved() {
        let raw = |role| Item::Message { role, content: vec![Content::Text("hi".into())] }.to_raw();
        assert_eq!(
            raw(Role::Developer),
            json!({"type":"message","role":"developer","content":[{"type":"input_text","text":"hi"}]})
        );
        assert_eq!(
            raw(Role::Assistant),
            json!({"type":"message","role":"assistant","content":[{"type":"output_text","text":"hi"}]})
        );
        let arguments = "{ \"a\":1}".to_owned();
        let call = Item::ToolCall(ToolCall { call_id: "c".into(), name: "n".into(), arguments });
        assert_eq!(call.to_raw()["arguments"], "{ \"a\":1}");
    }

    fn message(role: Role, text: &str) -> Item {
        Item::Message { role, content: vec![Content::Text(text.into())] }
    }

    #[test]
    fn only_leading_instructions_are_split_off() {
        let items = [
            message(Role::Developer, "a"),
            message(Role::Developer, "b"),
            message(Role::User, "c"),
            message(Role::Developer, "d"),
        ];
        let (instructions, rest) = split_instructions(&items);
        assert_eq!(instructions.as_deref(), Some("a\n\nb"));
        assert_eq!(rest, &items[2..]);
        assert_eq!(split_instructions(&items[2..]), (None, &items[2..]));
    }

    #[test]
    fn last_instruction_becomes_the_prompt_when_there_are_no_other_messages() {
        let items = [message(Role::Developer, "a"), message(Role::Developer, "b")];
        assert_eq!(split_instructions(&items), (Some("a".to_owned()), &items[1..]));
        assert_eq!(split_instructions(&items[1..]), (None, &items[1..]));
        assert_eq!(split_instructions(&[]), (None, &[][..]));
    }

    #[test]
    fn blank_instructions_are_dropped() {
        let items = [message(Role::Developer, " \n"), message(Role::User, "c")];
        assert_eq!(split_instructions(&items), (None, &items[1..]));
    }
}
