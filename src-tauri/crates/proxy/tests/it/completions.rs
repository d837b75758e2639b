//! The legacy completions API, on the real codex.

use serde_json::{Value, json};

use crate::support::{Events, TestProxy, real};

async fn ask(proxy: &TestProxy, body: &Value) -> (u16, Value) {
    let response = proxy.post("/v1/completions", body).await;
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn stream(proxy: &TestProxy, body: &Value) -> Vec<Value> {
    let response = proxy.post("/v1/completions", body).await;
    assert_eq!(response.status(), 200);
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/event-stream"));
    Events::new(response).rest().await
}

/// The text and finish reasons of each choice in a stream.
fn choices_of(events: &[Value]) -> Vec<(String, Vec<&Value>)> {
    let mut choices: Vec<(String, Vec<&Value>)> = Vec::new();
    for choice in events.iter().filter_map(|event| event["choices"].as_array()?.first()) {
        let index = usize::try_from(choice["index"].as_u64().unwrap()).unwrap();
        if choices.len() <= index {
            choices.resize(index + 1, Default::default());
        }
        choices[index].0.push_str(choice["text"].as_str().unwrap());
        choices[index].1.extend(Some(&choice["finish_reason"]).filter(|reason| !reason.is_null()));
    }
    choices
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn prompt_is_completed() {
    let proxy = real().start().await;
    let body = json!({"model":"gpt-5.5","prompt":"[[say=\"Hello there\" reasoning=1 usage=100,40,20,5]]","temperature":0});
    let response = proxy.post("/v1/completions", &body).await;
    assert_eq!(response.headers()["x-codex-proxy-ignored"], "temperature");
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["object"], "text_completion");
    assert_eq!(answer["model"], "gpt-5.5");
    assert!(answer["id"].as_str().unwrap().starts_with("cmpl-"));
    assert_eq!(
        answer["choices"],
        json!([{"text":"Hello there","index":0,"logprobs":null,"finish_reason":"stop"}])
    );
    assert_eq!(answer["usage"]["total_tokens"], 120);
    assert_eq!(proxy.model.request(0).unwrap().input().len(), 2);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn choices_of_several_prompts_are_in_order() {
    let proxy = real().limits(|limits| limits.max_turns = 1).start().await;
    let body = json!({"model":"gpt-5.5","prompt":["[[words=1]]","[[words=2]]","[[words=3]]"]});
    let (status, answer) = ask(&proxy, &body).await;
    assert_eq!(status, 200, "{answer}");
    let texts: Vec<&Value> =
        answer["choices"].as_array().unwrap().iter().map(|choice| &choice["text"]).collect();
    assert_eq!(texts, ["word1 ", "word1 word2 ", "word1 word2 word3 "]);

    let mut body = body;
    body["stream"] = true.into();
    body["stream_options"] = json!({"include_usage":true});
    let events = stream(&proxy, &body).await;
    let stop = json!("stop");
    let expected =
        ["word1 ", "word1 word2 ", "word1 word2 word3 "].map(|text| (text.to_owned(), vec![&stop]));
    assert_eq!(choices_of(&events), expected);
    let (done, chunks) = events.split_last().unwrap();
    assert_eq!(done, "[DONE]");
    assert!(chunks.last().unwrap()["usage"]["total_tokens"].as_u64() > Some(0));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn each_prompt_has_n_choices_within_its_limits() {
    let proxy = real().start().await;
    let body = json!({"model":"gpt-5.5","prompt":["[[words=50]]","[[say=\"one. two\"]]"],"n":2,"max_tokens":20,"stop":["."]});
    let (_, answer) = ask(&proxy, &body).await;
    let choices = answer["choices"].as_array().unwrap();
    let ends: Vec<&Value> = choices.iter().map(|choice| &choice["finish_reason"]).collect();
    assert_eq!(ends, ["length", "length", "stop", "stop"]);
    assert_eq!(choices[0]["text"], choices[1]["text"]);
    assert_eq!((&choices[2]["text"], &choices[3]["index"]), (&json!("one"), &json!(3)));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn unsupported_parameters_are_rejected_by_name() {
    let proxy = real().start().await;
    for (name, value, code, param) in [
        ("echo", json!(true), "unsupported_parameter", "echo"),
        ("suffix", json!("x"), "unsupported_parameter", "suffix"),
        ("best_of", json!(3), "unsupported_parameter", "best_of"),
        ("logprobs", json!(1), "unsupported_parameter", "logprobs"),
        ("prompt", json!([1, 2]), "unsupported_parameter", "prompt"),
        ("prompt", Value::Null, "invalid_request", "prompt"),
        ("n", json!(9), "invalid_request", "n"),
        ("max_tokens", json!(0), "invalid_request", "max_tokens"),
    ] {
        let mut body = json!({"model":"gpt-5.5","prompt":"[[words=1]]"});
        body[name] = value;
        let (status, answer) = ask(&proxy, &body).await;
        assert_eq!(
            (status, &answer["error"]["code"], &answer["error"]["param"]),
            (400, &json!(code), &json!(param))
        );
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn failure_is_a_status_before_the_first_delta_and_ends_the_stream_after_it() {
    let proxy = real().start().await;
    let body = |prompt: Value| json!({"model":"gpt-5.5","prompt":prompt,"stream":true});
    let (status, answer) = ask(&proxy, &body(json!("[[status=429]]"))).await;
    assert_eq!((status, &answer["error"]["code"]), (429, &json!("rate_limit_exceeded")));
    for prompt in
        [json!("[[words=2 failed=context_length_exceeded]]"), json!(["[[words=2]]", "[[status=429]]"])]
    {
        let events = stream(&proxy, &body(prompt)).await;
        assert_eq!(choices_of(&events)[0].0, "word1 word2 ");
        assert!(events.last().unwrap()["error"]["code"].is_string(), "{events:?}");
    }
}
