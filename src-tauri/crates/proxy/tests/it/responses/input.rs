//! What a response is generated from: its items, its tokens, and its summary.

use serde_json::{Value, json};

use super::store::id_of;
use super::{PNG, ask, rejected, send, upstream};
use crate::support::{TestProxy, fake, real, schema};

async fn input_items(proxy: &TestProxy, id: &str, query: &str) -> Value {
    let response = proxy.get(&format!("/v1/responses/{id}/input_items?{query}")).send().await.unwrap();
    let (status, page) = (response.status(), response.json().await.unwrap());
    assert_eq!(status, 200, "{page}");
    schema::conforms("ResponseItemList", &page);
    page
}

/// The first text of each item; `?` for one without.
fn texts(page: &Value) -> Vec<&str> {
    let items = page["data"].as_array().unwrap().iter();
    items.map(|item| item["content"][0]["text"].as_str().unwrap_or("?")).collect()
}

async fn tokens(proxy: &TestProxy, body: Value) -> u64 {
    let response = proxy.post("/v1/responses/input_tokens", &body).await;
    let (status, body): (_, Value) = (response.status(), response.json().await.unwrap());
    assert_eq!(status, 200, "{body}");
    body["input_tokens"].as_u64().unwrap()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn input_items_of_a_response_are_listed_with_the_conversation_before_it() {
    let proxy = real().start().await;
    let first = ask(&proxy, json!({"input":"[[say=two]]"})).await;
    let input = json!([
        {"role":"user","content":[{"type":"input_text","text":"three"},{"type":"input_image","image_url":PNG}]},
        {"type":"function_call","call_id":"c","name":"look","arguments":"{}"},
        {"type":"function_call_output","call_id":"c","output":"seen"},
        {"id":"mine","role":"assistant","content":"four"},
        {"role":"user","content":"[[words=1]]"},
    ]);
    let second = id_of(&ask(&proxy, json!({"input":input,"previous_response_id":first["id"]})).await);
    let all = input_items(&proxy, &second, "order=asc").await;
    let kinds: Vec<&str> =
        all["data"].as_array().unwrap().iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        ["message", "message", "message", "function_call", "function_call_output", "message", "message"]
    );
    assert_eq!(texts(&all), ["[[say=two]]", "two", "three", "?", "?", "four", "[[words=1]]"]);
    assert_eq!(all["data"][1]["id"], first["output"][0]["id"]);
    assert_eq!((&all["data"][5]["id"], &all["has_more"]), (&json!("mine"), &json!(false)));
    assert_eq!(all["data"][2]["content"][1]["image_url"], Value::Null);
    let with_images = input_items(&proxy, &second, "order=asc&include[]=message.input_image.image_url").await;
    assert_eq!(with_images["data"][2]["content"][1]["image_url"], PNG);

    let page = input_items(&proxy, &second, "limit=2").await;
    assert_eq!((texts(&page), &page["has_more"]), (vec!["[[words=1]]", "four"], &json!(true)));
    let last = page["last_id"].as_str().unwrap();
    assert_eq!((last, &page["first_id"]), ("mine", &all["last_id"]));
    let next = input_items(&proxy, &second, &format!("limit=100&after={last}")).await;
    assert_eq!(texts(&next), ["?", "?", "three", "two", "[[say=two]]"]);
    for (query, param) in [("limit=101", "limit"), ("order=up", "order"), ("after=none", "after")] {
        let response =
            proxy.get(&format!("/v1/responses/{second}/input_items?{query}")).send().await.unwrap();
        assert_eq!(response.status(), 400);
        assert_eq!(response.json::<Value>().await.unwrap()["error"]["param"], param);
    }
    let unknown = proxy.get("/v1/responses/resp_none/input_items").send().await.unwrap();
    assert_eq!(unknown.status(), 404);
}

#[tokio::test]
async fn input_items_are_there_while_the_response_runs() {
    let proxy = fake("hang-after-delta=1").start().await;
    let running = ask(&proxy, json!({"input":"hi","background":true})).await;
    assert_eq!(texts(&input_items(&proxy, &id_of(&running), "").await), ["hi"]);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn input_tokens_are_counted_without_a_model() {
    let proxy = real().start().await;
    // As in OpenAI's own example.
    assert_eq!(tokens(&proxy, json!({"model":"gpt-5","input":"Tell me a joke."})).await, 11);
    let hello = tokens(&proxy, json!({"input":"hello"})).await;
    assert!(tokens(&proxy, json!({"input":"hello","instructions":"Be brief."})).await > hello);
    let tool = json!({"type":"function","name":"look","parameters":{"type":"object","properties":{}},"strict":false});
    assert!(tokens(&proxy, json!({"input":"hello","tools":[tool]})).await > hello + 5);
    let first = ask(&proxy, json!({"input":"[[say=two]]"})).await;
    assert!(tokens(&proxy, json!({"input":"hello","previous_response_id":first["id"]})).await > hello + 5);
    let asked = proxy.log.rows().len();

    let long = "word ".repeat(1_000_000);
    assert_eq!(tokens(&proxy, json!({ "input": long })).await, 1_000_000 + 7);
    let input = json!([{"role":"user","content":[{"type":"input_image","image_url":PNG}]}]);
    let pictures = proxy.post("/v1/responses/input_tokens", &json!({ "input": input })).await;
    assert_eq!(pictures.headers()["x-codex-proxy-ignored"], "input_image");
    let none = proxy.post("/v1/responses/input_tokens", &json!({})).await;
    assert_eq!(none.status(), 400);
    assert_eq!((proxy.log.rows().len(), proxy.model.requests().len()), (asked, 1), "no turn, no row");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_compacted_conversation_continues_from_its_summary() {
    let proxy = real().start().await;
    let input = json!([{"role":"user","content":"My cat is Ada."},{"role":"assistant","content":"Nice."},
        {"role":"user","content":"[[say=\"The cat is Ada.\" usage=100,0,9,0]]"}]);
    let body = json!({"model":"gpt-5.5","input":input,"instructions":"be kind","parallel_tool_calls":true,"tools":[]});
    let response = proxy.post("/v1/responses/compact", &body).await;
    assert_eq!(response.status(), 200);
    let compacted: Value = response.json().await.unwrap();
    schema::conforms("CompactedResponse", &compacted);
    assert_eq!(compacted["usage"]["input_tokens"], 100);
    assert_eq!(proxy.log.newest().arrival.route, "/v1/responses/compact");
    let sent = upstream(&proxy, 0);
    assert!(sent.last().unwrap().1.starts_with("Summarize the whole conversation"), "{sent:?}");

    let mut input = compacted["output"].as_array().unwrap().clone();
    input.push(json!({"role":"user","content":"[[words=1]]"}));
    let next = ask(&proxy, json!({ "input": input })).await;
    let sent = upstream(&proxy, 1);
    assert!(sent[1].1.starts_with("[Summary of the earlier conversation"), "{sent:?}");
    assert!(sent[1].1.ends_with("The cat is Ada."), "{sent:?}");
    let listed = input_items(&proxy, &id_of(&next), "order=asc").await;
    assert_eq!(listed["data"][0], compacted["output"][0]);

    // What OpenAI encrypted, only OpenAI can read.
    let foreign =
        json!([{"type":"compaction","encrypted_content":"gAAAA"},{"role":"user","content":"[[words=1]]"}]);
    ask(&proxy, json!({ "input": foreign })).await;
    assert_eq!(upstream(&proxy, 2)[1].1, "[compaction, not passed on]");
    let failed =
        proxy.post("/v1/responses/compact", &json!({"model":"gpt-5.5","input":"[[say=\" \"]]"})).await;
    assert_eq!(failed.status(), 502);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn what_cannot_be_enforced_is_named() {
    let proxy = real().start().await;
    let grammar = json!({"type":"grammar","syntax":"regex","definition":"[0-9]+"});
    let tools = json!([{"type":"custom","name":"count","format":grammar},{"type":"custom","name":"say","format":{"type":"text"}}]);
    let response = send(&proxy, json!({"input":"[[words=1]]","tools":tools})).await;
    assert_eq!(response.headers()["x-codex-proxy-ignored"], "custom.format");
    let tools = json!([{"type":"custom","name":"say","format":{"type":"text"}}]);
    let included = json!(["message.input_image.image_url"]);
    let response = send(&proxy, json!({"input":"[[words=1]]","tools":tools,"include":included})).await;
    assert!(!response.headers().contains_key("x-codex-proxy-ignored"));
}

#[tokio::test]
async fn labels_are_bounded_as_openai_bounds_them() {
    let proxy = fake("").start().await;
    let many: serde_json::Map<String, Value> = (0..17).map(|n| (n.to_string(), json!(""))).collect();
    for (metadata, param) in [
        (Value::Object(many), "metadata"),
        (json!({"a":"x".repeat(513)}), "metadata.a"),
        (json!({"a":1}), "metadata.a"),
    ] {
        let error = rejected(&proxy, json!({"input":"hi","metadata":metadata}), 400).await;
        assert_eq!(error["param"], param);
    }
}

#[tokio::test]
async fn addresses_without_a_route_are_answered_in_openais_words() {
    let proxy = fake("").start().await;
    let error = async |method: reqwest::Method, path: &str| {
        let request = proxy.anonymous(method, path).bearer_auth(crate::support::KEY);
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        schema::conforms("ErrorResponse", &body);
        (status, body["error"]["message"].as_str().unwrap().to_owned())
    };
    let (status, message) = error(reqwest::Method::GET, "/v1/responses/resp_1/nothing").await;
    assert_eq!(status, 404);
    assert!(message.starts_with("Invalid URL (GET /v1/responses/resp_1/nothing)"), "{message}");
    let (status, message) = error(reqwest::Method::PUT, "/v1/responses").await;
    assert_eq!(status, 405);
    assert!(message.starts_with("Not allowed to PUT on /v1/responses."), "{message}");
    for (path, word) in [
        ("/v1/embeddings", "embeddings"),
        ("/v1/audio/speech", "speech"),
        ("/v1/audio/transcriptions", "transcriptions"),
        ("/v1/files", "files"),
        ("/v1/moderations", "moderations"),
        ("/v1/batches", "batches"),
        ("/v1/fine_tuning/jobs", "fine-tuning"),
    ] {
        let (status, message) = error(reqwest::Method::POST, path).await;
        assert!(
            status == 404 && message.starts_with("Codex ") && message.contains(word),
            "{path}: {message}"
        );
    }
    let (_, message) = error(reqwest::Method::GET, "/v1/filesystem").await;
    assert!(message.starts_with("Invalid URL"), "{message}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_conversation_too_long_for_its_model_loses_its_oldest_items_with_truncation_auto() {
    let proxy = real().start().await;
    let long = "word ".repeat(300_000);
    let input = json!([{"role":"user","content":long},{"role":"assistant","content":"yes"},
        {"role":"user","content":"[[words=1]]"}]);
    let body = json!({"input":input,"instructions":"be kind","truncation":"auto"});
    let response = send(&proxy, body).await;
    assert!(!response.headers().contains_key("x-codex-proxy-ignored"));
    let response: Value = response.json().await.unwrap();
    assert_eq!((&response["status"], &response["truncation"]), (&json!("completed"), &json!("auto")));
    assert_eq!(
        upstream(&proxy, 0),
        super::pairs(&[("developer", "be kind"), ("assistant", "yes"), ("user", "[[words=1]]")])
    );
    assert!(proxy.log.newest().steps.iter().any(|step| step.what.starts_with("Left out the oldest items")));
    let whole = input_items(&proxy, &id_of(&response), "").await;
    assert_eq!(whole["data"].as_array().unwrap().len(), 3, "what is stored is whole");
    let agent = json!({"model":"codex-local","input":"[[words=1]]","truncation":"auto"});
    let agent = proxy.post("/v1/responses", &agent).await;
    assert_eq!(agent.headers()["x-codex-proxy-ignored"], "truncation");
}
