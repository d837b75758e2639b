//! What one request asks for holds for that request, and only for it, on the real codex.

use serde_json::{Value, json};

use crate::support::{TestProxy, prompt_body, real};
use crate::tools::{Chat, cache_key};

/// Whether each upstream request so far contains `text` in its input.
fn holding(proxy: &TestProxy, text: &str) -> Vec<bool> {
    let input_has =
        |request: &sample_model::Recorded| request.input().iter().any(|(_, message)| message.contains(text));
    proxy.model.requests().iter().map(input_has).collect()
}

fn schema() -> Value {
    json!({"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],"additionalProperties":false})
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn format_asked_for_with_a_tools_output_reaches_the_model_and_ends_with_its_request() {
    let proxy = real().start().await;
    let strict = json!({"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":schema()}});
    let loose = json!({"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}});
    for (format, is_strict) in [(strict, true), (loose, false), (json!({"type":"json_object"}), false)] {
        let before = proxy.model.requests().len();
        let mut chat = Chat::new(&proxy, &["f"]);
        let answer = chat.ask("[[tool=f:{} then say=\"{\\\"a\\\":1}\"]]").await;
        chat.output(&answer["message"]["tool_calls"][0], "done");
        chat.body["response_format"] = format.clone();
        let answer = chat.send().await;
        assert_eq!(answer["message"]["content"], "{\"a\":1}", "{format}");
        chat.body.as_object_mut().unwrap().remove("response_format");
        chat.ask("[[words=1]]").await;
        let upstream = &proxy.model.requests()[before..];
        let schemas: Vec<bool> =
            upstream.iter().map(|request| request.body()["text"]["format"].is_object()).collect();
        let in_words = holding(&proxy, "JSON")[before..].to_vec();
        let only_the_second = vec![false, true, false];
        assert_eq!(if is_strict { schemas } else { in_words }, only_the_second, "{format}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn format_asked_for_with_an_output_reaches_the_model_in_responses_too() {
    let proxy = real().start().await;
    let tools = json!([{"type":"function","name":"f","parameters":{"type":"object","properties":{}}}]);
    let ask = async |body: Value| {
        let response = proxy.post("/v1/responses", &body).await;
        let (status, body) = (response.status(), response.json::<Value>().await.unwrap());
        assert_eq!(status, 200, "{body}");
        body
    };
    let input = "[[tool=f:{} then say=\"{\\\"a\\\":1}\"]]";
    let first = ask(json!({"model":"gpt-5.5","input":input,"tools":tools})).await;
    let output =
        json!([{"type":"function_call_output","call_id":first["output"][0]["call_id"],"output":"x"}]);
    let format = json!({"type":"json_schema","name":"n","strict":true,"schema":schema()});
    let second = ask(json!({"model":"gpt-5.5","input":output,"tools":tools,"text":{"format":format},
        "previous_response_id":first["id"]}))
    .await;
    assert_eq!(second["output"][0]["content"][0]["text"], "{\"a\":1}");
    assert_eq!(proxy.model.request(1).unwrap().body()["text"]["format"]["schema"], schema());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn summary_is_requested_by_the_request_that_wants_it() {
    let proxy = real().start().await;
    for (first, then) in [(false, true), (true, false)] {
        let before = proxy.model.requests().len();
        let mut chat = Chat::new(&proxy, &["f"]);
        chat.body["include_reasoning"] = first.into();
        let answer = chat.ask("[[tool=f:{}]]").await;
        chat.output(&answer["message"]["tool_calls"][0], "done");
        chat.body["include_reasoning"] = then.into();
        chat.send().await;
        chat.body["include_reasoning"] = first.into();
        chat.ask("[[words=1]]").await;
        let upstream = &proxy.model.requests()[before..];
        let summaries: Vec<bool> =
            upstream.iter().map(|request| request.body()["reasoning"]["summary"].is_string()).collect();
        assert_eq!(summaries, [first, then, first]);
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn note_is_gone_with_its_request() {
    let proxy = real().start().await;
    let named = json!({"type":"function","function":{"name":"f"}});
    for (field, value, note) in [
        ("tool_choice", json!("required"), "Answer by calling"),
        ("tool_choice", named, "Answer by calling"),
        ("response_format", json!({"type":"json_object"}), "JSON"),
    ] {
        for model in ["gpt-5.5", "codex-local"] {
            let before = proxy.model.requests().len();
            let mut chat = Chat::new(&proxy, &["f"]);
            chat.body["model"] = model.into();
            chat.body[field] = value.clone();
            let answer = chat.ask("[[tool=f:{}]]").await;
            chat.output(&answer["message"]["tool_calls"][0], "done");
            chat.body.as_object_mut().unwrap().remove(field);
            assert_eq!(chat.send().await["message"]["content"], "Tool results: done");
            chat.ask("[[words=1]]").await;
            assert_eq!(holding(&proxy, note)[before..], [true, false, false], "{model} {value}");
        }
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn parked_turn_goes_on_for_a_request_with_the_same_note() {
    let proxy = real().start().await;
    let mut chat = Chat::new(&proxy, &["f"]);
    chat.body["response_format"] = json!({"type":"json_object"});
    let answer = chat.ask("[[tool=f:{} then say={}]]").await;
    chat.output(&answer["message"]["tool_calls"][0], "done");
    assert_eq!(chat.send().await["message"]["content"], "{}");
    assert_eq!(cache_key(&proxy, 1), cache_key(&proxy, 0));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn only_the_named_tool_is_called() {
    let proxy = real().start().await;
    for parallel in [true, false] {
        let mut chat = Chat::new(&proxy, &["a", "b"]);
        chat.body["tool_choice"] = json!({"type":"function","function":{"name":"a"}});
        chat.body["parallel_tool_calls"] = parallel.into();
        chat.push(json!({"role":"user","content":"[[tool=b:{} usage=10,0,5,0 then tool=a:{} tool=b:{} usage=20,0,7,0]]"}));
        let response: Value = proxy.chat(&chat.body).await.json().await.unwrap();
        let calls = response["choices"][0]["message"]["tool_calls"].as_array().unwrap();
        let names: Vec<&Value> = calls.iter().map(|call| &call["function"]["name"]).collect();
        assert_eq!(names, ["a"], "parallel_tool_calls: {parallel}");
        let usage = &response["usage"];
        assert_eq!((&usage["prompt_tokens"], &usage["completion_tokens"]), (&json!(30), &json!(12)));
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn usage_counts_the_attempt_without_the_required_call() {
    let proxy = real().start().await;
    for choice in [json!("required"), json!({"type":"function","function":{"name":"a"}})] {
        let mut chat = Chat::new(&proxy, &["a", "b"]);
        chat.body["tool_choice"] = choice;
        chat.push(
            json!({"role":"user","content":"[[reluctant say=\"rather not\" tool=a:{} usage=10,4,5,1]]"}),
        );
        let response: Value = proxy.chat(&chat.body).await.json().await.unwrap();
        let calls = response["choices"][0]["message"]["tool_calls"].as_array().unwrap();
        assert_eq!((calls.len(), &calls[0]["function"]["name"]), (1, &json!("a")));
        let usage = &response["usage"];
        assert_eq!((&usage["prompt_tokens"], &usage["completion_tokens"]), (&json!(20), &json!(10)));
        assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 8);
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn plain_model_is_sent_the_verbosity_and_tier_that_were_asked_for_and_no_other() {
    let proxy = real().start().await;
    for model in ["gpt-5.5", "gpt-6-sol"] {
        for verbosity in [None, Some("high"), Some("low"), None] {
            let mut chat = prompt_body("[[words=1]]");
            chat["model"] = model.into();
            let mut response = json!({"model":model,"input":"[[words=1]]"});
            if let Some(verbosity) = verbosity {
                chat["verbosity"] = verbosity.into();
                response["text"] = json!({ "verbosity": verbosity });
            }
            for (path, body) in [("/v1/chat/completions", chat), ("/v1/responses", response)] {
                assert_eq!(proxy.post(path, &body).await.status(), 200);
                let upstream = proxy.model.requests().pop().unwrap();
                assert_eq!(upstream.body()["text"]["verbosity"].as_str(), verbosity, "{model} {path}");
                assert_eq!(upstream.body()["service_tier"], Value::Null, "{model} {path}");
            }
        }
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn verbosity_is_named_as_ignored_for_a_model_that_codex_does_not_know() {
    let proxy = real().settings(|settings| settings.model = Some("my-own".to_owned())).start().await;
    let mut chat = prompt_body("[[words=1]]");
    chat["verbosity"] = "high".into();
    let response = json!({"model":"my-own","input":"[[words=1]]","text":{"verbosity":"high"}});
    for (model, ignored) in
        [("gpt-5.5", None), ("my-own", Some("verbosity")), ("codex-local", Some("verbosity"))]
    {
        chat["model"] = model.into();
        let answer = proxy.chat(&chat).await;
        assert_eq!(answer.status(), 200, "{model}");
        let named = answer.headers().get("x-codex-proxy-ignored").map(|names| names.to_str().unwrap());
        assert_eq!(named, ignored, "{model}");
        let sent = proxy.model.requests().pop().unwrap().body()["text"]["verbosity"].is_string();
        assert_eq!(sent, ignored.is_none(), "{model}");
    }
    let answer = proxy.post("/v1/responses", &response).await;
    assert_eq!(answer.headers()["x-codex-proxy-ignored"], "text.verbosity");
}
