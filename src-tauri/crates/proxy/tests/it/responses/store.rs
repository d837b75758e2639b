//! Stored responses: retrieval, isolation by key, deletion and cancellation.

use reqwest::{Method, StatusCode};
use sample_model::{Event, not_on_windows};
use serde_json::{Value, json};

use super::{DEFAULT_INSTRUCTIONS, ask, pairs, rejected, stream, text_of, until, upstream};
use crate::support::{KEY, TIMEOUT, TestProxy, real};
use proxy::Key;

const OTHER: &str = "sk-another-key-of-the-test";

/// Sends a request with this key.
pub(super) async fn with_key(
    proxy: &TestProxy,
    method: Method,
    path: &str,
    key: &str,
) -> (StatusCode, Value) {
    let response = proxy.anonymous(method, path).bearer_auth(key).send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

pub(super) async fn get(proxy: &TestProxy, id: &str) -> (StatusCode, Value) {
    with_key(proxy, Method::GET, &format!("/v1/responses/{id}"), KEY).await
}

pub(super) fn id_of(response: &Value) -> String {
    response["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn response_continues_a_previous_one_without_its_instructions() {
    let proxy = real().start().await;
    let first = ask(&proxy, json!({"instructions":"be brief","input":"[[say=\"two\"]]"})).await;
    let body = json!({"instructions":"be kind","input":"[[words=1]]","previous_response_id":id_of(&first)});
    let second = ask(&proxy, body).await;
    assert_eq!(second["previous_response_id"], first["id"]);
    assert_eq!(
        upstream(&proxy, 1),
        pairs(&[
            ("developer", "be kind"),
            ("user", "[[say=\"two\"]]"),
            ("assistant", "two"),
            ("user", "[[words=1]]"),
        ])
    );
    let body = json!({"input":"[[words=1]]","previous_response_id":id_of(&second)});
    ask(&proxy, body).await;
    let third = upstream(&proxy, 2);
    assert_eq!(third[0], pairs(&[DEFAULT_INSTRUCTIONS])[0]);
    assert_eq!(third.len(), 6);
    assert!(third[1..].iter().all(|(role, _)| role != "developer"));
}

/// The cache key of the `n`th upstream request, which is the same for all requests of a thread.
fn cache_key(proxy: &TestProxy, n: u64) -> Value {
    proxy.model.request(n).unwrap().body()["prompt_cache_key"].clone()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn conversation_stays_in_its_thread_by_reference_and_by_items() {
    let proxy = real().start().await;
    let first = ask(&proxy, json!({"input":"[[say=two reasoning=1]]"})).await;
    let second = ask(&proxy, json!({"input":"[[say=four]]","previous_response_id":id_of(&first)})).await;
    let mut input = vec![json!({"role":"user","content":"[[say=two reasoning=1]]"})];
    input.extend(first["output"].as_array().unwrap().clone());
    input.push(json!({"role":"user","content":"[[say=four]]"}));
    input.extend(second["output"].as_array().unwrap().clone());
    input.push(json!({"role":"user","content":"[[words=1]]"}));
    ask(&proxy, json!({ "input": input })).await;
    assert!(cache_key(&proxy, 0).is_string());
    assert_eq!(cache_key(&proxy, 1), cache_key(&proxy, 0));
    assert_eq!(cache_key(&proxy, 2), cache_key(&proxy, 0));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn answer_interrupted_by_agent_actions_stays_in_its_thread() {
    not_on_windows!("codex runs no command there before its sandbox is set up");
    let proxy = real().start().await;
    let agent = async |body: Value| -> Value {
        let mut body = body;
        body["model"] = "codex-local".into();
        proxy.post("/v1/responses", &body).await.json().await.unwrap()
    };
    let first = agent(json!({"input":"[[say=\"Let me look.\" shell=\"exit 3\"]]"})).await;
    let kinds: Vec<&Value> = first["output"].as_array().unwrap().iter().map(|item| &item["type"]).collect();
    assert_eq!(kinds, ["message", "reasoning", "message"], "{first}");
    let second = agent(json!({"input":"[[words=1]]","previous_response_id":id_of(&first)})).await;
    assert_eq!(second["status"], "completed");
    let last = u64::try_from(proxy.model.requests().iter().filter(|request| request.id.is_some()).count())
        .unwrap()
        - 1;
    assert_eq!(cache_key(&proxy, last), cache_key(&proxy, 0));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn items_can_be_sent_by_reference() {
    let proxy = real().start().await;
    let first = ask(&proxy, json!({"input":"[[say=\"two\" reasoning=1]]"})).await;
    let reference = |index: usize| json!({"type":"item_reference","id":first["output"][index]["id"]});
    let input = json!([{"role":"user","content":"one"},reference(0),reference(1),{"role":"user","content":"[[words=1]]"}]);
    ask(&proxy, json!({ "input": input })).await;
    assert_eq!(
        upstream(&proxy, 1),
        pairs(&[DEFAULT_INSTRUCTIONS, ("user", "one"), ("assistant", "two"), ("user", "[[words=1]]")])
    );
    let unknown = json!([{"type":"item_reference","id":"msg_none"},{"role":"user","content":"[[words=1]]"}]);
    ask(&proxy, json!({ "input": unknown })).await;
    assert_eq!(upstream(&proxy, 2)[1], ("assistant".into(), "[an earlier message, no longer stored]".into()));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn responses_are_stored_unless_store_is_false() {
    let proxy = real().start().await;
    let stored = ask(&proxy, json!({"input":"[[words=1]]"})).await;
    assert_eq!(get(&proxy, &id_of(&stored)).await, (StatusCode::OK, stored.clone()));
    let path = format!("/v1/responses/{}", id_of(&stored));
    let (status, error) = with_key(&proxy, Method::GET, &format!("{path}?stream=true"), KEY).await;
    assert_eq!((status, &error["error"]["param"]), (StatusCode::BAD_REQUEST, &json!("stream")));
    let deleted = with_key(&proxy, Method::DELETE, &path, KEY).await;
    assert_eq!(deleted, (StatusCode::OK, json!({"id":id_of(&stored),"object":"response","deleted":true})));
    assert_eq!(with_key(&proxy, Method::DELETE, &path, KEY).await.0, StatusCode::NOT_FOUND);

    let ephemeral = ask(&proxy, json!({"input":"[[words=1]]","store":false})).await;
    for gone in [stored, ephemeral] {
        let (status, error) = get(&proxy, &id_of(&gone)).await;
        assert_eq!((status, &error["error"]["code"]), (StatusCode::NOT_FOUND, &json!("response_not_found")));
        let body = json!({"input":"[[words=1]]","previous_response_id":id_of(&gone)});
        let error = rejected(&proxy, body, 400).await;
        assert_eq!(error["code"], "previous_response_not_found");
        assert_eq!(error["param"], "previous_response_id");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn responses_are_invisible_to_other_keys() {
    let mut plan = real();
    plan.settings.api_keys.push(Key::new(OTHER));
    let proxy = plan.start().await;
    let response = ask(&proxy, json!({"input":"[[words=1]]"})).await;
    let path = format!("/v1/responses/{}", id_of(&response));
    for (method, path) in [
        (Method::GET, path.clone()),
        (Method::DELETE, path.clone()),
        (Method::POST, format!("{path}/cancel")),
    ] {
        let (status, error) = with_key(&proxy, method, &path, OTHER).await;
        assert_eq!((status, &error["error"]["code"]), (StatusCode::NOT_FOUND, &json!("response_not_found")));
    }
    let body = json!({"model":"gpt-5.5","input":"a","previous_response_id":response["id"]});
    let request = proxy.anonymous(Method::POST, "/v1/responses").bearer_auth(OTHER).json(&body);
    let error: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(error["error"]["code"], "previous_response_not_found");
    assert_eq!(get(&proxy, &id_of(&response)).await.0, StatusCode::OK);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn response_in_progress_can_be_retrieved_and_cancelled() {
    let proxy = real().start().await;
    let mut events = stream(&proxy, json!({"input":"[[words=3 hold=1]]"})).await;
    let id = id_of(&events.next().await.unwrap()["response"]);
    until(&mut events, "response.output_text.delta").await;
    let (_, running) = get(&proxy, &id).await;
    assert_eq!((running["status"].as_str(), text_of(&running).as_str()), (Some("in_progress"), "word1 "));
    let error = rejected(&proxy, json!({"input":"a","previous_response_id":id}), 400).await;
    assert_eq!(error["param"], "previous_response_id");

    let path = format!("/v1/responses/{id}/cancel");
    let cancelled: Value = proxy.post(&path, &json!({})).await.json().await.unwrap();
    assert_eq!(cancelled["status"], "cancelled");
    let gone = |event: &Event| matches!(event, Event::ClientGone { .. });
    assert!(proxy.model.wait_for(gone, TIMEOUT).await.is_some());
    let last = events.rest().await.pop().unwrap();
    assert_eq!(last["response"], cancelled);
    assert_eq!(get(&proxy, &id).await, (StatusCode::OK, cancelled.clone()));
    let again: Value = proxy.post(&path, &json!({})).await.json().await.unwrap();
    assert_eq!(again, cancelled);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn completed_response_cannot_be_cancelled() {
    let proxy = real().start().await;
    let response = ask(&proxy, json!({"input":"[[words=1]]"})).await;
    let answer = proxy.post(&format!("/v1/responses/{}/cancel", id_of(&response)), &json!({})).await;
    assert_eq!(answer.status(), 400);
    assert_eq!(get(&proxy, &id_of(&response)).await.1["status"], "completed");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn deleting_a_response_in_progress_cancels_it() {
    let proxy = real().start().await;
    let mut events = stream(&proxy, json!({"input":"[[words=3 hold=1]]"})).await;
    let id = id_of(&events.next().await.unwrap()["response"]);
    with_key(&proxy, Method::DELETE, &format!("/v1/responses/{id}"), KEY).await;
    assert_eq!(events.rest().await.pop().unwrap()["response"]["status"], "cancelled");
    assert_eq!(get(&proxy, &id).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn response_is_cancelled_when_its_client_disconnects() {
    let proxy = real().start().await;
    let mut events = stream(&proxy, json!({"input":"[[words=3 hold=1]]"})).await;
    let id = id_of(&events.next().await.unwrap()["response"]);
    drop(events);
    let gone = |event: &Event| matches!(event, Event::ClientGone { .. });
    assert!(proxy.model.wait_for(gone, TIMEOUT).await.is_some());
    assert_eq!(get(&proxy, &id).await.1["status"], "cancelled");
}
