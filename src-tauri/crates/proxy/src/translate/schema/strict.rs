//! Decides which schemas `OpenAI`'s strict mode accepts, and adapts a schema if possible.
//!
//! The rules are from `OpenAI`'s guide to structured outputs. Where the guide is unclear, the answer here is no: a
//! schema rejected upstream is a failed request, while one in the prompt is only a weaker guarantee. Adapting only
//! narrows: whatever is valid against the narrowed schema is valid against the original.

use serde_json::{Map, Value};

/// Limits on nesting, properties, enum values, and the total bytes of names and values.
const MAX_DEPTH: usize = 10;
const MAX_PROPERTIES: usize = 5_000;
const MAX_ENUM_VALUES: usize = 1_000;
const MAX_NAMES: usize = 120_000;

/// An enum with more values than this is limited to this many bytes.
const LONG_ENUM: usize = 250;
const MAX_LONG_ENUM: usize = 15_000;

const FORMATS: [&str; 9] =
    ["date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid"];

/// Keywords that do not affect validity. They are dropped, as strict mode rejects some of them.
const ANNOTATIONS: [&str; 6] = ["$comment", "default", "deprecated", "examples", "readOnly", "writeOnly"];

/// The schema in a form that strict mode accepts, or `None` if there is none that is not more permissive.
pub(super) fn narrowed(schema: &Value) -> Option<Value> {
    let root = schema.as_object()?;
    if root.get("type")? != "object" {
        return None;
    }
    let mut sizes = Sizes::default();
    let mut out = Map::new();
    let mut rest = Map::new();
    for (keyword, value) in root {
        match keyword.as_str() {
            "$schema" => {
                out.insert(keyword.clone(), value.clone());
            }
            "$defs" | "definitions" => {
                let mut definitions = Map::new();
                for (name, definition) in value.as_object()? {
                    sizes.names += name.len();
                    definitions.insert(name.clone(), sizes.schema(definition, 0)?);
                }
                out.insert(keyword.clone(), Value::Object(definitions));
            }
            _ => {
                rest.insert(keyword.clone(), value.clone());
            }
        }
    }
    out.extend(sizes.typed(&rest, 0)?);
    sizes.are_allowed().then_some(Value::Object(out))
}

/// The sizes that strict mode limits.
#[derive(Default)]
struct Sizes {
    properties: usize,
    enum_values: usize,
    names: usize,
}

impl Sizes {
    fn are_allowed(&self) -> bool {
        self.properties <= MAX_PROPERTIES && self.enum_values <= MAX_ENUM_VALUES && self.names <= MAX_NAMES
    }

    /// Adapts any schema but the root. `depth` counts enclosing objects and arrays.
    fn schema(&mut self, schema: &Value, depth: usize) -> Option<Value> {
        let schema = schema.as_object()?;
        if let Some(target) = schema.get("$ref") {
            // Strict mode allows nothing next to a reference, and only references within the document.
            let alone = schema.keys().all(|keyword| {
                matches!(keyword.as_str(), "$ref" | "title" | "description") || is_annotation(keyword)
            });
            let target = target.as_str()?;
            let known =
                target == "#" || target.starts_with("#/$defs/") || target.starts_with("#/definitions/");
            return (alone && known).then(|| Map::from_iter([("$ref".to_owned(), target.into())]).into());
        }
        if let Some(branches) = schema.get("anyOf") {
            let mut out = Map::new();
            for (keyword, value) in schema {
                match keyword.as_str() {
                    "anyOf" => {}
                    "title" | "description" => drop(out.insert(keyword.clone(), value.clone())),
                    _ if is_annotation(keyword) => {}
                    _ => return None,
                }
            }
            let branches: Option<Vec<_>> =
                branches.as_array()?.iter().map(|branch| self.schema(branch, depth)).collect();
            out.insert("anyOf".to_owned(), branches?.into());
            return Some(out.into());
        }
        self.typed(schema, depth).map(Value::Object)
    }

    /// Adapts a schema with a `type`.
    fn typed(&mut self, schema: &Map<String, Value>, depth: usize) -> Option<Map<String, Value>> {
        let types = match schema.get("type")? {
            Value::String(one) => vec![one.as_str()],
            Value::Array(several) => several.iter().map(Value::as_str).collect::<Option<_>>()?,
            _ => return None,
        };
        let is = |kind: &str| types.contains(&kind);
        if types.is_empty() || depth > MAX_DEPTH {
            return None;
        }
        let mut out = Map::new();
        for (keyword, value) in schema {
            let value = match keyword.as_str() {
                "type" | "title" | "description" => value.clone(),
                "enum" => self.values(value.as_array()?)?,
                "const" => self.values(std::slice::from_ref(value))?.get(0)?.clone(),
                "pattern" if is("string") && !value.as_str()?.contains("(?") => value.clone(),
                "format" if is("string") && FORMATS.contains(&value.as_str()?) => value.clone(),
                "multipleOf" | "maximum" | "exclusiveMaximum" | "minimum" | "exclusiveMinimum"
                    if value.is_number() && (is("number") || is("integer")) =>
                {
                    value.clone()
                }
                "minItems" | "maxItems" if is("array") => value.clone(),
                "items" if is("array") => self.schema(value, depth + 1)?,
                "properties" if is("object") => self.properties(value.as_object()?, depth)?,
                "required" if is("object") => value.clone(),
                "additionalProperties" if is("object") && *value == Value::Bool(false) => value.clone(),
                keyword if is_annotation(keyword) => continue,
                _ => return None,
            };
            out.insert(keyword.clone(), value);
        }
        if is("array") && !out.contains_key("items") {
            return None;
        }
        if is("object") {
            close(&mut out)?;
        }
        Some(out)
    }

    fn properties(&mut self, properties: &Map<String, Value>, depth: usize) -> Option<Value> {
        let mut out = Map::new();
        for (name, property) in properties {
            self.properties += 1;
            self.names += name.len();
            out.insert(name.clone(), self.schema(property, depth + 1)?);
        }
        Some(out.into())
    }

    /// Adapts the values of an enum or constant.
    fn values(&mut self, values: &[Value]) -> Option<Value> {
        let length: usize = values.iter().filter_map(Value::as_str).map(str::len).sum();
        let too_long = values.len() > LONG_ENUM && length > MAX_LONG_ENUM;
        if too_long || values.iter().any(|value| value.is_array() || value.is_object()) {
            return None;
        }
        self.enum_values += values.len();
        self.names += length;
        Some(values.to_vec().into())
    }
}

/// Closes an open object, if all its properties are required.
fn close(schema: &mut Map<String, Value>) -> Option<()> {
    let closed = schema.contains_key("additionalProperties");
    let properties = schema.get("properties").and_then(Value::as_object);
    // An open object without properties accepts any object; closing it would only accept `{}`.
    let has_some = properties.is_some_and(|properties| !properties.is_empty());
    if !closed && !has_some {
        return None;
    }
    let required = schema.get("required").and_then(Value::as_array);
    let count = properties.map_or(0, Map::len);
    let is_property = |name: &Value| {
        name.as_str().is_some_and(|name| properties.is_some_and(|known| known.contains_key(name)))
    };
    // Names in `required` are unique in a valid schema.
    let all_required = required.map_or(0, Vec::len) == count
        && required.is_none_or(|required| required.iter().all(is_property));
    if !all_required {
        return None;
    }
    if !has_some {
        schema.insert("properties".to_owned(), Map::new().into());
        schema.insert("required".to_owned(), Vec::<Value>::new().into());
    }
    schema.insert("additionalProperties".to_owned(), false.into());
    Some(())
}

fn is_annotation(keyword: &str) -> bool {
    ANNOTATIONS.contains(&keyword)
}
