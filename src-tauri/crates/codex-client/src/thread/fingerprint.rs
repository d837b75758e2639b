//! Fingerprints of a conversation, one after each item.
//!
//! Two requests from the same owner that start with the same items, on the same thread profile, have the same fingerprints
//! up to that point. So a request finds its cached thread without storing any conversation to compare.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::item::{Content, Item, Role, ToolCall};
use crate::request::TurnRequest;

/// The digest of a conversation's prefix.
pub(crate) type Fingerprint = [u8; 32];

/// Arguments up to this size compare as JSON, longer ones as text. In memory, JSON takes up to 20 times its text.
const MAX_COMPARED_ARGUMENTS: usize = 1024 * 1024;

/// The fingerprints of a conversation: before its first item, and after each item.
#[derive(Clone, Debug)]
pub(crate) struct Fingerprints {
    items: Vec<Fingerprint>,
    /// What each call in the conversation asks for, by its index.
    calls: BTreeMap<usize, Fingerprint>,
    /// Covers everything that cannot change within a turn.
    pub(crate) turn: Fingerprint,
}

impl Fingerprints {
    /// The fingerprints of a request. The first one covers everything that cannot change within a thread.
    pub(crate) fn new(request: &TurnRequest) -> Self {
        // The derived `Debug` covers every field, so a new one is included automatically.
        let profile = format!("{:?}", request.profile);
        let TurnRequest { turn_instructions, reasoning_summary, output_schema, .. } = request;
        let turn = digest(&[], &(turn_instructions, reasoning_summary, output_schema));
        let mut last = digest(&[], &(&request.owner, profile, &request.effort));
        let mut items = vec![last];
        let mut calls = BTreeMap::new();
        for (index, item) in request.items.iter().enumerate() {
            last = match item {
                Item::ToolCall(call) => {
                    let asks = of_call(call);
                    calls.insert(index, asks);
                    digest(&last, &(&call.call_id, asks))
                }
                Item::Message { role: Role::Assistant, content } => extend_with_answer(last, content),
                item => digest(&last, item),
            };
            items.push(last);
        }
        Self { items, calls, turn }
    }

    /// The fingerprints of the conversation without its last items.
    pub(crate) fn without_last(mut self, items: usize) -> Self {
        // The one before the first item stays.
        self.items.truncate(self.items.len().saturating_sub(items).max(1));
        self.calls.split_off(&(self.items.len() - 1));
        self
    }

    /// The fingerprint after this many items; `None` when there are fewer.
    pub(crate) fn after(&self, items: usize) -> Option<Fingerprint> {
        self.items.get(items).copied()
    }

    /// What the call at this index asks for.
    pub(crate) fn call(&self, index: usize) -> Option<Fingerprint> {
        self.calls.get(&index).copied()
    }

    /// The fingerprint of the whole conversation.
    pub(crate) fn last(&self) -> Fingerprint {
        self.items[self.items.len() - 1]
    }

    /// The fingerprint of the conversation with its answer, as the client will send it back.
    pub(crate) fn with_answer(&self, text: &str) -> Fingerprint {
        extend_with_answer(self.last(), &[Content::Text(text.to_owned())])
    }
}

/// The fingerprint of what a call asks for.
pub(crate) fn of_call(call: &ToolCall) -> Fingerprint {
    digest(&[], &(&call.name, canonical(&call.arguments)))
}

/// The fingerprint after an answer. Clients send it back in one or several parts, and some trim it.
fn extend_with_answer(before: Fingerprint, content: &[Content]) -> Fingerprint {
    let texts: Vec<&str> = content.iter().filter_map(Content::as_text).collect();
    digest(&before, texts.concat().trim())
}

/// The same text for the same JSON: many clients parse and reformat a call's arguments. Other text is unchanged.
fn canonical(arguments: &str) -> Cow<'_, str> {
    if arguments.len() > MAX_COMPARED_ARGUMENTS {
        return arguments.into();
    }
    let Ok(mut value) = serde_json::from_str::<Value>(arguments) else { return arguments.into() };
    value.sort_all_objects();
    write_whole_numbers(&mut value);
    value.to_string().into()
}

/// JavaScript writes 2.0 as 2.
fn write_whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            // Rust writes it as 2 as well.
            let whole = number
                .as_f64()
                .filter(|_| number.is_f64())
                .and_then(|float| float.to_string().parse::<i64>().ok());
            if let Some(whole) = whole {
                *number = whole.into();
            }
        }
        Value::Array(values) => values.iter_mut().for_each(write_whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(write_whole_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Hashes the JSON of `value`, which is unambiguous.
fn digest(before: &[u8], value: &(impl Serialize + ?Sized)) -> Fingerprint {
    // Serializing our types cannot fail.
    let json = serde_json::to_vec(value).unwrap_or_default();
    Sha256::new_with_prefix(before).chain_update(json).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(arguments: &str) -> Fingerprint {
        of_call(&ToolCall { call_id: "1".into(), name: "f".into(), arguments: arguments.into() })
    }

    #[test]
    fn arguments_compare_as_json() {
        let written = r#"{"city":"Köln","days":[1,2.5,{"b":null,"a":1e3}]}"#;
        for again in [
            r#"{"city": "Köln", "days": [1, 2.5, {"b": null, "a": 1000.0}]}"#,
            r#"{"days":[1.0,2.50,{"a":1000,"b":null}],"city":"K\u00f6ln"}"#,
            "{\n  \"city\": \"Köln\",\n  \"days\": [1, 2.5, {\"b\": null, \"a\": 1000}]\n}",
        ] {
            assert_eq!(call(again), call(written), "{again}");
        }
        for other in [
            r#"{"city":"Köln","days":[2.5,1,{"b":null,"a":1000}]}"#,
            r#"{"city":"Köln","days":["1",2.5,{"b":null,"a":1000}]}"#,
            r#"{"city":"Köln","days":[1,2.5,{"a":1000}]}"#,
            r#"{"city":"Köln","days":[1,2.5,{"b":null,"a":1000}]"#,
            "",
        ] {
            assert_ne!(call(other), call(written), "{other}");
        }
        assert_ne!(call("12345678901234567890"), call("12345678901234567891"));
        assert_ne!(call("not json"), call("not  json"));
    }
}
