//! Calls of strict tools, which must match their schema, on the real codex.

use serde_json::{Value, json};

use crate::support::{Events, TestProxy, prompt_body, real};

/// A chat whose tool takes a number.
fn chat(prompt: &str, strict: bool) -> Value {
    let parameters = json!({"type":"object","properties":{"n":{"type":"integer","minimum":1}},"required":["n"],
        "additionalProperties":false});
    let mut body = prompt_body(prompt);
    body["tools"] =
        json!([{"type":"function","function":{"name":"f","strict":strict,"parameters":parameters}}]);
    body
}

fn arguments(answer: &Value) -> Vec<&str> {
    let calls = answer["choices"][0]["message"]["tool_calls"].as_array().unwrap();
    calls.iter().map(|call| call["function"]["arguments"].as_str().unwrap()).collect()
}

/// The output that the model got for its first call.
fn rejection(proxy: &TestProxy) -> String {
    let request = proxy.model.request(1).unwrap();
    let output = request.items().find(|item| item["type"] == "function_call_output").unwrap();
    output["output"].to_string()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_call_that_does_not_match_a_strict_schema_is_made_again() {
    let proxy = real().start().await;
    let script = "[[say=\"one moment\" usage=10,0,5,0 tool=f:{\"n\":0} then usage=10,0,5,0 say=\"sorry\" tool=f:{\"n\":1}]]";
    let mut body = chat(script, true);
    let answer: Value = proxy.chat(&body).await.json().await.unwrap();
    assert_eq!(arguments(&answer), ["{\"n\":1}"]);
    assert_eq!(answer["choices"][0]["message"]["content"], "one moment");
    assert_eq!(answer["usage"]["completion_tokens"], 10, "of both attempts");
    assert!(rejection(&proxy).contains("/properties/n/minimum"), "{}", rejection(&proxy));

    let message = answer["choices"][0]["message"].clone();
    let output = json!({"role":"tool","tool_call_id":message["tool_calls"][0]["id"],"content":"done"});
    body["messages"].as_array_mut().unwrap().extend([message, output]);
    let answer: Value = proxy.chat(&body).await.json().await.unwrap();
    assert!(answer["choices"][0]["message"]["content"].as_str().unwrap().contains("done"), "{answer}");
    let thread = |n| proxy.model.request(n).unwrap().body()["prompt_cache_key"].clone();
    assert_eq!((thread(1), thread(2)), (thread(0), thread(0)), "one turn in one thread");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_stream_has_only_the_call_that_matches() {
    let proxy = real().start().await;
    let mut body = chat("[[tool=f:{\"n\":0} tool=f:{\"n\":3} then tool=f:{\"n\":1} tool=f:{\"n\":2}]]", true);
    body["stream"] = true.into();
    let events = proxy.stream_of(&body).await.rest().await;
    let calls = events.iter().filter_map(|event| event["choices"][0]["delta"]["tool_calls"].as_array());
    let arguments: String = calls.map(|calls| calls[0]["function"]["arguments"].as_str().unwrap()).collect();
    assert_eq!(arguments, "{\"n\":1}{\"n\":2}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_call_that_never_matches_is_an_error_that_names_the_tool() {
    let proxy = real().start().await;
    let response = proxy.chat(&chat("[[tool=f:{\"n\":0} then tool=f:{} then say=never]]", true)).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["x-should-retry"]),
        (502, &"false".parse().unwrap())
    );
    let error: Value = response.json().await.unwrap();
    assert_eq!(error["error"]["code"], "invalid_output");
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.contains("\"f\"") && message.contains("/required"), "{message}");
    assert_eq!(proxy.model.requests().iter().filter(|request| request.id.is_some()).count(), 2);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn an_answer_in_words_after_a_rejected_call_is_sent() {
    let proxy = real().start().await;
    let answer: Value =
        proxy.chat(&chat("[[tool=f:{\"n\":0} then say=\"I cannot\"]]", true)).await.json().await.unwrap();
    let choice = &answer["choices"][0];
    assert_eq!(
        (&choice["message"]["content"], &choice["finish_reason"]),
        (&json!("I cannot"), &json!("stop"))
    );
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn calls_of_other_tools_are_sent_as_the_model_wrote_them() {
    let proxy = real().start().await;
    let answer: Value = proxy.chat(&chat("[[tool=f:{\"n\":0}]]", false)).await.json().await.unwrap();
    assert_eq!(arguments(&answer), ["{\"n\":0}"]);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn responses_have_strict_tools_and_custom_tools_always_get_their_text() {
    let proxy = real().start().await;
    let strict = json!({"type":"function","name":"f","strict":true,"parameters":{"type":"object",
        "properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}});
    for (tool, prompt, field, value) in [
        (strict, "[[tool=f:{\"n\":\"a\"} then tool=f:{\"n\":1}]]", "arguments", "{\"n\":1}"),
        (
            json!({"type":"custom","name":"run"}),
            "[[tool=run:{\"code\":1} then tool=run:{\"input\":\"x\"}]]",
            "input",
            "x",
        ),
    ] {
        let body = json!({"model":"gpt-5.5","input":prompt,"tools":[tool],"stream":true});
        let events = Events::new(proxy.post("/v1/responses", &body).await).rest().await;
        let output = events.last().unwrap()["response"]["output"].as_array().unwrap();
        assert_eq!((output.len(), &output[0][field]), (1, &json!(value)));
    }
}
