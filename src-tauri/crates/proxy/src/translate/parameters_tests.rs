use serde_json::json;

use super::*;
use crate::translate::refused;

type Of = fn(&str, &Value, &Map<String, Value>) -> Verdict;

fn judge(of: Of, body: Value) -> Result<Vec<String>, String> {
    let Value::Object(body) = body else { panic!("an object") };
    ignored(&body, of).map_err(|error| refused::<()>(Err(error)).1)
}

fn names(names: &[&str]) -> Result<Vec<String>, String> {
    Ok(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn sampling_knobs_and_unknown_parameters_are_named() {
    let body =
        json!({"model":"m","messages":[],"top_p":0.5,"temperature":0.2,"user":"me","my_own":1,"seed":null});
    assert_eq!(judge(of_chat, body), names(&["my_own", "temperature", "top_p"]));
    let body = json!({
        "model":"m","input":"a","top_p":0.5,"temperature":0.2,"truncation":"auto","my_own":1,"seed":null,
        "include":["reasoning.encrypted_content"],"max_tool_calls":3
    });
    let expected = names(&["include", "max_tool_calls", "my_own", "temperature", "top_p", "truncation"]);
    assert_eq!(judge(of_responses, body), expected);
    let others = json!({"prompt":"a","temperature":0.5,"logit_bias":{},"max_tokens":5,"presence_penalty":0});
    assert_eq!(judge(of_completions, others), names(&["logit_bias", "temperature"]));
}

#[test]
fn what_changes_the_shape_of_the_answer_is_refused() {
    let of: [(Of, &[(&str, Value)]); 3] = [
        (
            of_chat,
            &[
                ("logprobs", json!(true)),
                ("top_logprobs", json!(3)),
                ("audio", json!({"voice":"x"})),
                ("modalities", json!(["text", "audio"])),
            ],
        ),
        (
            of_completions,
            &[("best_of", json!(2)), ("echo", json!(true)), ("suffix", json!("x")), ("logprobs", json!(0))],
        ),
        (
            of_responses,
            &[
                ("background", json!(true)),
                ("conversation", json!("conv_1")),
                ("prompt", json!({"id":"pmpt_1"})),
                ("n", json!(2)),
                ("response_format", json!({"type":"json_object"})),
                ("top_logprobs", json!(3)),
                ("include", json!(["message.output_text.logprobs"])),
                ("functions", json!([{"name":"f"}])),
                ("modalities", json!(["audio"])),
            ],
        ),
    ];
    for (of, parameters) in of {
        for (param, value) in parameters {
            assert_eq!(judge(of, json!({ *param: value })), Err((*param).to_owned()), "{param}");
        }
    }
}

#[test]
fn what_asks_for_nothing_special_is_not_worth_a_mention() {
    let body = json!({
        "n":1,"tools":[],"tool_choice":"auto","stop":["x"],"max_tokens":5,"logprobs":false,"modalities":["text"],
        "presence_penalty":0,"parallel_tool_calls":true,"service_tier":"auto"
    });
    assert_eq!(judge(of_chat, body), Ok(vec![]));
    let body = json!({"prompt":"a","n":2,"best_of":2,"echo":false,"suffix":"","logprobs":null});
    assert_eq!(judge(of_completions, body), Ok(vec![]));
    let body = json!({
        "background":false,"conversation":null,"include":[],"top_logprobs":0,"n":1,"truncation":"disabled",
        "stream_options":{"include_obfuscation":false},"metadata":{"a":"b"}
    });
    assert_eq!(judge(of_responses, body), Ok(vec![]));
}

#[test]
fn a_name_that_would_break_the_header_is_left_out() {
    assert_eq!(judge(of_chat, json!({"a\r\nx-evil: 1": 1, "ü": 1})), Ok(vec![]));
}
