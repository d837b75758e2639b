//! Rewrites the schema of a tool into what codex passes upstream.
//!
//! codex reads a part of JSON Schema, and calls what it cannot read a string: the model then sends strings. It also
//! refuses tuples, and drops definitions from large schemas. docs/codex.md has the measurements.
//!
//! Only for the model's eyes: nothing is validated against a rewritten schema, so it may accept more than the original.

use serde_json::{Map, Value, json};

use flat::{add_alternatives, distinct, list};

mod flat;

pub(super) use flat::drop_dangling;

/// Above this size, codex drops descriptions and definitions. Measured: 5,000 bytes are kept, 5,400 are not.
const MAX_KEPT_BYTES: usize = 5_000;

/// Maximum values read, those behind references again each time. What exceeds it becomes any value.
const MAX_READ: usize = 4 * super::bounds::MAX_VALUES;

/// Maximum nesting of rewritten schemas. References can nest deeper than the schema itself.
const MAX_NESTING: usize = super::bounds::MAX_DEPTH;

/// Keywords whose values are schemas that codex cannot read.
const DROPPED: [&str; 16] = [
    "$anchor",
    "$dynamicAnchor",
    "$dynamicRef",
    "$id",
    "$recursiveRef",
    "$schema",
    "components",
    "contains",
    "dependencies",
    "dependentSchemas",
    "else",
    "if",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
];

/// The type that follows from a keyword, where none is given.
const TYPICAL: [(&str, &[&str]); 4] = [
    ("object", &["properties", "required", "additionalProperties", "patternProperties"]),
    ("array", &["items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems"]),
    ("string", &["pattern", "format", "minLength", "maxLength"]),
    ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
];

const EVERY_TYPE: [&str; 6] = ["string", "number", "boolean", "object", "array", "null"];

/// The parameters of a tool, as codex can read them.
pub(super) fn readable(parameters: &Value) -> Value {
    let inlined = Rewriter::new(parameters, true).root();
    if !inlined.has_references || (inlined.is_complete && !inlined.is_large()) {
        return inlined.schema;
    }
    // Some schemas are small only with references. Without them codex 0.120 reads them too, so that is the first choice.
    let referring = Rewriter::new(parameters, false).root();
    if referring.is_large() { inlined.schema } else { referring.schema }
}

struct Rewritten {
    schema: Value,
    has_references: bool,
    /// Whether nothing has been cut.
    is_complete: bool,
}

impl Rewritten {
    fn is_large(&self) -> bool {
        self.schema.to_string().len() > MAX_KEPT_BYTES
    }
}

struct Rewriter<'a> {
    root: &'a Value,
    /// Whether every reference is replaced by what it points at.
    inline: bool,
    /// The references being replaced.
    open: Vec<String>,
    /// How many more values may be read.
    left: usize,
    has_references: bool,
    is_complete: bool,
}

impl<'a> Rewriter<'a> {
    fn new(root: &'a Value, inline: bool) -> Self {
        Self { root, inline, open: Vec::new(), left: MAX_READ, has_references: false, is_complete: true }
    }

    /// Rewrites the whole schema. Upstream requires an object without alternatives there.
    fn root(mut self) -> Rewritten {
        let root = self.root;
        let mut flat = self.flat(root.clone(), true);
        for keyword in ["anyOf", "oneOf"] {
            let branches = list(flat.shift_remove(keyword));
            let branches: Vec<_> = branches.into_iter().map(|branch| self.flat(branch, true)).collect();
            add_alternatives(&mut flat, branches);
        }
        for keyword in ["enum", "const", "nullable", "$defs", "definitions"] {
            flat.shift_remove(keyword);
        }
        flat.insert("type".to_owned(), "object".into());
        let mut schema = self.keywords(flat, 0);
        for name in ["$defs", "definitions"] {
            let Some(definitions) = root.get(name).and_then(Value::as_object).filter(|_| !self.inline) else {
                continue;
            };
            self.open.clear();
            let rewritten = |(name, value): (&String, &Value)| (name.clone(), self.schema(value.clone(), 1));
            schema.insert(name.to_owned(), definitions.iter().map(rewritten).collect());
        }
        let Self { has_references, is_complete, .. } = self;
        Rewritten { schema: schema.into(), has_references, is_complete }
    }

    /// Rewrites any schema but the root.
    fn schema(&mut self, schema: Value, depth: usize) -> Value {
        if self.left == 0 || depth > MAX_NESTING {
            self.is_complete = false;
            return any(Map::new()).into();
        }
        let open = self.open.len();
        let flat = self.flat(schema, self.inline);
        let rewritten = if flat.contains_key("$ref") { flat } else { self.keywords(flat, depth) };
        self.open.truncate(open);
        rewritten.into()
    }

    /// Rewrites the keywords of a flat schema.
    fn keywords(&mut self, mut flat: Map<String, Value>, depth: usize) -> Map<String, Value> {
        let is_nullable = flat.shift_remove("nullable") == Some(Value::Bool(true));
        flat.retain(|keyword, _| !DROPPED.contains(&keyword.as_str()));
        if let Some(constant) = flat.shift_remove("const") {
            flat.entry("enum").or_insert_with(|| vec![constant].into());
        }
        let alternatives = [flat.shift_remove("anyOf"), flat.shift_remove("oneOf")];
        let alternatives: Vec<Value> =
            alternatives.into_iter().flat_map(list).map(|branch| self.schema(branch, depth + 1)).collect();
        add_type(&mut flat, !alternatives.is_empty(), is_nullable);
        self.object(&mut flat, depth);
        self.array(&mut flat, depth);
        if !alternatives.is_empty() {
            let mut alternatives = distinct(alternatives);
            if is_nullable && !flat.contains_key("type") {
                alternatives.push(json!({ "type": "null" }));
            }
            flat.insert("anyOf".to_owned(), alternatives.into());
        } else if !flat.contains_key("type") {
            return any(flat);
        }
        flat
    }

    fn object(&mut self, flat: &mut Map<String, Value>, depth: usize) {
        if let Some(Value::Object(properties)) = flat.get_mut("properties") {
            for property in properties.values_mut() {
                *property = self.schema(property.take(), depth + 1);
            }
        }
        let patterns = match flat.shift_remove("patternProperties") {
            Some(Value::Object(patterns)) => patterns.into_iter().map(|(_, schema)| schema).collect(),
            _ => Vec::new(),
        };
        match flat.get("additionalProperties").cloned() {
            // codex would say that there are no such properties.
            None | Some(Value::Bool(false)) if !patterns.is_empty() => {
                let schema = self.any_of(patterns, depth);
                flat.insert("additionalProperties".to_owned(), schema);
            }
            Some(Value::Object(schema)) => {
                let schema =
                    if schema.is_empty() { true.into() } else { self.schema(schema.into(), depth + 1) };
                flat.insert("additionalProperties".to_owned(), schema);
            }
            _ => {}
        }
    }

    /// codex knows only arrays whose items are all alike.
    fn array(&mut self, flat: &mut Map<String, Value>, depth: usize) {
        let items = flat.shift_remove("items");
        let rest = flat.shift_remove("additionalItems");
        let (tuple, rest) = match (flat.shift_remove("prefixItems"), items) {
            (Some(Value::Array(tuple)), items) => (tuple, items),
            (_, Some(Value::Array(tuple))) => (tuple, rest),
            (_, items) => (Vec::new(), items),
        };
        let is_array = flat.get("type").is_some_and(|kind| {
            kind == "array" || kind.as_array().is_some_and(|kinds| kinds.contains(&"array".into()))
        });
        if tuple.is_empty() {
            if let Some(items) = rest.or_else(|| is_array.then_some(Value::Bool(true))) {
                flat.insert("items".to_owned(), self.schema(items, depth + 1));
            }
            return;
        }
        let mut all = tuple;
        let order: Vec<String> = all.iter().map(label).collect();
        let note = format!("The items in order: {}.", order.join(", "));
        let note = match flat.get("description").and_then(Value::as_str) {
            Some(description) => format!("{description} {note}"),
            None => note,
        };
        flat.insert("description".to_owned(), note.into());
        all.extend(rest.filter(Value::is_object));
        let items = self.any_of(all, depth);
        flat.insert("items".to_owned(), items);
    }

    /// A schema for what matches any of these.
    fn any_of(&mut self, schemas: Vec<Value>, depth: usize) -> Value {
        let schemas = schemas.into_iter().map(|schema| self.schema(schema, depth + 1)).collect();
        let mut schemas = distinct(schemas);
        if schemas.len() == 1 { schemas.remove(0) } else { json!({ "anyOf": schemas }) }
    }
}

/// A tuple's item in a few words.
fn label(schema: &Value) -> String {
    let text = |keyword: &str| schema.get(keyword).and_then(Value::as_str);
    let name = text("title").or_else(|| text("description")).or_else(|| text("type"));
    name.or_else(|| text("$ref")?.rsplit('/').next()).unwrap_or("any").to_owned()
}

/// Infers the type of a schema without one. codex would call it a string.
fn add_type(flat: &mut Map<String, Value>, has_alternatives: bool, is_nullable: bool) {
    let kinds = match flat.get("type") {
        Some(Value::String(kind)) => vec![kind.clone()],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => match flat.get("enum") {
            Some(Value::Array(values)) => values.iter().map(type_of).map(str::to_owned).collect(),
            _ if has_alternatives => Vec::new(),
            _ => {
                let is_given = |keywords: &[&str]| keywords.iter().any(|keyword| flat.contains_key(*keyword));
                let typical = TYPICAL.iter().find(|(_, keywords)| is_given(keywords));
                typical.map(|(kind, _)| (*kind).to_owned()).into_iter().collect()
            }
        },
    };
    let null = (is_nullable && !kinds.is_empty()).then(|| "null".to_owned());
    let mut distinct: Vec<Value> = Vec::new();
    for kind in kinds.into_iter().chain(null) {
        if !distinct.contains(&kind.as_str().into()) {
            distinct.push(kind.into());
        }
    }
    if is_nullable
        && let Some(Value::Array(values)) = flat.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    match distinct.len() {
        0 => drop(flat.shift_remove("type")),
        1 => drop(flat.insert("type".to_owned(), distinct.remove(0))),
        _ => drop(flat.insert("type".to_owned(), distinct.into())),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A schema for any value. `{}` becomes a string in codex 0.120, and loses its description in 0.169.
fn any(mut annotations: Map<String, Value>) -> Map<String, Value> {
    annotations.insert("type".to_owned(), json!(EVERY_TYPE));
    annotations.insert("additionalProperties".to_owned(), true.into());
    annotations.insert("items".to_owned(), json!({ "type": EVERY_TYPE, "additionalProperties": true }));
    annotations
}

#[cfg(test)]
#[path = "codex_tests.rs"]
mod tests;
