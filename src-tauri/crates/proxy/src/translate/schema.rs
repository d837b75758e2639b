//! The JSON schemas of a request: those of its tools, and that of its answer.
//!
//! codex gives every schema of an answer to the model as a strict one, and `OpenAI` refuses a strict schema that breaks its
//! rules for them. So a schema that no strict one can say is asked for in words, and every answer is checked here against
//! the schema that the client sent. Which schemas a strict one can say is decided in `strict`. Nothing is ever fetched: a
//! schema that refers to another document is refused.
//!
//! The client chooses what a schema costs. So schemas are counted (`bounds`), and compiled and checked off the workers, on a stack of
//! [`STACK`] bytes, in a way that can be stopped (`stoppable`).

use std::collections::BTreeSet;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::thread;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, PatternOptions, ReferencingError, ValidationError, Validator};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::answer_request::{ClientTool, Format};
use crate::error::ApiError;
use bounds::Counts;
use stoppable::{STOP, stop_keyword, with_stops};

mod bounds;
mod stoppable;
mod strict;

/// What the model is told where the answer must be any object of JSON.
const JSON_OBJECT: &str =
    "Answer with one JSON object and nothing else: no text before or after it, and no code fence.";

/// The drafts that a schema without `$schema` may be written in, the likeliest first. Their rules for tuples and limits
/// differ, and clients rarely say which they mean.
const DRAFTS: [Draft; 3] = [Draft::Draft202012, Draft::Draft7, Draft::Draft4];

/// The longest explanation of what is wrong in a schema, in characters.
const LONGEST_REASON: usize = 300;

/// How many bytes one pattern may take once it is compiled, and how many of a cache while it is matched: `.{1,500}` takes less.
const MAX_PATTERN_SIZE: usize = 1024 * 1024;

/// How many bytes all patterns of a schema may take; each has the same share.
const MAX_PATTERNS_SIZE: usize = 16 * 1024 * 1024;

/// How often one pattern that looks around or back may step back within one text.
const MAX_BACKTRACKS: usize = 100_000;

/// The stack of a thread that compiles or checks. It is only reserved; what is not used takes no memory.
pub(crate) const STACK: usize = 256 * 1024 * 1024;

/// How many levels of schemas may lie on the stack while an answer is checked. A level takes some 400 bytes of it in a build without
/// optimization (measured), and there is room for 1 KB.
const MAX_LEVELS: usize = 250_000;

/// A validator with fewer levels is dropped where it is: that takes some 200 bytes of stack for each (measured).
const MAX_LEVELS_TO_DROP: usize = 1_000;

/// Checks that every tool has a name of its own, and that no schema exceeds the bounds: those of all tools together, and that of
/// the answer. It is quick, and compiles nothing.
///
/// # Errors
/// [`ApiError`] that names the tool or the field, and the bound.
pub(crate) fn check_sizes(tools: &[ClientTool], format: &Format) -> Result<(), ApiError> {
    let mut counts = Counts::default();
    let mut names = BTreeSet::new();
    for tool in tools {
        if !names.insert(&tool.name) {
            let message = format!("There are two tools with the name {:?}.", shorten(&tool.name));
            return Err(ApiError::invalid(format!("{}.name", tool.param), message));
        }
        counts.add(&tool.parameters).map_err(|reason| bad_tool(tool, &reason))?;
    }
    match format {
        Format::Schema { schema, param, .. } => {
            Counts::default().add(schema).map_err(|reason| bad_schema(param, &reason))
        }
        Format::Text | Format::JsonObject => Ok(()),
    }
}

/// Checks that every tool has a schema that can be used.
///
/// # Errors
/// [`ApiError`] that names the tool.
pub(crate) fn check_tools(tools: &[ClientTool], stop: &CancellationToken) -> Result<(), ApiError> {
    tools.iter().try_for_each(|tool| check_parameters(tool, stop).map_err(|reason| bad_tool(tool, &reason)))
}

fn bad_tool(tool: &ClientTool, reason: &str) -> ApiError {
    let message =
        format!("The parameters of the tool {:?} are no usable JSON schema: {reason}.", shorten(&tool.name));
    ApiError::invalid(format!("{}.parameters", tool.param), message)
}

fn bad_schema(param: &str, reason: &str) -> ApiError {
    ApiError::invalid(
        param.to_owned(),
        format!("The schema of the answer is no usable JSON schema: {reason}."),
    )
}

/// What is wrong in a tool's schema, as the end of a sentence.
fn check_parameters(tool: &ClientTool, stop: &CancellationToken) -> Result<(), String> {
    let Value::Object(schema) = &tool.parameters else {
        return Err("they must be an object".to_owned());
    };
    if schema.get("type").is_some_and(|kind| kind != "object") {
        return Err("their type must be \"object\"".to_owned());
    }
    let mut counts = Counts::default();
    counts.add(&tool.parameters)?;
    compile(&tool.parameters, &counts, stop).map(drop)
}

/// What the form of an answer takes.
#[derive(Debug, Default)]
pub(crate) struct Form {
    /// codex is given this schema, and the model can write nothing else.
    pub(crate) upstream: Option<Value>,
    /// The model is told this in a developer message. Its answer is to be cut out of what it says around it.
    pub(crate) note: Option<String>,
    /// What the whole answer is checked with.
    pub(crate) check: Option<Arc<OutputCheck>>,
}

impl Form {
    /// Decides how an answer comes to have a format, and makes what checks it. The check stops with `stop`, as this does.
    ///
    /// # Errors
    /// [`ApiError`] for what is no JSON schema.
    pub(crate) fn of(format: &Format, stop: &CancellationToken) -> Result<Self, ApiError> {
        let (schema, strict, param) = match format {
            Format::Text => return Ok(Self::default()),
            Format::JsonObject => return Ok(Self { note: Some(JSON_OBJECT.to_owned()), ..Self::default() }),
            Format::Schema { schema, strict, param } => (schema, *strict, param),
        };
        let check = OutputCheck::new(schema, stop).map_err(|reason| bad_schema(param, &reason))?;
        let upstream = if strict { Some(schema.clone()) } else { strict::narrowed(schema) };
        let asked = || {
            format!(
                "Answer with JSON and nothing else: no text before or after it, and no code fence. It must be valid against this \
                 JSON schema:\n\n{schema}"
            )
        };
        Ok(Self { note: upstream.is_none().then(asked), upstream, check: Some(Arc::new(check)) })
    }
}

/// Checks answers against the schema that the client sent.
#[derive(Debug)]
pub(crate) struct OutputCheck {
    validator: Option<Validator>,
    /// The most levels of schemas that lie in one another, on one level of an answer.
    levels: usize,
    /// What stops it.
    pub stop: CancellationToken,
}

impl OutputCheck {
    /// Reads the schema.
    fn new(schema: &Value, stop: &CancellationToken) -> Result<Self, String> {
        if !schema.is_object() {
            return Err("it must be an object".to_owned());
        }
        let mut counts = Counts::default();
        counts.add(schema)?;
        let validator = Some(compile(schema, &counts, stop)?);
        // Each reference leads into the schema once more.
        Ok(Self { validator, levels: counts.depth * (counts.references + 1), stop: stop.clone() })
    }

    /// Checks a whole answer.
    ///
    /// # Errors
    /// What is wrong with it, for a log: it quotes nothing of the answer, and names a place in the schema, not in the answer.
    pub(crate) fn check(&self, answer: &str) -> Result<(), String> {
        let answer: Value = serde_json::from_str(answer).map_err(|_| "the answer is not JSON".to_owned())?;
        let Some(validator) = &self.validator else { return Ok(()) };
        if self.levels * bounds::depth(&answer) > MAX_LEVELS {
            return Err(
                "the answer is too deep to be checked against a schema with so many references".to_owned()
            );
        }
        validator.validate(&answer).map_err(|error| {
            format!("the answer does not follow the schema at {}", shorten(error.schema_path().as_str()))
        })
    }
}

impl Drop for OutputCheck {
    /// A definition may hold the next one, so a long chain of them is dropped on a long stack.
    fn drop(&mut self) {
        if self.levels > MAX_LEVELS_TO_DROP {
            // Without a thread it leaks; on this stack its drop could overflow.
            let validator = ManuallyDrop::new(self.validator.take());
            let drop = move || drop(ManuallyDrop::into_inner(validator));
            let _ = thread::Builder::new().stack_size(STACK).spawn(drop);
        }
    }
}

/// A validator for the schema, or what is wrong in it, as the end of a sentence.
fn compile(schema: &Value, counts: &Counts, stop: &CancellationToken) -> Result<Validator, String> {
    let schema = &with_stops(schema)?;
    let size = (MAX_PATTERNS_SIZE / counts.patterns.max(1)).min(MAX_PATTERN_SIZE);
    let patterns = || {
        PatternOptions::fancy_regex().size_limit(size).dfa_size_limit(size).backtrack_limit(MAX_BACKTRACKS)
    };
    // What a format means is seen differently by everybody, so it is left to the model.
    let options = || {
        let stop = stop.clone();
        jsonschema::options()
            .should_validate_formats(false)
            .with_pattern_options(patterns())
            .with_keyword(STOP, move |_, _, _| stop_keyword(&stop))
            .offline()
    };
    if schema.get("$schema").is_some() {
        return options().build(schema).map_err(|error| reason(&error));
    }
    let mut first = None;
    for draft in DRAFTS {
        match options().with_draft(draft).build(schema) {
            Ok(validator) => return Ok(validator),
            Err(error) => first = first.or_else(|| Some(reason(&error))),
        }
    }
    Err(first.unwrap_or_default())
}

/// What is wrong in a schema and where, as the end of a sentence.
fn reason(error: &ValidationError<'_>) -> String {
    if let ValidationErrorKind::Referencing(ReferencingError::Unretrievable { uri, .. }) = error.kind() {
        return shorten(&format!("it refers to {uri}, and no other document is fetched"));
    }
    let is_pattern = matches!(error.kind(), ValidationErrorKind::Format { format } if format == "regex");
    let place = match error.instance_path().as_str() {
        "" => String::new(),
        path => format!("at {path}, "),
    };
    if is_pattern {
        // Where a pattern is one and does not compile, jsonschema has its place as that in the schema.
        let place = if place.is_empty() { format!("at {}, ", error.schema_path()) } else { place };
        return shorten(&format!("{place}the pattern is no regular expression, or takes too much memory"));
    }
    shorten(&format!("{place}{}", error.masked())).trim_end_matches('.').to_owned()
}

fn shorten(text: &str) -> String {
    text.chars().take(LONGEST_REASON).collect()
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
