//! The JSON schemas of a request: those of its tools, and that of its answer.
//!
//! codex passes every answer schema to the model as strict, and `OpenAI` rejects schemas that break its strict-mode
//! rules. So a schema that strict mode cannot express (see `strict`) goes into the prompt instead, and every answer is
//! validated here against the client's own schema. Nothing is ever fetched: schemas that refer to other documents are
//! rejected.
//!
//! Schemas can be made arbitrarily expensive. So their size is bounded (`bounds`), and they are compiled and validated
//! off the async workers, on a stack of [`STACK`] bytes, with cancellation (`stoppable`).

use std::collections::{BTreeMap, BTreeSet};
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
use nullable::without_nullable;
use stoppable::{STOP, stop_keyword, with_stop_keywords};

mod bounds;
mod codex;
mod nullable;
mod stoppable;
mod strict;

/// The instruction for answers that must be any JSON object.
const JSON_OBJECT: &str =
    "Answer with one JSON object and nothing else: no text before or after it, and no code fence.";

/// Drafts tried for a schema without `$schema`, most likely first. They differ in tuples and limits, and clients
/// rarely declare one.
const DRAFTS: [Draft; 3] = [Draft::Draft202012, Draft::Draft7, Draft::Draft4];

/// Maximum length of an explanation, in characters.
const MAX_REASON_CHARS: usize = 300;

/// Memory limit of one compiled pattern, and of its cache while matching. `.{1,500}` fits.
const MAX_PATTERN_SIZE: usize = 1024 * 1024;

/// Memory limit of all patterns of a schema, divided equally.
const MAX_PATTERNS_SIZE: usize = 16 * 1024 * 1024;

/// Backtracking limit of one pattern with look-around, per text.
const MAX_BACKTRACKS: usize = 100_000;

/// Stack size of threads that compile or validate. It is only reserved; unused stack takes no memory.
pub(crate) const STACK: usize = 256 * 1024 * 1024;

/// Maximum schema levels on the stack during validation. A level takes about 400 bytes without optimization
/// (measured), and there is room for 1 KB.
const MAX_LEVELS: usize = 250_000;

/// Validators with fewer levels are dropped in place, at about 200 bytes of stack per level (measured).
const MAX_LEVELS_TO_DROP: usize = 1_000;

/// Checks that tool names are unique and that no schema exceeds the bounds, which apply to all tools together and to
/// the answer's schema. Cheap: nothing is compiled.
///
/// # Errors
/// [`ApiError`] naming the tool or field, and the bound.
pub(crate) fn check_sizes(tools: &[ClientTool], format: &Format) -> Result<(), ApiError> {
    let mut counts = Counts::default();
    let mut names = BTreeSet::new();
    for tool in tools {
        if !names.insert(&tool.name) {
            let message = format!("Two tools have the name {:?}.", shorten(&tool.name));
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

/// Validates the arguments of the calls of strict tools, by the tools' names.
pub(crate) type ArgumentChecks = BTreeMap<String, Arc<OutputCheck>>;

/// Checks that every tool's schema compiles, and rewrites it for codex.
///
/// # Errors
/// [`ApiError`] naming the tool.
pub(crate) fn prepare_tools(
    tools: &mut [ClientTool],
    stop: &CancellationToken,
) -> Result<ArgumentChecks, ApiError> {
    let mut checks = ArgumentChecks::new();
    for tool in tools {
        if !tool.strict {
            codex::drop_dangling(&mut tool.parameters);
        }
        let check = check_parameters(tool, stop).map_err(|reason| bad_tool(tool, &reason))?;
        if tool.strict {
            checks.insert(tool.name.clone(), Arc::new(check));
        }
        tool.parameters = codex::readable(&tool.parameters);
    }
    Ok(checks)
}

fn bad_tool(tool: &ClientTool, reason: &str) -> ApiError {
    let message =
        format!("The parameters of tool {:?} are not a usable JSON schema: {reason}.", shorten(&tool.name));
    ApiError::invalid(format!("{}.parameters", tool.param), message)
}

fn bad_schema(param: &str, reason: &str) -> ApiError {
    ApiError::invalid(
        param.to_owned(),
        format!("The schema of the answer is not a usable JSON schema: {reason}."),
    )
}

/// Validates a tool's schema. The error is the end of a sentence.
fn check_parameters(tool: &ClientTool, stop: &CancellationToken) -> Result<OutputCheck, String> {
    let Value::Object(schema) = &tool.parameters else {
        return Err("they must be an object".to_owned());
    };
    let is_object = |kind: &Value| {
        kind == "object" || kind.as_array().is_some_and(|kinds| kinds.contains(&"object".into()))
    };
    if !schema.get("type").is_none_or(is_object) {
        return Err("their type must be \"object\"".to_owned());
    }
    OutputCheck::new(&tool.parameters, stop)
}

/// How an answer format is enforced.
#[derive(Debug, Default)]
pub(crate) struct CompiledFormat {
    /// Passed to codex, so the model cannot write anything else.
    pub(crate) upstream: Option<Value>,
    /// Sent to the model as a developer message; the JSON is then extracted from its answer.
    pub(crate) note: Option<String>,
    /// Validates the complete answer.
    pub(crate) check: Option<Arc<OutputCheck>>,
    /// Validates calls.
    pub(crate) arguments: Arc<ArgumentChecks>,
}

impl CompiledFormat {
    /// Compiles a format. `stop` cancels this, and later the validation.
    ///
    /// # Errors
    /// [`ApiError`] for an invalid JSON schema.
    pub(crate) fn new(format: &Format, stop: &CancellationToken) -> Result<Self, ApiError> {
        let (schema, strict, param) = match format {
            Format::Text => return Ok(Self::default()),
            Format::JsonObject => {
                let check = OutputCheck { validator: None, levels: 0, stop: stop.clone() };
                let note = Some(JSON_OBJECT.to_owned());
                return Ok(Self { note, check: Some(Arc::new(check)), ..Self::default() });
            }
            Format::Schema { schema, strict, param } => (schema, *strict, param),
        };
        let schema = &without_nullable(schema);
        let check = OutputCheck::new(schema, stop).map_err(|reason| bad_schema(param, &reason))?;
        let upstream = if strict { Some(schema.clone()) } else { strict::narrowed(schema) };
        let asked = || {
            format!(
                "Answer with JSON and nothing else: no text before or after it, and no code fence. It must be valid against this \
                 JSON schema:\n\n{schema}"
            )
        };
        let note = upstream.is_none().then(asked);
        Ok(Self { note, upstream, check: Some(Arc::new(check)), arguments: Arc::default() })
    }
}

/// Validates answers, or the arguments of calls, against the client's schema.
#[derive(Debug)]
pub(crate) struct OutputCheck {
    /// `None` if any JSON is valid.
    validator: Option<Validator>,
    /// Maximum nesting of schemas per level of the answer.
    levels: usize,
    /// Cancels the validation.
    pub stop: CancellationToken,
}

impl OutputCheck {
    fn new(schema: &Value, stop: &CancellationToken) -> Result<Self, String> {
        if !schema.is_object() {
            return Err("it must be an object".to_owned());
        }
        let mut counts = Counts::default();
        counts.add(schema)?;
        let validator = Some(compile(schema, &counts, stop)?);
        // Each reference enters the schema once more.
        Ok(Self { validator, levels: counts.depth * (counts.references + 1), stop: stop.clone() })
    }

    /// Validates a complete answer.
    ///
    /// # Errors
    /// The problem, safe to log: it names a place in the schema and quotes nothing of the answer.
    pub(crate) fn check(&self, answer: &str) -> Result<(), String> {
        self.check_the("answer", answer)
    }

    /// Validates the arguments of a call of this tool.
    ///
    /// # Errors
    /// The problem, as for an answer.
    pub(crate) fn check_arguments(&self, tool: &str, arguments: &str) -> Result<(), String> {
        self.check_the(&format!("call of {tool:?}"), arguments)
    }

    fn check_the(&self, what: &str, answer: &str) -> Result<(), String> {
        let answer: Value = serde_json::from_str(answer).map_err(|_| format!("the {what} is not JSON"))?;
        let Some(validator) = &self.validator else { return Ok(()) };
        if self.levels * bounds::depth(&answer) > MAX_LEVELS {
            return Err(format!(
                "the {what} is too deep to be validated against a schema with so many references"
            ));
        }
        validator.validate(&answer).map_err(|error| {
            format!("the {what} does not match the schema at {}", shorten(error.schema_path().as_str()))
        })
    }
}

impl Drop for OutputCheck {
    /// Definitions can nest deeply, so long chains are dropped on a large stack.
    fn drop(&mut self) {
        if self.levels > MAX_LEVELS_TO_DROP {
            // If no thread can be spawned it leaks; dropping it here could overflow the stack.
            let validator = ManuallyDrop::new(self.validator.take());
            let drop = move || drop(ManuallyDrop::into_inner(validator));
            let _ = thread::Builder::new().stack_size(STACK).spawn(drop);
        }
    }
}

/// Compiles a schema. The error is the end of a sentence.
fn compile(schema: &Value, counts: &Counts, stop: &CancellationToken) -> Result<Validator, String> {
    let schema = &with_stop_keywords(schema)?;
    let size = (MAX_PATTERNS_SIZE / counts.patterns.max(1)).min(MAX_PATTERN_SIZE);
    let patterns = || {
        PatternOptions::fancy_regex().size_limit(size).dfa_size_limit(size).backtrack_limit(MAX_BACKTRACKS)
    };
    // Implementations disagree on formats, so they are left to the model.
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

/// Describes a schema error and its location, as the end of a sentence.
fn reason(error: &ValidationError<'_>) -> String {
    if let ValidationErrorKind::Referencing(ReferencingError::Unretrievable { uri, .. }) = error.kind() {
        return shorten(&format!("it refers to {uri}, but other documents are not fetched"));
    }
    let is_pattern = matches!(error.kind(), ValidationErrorKind::Format { format } if format == "regex");
    let place = match error.instance_path().as_str() {
        "" => String::new(),
        path => format!("at {path}, "),
    };
    if is_pattern {
        // For a pattern that does not compile, jsonschema reports the place in the schema.
        let place = if place.is_empty() { format!("at {}, ", error.schema_path()) } else { place };
        return shorten(&format!("{place}the pattern is invalid or takes too much memory"));
    }
    shorten(&format!("{place}{}", error.masked())).trim_end_matches('.').to_owned()
}

fn shorten(text: &str) -> String {
    text.chars().take(MAX_REASON_CHARS).collect()
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
