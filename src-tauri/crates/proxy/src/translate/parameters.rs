//! Decides for each parameter by name whether it is accepted, ignored or rejected.
//!
//! Sampling parameters are ignored and named in a response header. Parameters that would change the shape of the
//! answer and cannot be honoured are rejected, since clients would misread the answer.

use serde_json::{Map, Value};

use crate::error::ApiError;

/// Longest ignored parameter name that is put into the header.
const MAX_NAME_LEN: usize = 64;

/// What happens to a parameter.
pub(crate) enum Verdict {
    /// Honoured, irrelevant to the answer (ids, labels, caching), or asking for the default.
    Accepted,
    /// Named in the header.
    Ignored,
    /// Rejected, with this message.
    Rejected(&'static str),
}

/// Returns the ignored parameters. `verdict` is the route's.
///
/// # Errors
/// [`ApiError`] for the first rejected parameter.
pub(crate) fn ignored(
    body: &Map<String, Value>,
    verdict: impl Fn(&str, &Value, &Map<String, Value>) -> Verdict,
) -> Result<Vec<String>, ApiError> {
    let mut ignored = Vec::new();
    // SDKs send null for unset fields.
    for (name, value) in body.iter().filter(|(_, value)| !value.is_null()) {
        match verdict(name, value, body) {
            Verdict::Ignored if is_header_safe(name) => ignored.push(name.clone()),
            Verdict::Accepted | Verdict::Ignored => {}
            Verdict::Rejected(message) => return Err(ApiError::unsupported(name, message)),
        }
    }
    Ok(ignored)
}

/// Verdicts of `POST /v1/chat/completions`.
pub(crate) fn chat(name: &str, value: &Value, _: &Map<String, Value>) -> Verdict {
    match name {
        "function_call"
        | "functions"
        | "include_reasoning"
        | "max_completion_tokens"
        | "max_tokens"
        | "messages"
        | "metadata"
        | "model"
        | "n"
        | "parallel_tool_calls"
        | "prompt_cache_key"
        | "prompt_cache_retention"
        | "reasoning_effort"
        | "reasoning_format"
        | "response_format"
        | "safety_identifier"
        | "service_tier"
        | "stop"
        | "store"
        | "stream"
        | "stream_options"
        | "tool_choice"
        | "tools"
        | "user"
        | "verbosity"
        | "web_search_options" => Verdict::Accepted,
        _ => common(name, value),
    }
}

/// Verdicts of `POST /v1/completions`.
pub(crate) fn completions(name: &str, value: &Value, body: &Map<String, Value>) -> Verdict {
    match name {
        "max_tokens" | "model" | "n" | "prompt" | "stop" | "stream" | "stream_options" | "user" => {
            Verdict::Accepted
        }
        "suffix" if value == "" => Verdict::Accepted,
        "suffix" => Verdict::Rejected("suffix is not supported."),
        "echo" if *value == false => Verdict::Accepted,
        "echo" => Verdict::Rejected("echo is not supported."),
        "best_of" if value.as_f64() == body.get("n").map_or(Some(1.0), Value::as_f64) => Verdict::Accepted,
        "best_of" => Verdict::Rejected("best_of must be equal to n."),
        "logprobs" => Verdict::Rejected("Log probabilities are not available."),
        "frequency_penalty" | "presence_penalty" => common(name, value),
        _ => Verdict::Ignored,
    }
}

/// Verdicts of `POST /v1/responses`.
pub(crate) fn responses(name: &str, value: &Value, _: &Map<String, Value>) -> Verdict {
    let is_empty = value.as_array().is_some_and(Vec::is_empty);
    let holds = |name: &str| value.as_array().is_some_and(|list| list.iter().any(|entry| entry == name));
    match name {
        "background"
        | "client_metadata"
        | "conversation"
        | "input"
        | "instructions"
        | "max_output_tokens"
        | "metadata"
        | "model"
        | "parallel_tool_calls"
        | "previous_response_id"
        | "prompt_cache_key"
        | "prompt_cache_options"
        | "prompt_cache_retention"
        | "reasoning"
        | "safety_identifier"
        | "service_tier"
        | "store"
        | "stream"
        | "stream_options"
        | "text"
        | "tool_choice"
        | "tools"
        | "user" => Verdict::Accepted,
        "function_call" if *value == "none" || *value == "auto" => Verdict::Accepted,
        "include" | "functions" if is_empty => Verdict::Accepted,
        "functions" | "function_call" => {
            Verdict::Rejected("In the Responses API, functions are passed in tools.")
        }
        "include" if value.as_array().is_some_and(|list| list.iter().all(is_included)) => Verdict::Accepted,
        "include" if holds("message.output_text.logprobs") => common("logprobs", value),
        "messages" => Verdict::Rejected("In the Responses API, the conversation is passed in input."),
        "n" if value.as_f64() == Some(1.0) => Verdict::Accepted,
        "n" => Verdict::Rejected("Only one answer per request is supported."),
        "prompt" => Verdict::Rejected("Prompt templates are not supported; send instructions and input."),
        "response_format" => Verdict::Rejected("In the Responses API, the format is passed in text.format."),
        "truncation" if *value == "disabled" || *value == "auto" => Verdict::Accepted,
        _ => common(name, value),
    }
}

/// Whether the responses have this, or a list of their input has.
fn is_included(name: &Value) -> bool {
    name.as_str().is_some_and(|name| matches!(name, "message.input_image.image_url"))
}

/// Verdicts shared by chat and responses.
fn common(name: &str, value: &Value) -> Verdict {
    let is_text = |modalities: &Vec<Value>| modalities.iter().all(|modality| modality == "text");
    match name {
        "logprobs" if *value == false => Verdict::Accepted,
        // Clients send zeros by default.
        "top_logprobs" | "frequency_penalty" | "presence_penalty" if value.as_f64() == Some(0.0) => {
            Verdict::Accepted
        }
        "logprobs" | "top_logprobs" => Verdict::Rejected("Log probabilities are not available."),
        "audio" => Verdict::Rejected("Audio output is not supported."),
        "modalities" if value.as_array().is_some_and(is_text) => Verdict::Accepted,
        "modalities" => Verdict::Rejected("Only text output is supported."),
        _ => Verdict::Ignored,
    }
}

/// The name is client text, so only header-safe characters are allowed.
pub(super) fn is_header_safe(name: &str) -> bool {
    (1..=MAX_NAME_LEN).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

#[cfg(test)]
#[path = "parameters_tests.rs"]
mod tests;
