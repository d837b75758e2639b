//! What real clients send and OpenAI accepts, on the real codex.

mod formats;
mod history;

use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{TestProxy, real};

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";

/// A prompt in the form of this route, with more parameters.
fn prompt(path: &str, model: &str, text: &str, more: &Value) -> Value {
    let mut body = match path {
        CHAT => json!({"model":model,"messages":[{"role":"user","content":text}]}),
        _ => json!({"model":model,"input":text}),
    };
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn ignored(response: &Response) -> Option<&str> {
    response.headers().get("x-codex-proxy-ignored").map(|names| names.to_str().unwrap())
}

async fn accepted(proxy: &TestProxy, path: &str, body: &Value) -> Response {
    let response = proxy.post(path, body).await;
    if response.status() != 200 {
        panic!("{body}: {} {}", response.status(), response.text().await.unwrap());
    }
    response
}

/// The error of a request that is a 400.
async fn refused(proxy: &TestProxy, path: &str, body: &Value) -> Value {
    let response = proxy.post(path, body).await;
    assert_eq!(response.status(), 400, "{body}");
    response.json::<Value>().await.unwrap()["error"].clone()
}

fn upstream(proxy: &TestProxy) -> Value {
    proxy.model.requests().last().unwrap().body().clone()
}

fn effort(path: &str, effort: &str) -> Value {
    match path {
        CHAT => json!({ "reasoning_effort": effort }),
        _ => json!({"reasoning":{"effort":effort}}),
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn effort_that_the_model_lacks_becomes_the_nearest_it_has_and_is_named() {
    let proxy = real().start().await;
    for (model, asked, sent) in [
        ("gpt-5.5", "none", "low"),
        ("gpt-5.5", "minimal", "low"),
        ("gpt-5.5", "max", "xhigh"),
        ("gpt-5.5", "high", "high"),
        ("gpt-6-luna", "max", "max"),
        ("codex-local", "none", "low"),
        ("codex-local", "max", "xhigh"),
    ] {
        for path in [CHAT, RESPONSES] {
            let body = prompt(path, model, "[[words=1]]", &effort(path, asked));
            let response = accepted(&proxy, path, &body).await;
            let name = if path == CHAT { "reasoning_effort" } else { "reasoning.effort" };
            assert_eq!(ignored(&response), (asked != sent).then_some(name), "{model} {asked}");
            assert_eq!(upstream(&proxy)["reasoning"]["effort"], sent, "{model} {asked} {path}");
        }
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn word_that_is_no_effort_is_400() {
    let proxy = real().start().await;
    for model in ["gpt-5.5", "codex-local"] {
        for path in [CHAT, RESPONSES] {
            for word in ["banana", ""] {
                let body = prompt(path, model, "[[words=1]]", &effort(path, word));
                let error = refused(&proxy, path, &body).await;
                let name = if path == CHAT { "reasoning_effort" } else { "reasoning.effort" };
                assert_eq!(error["param"], name, "{error}");
                assert!(error["message"].as_str().unwrap().contains("low, medium, high"), "{error}");
            }
        }
    }
    assert!(proxy.model.requests().is_empty());
}

const COMPLETIONS: &str = "/v1/completions";

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn whole_floats_are_numbers_and_minus_one_is_no_limit() {
    let proxy = real().start().await;
    for (path, limits) in [
        (CHAT, json!({"max_tokens":-1,"n":1.0,"presence_penalty":0})),
        (CHAT, json!({"max_tokens":100.0,"max_completion_tokens":-1.0})),
        (CHAT, json!({"max_tokens":1e15,"top_logprobs":0.0})),
        (RESPONSES, json!({"max_output_tokens":-1,"n":1.0})),
        (RESPONSES, json!({"max_output_tokens":100.0,"top_logprobs":0.0})),
        (COMPLETIONS, json!({"max_tokens":-1,"n":1.0,"best_of":1,"prompt":"[[words=3]]"})),
        (COMPLETIONS, json!({"max_tokens":100.0,"best_of":1.0,"prompt":"[[words=3]]"})),
    ] {
        let response = accepted(&proxy, path, &prompt(path, "gpt-5.5", "[[words=3]]", &limits)).await;
        let answer = response.text().await.unwrap();
        assert!(answer.contains("word1 word2 word3 "), "{limits}: {answer}");
    }
    let cut = json!({"max_tokens":2.0});
    let response = accepted(&proxy, CHAT, &prompt(CHAT, "gpt-5.5", "[[words=30 every=5]]", &cut)).await;
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    for (path, name) in [(CHAT, "max_tokens"), (RESPONSES, "max_output_tokens"), (COMPLETIONS, "max_tokens")]
    {
        for number in [json!(-2), json!(1.5), json!(-1.5), json!("100"), json!(true)] {
            let body = prompt(path, "gpt-5.5", "[[words=1]]", &json!({ name: number, "prompt": "a" }));
            let param = refused(&proxy, path, &body).await["param"].clone();
            assert!(path == RESPONSES || param == name, "{path} {number}: {param}");
        }
    }
    for number in [json!(-1), json!(1.5), json!(0.0)] {
        let body = prompt(CHAT, "gpt-5.5", "[[words=1]]", &json!({ "n": number }));
        assert_eq!(refused(&proxy, CHAT, &body).await["param"], "n");
    }
}

/// The calls and outputs that the model got.
fn calls_sent(proxy: &TestProxy) -> Vec<Value> {
    let input = upstream(proxy)["input"].as_array().unwrap().clone();
    input.into_iter().filter(|item| item["call_id"].is_string()).collect()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn optional_fields_can_be_null_anywhere() {
    let proxy = real().start().await;
    let function = json!({"name":"f","description":null,"parameters":null,"strict":null});
    let chat = json!({
        "model":"gpt-5.5", "stream_options":null, "tools":[{"type":"function","function":function}],
        "response_format":{"type":"text","json_schema":null},
        "web_search_options":{"search_context_size":null,"user_location":{"type":"approximate","approximate":null}},
        "messages":[
            {"role":"user","name":null,"tool_calls":null,"content":[
                {"type":"text","text":"a","refusal":null,"image_url":null,"detail":null,"file":null}]},
            {"role":"assistant","content":null,"refusal":null,"function_call":null,"audio":null,"tool_calls":[
                {"id":"c1","type":null,"index":null,"function":{"name":"f","arguments":null}}]},
            {"role":"tool","tool_call_id":"c1","name":null,"content":null},
            {"role":"assistant","content":"b","tool_calls":null,"tool_call_id":null},
            {"role":"user","content":[{"type":"text","text":"[[words=1]]"},
                {"type":"image_url","image_url":{"url":PNG,"detail":null}}]}
        ]
    });
    accepted(&proxy, CHAT, &chat).await;
    assert_eq!(calls_sent(&proxy)[0]["arguments"], "");
    let responses = json!({
        "model":"gpt-5.5", "instructions":null, "metadata":null,
        "text":{"format":null,"verbosity":null}, "reasoning":{"effort":null,"summary":null,"generate_summary":null},
        "tools":[{"type":"function","name":"f","description":null,"parameters":null,"strict":null}],
        "input":[
            {"type":null,"id":null,"role":"user","status":null,"name":null,"content":[
                {"type":"input_text","text":"a","detail":null}]},
            {"type":"reasoning","id":"rs_1","summary":null,"content":null,"encrypted_content":null,"status":null},
            {"type":"function_call","id":null,"call_id":"c1","name":"f","arguments":null,"status":null},
            {"type":"function_call_output","id":null,"call_id":"c1","output":"x","status":null},
            {"type":"message","role":"user","content":[{"type":"input_text","text":"[[words=1]]"},
                {"type":"input_image","image_url":PNG,"file_id":null,"detail":null}]}
        ]
    });
    accepted(&proxy, RESPONSES, &responses).await;
    assert_eq!(calls_sent(&proxy)[0]["arguments"], "");
    let completions =
        json!({"model":"gpt-5.5","prompt":"[[words=1]]","stop":null,"stream_options":null,"n":null});
    accepted(&proxy, COMPLETIONS, &completions).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn arguments_of_a_call_can_be_an_object() {
    let proxy = real().start().await;
    let arguments = json!({"a":null,"b":[1,"x"]});
    let chat = json!({"model":"gpt-5.5","messages":[
        {"role":"user","content":"a"},
        {"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":arguments}}]},
        {"role":"tool","tool_call_id":"c1","content":"[[words=1]]"}]});
    let legacy = json!({"model":"gpt-5.5","messages":[
        {"role":"user","content":"a"},
        {"role":"assistant","function_call":{"name":"f","arguments":arguments}},
        {"role":"function","name":"f","content":"x"}]});
    let responses = json!({"model":"gpt-5.5","input":[
        {"role":"user","content":"a"},
        {"type":"function_call","call_id":"c1","name":"f","arguments":arguments},
        {"type":"function_call_output","call_id":"c1","output":"x"}]});
    for (path, body) in [(CHAT, chat), (CHAT, legacy), (RESPONSES, responses)] {
        accepted(&proxy, path, &body).await;
        assert_eq!(calls_sent(&proxy)[0]["arguments"], arguments.to_string());
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn call_ids_that_upstream_refuses_are_ours_there() {
    let proxy = real().start().await;
    let long = "c".repeat(90);
    for [first, second] in [[long.as_str(), "c2"], ["", ""], ["é", &"é".repeat(65)], ["call_1", "call_1"]] {
        let call = |id: &str| json!({"id":id,"type":"function","function":{"name":"f","arguments":"{}"}});
        let chat = json!({"model":"gpt-5.5","messages":[
            {"role":"user","content":"a"},
            {"role":"assistant","tool_calls":[call(first)]},
            {"role":"tool","tool_call_id":first,"content":"one"},
            {"role":"assistant","tool_calls":[call(second)]},
            {"role":"tool","tool_call_id":second,"content":"two"},
            {"role":"user","content":"[[words=1]]"}]});
        let call =
            |id: &str| json!({"type":"function_call","id":"","call_id":id,"name":"f","arguments":"{}"});
        let output = |id: &str, text: &str| json!({"type":"function_call_output","id":long,"call_id":id,"output":text});
        let responses = json!({"model":"gpt-5.5","input":[
            {"role":"user","content":"a"}, call(first), output(first, "one"), call(second), output(second, "two"),
            {"role":"user","content":"[[words=1]]"}]});
        for (path, body) in [(CHAT, chat), (RESPONSES, responses)] {
            accepted(&proxy, path, &body).await;
            let sent = calls_sent(&proxy);
            let ids: Vec<&str> = sent.iter().map(|item| item["call_id"].as_str().unwrap()).collect();
            assert!(ids.iter().all(|id| (1..=64).contains(&id.chars().count())), "{ids:?}");
            assert_eq!((ids[0], ids[2]), (ids[1], ids[3]), "a call and its output share an id");
            assert_eq!(ids[0] == ids[2], first == "call_1", "different calls have different ids: {ids:?}");
            assert!(first.len() > 10 || first.is_empty() || ids[0] == first, "unchanged where possible");
            assert_eq!((&sent[1]["output"], &sent[3]["output"]), (&json!("one"), &json!("two")));
        }
    }
    // Several calls of one message without ids are answered in their order.
    let call = |name: &str| json!({"id":"","type":"function","function":{"name":name,"arguments":"{}"}});
    let chat = json!({"model":"gpt-5.5","messages":[
        {"role":"user","content":"a"},
        {"role":"assistant","tool_calls":[call("f"), call("g")]},
        {"role":"tool","tool_call_id":"","content":"one"},
        {"role":"tool","content":"two"}]});
    accepted(&proxy, CHAT, &chat).await;
    let sent = calls_sent(&proxy);
    assert_eq!((&sent[0]["call_id"], &sent[1]["call_id"]), (&sent[2]["call_id"], &sent[3]["call_id"]));
    assert_ne!(sent[0]["call_id"], sent[1]["call_id"]);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn items_keep_the_ids_that_the_client_gave_them() {
    let proxy = real().start().await;
    let long = format!("msg_{}", "c".repeat(90));
    let input = json!([{"type":"message","id":long,"role":"user","content":"[[words=1]] mine"}]);
    accepted(&proxy, RESPONSES, &json!({"model":"gpt-5.5","input":input})).await;
    let input = json!([{"type":"item_reference","id":long},{"role":"user","content":"[[words=1]]"}]);
    accepted(&proxy, RESPONSES, &json!({"model":"gpt-5.5","input":input})).await;
    assert!(upstream(&proxy)["input"].to_string().contains("mine"));
}

const PNG: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
