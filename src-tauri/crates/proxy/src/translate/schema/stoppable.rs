//! Makes a schema's validator one that can be stopped. The validator itself takes as long as it takes: two references to the
//! next definition, thirty times over, are a thousand million steps.
//!
//! So each object of the schema is given a keyword that looks whether to stop. It is run after the other keywords of its object,
//! and the answer that it could give would not end the validator; it unwinds the thread.

use std::panic::resume_unwind;

use jsonschema::{Keyword, ValidationError};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::bounds::REFERENCES;

/// The keyword. Where an object is one of names, it is the name of a property that no answer may have.
pub(super) const STOP: &str = "codex-proxy: stop";

/// What the objects below a keyword are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Schema,
    Names,
    Data,
}

impl Kind {
    /// What the value of a keyword is in an object of this kind.
    fn below(self, keyword: &str) -> Self {
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

/// The schema with the keyword in each of its objects.
///
/// # Errors
/// What cannot be had, as the end of a sentence.
pub(super) fn with_stops(schema: &Value) -> Result<Value, String> {
    let mut schema = schema.clone();
    insert(&mut schema, Kind::Schema)?;
    Ok(schema)
}

/// Its recursion is as deep as the schema, whose depth has been checked.
fn insert(value: &mut Value, kind: Kind) -> Result<(), String> {
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| insert(item, kind)),
        Value::Object(object) => {
            for (keyword, value) in object.iter_mut() {
                if kind == Kind::Data && value.is_string() && REFERENCES.contains(&keyword.as_str()) {
                    // A reference to the constant would make a schema of it that cannot be stopped.
                    return Err("a constant cannot hold a reference".to_owned());
                }
                if let ("pattern", Value::String(pattern)) = (keyword.as_str(), &mut *value)
                    && kind != Kind::Data
                    && pattern.contains("(?")
                {
                    // jsonschema compiles what stands behind a leading lookahead by itself, without a limit of its size.
                    *pattern = format!("(?:{pattern})");
                }
                insert(value, kind.below(keyword))?;
            }
            if kind != Kind::Data {
                // A schema in all drafts, under which nothing is valid.
                object.shift_insert(0, STOP.to_owned(), json!({"not": {}}));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// What runs where the keyword stands in one object of a schema. It unwinds while the schema is compiled, too.
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
