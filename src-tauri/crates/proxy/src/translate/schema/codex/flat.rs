//! References, `allOf` and the alternatives of the root, merged into one flat schema.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{MAX_NESTING, Rewriter};

impl Rewriter<'_> {
    /// A schema with its `allOf` merged into it, and its reference if `inline`.
    pub(super) fn flat(&mut self, schema: Value, inline: bool) -> Map<String, Value> {
        let Value::Object(mut flat) = schema else { return Map::new() };
        self.left = self.left.saturating_sub(flat.len() + 1);
        let mut target = flat.shift_remove("$ref");
        let mut parts = list(flat.shift_remove("allOf"));
        if let ([part], None) = (parts.as_slice(), &target)
            && part.as_object().is_some_and(|part| part.len() == 1)
        {
            // pydantic describes a reference this way.
            target = part.get("$ref").cloned();
            if target.is_some() {
                parts.clear();
            }
        }
        if let Some(target) = target.as_ref().and_then(Value::as_str) {
            self.has_references = true;
            let is_definition = target.starts_with("#/$defs/") || target.starts_with("#/definitions/");
            let is_alone = parts.is_empty() && flat.keys().all(|keyword| is_annotation(keyword));
            if !inline && is_definition && is_alone {
                flat.insert("$ref".to_owned(), target.into());
                return flat;
            }
            self.merge_target(&mut flat, target);
        }
        for part in parts {
            let part = self.flat(part, true);
            merge(&mut flat, part);
        }
        flat
    }

    /// Merges what a reference points at. A reference within what it points at is cut.
    fn merge_target(&mut self, flat: &mut Map<String, Value>, target: &str) {
        let Some(definition) = resolve(self.root, target) else { return };
        let left = self.left.saturating_sub(size(definition));
        if left == 0 || self.open.len() > MAX_NESTING || self.open.iter().any(|open| open == target) {
            self.is_complete = false;
            return;
        }
        self.left = left;
        self.open.push(target.to_owned());
        let definition = self.flat(definition.clone(), true);
        merge(flat, definition);
    }
}

/// Removes references to definitions that the schema does not have, which would make it invalid.
pub(in crate::translate::schema) fn drop_dangling(schema: &mut Value) {
    let original = schema.clone();
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(object) => {
                let dangles = |target: &str| target.starts_with("#/") && resolve(&original, target).is_none();
                if object.get("$ref").and_then(Value::as_str).is_some_and(dangles) {
                    object.shift_remove("$ref");
                }
                open.extend(object.values_mut());
            }
            _ => {}
        }
    }
}

/// The value that a reference within the document points at.
fn resolve<'a>(root: &'a Value, target: &str) -> Option<&'a Value> {
    let pointer = target.strip_prefix('#')?;
    root.pointer(pointer).or_else(|| root.pointer(&percent_decoded(pointer)?))
}

fn percent_decoded(pointer: &str) -> Option<String> {
    let mut parts = pointer.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend(part.get(2..)?.bytes());
    }
    String::from_utf8(bytes).ok()
}

/// Adds the properties of alternatives to an object. Required is what all of them require.
pub(super) fn add_alternatives(flat: &mut Map<String, Value>, branches: Vec<Map<String, Value>>) {
    let mut common: Option<BTreeSet<String>> = None;
    for mut branch in branches {
        let required = names(branch.get("required"));
        common = Some(match common {
            None => required,
            Some(common) => common.intersection(&required).cloned().collect(),
        });
        branch.retain(|keyword, _| keyword == "properties");
        merge(flat, branch);
    }
    if let Some(common) = common.filter(|common| !common.is_empty()) {
        let common: Vec<String> = common.into_iter().collect();
        merge(flat, Map::from_iter([("required".to_owned(), common.into())]));
    }
}

fn names(required: Option<&Value>) -> BTreeSet<String> {
    let names = required.and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Adds to a schema what another one says besides. Both apply, so a property or name of either is one of both.
fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (keyword, value) in from {
        match (into.get_mut(&keyword), value) {
            (Some(Value::Object(all)), Value::Object(more)) if keyword == "properties" => {
                for (name, property) in more {
                    all.entry(name).or_insert(property);
                }
            }
            (Some(Value::Array(all)), Value::Array(more)) if keyword == "required" => {
                let known: BTreeSet<String> =
                    all.iter().filter_map(Value::as_str).map(str::to_owned).collect();
                let is_new = |name: &Value| name.as_str().is_some_and(|name| !known.contains(name));
                all.extend(more.into_iter().filter(is_new));
            }
            (Some(_), _) => {}
            (None, value) => drop(into.insert(keyword, value)),
        }
    }
}

pub(super) fn distinct(mut schemas: Vec<Value>) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    schemas.retain(|schema| seen.insert(schema.to_string()));
    schemas
}

/// How many values a value holds.
pub(super) fn size(value: &Value) -> usize {
    let (mut open, mut count) = (vec![value], 0);
    while let Some(value) = open.pop() {
        count += 1;
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(object) => open.extend(object.values()),
            _ => {}
        }
    }
    count
}

pub(super) fn list(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

/// Whether a keyword says nothing about values.
fn is_annotation(keyword: &str) -> bool {
    matches!(
        keyword,
        "title" | "description" | "default" | "examples" | "deprecated" | "readOnly" | "writeOnly"
    )
}
