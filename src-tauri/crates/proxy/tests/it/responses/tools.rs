//! The client's tools: calls, outputs and continuations.

use serde_json::{Value, json};

use super::{ask, rejected, stream, text_of};
use crate::support::real;

fn weather() -> Value {
    let city = json!({"type":"object","properties":{"city":{"type":"string"}},"required":["city"]});
    json!([{"type":"function","name":"get_weather","description":"Tells.","parameters":city,"strict":false}])
}

/// The outputs of each call in a response.
fn outputs(response: &Value, text: &str) -> Value {
    let calls = response["output"].as_array().unwrap().iter().filter(|item| item["type"] == "function_call");
    let output =
        |call: &Value| json!({"type":"function_call_output","call_id":call["call_id"],"output":text});
    calls.map(output).collect()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn tool_is_called_and_its_output_continues_the_response() {
    let proxy = real().start().await;
    let input = "[[say=\"Let me look.\" tool=get_weather:{\"city\": \"Köln\"}]]";
    let first = ask(&proxy, json!({"input":input,"tools":weather()})).await;
    assert_eq!(first["status"], "completed");
    let kinds: Vec<&Value> = first["output"].as_array().unwrap().iter().map(|item| &item["type"]).collect();
    assert_eq!(kinds, ["message", "function_call"]);
    let call = &first["output"][1];
    assert_eq!((&call["name"], &call["arguments"]), (&json!("get_weather"), &json!("{\"city\": \"Köln\"}")));

    let body = json!({"input":outputs(&first, "rain"),"tools":weather(),"previous_response_id":first["id"]});
    let second = ask(&proxy, body).await;
    assert_eq!(text_of(&second), "Tool results: rain");
    let upstream = proxy.model.request(1).unwrap();
    let last: Vec<&Value> = upstream.items().skip(2).collect();
    assert_eq!((&last[1]["call_id"], &last[2]["call_id"]), (&call["call_id"], &call["call_id"]));
    assert_eq!(last[1]["arguments"], "{\"city\": \"Köln\"}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn call_is_streamed_as_a_separate_item() {
    let proxy = real().start().await;
    let body = json!({"input":"[[tool=get_weather:{\"city\":\"K\"}]]","tools":weather()});
    let events = stream(&proxy, body).await.rest().await;
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds[2..],
        [
            "response.output_item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    assert_eq!(events[4]["arguments"], "{\"city\":\"K\"}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn call_without_output_and_output_without_call_are_rejected() {
    let proxy = real().start().await;
    let first =
        ask(&proxy, json!({"input":"[[tool=get_weather:{} tool=get_weather:{}]]","tools":weather()})).await;
    let one = json!([outputs(&first, "rain")[0]]);
    let body = json!({"input":one,"tools":weather(),"previous_response_id":first["id"]});
    assert_eq!(rejected(&proxy, body, 400).await["param"], "input");
    let stray = json!([{"type":"function_call_output","call_id":"call_none","output":"rain"}]);
    assert_eq!(rejected(&proxy, json!({ "input": stray }), 400).await["param"], "input[0].call_id");
    let body = json!({"input":outputs(&first, "sun"),"tools":weather(),"previous_response_id":first["id"]});
    assert_eq!(text_of(&ask(&proxy, body).await), "Tool results: sun; sun");
}
