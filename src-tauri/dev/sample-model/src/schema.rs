//! Generates a small JSON value that satisfies a schema, for requests with structured output.
//!
//! Does not support `pattern`, `not`, conditionals and merging `allOf`, which OpenAI's strict schemas do not allow.

use serde_json::{Map, Value, json};

/// Ends recursive schemas: a value at this depth is null.
const MAX_DEPTH: usize = 16;

pub(crate) fn example(schema: &Value) -> Value {
    value_of(schema, schema, MAX_DEPTH)
}

fn value_of(schema: &Value, root: &Value, depth: usize) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    if let Some(fixed) = schema.get("const").or_else(|| schema["enum"].get(0)) {
        return fixed.clone();
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return target.map_or(Value::Null, |target| value_of(target, root, depth - 1));
    }
    if let Some(choices) = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema[*key].as_array()) {
        // Deep in a recursive schema, null ends the recursion.
        let null = choices.iter().find(|choice| choice["type"] == "null").filter(|_| depth < MAX_DEPTH / 2);
        return null.or(choices.first()).map_or(Value::Null, |choice| value_of(choice, root, depth - 1));
    }
    match type_of(schema) {
        "object" => object(schema, root, depth),
        "array" => array(schema, root, depth),
        "string" => string(schema),
        "integer" => json!(lower_bound(schema).ceil() as i64),
        "number" => json!(lower_bound(schema)),
        "boolean" => json!(true),
        _ => Value::Null,
    }
}

fn type_of(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(name) => name,
        Value::Array(names) => {
            let mut names = names.iter().filter_map(Value::as_str);
            names.clone().find(|name| *name != "null").or_else(|| names.next()).unwrap_or("null")
        }
        _ if schema["properties"].is_object() => "object",
        _ => "null",
    }
}

fn object(schema: &Value, root: &Value, depth: usize) -> Value {
    let mut made = Map::new();
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        made.insert(name.to_owned(), value_of(&schema["properties"][name], root, depth - 1));
    }
    Value::Object(made)
}

fn array(schema: &Value, root: &Value, depth: usize) -> Value {
    let most = schema["maxItems"].as_u64().unwrap_or(u64::MAX);
    // Deep in a recursive schema, an empty array ends the recursion, if allowed.
    let wanted = if depth < MAX_DEPTH / 2 { 0 } else { 1 };
    let count = schema["minItems"].as_u64().unwrap_or(0).max(wanted).min(most).min(100);
    (0..count).map(|_| value_of(&schema["items"], root, depth - 1)).collect()
}

fn string(schema: &Value) -> Value {
    let text = match schema["format"].as_str() {
        Some("date-time") => "2026-01-02T03:04:05Z",
        Some("date") => "2026-01-02",
        Some("time") => "03:04:05Z",
        Some("duration") => "P1D",
        Some("email") => "sample@example.com",
        Some("hostname") => "example.com",
        Some("ipv4") => "127.0.0.1",
        Some("ipv6") => "::1",
        Some("uuid") => "00000000-0000-4000-8000-000000000000",
        _ => "sample",
    };
    let shortest = schema["minLength"].as_u64().map_or(0, |n| usize::try_from(n.min(10_000)).unwrap_or(0));
    let longest =
        schema["maxLength"].as_u64().map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let padded = text.chars().chain(std::iter::repeat('.'));
    json!(padded.take(text.len().max(shortest).min(longest)).collect::<String>())
}

fn lower_bound(schema: &Value) -> f64 {
    let least =
        schema["minimum"].as_f64().or_else(|| schema["exclusiveMinimum"].as_f64().map(|least| least + 1.0));
    let most =
        schema["maximum"].as_f64().or_else(|| schema["exclusiveMaximum"].as_f64().map(|most| most - 1.0));
    least.unwrap_or(1.0_f64.min(most.unwrap_or(1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strict_schema_is_satisfied() {
        let schema = json!({
            "type": "object",
            "required": ["name", "age", "tags", "kind", "next", "ok", "note", "point"],
            "properties": {
                "name": {"type": "string", "minLength": 8}, "age": {"type": "integer", "minimum": 18},
                "tags": {"type": "array", "items": {"type": "string"}}, "kind": {"enum": ["b", "a"]},
                "next": {"anyOf": [{"type": "null"}, {"$ref": "#"}]}, "ok": {"type": "boolean"},
                "note": {"type": ["null", "string"]}, "point": {"$ref": "#/$defs/point"}, "extra": {"type": "string"}
            },
            "$defs": {"point": {"type": "object", "required": ["x"], "properties": {"x": {"type": "number"}}}}
        });
        let expected = json!({"name": "sample..", "age": 18, "tags": ["sample"], "kind": "b", "next": null, "ok": true,
            "note": "sample", "point": {"x": 1.0}});
        assert_eq!(example(&schema), expected);
    }

    #[test]
    fn a_recursive_schema_ends() {
        let schema = json!({"type": "object", "required": ["children", "parent"], "properties": {
            "children": {"type": "array", "items": {"$ref": "#"}},
            "parent": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}});
        assert!(example(&schema).to_string().len() < 100_000);
    }
}
