//! The Responses API on the real codex: complete and streamed responses, and request parameters.

mod background;
mod input;
mod store;
mod tools;

use std::time::Duration;

use reqwest::Response;
use sample_model::Event;
use serde_json::{Value, json};

use crate::support::{Events, TIMEOUT, TestProxy, real};

/// An image of one pixel.
const PNG: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/// Sends a request.
async fn send(proxy: &TestProxy, mut body: Value) -> Response {
    body["model"] = "gpt-5.5".into();
    proxy.post("/v1/responses", &body).await
}

/// Sends a request that must succeed.
async fn ask(proxy: &TestProxy, body: Value) -> Value {
    let response = send(proxy, body).await;
    let (status, body) = (response.status(), response.json().await.unwrap());
    assert_eq!(status, 200, "{body}");
    body
}

/// Sends a request that must fail, and returns its error.
async fn rejected(proxy: &TestProxy, body: Value, status: u16) -> Value {
    let response = send(proxy, body).await;
    assert_eq!(response.status(), status);
    response.json::<Value>().await.unwrap()["error"].clone()
}

async fn stream(proxy: &TestProxy, mut body: Value) -> Events {
    body["stream"] = true.into();
    let response = send(proxy, body).await;
    assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
    Events::new(response)
}

/// The next event of this type.
async fn until(events: &mut Events, kind: &str) -> Value {
    loop {
        let event = events.next().await.expect("the stream has ended");
        if event["type"] == kind {
            return event;
        }
    }
}

fn text_of(response: &Value) -> String {
    let items = response["output"].as_array().unwrap().iter();
    items.filter_map(|item| item["content"][0]["text"].as_str()).collect()
}

/// The input of the `n`th upstream request.
fn upstream(proxy: &TestProxy, n: u64) -> Vec<(String, String)> {
    proxy.model.request(n).unwrap().input()
}

/// A plain model's instructions when the client sends none.
const DEFAULT_INSTRUCTIONS: (&str, &str) = ("developer", "You are a helpful assistant.");

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(role, text)| ((*role).to_owned(), (*text).to_owned())).collect()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn complete_response_has_openais_format_and_exact_usage() {
    let proxy = real().start().await;
    let response = ask(
        &proxy,
        json!({"input":"[[say=\"Hello there\" usage=100,40,20,5]]","metadata":{"mine":"1"},"temperature":0.5}),
    )
    .await;
    assert_eq!(response["object"], "response");
    assert_eq!(response["status"], "completed");
    assert_eq!(response["model"], "gpt-5.5");
    assert!(response["id"].as_str().unwrap().starts_with("resp_"));
    assert!(response["completed_at"].as_u64() >= response["created_at"].as_u64());
    let item = &response["output"][0];
    assert!(item["id"].as_str().unwrap().starts_with("msg_"));
    assert_eq!(
        (&item["type"], &item["role"], &item["status"]),
        (&json!("message"), &json!("assistant"), &json!("completed"))
    );
    assert_eq!(
        item["content"],
        json!([{"type":"output_text","text":"Hello there","annotations":[],"logprobs":[]}])
    );
    assert_eq!(
        response["usage"],
        json!({"input_tokens":100,"input_tokens_details":{"cached_tokens":40,"cache_write_tokens":0},
            "output_tokens":20,"output_tokens_details":{"reasoning_tokens":5},"total_tokens":120})
    );
    assert_eq!((&response["metadata"], &response["temperature"]), (&json!({"mine":"1"}), &json!(0.5)));
    assert_eq!(
        upstream(&proxy, 0),
        pairs(&[DEFAULT_INSTRUCTIONS, ("user", "[[say=\"Hello there\" usage=100,40,20,5]]")])
    );
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn stream_has_every_event_in_order_without_a_done_line() {
    let proxy = real().start().await;
    let mut events = stream(&proxy, json!({"input":"[[words=3 reasoning=1]]"})).await;
    let headers = events.response.headers();
    assert!(headers["content-type"].to_str().unwrap().starts_with("text/event-stream"));
    let events = events.rest().await;
    let mut kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    kinds.dedup();
    assert_eq!(
        kinds,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.reasoning_summary_part.added",
            "response.reasoning_summary_text.delta",
            "response.reasoning_summary_text.done",
            "response.reasoning_summary_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
    let deltas: Vec<&str> = events
        .iter()
        .filter(|event| event["type"] == "response.output_text.delta")
        .map(|event| event["delta"].as_str().unwrap())
        .collect();
    assert_eq!(deltas, ["word1 ", "word2 ", "word3 "]);
    let last = &events.last().unwrap()["response"];
    assert_eq!(last["id"], events[0]["response"]["id"]);
    assert_eq!(text_of(last), "word1 word2 word3 ");
    assert!(last["output"][0]["summary"][0]["text"].as_str().unwrap().contains("thinking"));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn client_gets_the_first_delta_before_the_model_has_finished() {
    let proxy = real().start().await;
    let mut events = stream(&proxy, json!({"input":"[[words=2 hold=1]]"})).await;
    assert_eq!(until(&mut events, "response.output_text.delta").await["delta"], "word1 ");
    proxy.release_model().await;
    assert_eq!(until(&mut events, "response.output_text.delta").await["delta"], "word2 ");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn response_id_is_sent_even_while_the_model_is_silent() {
    let proxy = real().limits(|limits| limits.ping_interval = Duration::from_millis(50)).start().await;
    let mut events = stream(&proxy, json!({"input":"[[words=1 hold=0]]"})).await;
    assert_eq!(events.next().await.unwrap()["type"], "response.created");
    assert_eq!(events.next().await.unwrap()["type"], "response.in_progress");
    assert_eq!(events.next_block().await.unwrap(), ": ping");
    proxy.release_model().await;
    let mut last = String::new();
    while let Some(block) = events.next_block().await {
        last = block;
    }
    assert!(last.starts_with("event: response.completed\n"), "{last}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn items_reach_the_model_with_their_roles() {
    let proxy = real().start().await;
    let input = json!([
        {"role":"system","content":"be brief"},
        {"role":"user","content":[{"type":"input_text","text":"one"}]},
        {"type":"message","role":"assistant","content":[{"type":"output_text","text":"two"}]},
        {"type":"reasoning","id":"rs_1","summary":[]},
        {"type":"function_call","call_id":"call_1","name":"look","arguments":"{ \"a\": 1 }"},
        {"type":"function_call_output","call_id":"call_1","output":"seen"},
        {"type":"message","role":"user","content":[
            {"type":"input_text","text":"[[words=1]]"},{"type":"input_image","image_url":PNG,"detail":"low"}]}
    ]);
    ask(&proxy, json!({"instructions":"be kind","input":input})).await;
    let upstream = proxy.model.request(0).unwrap();
    let items: Vec<&Value> = upstream.items().collect();
    let roles: Vec<&Value> = items.iter().map(|item| &item["role"]).collect();
    assert_eq!(roles[..3], ["developer", "user", "assistant"]);
    assert_eq!(items[0]["content"][0]["text"], "be kind\n\nbe brief");
    assert_eq!(items[3]["arguments"], "{ \"a\": 1 }");
    assert_eq!(items[4]["output"], "seen");
    let image = items[5]["content"].as_array().unwrap().iter().find(|part| part["type"] == "input_image");
    assert_eq!(image.unwrap()["image_url"], PNG);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn answer_cut_by_max_output_tokens_is_incomplete() {
    let proxy = real().start().await;
    let body = json!({"input":"[[words=50 every=5]]","max_output_tokens":20});
    let whole = ask(&proxy, body.clone()).await;
    assert_eq!(whole["status"], "incomplete");
    assert_eq!(whole["incomplete_details"], json!({"reason":"max_output_tokens"}));
    assert_eq!(whole["output"][0]["status"], "incomplete");
    assert!(!text_of(&whole).is_empty());
    let events = stream(&proxy, body).await.rest().await;
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(text_of(&last["response"]), text_of(&whole));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn schema_reaches_the_model_and_the_answer_matches_it() {
    let proxy = real().start().await;
    let schema = json!({"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false});
    let format = json!({"type":"json_schema","name":"city","strict":true,"schema":schema});
    let response = ask(&proxy, json!({"input":"any city","text":{"format":format}})).await;
    assert!(serde_json::from_str::<Value>(&text_of(&response)).unwrap()["city"].is_string());
    assert_eq!(response["text"]["format"], format);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn unsupported_parameters_are_rejected_and_ignored_ones_are_named() {
    let proxy = real().start().await;
    for (body, param) in [
        (json!({"input":"a","tools":[{"type":"file_search"}]}), "tools[0].type"),
        (json!({"input":"a","top_logprobs":2}), "top_logprobs"),
        (
            json!({"input":[{"role":"user","content":[{"type":"input_file","file_id":"f"}]}]}),
            "input[0].content[0]",
        ),
    ] {
        let error = rejected(&proxy, body, 400).await;
        assert_eq!((&error["code"], &error["param"]), (&json!("unsupported_parameter"), &json!(param)));
    }
    for (body, param) in [
        (json!({}), "input"),
        (json!({"input":5}), "input"),
        (json!({"input":[{"role":"user","content":[{"text":"a"}]}]}), "input[0].content[0].type"),
        (json!({"input":"a","reasoning":{"effort":"enormous"}}), "reasoning.effort"),
        (json!({"input":"a","metadata":{"a":1}}), "metadata.a"),
    ] {
        let error = rejected(&proxy, body, 400).await;
        assert_eq!((&error["code"], &error["param"]), (&json!("invalid_request"), &json!(param)));
    }
    let body = json!({"input":"[[words=1]]","temperature":0.5,"include":["reasoning.encrypted_content"],"top_p":null});
    let response = send(&proxy, body).await;
    assert_eq!(response.headers()["x-codex-proxy-ignored"], "include, temperature");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn failure_is_a_status_before_the_first_delta_and_ends_the_stream_after_it() {
    let proxy = real().start().await;
    for streamed in [true, false] {
        let body = json!({"input":"[[failed=context_length_exceeded]]","stream":streamed});
        let error = rejected(&proxy, body, 400).await;
        assert_eq!((&error["code"], &error["param"]), (&json!("context_length_exceeded"), &json!("input")));
    }
    let body = json!({"input":"[[words=2 failed=context_length_exceeded message=\"no more room\"]]"});
    let events = stream(&proxy, body).await.rest().await;
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.failed");
    assert_eq!(last["response"]["status"], "failed");
    assert_eq!(last["response"]["error"]["code"], "context_length_exceeded");
    assert_eq!(text_of(&last["response"]), "word1 word2 ");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn disconnecting_interrupts_the_turn() {
    let proxy = real().start().await;
    let mut events = stream(&proxy, json!({"input":"[[words=3 hold=1]]"})).await;
    until(&mut events, "response.output_text.delta").await;
    drop(events);
    let gone = |event: &Event| matches!(event, Event::ClientGone { .. });
    assert!(proxy.model.wait_for(gone, TIMEOUT).await.is_some());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn log_has_the_route_and_background_tasks_use_the_smallest_model() {
    let proxy = real().start().await;
    let newest = || proxy.log.newest().arrival;
    assert_eq!(ask(&proxy, json!({"input":"[[words=1]]"})).await["model"], "gpt-5.5");
    assert_eq!((newest().route.as_str(), newest().background), ("/v1/responses", false));
    let task = "### Task:\nGenerate a concise title summarizing the chat history. [[words=1]]";
    let parts = json!([{"type":"input_text","text":task}]);
    let title = ask(&proxy, json!({"input":[{"type":"message","role":"user","content":parts}]})).await;
    assert_ne!(title["model"], "gpt-5.5");
    assert!(newest().background);
}
