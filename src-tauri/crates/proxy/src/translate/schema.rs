//! The JSON schemas of a request: those of its tools, and that of its answer.
//!
//! codex gives every schema of an answer to the model as a strict one, and `OpenAI` refuses a strict schema that breaks its
//! rules for them. So a schema that no strict one can say is asked for in words, and every answer is checked here against
//! the schema that the client sent. Which schemas a strict one can say is decided in `strict`. Nothing is ever fetched: a
//! schema that refers to another document is refused.

use std::collections::BTreeSet;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, ReferencingError, ValidationError, Validator};
use serde_json::Value;

use super::answer_request::ClientTool;
use crate::error::Refusal;

mod strict;

/// What the model is told where the answer must be any object of JSON.
pub const JSON_OBJECT: &str =
    "Answer with one JSON object and nothing else: no text before or after it, and no code fence.";

/// The drafts that a schema without `$schema` may be written in, the likeliest first. Their rules for tuples and limits
/// differ, and clients rarely say which they mean.
const DRAFTS: [Draft; 3] = [Draft::Draft202012, Draft::Draft7, Draft::Draft4];

/// The longest explanation of what is wrong in a schema, in characters.
const LONGEST_REASON: usize = 300;

/// Checks that every tool has a name of its own and a schema that can be used.
///
/// # Errors
/// [`Refusal::Invalid`] that names the tool.
pub fn check_tools(tools: &[ClientTool]) -> Result<(), Refusal> {
    let mut names = BTreeSet::new();
    for tool in tools {
        if !names.insert(&tool.name) {
            return Err(Refusal::Invalid {
                param: format!("{}.name", tool.param),
                message: format!("There are two tools with the name {:?}.", shorten(&tool.name)),
            });
        }
        check_parameters(tool).map_err(|reason| Refusal::Invalid {
            param: format!("{}.parameters", tool.param),
            message: format!(
                "The parameters of the tool {:?} are no usable JSON schema: {reason}.",
                shorten(&tool.name)
            ),
        })?;
    }
    Ok(())
}

/// What is wrong in a tool's schema, as the end of a sentence.
fn check_parameters(tool: &ClientTool) -> Result<(), String> {
    let Value::Object(schema) = &tool.parameters else {
        return Err("they must be an object".to_owned());
    };
    if schema.get("type").is_some_and(|kind| kind != "object") {
        return Err("their type must be \"object\"".to_owned());
    }
    compile(&tool.parameters).map(drop)
}

/// How an answer comes to follow a schema.
#[derive(Clone, Debug, PartialEq)]
pub enum OutputPlan {
    /// codex is given this schema, and the model can write nothing else.
    Upstream(Value),
    /// The model is told this in a developer message. Its answer is to be cut out of what it says around it.
    Asked(String),
}

/// Decides how an answer comes to follow `schema`. `strict` is whether the client asked for `OpenAI`'s strict rules, and `param` where
/// its body has the schema.
///
/// # Errors
/// [`Refusal::Invalid`] for what is no JSON schema.
pub fn plan_output(schema: &Value, strict: bool, param: &str) -> Result<OutputPlan, Refusal> {
    OutputCheck::new(schema, param)?;
    if strict {
        return Ok(OutputPlan::Upstream(schema.clone()));
    }
    Ok(match strict::narrowed(schema) {
        Some(narrowed) => OutputPlan::Upstream(narrowed),
        None => OutputPlan::Asked(format!(
            "Answer with JSON and nothing else: no text before or after it, and no code fence. It must be valid against this \
             JSON schema:\n\n{schema}"
        )),
    })
}

/// Checks answers against the schema that the client sent.
#[derive(Clone, Debug)]
pub struct OutputCheck {
    validator: Validator,
}

impl OutputCheck {
    /// Reads the schema, which `param` of the body has.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for what is no JSON schema.
    pub fn new(schema: &Value, param: &str) -> Result<Self, Refusal> {
        let checked =
            if schema.is_object() { compile(schema) } else { Err("it must be an object".to_owned()) };
        checked.map(|validator| Self { validator }).map_err(|reason| Refusal::Invalid {
            param: param.to_owned(),
            message: format!("The schema of the answer is no usable JSON schema: {reason}."),
        })
    }

    /// Checks a whole answer.
    ///
    /// # Errors
    /// What is wrong with it, for a log: it quotes nothing of the answer, and names a place in the schema, not in the answer.
    pub fn check(&self, answer: &str) -> Result<(), String> {
        let answer: Value = serde_json::from_str(answer).map_err(|_| "the answer is not JSON".to_owned())?;
        self.validator.validate(&answer).map_err(|error| {
            format!("the answer does not follow the schema at {}", shorten(error.schema_path().as_str()))
        })
    }
}

/// A validator for the schema, or what is wrong in it, as the end of a sentence.
fn compile(schema: &Value) -> Result<Validator, String> {
    // What a format means is seen differently by everybody, so it is left to the model.
    let options = || jsonschema::options().should_validate_formats(false).offline();
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
    let place = match error.instance_path().as_str() {
        "" => String::new(),
        path => format!("at {path}, "),
    };
    shorten(&format!("{place}{}", error.masked())).trim_end_matches('.').to_owned()
}

fn shorten(text: &str) -> String {
    text.chars().take(LONGEST_REASON).collect()
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
