//! Makes validators cancellable. jsonschema has no way to stop: two references to the next definition, thirty levels
//! deep, take a billion steps.
//!
//! So each object of the schema gets a keyword that checks for cancellation. It runs after the other keywords of its
//! object and unwinds the thread, since its result would not end validation.

use std::panic::resume_unwind;

use jsonschema::{Keyword, ValidationError};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::bounds::REFERENCES;

/// The keyword. In an object of names, it is a property that no answer may have.
pub(super) const STOP: &str = "codex-proxy: stop";

/// What the objects below a keyword contain.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Schema,
    Names,
    Data,
}

impl Kind {
    /// The kind of a keyword's value.
    pub(super) fn below(self, keyword: &str) -> Self {
        match (self, keyword) {
            (Self::Data, _) | (Self::Schema, "const" | "enum" | "dependentRequired" | "$vocabulary") => {
                Self::Data
            }
            (
                Self::Schema,
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependencies"
                | "dependentSchemas",
            ) => Self::Names,
            _ => Self::Schema,
        }
    }
}

/// Inserts the keyword into each object of the schema.
///
/// # Errors
/// An unsupported construct, as the end of a sentence.
pub(super) fn with_stop_keywords(schema: &Value) -> Result<Value, String> {
    let mut schema = schema.clone();
    insert(&mut schema, Kind::Schema)?;
    Ok(schema)
}

/// Recursive; the schema's depth has been checked.
fn insert(value: &mut Value, kind: Kind) -> Result<(), String> {
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| insert(item, kind)),
        Value::Object(object) => {
            for (keyword, value) in object.iter_mut() {
                if kind == Kind::Data && value.is_string() && REFERENCES.contains(&keyword.as_str()) {
                    // A reference to the constant would make it a schema that cannot be stopped.
                    return Err("a constant cannot hold a reference".to_owned());
                }
                if let ("pattern", Value::String(pattern)) = (keyword.as_str(), &mut *value)
                    && kind != Kind::Data
                    && pattern.contains("(?")
                {
                    // jsonschema compiles the part after a leading lookahead separately, without a size limit.
                    *pattern = format!("(?:{pattern})");
                }
                insert(value, kind.below(keyword))?;
            }
            if kind != Kind::Data {
                // Valid in all drafts; matches nothing.
                object.shift_insert(0, STOP.to_owned(), json!({"not": {}}));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Implements the keyword. It can also unwind during compilation.
pub(super) fn stop_keyword<'a>(
    stop: &CancellationToken,
) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
    let keyword = StopKeyword(stop.clone());
    keyword.unwind_if_stopped();
    Ok(Box::new(keyword))
}

struct StopKeyword(CancellationToken);

impl StopKeyword {
    fn unwind_if_stopped(&self) {
        if self.0.is_cancelled() {
            resume_unwind(Box::new("stopped"));
        }
    }
}

impl<'i> Keyword<'i> for StopKeyword {
    fn validate(&self, _: &'i Value) -> Result<(), ValidationError<'i>> {
        self.unwind_if_stopped();
        Ok(())
    }

    fn is_valid(&self, _: &'i Value) -> bool {
        self.unwind_if_stopped();
        true
    }
}
