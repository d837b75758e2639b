//! Rewrites OpenAPI's `nullable: true`, which JSON Schema does not know, into what means the same there.

use serde_json::{Map, Value, json};

use super::stoppable::Kind;

/// Keywords that can exclude `null` besides `type`, `enum` and `const`.
const COMBINATORS: [&str; 8] =
    ["$ref", "$dynamicRef", "$recursiveRef", "allOf", "anyOf", "oneOf", "not", "if"];

/// Keywords that other schemas refer to, or that describe the schema.
const OUTSIDE: [&str; 7] = ["$schema", "$id", "$anchor", "$defs", "definitions", "title", "description"];

/// The schema without `nullable`.
pub(super) fn without_nullable(schema: &Value) -> Value {
    let mut schema = schema.clone();
    rewrite(&mut schema, Kind::Schema);
    schema
}

/// Recursive; the schema's depth has been checked.
fn rewrite(value: &mut Value, kind: Kind) {
    match value {
        Value::Array(items) if kind != Kind::Data => items.iter_mut().for_each(|item| rewrite(item, kind)),
        Value::Object(object) if kind != Kind::Data => {
            for (keyword, value) in object.iter_mut() {
                rewrite(value, kind.below(keyword));
            }
            if kind == Kind::Schema && object.get("nullable").is_some_and(Value::is_boolean) {
                let nullable = object.shift_remove("nullable");
                if nullable == Some(Value::Bool(true)) {
                    allow_null(object);
                }
            }
        }
        _ => {}
    }
}

fn allow_null(schema: &mut Map<String, Value>) {
    if COMBINATORS.iter().any(|keyword| schema.contains_key(*keyword)) {
        let (outside, inside): (Map<_, _>, Map<_, _>) =
            std::mem::take(schema).into_iter().partition(|(keyword, _)| OUTSIDE.contains(&keyword.as_str()));
        *schema = outside;
        schema.insert("anyOf".to_owned(), json!([inside, { "type": "null" }]));
        return;
    }
    if let Some(constant) = schema.shift_remove("const") {
        schema.insert("enum".to_owned(), json!([constant]));
    }
    if let Some(kind @ Value::String(_)) = schema.get_mut("type") {
        *kind = json!([kind]);
    }
    for (keyword, null) in [("type", json!("null")), ("enum", Value::Null)] {
        if let Some(Value::Array(values)) = schema.get_mut(keyword)
            && !values.contains(&null)
        {
            values.push(null);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nullable_becomes_null_among_the_types_and_values() {
        for (schema, expected) in [
            (json!({"type":"string","nullable":true}), json!({"type":["string","null"]})),
            (json!({"type":["string","null"],"nullable":true}), json!({"type":["string","null"]})),
            (json!({"type":"string","nullable":false}), json!({"type":"string"})),
            (json!({"enum":["a"],"nullable":true}), json!({"enum":["a",null]})),
            (
                json!({"type":"string","const":"a","nullable":true}),
                json!({"type":["string","null"],"enum":["a",null]}),
            ),
            (json!({"nullable":true}), json!({})),
            (
                json!({"title":"A","allOf":[{"$ref":"#/$defs/a"}],"nullable":true,"$defs":{"a":{"type":"string"}}}),
                json!({"title":"A","$defs":{"a":{"type":"string"}},"anyOf":[{"allOf":[{"$ref":"#/$defs/a"}]},{"type":"null"}]}),
            ),
            (
                json!({"items":[{"properties":{"nullable":{"type":"string","nullable":true}}}]}),
                json!({"items":[{"properties":{"nullable":{"type":["string","null"]}}}]}),
            ),
            // A property of this name, and a value.
            (json!({"properties":{"nullable":true}}), json!({"properties":{"nullable":true}})),
            (json!({"const":{"nullable":true}}), json!({"const":{"nullable":true}})),
        ] {
            assert_eq!(without_nullable(&schema), expected, "{schema}");
        }
    }
}
