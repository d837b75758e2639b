//! What becomes of each parameter of a request, by its name.
//!
//! What codex can honour is read elsewhere. What only tunes the sampling is ignored and named in a header of the answer;
//! what would change the shape of the answer and cannot be given is refused, since a client would misread what it gets.

use serde_json::{Map, Value};

use crate::error::ApiError;

/// The longest name of an ignored parameter that goes into the header; a client's typo is not worth more.
const LONGEST_NAME: usize = 64;

/// What becomes of a parameter.
pub(crate) enum Verdict {
    /// It is read, has no bearing on the answer (ids, labels and caching), or asks for nothing beyond what happens anyway.
    Taken,
    /// It is named in the header.
    Ignored,
    /// It cannot be given, for this reason.
    Refused(&'static str),
}

/// The names of the parameters that are ignored, in alphabetical order. `verdict` knows those of the route.
///
/// # Errors
/// [`ApiError`] for a parameter that changes the shape of the answer and cannot be given.
pub(crate) fn ignored(
    body: &Map<String, Value>,
    verdict: impl Fn(&str, &Value, &Map<String, Value>) -> Verdict,
) -> Result<Vec<String>, ApiError> {
    let mut ignored = Vec::new();
    // SDKs send null for what was not set.
    for (name, value) in body.iter().filter(|(_, value)| !value.is_null()) {
        match verdict(name, value, body) {
            Verdict::Ignored if fits_a_header(name) => ignored.push(name.clone()),
            Verdict::Taken | Verdict::Ignored => {}
            Verdict::Refused(message) => return Err(ApiError::unsupported(name, message)),
        }
    }
    ignored.sort();
    Ok(ignored)
}

/// Those of `POST /v1/chat/completions`.
pub(crate) fn of_chat(name: &str, value: &Value, _: &Map<String, Value>) -> Verdict {
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
        | "web_search_options" => Verdict::Taken,
        _ => of_any(name, value),
    }
}

/// Those of `POST /v1/completions`.
pub(crate) fn of_completions(name: &str, value: &Value, body: &Map<String, Value>) -> Verdict {
    match name {
        "max_tokens" | "model" | "n" | "prompt" | "stop" | "stream" | "stream_options" | "user" => {
            Verdict::Taken
        }
        "suffix" if value == "" => Verdict::Taken,
        "suffix" => Verdict::Refused("codex cannot put text before a suffix."),
        "echo" if *value == false => Verdict::Taken,
        "echo" => Verdict::Refused("The prompt cannot be repeated in the answer."),
        "best_of" if value.as_u64() == body.get("n").map_or(Some(1), Value::as_u64) => Verdict::Taken,
        "best_of" => Verdict::Refused("Only as many answers can be made as are sent: best_of must be n."),
        "logprobs" => Verdict::Refused("codex gives no log probabilities."),
        "frequency_penalty" | "presence_penalty" => of_any(name, value),
        _ => Verdict::Ignored,
    }
}

/// Those of `POST /v1/responses`.
pub(crate) fn of_responses(name: &str, value: &Value, _: &Map<String, Value>) -> Verdict {
    let is_empty = value.as_array().is_some_and(Vec::is_empty);
    let holds = |wanted: &str| value.as_array().is_some_and(|list| list.iter().any(|entry| entry == wanted));
    match name {
        "client_metadata"
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
        | "user" => Verdict::Taken,
        "background" if *value == false => Verdict::Taken,
        "background" => {
            Verdict::Refused("Nothing is answered in the background. Send the request without it.")
        }
        "conversation" => Verdict::Refused("There are no conversations here. Use previous_response_id."),
        "function_call" if *value == "none" || *value == "auto" => Verdict::Taken,
        "include" | "functions" if is_empty => Verdict::Taken,
        "functions" | "function_call" => Verdict::Refused("The Responses API has functions in tools."),
        "include" if holds("message.output_text.logprobs") => of_any("logprobs", value),
        "messages" => Verdict::Refused("The Responses API has the conversation in input."),
        "n" if value.as_u64() == Some(1) => Verdict::Taken,
        "n" => Verdict::Refused("Only one answer per request can be given."),
        "prompt" => Verdict::Refused(
            "There are no prompt templates here. Send the instructions and the input themselves.",
        ),
        "response_format" => Verdict::Refused("The Responses API has the format in text.format."),
        "truncation" if *value == "disabled" => Verdict::Taken,
        _ => of_any(name, value),
    }
}

/// Those that chat and responses have in common.
fn of_any(name: &str, value: &Value) -> Verdict {
    let is_text = |modalities: &Vec<Value>| modalities.iter().all(|modality| modality == "text");
    match name {
        "logprobs" if *value == false => Verdict::Taken,
        "top_logprobs" if value.as_u64() == Some(0) => Verdict::Taken,
        "logprobs" | "top_logprobs" => Verdict::Refused("codex gives no log probabilities."),
        "audio" => Verdict::Refused("codex gives no audio."),
        "modalities" if value.as_array().is_some_and(is_text) => Verdict::Taken,
        "modalities" => Verdict::Refused("codex gives text only."),
        // A penalty of nothing, which clients send without being asked.
        "frequency_penalty" | "presence_penalty" if value.as_f64() == Some(0.0) => Verdict::Taken,
        _ => Verdict::Ignored,
    }
}

/// The name is a client's text: only what is safe in a header goes there.
fn fits_a_header(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

#[cfg(test)]
#[path = "parameters_tests.rs"]
mod tests;
