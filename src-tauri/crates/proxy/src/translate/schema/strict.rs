//! Which schemas `OpenAI`'s strict mode takes, and what must be added to one for it to be taken.
//!
//! The rules are those of `OpenAI`'s guide to structured outputs. Where it leaves something open the answer here is no, since
//! a schema that is refused upstream is a failed request, and one that is asked for in words is only a weaker promise.
//! Nothing is added that lets an answer through which the client's own schema would not: what is valid against the narrowed
//! schema is valid against the first one.

use serde_json::{Map, Value};

/// How deep a schema may be nested, how many properties and values of enums it may have, and how many bytes all its names
/// and values may take together.
const MAX_DEPTH: usize = 10;
const MAX_PROPERTIES: usize = 5_000;
const MAX_ENUM_VALUES: usize = 1_000;
const MAX_NAMES: usize = 120_000;

/// Above so many values, those of one enum may take this many bytes.
const LONG_ENUM: usize = 250;
const MAX_LONG_ENUM: usize = 15_000;

const FORMATS: [&str; 9] =
    ["date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid"];

/// The keywords that say nothing about what is valid. They are left out, as strict mode refuses some of them.
const ANNOTATIONS: [&str; 6] = ["$comment", "default", "deprecated", "examples", "readOnly", "writeOnly"];

/// The same schema in a form that strict mode takes, or `None` where there is none that allows nothing new.
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

/// What strict mode limits, as it is found on the way through a schema.
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

    /// Any schema but the outermost one. `depth` is how many objects and arrays it stands in.
    fn schema(&mut self, schema: &Value, depth: usize) -> Option<Value> {
        let schema = schema.as_object()?;
        if let Some(target) = schema.get("$ref") {
            // Strict mode takes nothing beside a reference, and in our own document only.
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

    /// A schema that says its type.
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

    /// The values of an enum or a constant.
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

/// Makes an object that allows other properties one that does not, if each of its own is required.
fn close(schema: &mut Map<String, Value>) -> Option<()> {
    let closed = schema.contains_key("additionalProperties");
    let properties = schema.get("properties").and_then(Value::as_object);
    // An open object without properties stands for any object, and closing it would leave only `{}`.
    let has_some = properties.is_some_and(|properties| !properties.is_empty());
    if !closed && !has_some {
        return None;
    }
    let required = schema.get("required").and_then(Value::as_array);
    let count = properties.map_or(0, Map::len);
    let is_property = |name: &Value| {
        name.as_str().is_some_and(|name| properties.is_some_and(|known| known.contains_key(name)))
    };
    // The names in `required` are unique, or the schema would not be valid.
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
