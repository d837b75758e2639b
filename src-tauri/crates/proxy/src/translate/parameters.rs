//! What becomes of each parameter of a chat request.
//!
//! What codex can honour is read elsewhere. What only tunes the sampling is ignored and named in a header of the answer;
//! what would change the shape of the answer and cannot be given is refused, since a client would misread what it gets.

use serde_json::{Map, Value};

use crate::error::Refusal;

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

/// What becomes of a parameter that is not read.
pub(super) enum Verdict {
    /// It asks for nothing beyond what happens anyway, so it is not worth a mention.
    Neutral,
    /// It is named in the header.
    Ignored,
    /// It cannot be given, for this reason.
    Refused(&'static str),
}

/// The names of the parameters that are ignored, in alphabetical order.
///
/// # Errors
/// [`Refusal::Unsupported`] for a parameter that changes the shape of the answer and cannot be given.
pub(crate) fn ignored(body: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
    judged(body, UNDERSTOOD, verdict)
}

/// The same for the routes that have other parameters: those of `understood` are read elsewhere.
pub(super) fn judged(
    body: &Map<String, Value>,
    understood: &[&str],
    verdict: impl Fn(&str, &Value) -> Verdict,
) -> Result<Vec<String>, Refusal> {
    let mut ignored = Vec::new();
    for (name, value) in body {
        // SDKs send null for what was not set.
        if value.is_null() || understood.contains(&name.as_str()) {
            continue;
        }
        match verdict(name, value) {
            Verdict::Neutral => {}
            Verdict::Ignored if !fits_a_header(name) => {}
            Verdict::Ignored => ignored.push(name.clone()),
            Verdict::Refused(message) => {
                return Err(Refusal::Unsupported { param: name.clone(), message: message.to_owned() });
            }
        }
    }
    ignored.sort();
    Ok(ignored)
}

fn verdict(name: &str, value: &Value) -> Verdict {
    match name {
        "logprobs" if *value == false => Verdict::Neutral,
        "top_logprobs" if value.as_u64() == Some(0) => Verdict::Neutral,
        "logprobs" | "top_logprobs" => Verdict::Refused("codex gives no log probabilities."),
        "audio" => Verdict::Refused("codex gives no audio."),
        "modalities" if is_text_alone(value) => Verdict::Neutral,
        "modalities" => Verdict::Refused("codex gives text only."),
        _ if is_no_penalty(name, value) => Verdict::Neutral,
        _ => Verdict::Ignored,
    }
}

/// Whether these modalities are what is given anyway.
pub(super) fn is_text_alone(value: &Value) -> bool {
    value.as_array().is_some_and(|modalities| modalities.iter().all(|modality| modality == "text"))
}

/// Whether this is a penalty of nothing, which clients send without being asked.
pub(super) fn is_no_penalty(name: &str, value: &Value) -> bool {
    matches!(name, "frequency_penalty" | "presence_penalty") && value.as_f64() == Some(0.0)
}

/// The name is a client's text: only what is safe in a header goes there.
fn fits_a_header(name: &str) -> bool {
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
