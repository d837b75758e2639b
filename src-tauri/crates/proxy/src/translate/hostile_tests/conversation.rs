//! A conversation, as clients of each route send it and as codex must receive it.

use codex_client::{Content, Item, Role, ToolCall};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{some_text, texts};

/// A message, or calls with their outputs.
#[derive(Clone, Debug)]
pub(super) enum Turn {
    Message { role: &'static str, texts: Vec<String>, in_parts: bool },
    Calls(Vec<(String, String, String)>),
}

pub(super) fn conversation() -> impl Strategy<Value = Vec<Turn>> {
    let role = prop::sample::select(vec!["system", "developer", "user", "assistant"]);
    let message = (role, texts(1..4), any::<bool>()).prop_map(|(role, texts, in_parts)| Turn::Message {
        role,
        in_parts: in_parts || texts.len() > 1,
        texts,
    });
    let calls = prop::collection::vec((some_text(), some_text(), some_text()), 1..4).prop_map(Turn::Calls);
    prop::collection::vec(prop_oneof![3 => message, 1 => calls], 1..8)
}

fn parts(texts: &[String], in_parts: bool, kind: &str) -> Value {
    if in_parts {
        texts.iter().map(|text| json!({"type": kind, "text": text})).collect()
    } else {
        json!(texts[0])
    }
}

/// The items codex must receive.
pub(super) fn expected(conversation: &[Turn]) -> Vec<Item> {
    let content = |texts: &[String]| texts.iter().cloned().map(Content::Text).collect::<Vec<_>>();
    let mut items = Vec::new();
    for (at, turn) in conversation.iter().enumerate() {
        match turn {
            Turn::Message { role, texts, .. } => {
                let role = match *role {
                    "user" => Role::User,
                    "assistant" => Role::Assistant,
                    _ => Role::Developer,
                };
                items.push(Item::Message { role, content: content(texts) });
            }
            Turn::Calls(calls) => {
                for (number, (name, arguments, _)) in calls.iter().enumerate() {
                    let (call_id, name) = (call_id(at, number), format!("f{name}"));
                    items.push(Item::ToolCall(ToolCall { call_id, name, arguments: arguments.clone() }));
                }
                for (number, (.., output)) in calls.iter().enumerate() {
                    let (call_id, output) = (call_id(at, number), content(std::slice::from_ref(output)));
                    items.push(Item::ToolOutput { call_id, output });
                }
            }
        }
    }
    items
}

fn call_id(at: usize, number: usize) -> String {
    format!("c\n{at}-{number}")
}

/// The conversation as chat messages.
pub(super) fn messages(conversation: &[Turn]) -> Value {
    let mut messages = Vec::new();
    for (at, turn) in conversation.iter().enumerate() {
        match turn {
            Turn::Message { role, texts, in_parts } => {
                messages.push(json!({"role": role, "content": parts(texts, *in_parts, "text")}));
            }
            Turn::Calls(calls) => {
                let tool_calls = calls.iter().enumerate().map(|(number, (name, arguments, _))| {
                    json!({"id": call_id(at, number), "type": "function",
                        "function": {"name": format!("f{name}"), "arguments": arguments}})
                });
                messages.push(json!({"role": "assistant", "tool_calls": tool_calls.collect::<Value>()}));
                for (number, (.., output)) in calls.iter().enumerate() {
                    messages.push(
                        json!({"role": "tool", "tool_call_id": call_id(at, number), "content": output}),
                    );
                }
            }
        }
    }
    messages.into()
}

/// The conversation as Responses input.
pub(super) fn input(conversation: &[Turn]) -> Value {
    let mut items = Vec::new();
    for (at, turn) in conversation.iter().enumerate() {
        match turn {
            Turn::Message { role, texts, in_parts } => {
                items.push(json!({"role": role, "content": parts(texts, *in_parts, "input_text")}));
            }
            Turn::Calls(calls) => {
                for (number, (name, arguments, _)) in calls.iter().enumerate() {
                    items.push(json!({"type": "function_call", "call_id": call_id(at, number),
                        "name": format!("f{name}"), "arguments": arguments}));
                }
                for (number, (.., output)) in calls.iter().enumerate() {
                    items.push(json!({"type": "function_call_output", "call_id": call_id(at, number), "output": output}));
                }
            }
        }
    }
    items.into()
}
