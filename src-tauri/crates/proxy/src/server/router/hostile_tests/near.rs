//! Mutated bodies: each starts as a corpus body and has some values mutated.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};

use super::corpus;

/// A mutation of one value.
#[derive(Clone, Debug)]
enum Mutation {
    Replace(Value),
    Remove,
    Add(String, Value),
    Duplicate,
    Wrap,
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        4 => value().prop_map(Mutation::Replace),
        2 => Just(Mutation::Remove),
        3 => (name(), value()).prop_map(|(name, value)| Mutation::Add(name, value)),
        1 => Just(Mutation::Duplicate),
        1 => Just(Mutation::Wrap),
    ]
}

fn name() -> impl Strategy<Value = String> {
    const NAMES: &[&str] = &[
        "model",
        "messages",
        "role",
        "content",
        "type",
        "text",
        "image_url",
        "url",
        "detail",
        "tool_calls",
        "tool_call_id",
        "function",
        "function_call",
        "functions",
        "tools",
        "tool_choice",
        "name",
        "arguments",
        "parameters",
        "stop",
        "n",
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "stream",
        "stream_options",
        "response_format",
        "json_schema",
        "schema",
        "strict",
        "format",
        "input",
        "instructions",
        "prompt",
        "previous_response_id",
        "id",
        "call_id",
        "output",
        "reasoning",
        "effort",
        "summary",
        "verbosity",
        "service_tier",
        "metadata",
        "user",
        "logprobs",
        "modalities",
        "echo",
        "best_of",
        "suffix",
        "$ref",
        "$schema",
        "pattern",
        "properties",
        "required",
        "items",
        "anyOf",
        "const",
        "enum",
        "minimum",
        "web_search_options",
        "user_location",
        "approximate",
        "truncation",
        "include",
        "refusal",
    ];
    prop_oneof![8 => prop::sample::select(NAMES).prop_map(str::to_owned), 1 => any::<String>()]
}

fn value() -> impl Strategy<Value = Value> {
    const WORDS: &[&str] = &[
        "",
        "user",
        "system",
        "developer",
        "assistant",
        "tool",
        "function",
        "auto",
        "none",
        "required",
        "text",
        "image_url",
        "input_image",
        "message",
        "function_call_output",
        "item_reference",
        "data:image/png;base64,",
        "data:;,",
        "http://x",
        "object",
        "string",
        "#",
        "#/properties/x",
        "http://x/y",
        "(",
        "(a+)+$",
        "a{1000}{1000}{1000}",
        "json_schema",
        "json_object",
        "codex-local",
        "--help",
        "\u{1b}[2J\n",
        "allowed_tools",
        "mcp__x",
        "shell",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec![json!(0), json!(1), json!(-1), json!(u64::MAX), json!(-0.0), json!(1e308)]),
        prop::sample::select(WORDS).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just("x".repeat(100_000).into()),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// JSON pointers to all values inside a value, itself first.
fn pointers(value: &Value, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match value {
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                pointers(value, &format!("{path}/{index}"), found);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                pointers(value, &format!("{path}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        _ => {}
    }
}

fn apply(body: &mut Value, at: Index, mutation: Mutation) {
    let mut found = Vec::new();
    pointers(body, "", &mut found);
    let path = at.get(&found);
    let Some(value) = body.pointer_mut(path) else { return };
    match mutation {
        Mutation::Replace(new) => *value = new,
        Mutation::Remove => match value {
            Value::Array(values) => drop(values.pop()),
            Value::Object(fields) => {
                let name = fields.keys().next().cloned();
                name.map(|name| fields.remove(&name));
            }
            other => *other = Value::Null,
        },
        Mutation::Add(name, new) => match value {
            Value::Object(fields) => drop(fields.insert(name, new)),
            Value::Array(values) => values.push(new),
            other => *other = Value::Object(Map::from_iter([(name, new)])),
        },
        Mutation::Duplicate => *value = json!([value.clone(), value.clone()]),
        Mutation::Wrap => *value = json!({"type": "text", "text": value.clone(), "content": value.clone()}),
    }
}

/// A mutated body, serialized.
pub(super) fn mutated_body() -> impl Strategy<Value = Vec<u8>> {
    let seeds: Vec<Value> = corpus()
        .iter()
        .filter_map(|(_, body)| serde_json::from_slice(body).ok())
        .filter(Value::is_object)
        .collect();
    let mutations = prop::collection::vec((any::<Index>(), mutation()), 0..5);
    (prop::sample::select(seeds), mutations).prop_map(|(mut body, mutations)| {
        for (at, mutation) in mutations {
            apply(&mut body, at, mutation);
        }
        serde_json::to_vec(&body).unwrap()
    })
}

/// Bytes that are (probably) not valid JSON.
pub(super) fn broken_body() -> impl Strategy<Value = Vec<u8>> {
    let mutated = (mutated_body(), prop::collection::vec((any::<Index>(), any::<u8>()), 1..4)).prop_map(
        |(mut body, mutations)| {
            for (at, byte) in mutations {
                let at = at.index(body.len());
                body[at] = byte;
            }
            body
        },
    );
    let cut = (mutated_body(), any::<Index>()).prop_map(|(mut body, at)| {
        body.truncate(at.index(body.len()));
        body
    });
    prop_oneof![mutated, cut, prop::collection::vec(any::<u8>(), 0..300)]
}
