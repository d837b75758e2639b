//! What becomes of each parameter of a request for a response, by its name.

use serde_json::{Map, Value};

use crate::error::Refusal;
use crate::translate::parameters::{Verdict, is_no_penalty, is_text_alone, judged};

/// Parameters that are read, or that have no bearing on the answer: ids, labels and caching.
const UNDERSTOOD: &[&str] = &[
    "client_metadata",
    "input",
    "instructions",
    "max_output_tokens",
    "metadata",
    "model",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "text",
    "tool_choice",
    "tools",
    "user",
];

/// The names of the parameters that are ignored, in alphabetical order.
///
/// # Errors
/// [`Refusal::Unsupported`] for a parameter that changes the shape of the answer and cannot be given.
pub(crate) fn ignored(body: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
    judged(body, UNDERSTOOD, verdict)
}

fn verdict(name: &str, value: &Value) -> Verdict {
    let is_empty = value.as_array().is_some_and(Vec::is_empty);
    let holds = |wanted: &str| value.as_array().is_some_and(|list| list.iter().any(|entry| entry == wanted));
    match name {
        "background" | "logprobs" if *value == false => Verdict::Neutral,
        "n" if value.as_u64() == Some(1) => Verdict::Neutral,
        "top_logprobs" if value.as_u64() == Some(0) => Verdict::Neutral,
        "include" | "functions" if is_empty => Verdict::Neutral,
        "modalities" if is_text_alone(value) => Verdict::Neutral,
        "function_call" if *value == "none" || *value == "auto" => Verdict::Neutral,
        "truncation" if *value == "disabled" => Verdict::Neutral,
        "background" => {
            Verdict::Refused("Nothing is answered in the background. Send the request without it.")
        }
        "conversation" => Verdict::Refused("There are no conversations here. Use previous_response_id."),
        "prompt" => Verdict::Refused(
            "There are no prompt templates here. Send the instructions and the input themselves.",
        ),
        "n" => Verdict::Refused("Only one answer per request can be given."),
        "response_format" => Verdict::Refused("The Responses API has the format in text.format."),
        "messages" => Verdict::Refused("The Responses API has the conversation in input."),
        "functions" | "function_call" => Verdict::Refused("The Responses API has functions in tools."),
        "top_logprobs" | "logprobs" => Verdict::Refused("codex gives no log probabilities."),
        "include" if holds("message.output_text.logprobs") => {
            Verdict::Refused("codex gives no log probabilities.")
        }
        "audio" | "modalities" => Verdict::Refused("codex gives text only."),
        _ if is_no_penalty(name, value) => Verdict::Neutral,
        _ => Verdict::Ignored,
    }
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
    fn what_only_tunes_the_answer_is_named() {
        let body = json!({
            "model":"m","input":"a","top_p":0.5,"temperature":0.2,"truncation":"auto","my_own":1,"seed":null,
            "include":["reasoning.encrypted_content"],"max_tool_calls":3
        });
        let expected = ["include", "max_tool_calls", "my_own", "temperature", "top_p", "truncation"];
        assert_eq!(judge(body), Ok(expected.map(str::to_owned).to_vec()));
    }

    #[test]
    fn what_changes_the_shape_of_the_answer_is_refused() {
        for (param, value) in [
            ("background", json!(true)),
            ("conversation", json!("conv_1")),
            ("prompt", json!({"id":"pmpt_1"})),
            ("n", json!(2)),
            ("response_format", json!({"type":"json_object"})),
            ("top_logprobs", json!(3)),
            ("include", json!(["message.output_text.logprobs"])),
            ("functions", json!([{"name":"f"}])),
            ("modalities", json!(["audio"])),
        ] {
            assert_eq!(judge(json!({ param: value })), Err(param.into()), "{param}");
        }
    }

    #[test]
    fn what_asks_for_nothing_special_is_not_worth_a_mention() {
        let body = json!({
            "background":false,"conversation":null,"include":[],"top_logprobs":0,"n":1,"truncation":"disabled",
            "stream_options":{"include_obfuscation":false},"metadata":{"a":"b"}
        });
        assert_eq!(judge(body), Ok(vec![]));
    }
}
