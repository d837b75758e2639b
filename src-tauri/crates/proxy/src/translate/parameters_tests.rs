use serde_json::json;

use super::*;
use crate::translate::refused;

type VerdictFn = fn(&str, &Value, &Map<String, Value>) -> Verdict;

fn ignored_by(verdict: VerdictFn, body: Value) -> Result<Vec<String>, String> {
    let Value::Object(body) = body else { panic!("an object") };
    let ignored = ignored(&body, verdict).map_err(|error| refused::<()>(Err(error)).1);
    ignored.map(|mut names| {
        names.sort();
        names
    })
}

fn names(names: &[&str]) -> Result<Vec<String>, String> {
    Ok(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn sampling_and_unknown_parameters_are_named() {
    let body =
        json!({"model":"m","messages":[],"top_p":0.5,"temperature":0.2,"user":"me","my_own":1,"seed":null});
    assert_eq!(ignored_by(chat, body), names(&["my_own", "temperature", "top_p"]));
    let body = json!({
        "model":"m","input":"a","top_p":0.5,"temperature":0.2,"truncation":"other","my_own":1,"seed":null,
        "include":["reasoning.encrypted_content"],"max_tool_calls":3
    });
    let expected = names(&["include", "max_tool_calls", "my_own", "temperature", "top_p", "truncation"]);
    assert_eq!(ignored_by(responses, body), expected);
    let others = json!({"prompt":"a","temperature":0.5,"logit_bias":{},"max_tokens":5,"presence_penalty":0});
    assert_eq!(ignored_by(completions, others), names(&["logit_bias", "temperature"]));
}

#[test]
fn parameters_that_change_the_shape_of_the_answer_are_rejected() {
    let cases: [(VerdictFn, &[(&str, Value)]); 3] = [
        (
            chat,
            &[
                ("logprobs", json!(true)),
                ("top_logprobs", json!(3)),
                ("audio", json!({"voice":"x"})),
                ("modalities", json!(["text", "audio"])),
            ],
        ),
        (
            completions,
            &[("best_of", json!(2)), ("echo", json!(true)), ("suffix", json!("x")), ("logprobs", json!(0))],
        ),
        (
            responses,
            &[
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
    for (verdict, parameters) in cases {
        for (param, value) in parameters {
            assert_eq!(ignored_by(verdict, json!({ *param: value })), Err((*param).to_owned()), "{param}");
        }
    }
}

#[test]
fn parameters_that_ask_for_the_default_are_not_named() {
    let body = json!({
        "n":1,"tools":[],"tool_choice":"auto","stop":["x"],"max_tokens":5,"logprobs":false,"modalities":["text"],
        "presence_penalty":0,"parallel_tool_calls":true,"service_tier":"auto"
    });
    assert_eq!(ignored_by(chat, body), Ok(vec![]));
    let body = json!({"prompt":"a","n":2,"best_of":2,"echo":false,"suffix":"","logprobs":null});
    assert_eq!(ignored_by(completions, body), Ok(vec![]));
    let body = json!({
        "background":false,"conversation":null,"include":[],"top_logprobs":0,"n":1,"truncation":"disabled",
        "stream_options":{"include_obfuscation":false},"metadata":{"a":"b"}
    });
    assert_eq!(ignored_by(responses, body), Ok(vec![]));
}

#[test]
fn names_unsafe_in_a_header_are_omitted() {
    assert_eq!(ignored_by(chat, json!({"a\r\nx-evil: 1": 1, "ü": 1})), Ok(vec![]));
}
