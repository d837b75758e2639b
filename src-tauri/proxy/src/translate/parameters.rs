//! What becomes of each parameter of a chat request.
//!
//! What codex can honour is read elsewhere. What only tunes the sampling is ignored and named in a header of the answer;
//! what would change the shape of the answer and cannot be given is refused, since a client would misread what it gets.

use serde_json::{Map, Value};

use super::Refusal;

/// Parameters that are read, or that have no bearing on the answer: ids, labels and caching.
const UNDERSTOOD: &[&str] = &[
    "function_call",
    "functions",
    "include_reasoning",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "n",
    "parallel_tool_calls",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
    "reasoning_format",
    "response_format",
    "safety_identifier",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "tool_choice",
    "tools",
    "user",
    "verbosity",
    "web_search_options",
];

/// The longest name of an ignored parameter that goes into the header; a client's typo is not worth more.
const LONGEST_NAME: usize = 64;

/// The names of the parameters that are ignored, in alphabetical order.
///
/// # Errors
/// [`Refusal::Unsupported`] for a parameter that changes the shape of the answer and cannot be given.
pub fn ignored(body: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
    let mut ignored = Vec::new();
    for (name, value) in body {
        if value.is_null() || UNDERSTOOD.contains(&name.as_str()) {
            continue;
        }
        if let Some(message) = unsupported(name, value) {
            return Err(Refusal::Unsupported { param: name.clone(), message: message.to_owned() });
        }
        if !is_neutral(name, value) && fits_a_header(name) {
            ignored.push(name.clone());
        }
    }
    ignored.sort();
    Ok(ignored)
}

/// Why a parameter with this value cannot be given, if so.
fn unsupported(name: &str, value: &Value) -> Option<&'static str> {
    match name {
        "logprobs" if value.as_bool() != Some(false) => Some("codex gives no log probabilities."),
        "top_logprobs" if value.as_u64() != Some(0) => Some("codex gives no log probabilities."),
        "audio" => Some("codex gives no audio."),
        "modalities" if has_other_than_text(value) => Some("codex gives text only."),
        _ => None,
    }
}

fn has_other_than_text(value: &Value) -> bool {
    value.as_array().is_none_or(|modalities| modalities.iter().any(|modality| modality != "text"))
}

/// Whether the value asks for nothing beyond what happens anyway, so that it is not worth a mention.
fn is_neutral(name: &str, value: &Value) -> bool {
    match name {
        "logprobs" | "top_logprobs" | "modalities" => true,
        "frequency_penalty" | "presence_penalty" => value.as_f64() == Some(0.0),
        _ => false,
    }
}

/// The name is a client's text: only what is safe in a header goes there.
pub(super) fn fits_a_header(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= LONGEST_NAME
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judge(body: Value) -> Result<Vec<String>, String> {
        let Value::Object(body) = body else { panic!("an object") };
        ignored(&body).map_err(|refusal| match refusal {
            Refusal::Unsupported { param, .. } | Refusal::Invalid { param, .. } => param,
        })
    }

    #[test]
    fn sampling_knobs_and_unknown_parameters_are_named() {
        let body = json!({"model":"m","messages":[],"top_p":0.5,"temperature":0.2,"user":"me","my_own":1,"seed":null});
        assert_eq!(judge(body), Ok(vec!["my_own".into(), "temperature".into(), "top_p".into()]));
    }

    #[test]
    fn what_changes_the_shape_of_the_answer_is_refused() {
        for (param, value) in [
            ("logprobs", json!(true)),
            ("top_logprobs", json!(3)),
            ("audio", json!({"voice":"x"})),
            ("modalities", json!(["text", "audio"])),
        ] {
            assert_eq!(judge(json!({ param: value })), Err(param.into()), "{param}");
        }
    }

    #[test]
    fn what_asks_for_nothing_special_is_not_worth_a_mention() {
        let body = json!({
            "n":1,"tools":[],"tool_choice":"auto","stop":["x"],"max_tokens":5,"logprobs":false,"modalities":["text"],
            "presence_penalty":0,"parallel_tool_calls":true,"service_tier":"auto"
        });
        assert_eq!(judge(body), Ok(vec![]));
    }

    #[test]
    fn a_name_that_would_break_the_header_is_left_out() {
        assert_eq!(judge(json!({"a\r\nx-evil: 1": 1, "ü": 1})), Ok(vec![]));
    }
}
