//! Bounds on the schemas of a request, checked before compiling, with an explicit stack.
//!
//! Keywords count wherever they occur, even in a constant or under an unknown keyword, since a reference can point
//! there.

use serde_json::Value;

/// Maximum nesting of arrays and objects. The compiler is recursive.
pub(super) const MAX_DEPTH: usize = 64;
/// These apply to all tools of a request together, and separately to its answer's schema.
pub(super) const MAX_PROPERTIES: usize = 5_000;
pub(super) const MAX_REFERENCES: usize = 1_000;
pub(super) const MAX_PATTERNS: usize = 100;
/// Maximum `unevaluatedProperties` and `unevaluatedItems` per schema; each compiles what it refers to again. Measured
/// without optimization: 25 of them, five in each of five definitions that refer to one another, take 7 s, and 50 in
/// ten more than 40 s.
pub(super) const MAX_UNEVALUATED: usize = 10;
/// Maximum other values, such as enum values; each takes less than 1 KB compiled.
pub(super) const MAX_VALUES: usize = 50_000;

pub(super) const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// The counts so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) depth: usize,
    pub(super) properties: usize,
    pub(super) references: usize,
    pub(super) patterns: usize,
    pub(super) values: usize,
    /// Of the last schema only.
    unevaluated: usize,
}

impl Counts {
    /// Adds a schema.
    ///
    /// # Errors
    /// The exceeded bound, as the end of a sentence.
    pub(super) fn add(&mut self, schema: &Value) -> Result<(), String> {
        self.unevaluated = 0;
        let mut open = vec![(schema, 1)];
        while let Some((value, depth)) = open.pop() {
            self.values += 1;
            match value {
                Value::Array(items) => open.extend(items.iter().map(|item| (item, depth + 1))),
                Value::Object(object) => {
                    for (keyword, value) in object {
                        self.keyword(keyword, value);
                        open.push((value, depth + 1));
                    }
                }
                _ => continue,
            }
            self.depth = self.depth.max(depth);
            self.check()?;
        }
        self.check()
    }

    fn keyword(&mut self, keyword: &str, value: &Value) {
        match (keyword, value) {
            ("properties", Value::Object(properties)) => self.properties += properties.len(),
            ("patternProperties", Value::Object(properties)) => {
                self.properties += properties.len();
                self.patterns += properties.len();
            }
            ("unevaluatedProperties" | "unevaluatedItems", _) => self.unevaluated += 1,
            ("pattern", Value::String(_)) => self.patterns += 1,
            (keyword, Value::String(_)) if REFERENCES.contains(&keyword) => self.references += 1,
            _ => {}
        }
    }

    fn check(&self) -> Result<(), String> {
        for (count, bound, what) in [
            (self.depth, MAX_DEPTH, "levels"),
            (self.properties, MAX_PROPERTIES, "properties"),
            (self.references, MAX_REFERENCES, "references"),
            (self.patterns, MAX_PATTERNS, "patterns"),
            (self.unevaluated, MAX_UNEVALUATED, "unevaluated keywords"),
            (self.values, MAX_VALUES, "values"),
        ] {
            if count > bound {
                return Err(format!("more than {bound} {what} are not supported"));
            }
        }
        Ok(())
    }
}

/// The nesting of arrays and objects in a value, at least 1.
pub(super) fn depth(value: &Value) -> usize {
    let (mut open, mut deepest) = (vec![(value, 1)], 1);
    while let Some((value, depth)) = open.pop() {
        deepest = deepest.max(depth);
        match value {
            Value::Array(items) => open.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(object) => open.extend(object.values().map(|value| (value, depth + 1))),
            _ => {}
        }
    }
    deepest
}
