//! How large the schemas of a request may be. They are counted before they are compiled, with a stack on the heap.
//!
//! What is counted is counted wherever it stands, also in a constant or under an unknown keyword: a reference can lead there.

use serde_json::Value;

/// How many arrays and objects may lie in one another. The compiler goes down them by recursion.
pub(super) const MAX_DEPTH: usize = 64;
/// The bounds of what takes time and memory. They hold for all tools of a request together, and once more for the schema of its answer.
pub(super) const MAX_PROPERTIES: usize = 5_000;
pub(super) const MAX_REFERENCES: usize = 1_000;
pub(super) const MAX_PATTERNS: usize = 100;
/// `unevaluatedProperties` and `unevaluatedItems` of one schema, each of which compiles what it refers to once more. Measured without
/// optimization: 25 of them, five in each of five definitions that lead to one another, take 7 s, and 50 in ten take more than 40 s.
pub(super) const MAX_UNEVALUATED: usize = 10;
/// Of anything else, such as values of enums: each takes less than 1 KB once it is compiled.
pub(super) const MAX_VALUES: usize = 50_000;

pub(super) const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// What has been counted.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) depth: usize,
    pub(super) properties: usize,
    pub(super) references: usize,
    pub(super) patterns: usize,
    pub(super) values: usize,
    /// Of the last schema alone.
    unevaluated: usize,
}

impl Counts {
    /// Counts one more schema.
    ///
    /// # Errors
    /// The bound that it exceeds, as the end of a sentence.
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
                return Err(format!("more than {bound} {what} cannot be had"));
            }
        }
        Ok(())
    }
}

/// How many arrays and objects of a value lie in one another, one at least.
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
