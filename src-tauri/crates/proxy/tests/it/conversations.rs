//! Conversations, and the responses that continue them.

use proxy::Key;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Events, KEY, TestProxy, fake, real};

const OTHER_KEY: &str = "sk-another-test-key-of-the-proxy";

async fn start() -> TestProxy {
    fake("").settings(|settings| settings.api_keys.push(Key::new(OTHER_KEY))).start().await
}

async fn call(proxy: &TestProxy, key: &str, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    proxy.call_as(key, method, &format!("/v1/{path}"), body).await
}

async fn ok(proxy: &TestProxy, method: Method, path: &str, body: Option<Value>) -> Value {
    let (status, body) = call(proxy, KEY, method, path, body).await;
    assert_eq!(status, 200, "{body}");
    body
}

async fn get(proxy: &TestProxy, path: &str) -> Value {
    ok(proxy, Method::GET, path, None).await
}

async fn post(proxy: &TestProxy, path: &str, body: Value) -> Value {
    ok(proxy, Method::POST, path, Some(body)).await
}

/// A conversation with these items, and its path.
async fn create(proxy: &TestProxy, items: Value) -> (String, String) {
    let conversation = post(proxy, "conversations", json!({ "items": items })).await;
    let id = conversation["id"].as_str().unwrap().to_owned();
    (format!("conversations/{id}"), id)
}

fn user(text: &str) -> Value {
    json!({"role":"user","content":text})
}

/// The texts of a list of items.
fn texts(list: &Value) -> Vec<&str> {
    let items = list["data"].as_array().unwrap().iter();
    items.map(|item| item["content"][0]["text"].as_str().unwrap_or_default()).collect()
}

fn ids(list: &Value) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

async fn respond(proxy: &TestProxy, conversation: &Value, input: &str) -> Value {
    let body = json!({"model":"gpt-5.5","conversation":conversation,"input":input});
    post(proxy, "responses", body).await
}

/// The error with its status.
async fn rejected(proxy: &TestProxy, method: Method, path: &str, body: Option<Value>) -> (u16, Value, Value) {
    let (status, body) = call(proxy, KEY, method, path, body).await;
    (status, body["error"]["code"].clone(), body["error"]["param"].clone())
}

#[tokio::test]
async fn a_conversation_is_created_retrieved_updated_and_deleted() {
    let proxy = start().await;
    let empty = ok(&proxy, Method::POST, "conversations", None).await;
    assert_eq!((&empty["object"], &empty["metadata"]), (&json!("conversation"), &json!({})));
    let metadata = json!({"topic":"demo"});
    let body = json!({"metadata":metadata,"items":[user("hi")]});
    let conversation = post(&proxy, "conversations", body).await;
    assert_eq!(conversation["metadata"], metadata);
    let path = format!("conversations/{}", conversation["id"].as_str().unwrap());
    assert_eq!(get(&proxy, &path).await, conversation);
    let updated = post(&proxy, &path, json!({"metadata":{"topic":"other"}})).await;
    assert_eq!((&updated["id"], &updated["metadata"]), (&conversation["id"], &json!({"topic":"other"})));
    assert_eq!(updated["created_at"], conversation["created_at"]);
    assert_eq!(get(&proxy, &path).await, updated);
    assert_eq!(texts(&get(&proxy, &format!("{path}/items")).await), ["hi"]);
    let deleted = ok(&proxy, Method::DELETE, &path, None).await;
    assert_eq!(deleted, json!({"id":conversation["id"],"object":"conversation.deleted","deleted":true}));
    for (method, path) in [
        (Method::GET, path.clone()),
        (Method::DELETE, path.clone()),
        (Method::GET, path.clone() + "/items"),
        (Method::GET, path.clone() + "/items/msg_1"),
        (Method::DELETE, path.clone() + "/items/msg_1"),
    ] {
        let (status, code, _) = rejected(&proxy, method, &path, None).await;
        assert_eq!((status, code), (404, json!("conversation_not_found")), "{path}");
    }
}

#[tokio::test]
async fn items_are_added_listed_in_pages_retrieved_and_deleted() {
    let proxy = start().await;
    let (path, id) = create(&proxy, json!([user("0")])).await;
    let items = format!("{path}/items");
    let calls = json!([
        user("1"),
        {"type":"function_call","call_id":"c","name":"look","arguments":"{}","id":"fc_mine"},
        {"type":"function_call_output","call_id":"c","output":"seen"},
        {"type":"message","role":"assistant","content":[{"type":"output_text","text":"4"}]}
    ]);
    let added = post(&proxy, &items, json!({ "items": calls })).await;
    assert_eq!(added["data"].as_array().unwrap().len(), 4);
    assert_eq!(added["data"][1]["id"], "fc_mine");
    let all = get(&proxy, &format!("{items}?order=asc")).await;
    assert_eq!(ids(&all)[1..], ids(&added));
    assert_eq!(texts(&get(&proxy, &items).await), ["4", "", "", "1", "0"], "latest first");
    let page =
        get(&proxy, &format!("{items}?limit=2&order=asc&include[]=message.input_image.image_url")).await;
    assert_eq!((texts(&page), &page["has_more"]), (vec!["0", "1"], &json!(true)));
    let after = page["last_id"].as_str().unwrap();
    let page = get(&proxy, &format!("{items}?limit=9&order=asc&after={after}")).await;
    assert_eq!((ids(&page), &page["has_more"]), (ids(&all)[2..].to_vec(), &json!(false)));

    let item = get(&proxy, &format!("{items}/fc_mine")).await;
    assert_eq!(item["name"], "look");
    let kept = ok(&proxy, Method::DELETE, &format!("{items}/fc_mine"), None).await;
    assert_eq!(kept["id"], json!(id));
    let (status, code, _) = rejected(&proxy, Method::GET, &format!("{items}/fc_mine"), None).await;
    assert_eq!((status, code), (404, json!("item_not_found")));
    assert_eq!(ids(&get(&proxy, &items).await).len(), 4);
    // The id is free again, and otherwise it gets another one.
    let again = json!({"items":[user("5"), {"role":"user","content":"6","id":ids(&all)[0]}]});
    let added = post(&proxy, &items, again).await;
    assert_ne!(added["data"][1]["id"], all["data"][0]["id"]);
    assert_eq!(texts(&get(&proxy, &format!("{items}?limit=2")).await), ["6", "5"]);
}

#[tokio::test]
async fn wrong_items_and_labels_are_named() {
    let proxy = start().await;
    let (path, _) = create(&proxy, json!([])).await;
    let many: Vec<Value> = (0..21).map(|n| user(&n.to_string())).collect();
    for (body, param) in [
        (json!({}), "items"),
        (json!({"items":"hi"}), "items"),
        (json!({"items":many}), "items"),
        (json!({"items":[{"role":"critic","content":"x"}]}), "items[0].role"),
        (json!({"items":[{"type":"function_call","call_id":"c"}]}), "items[0].name"),
        (json!({"items":[{"type":"item_reference","id":"msg_none"}]}), "items"),
    ] {
        let (status, _, wrong) =
            rejected(&proxy, Method::POST, &format!("{path}/items"), Some(body.clone())).await;
        assert_eq!((status, wrong), (400, json!(param)), "{body}");
    }
    for (method, path, body, param) in [
        (Method::POST, path.clone(), Some(json!({"metadata":{"a":1}})), "metadata.a"),
        (Method::GET, path.clone() + "/items?limit=0", None, "limit"),
        (Method::GET, path.clone() + "/items?after=msg_none", None, "after"),
    ] {
        let (status, _, wrong) = rejected(&proxy, method, &path, body).await;
        assert_eq!((status, wrong), (400, json!(param)), "{path}");
    }
}

#[tokio::test]
async fn a_conversation_is_invisible_to_other_keys() {
    let proxy = start().await;
    let (path, id) = create(&proxy, json!([user("a secret")])).await;
    let item = ids(&get(&proxy, &format!("{path}/items")).await).remove(0);
    for (method, path, body) in [
        (Method::GET, path.clone(), None),
        (Method::DELETE, path.clone(), None),
        (Method::POST, path.clone(), Some(json!({"metadata":{}}))),
        (Method::GET, path.clone() + "/items", None),
        (Method::POST, path.clone() + "/items", Some(json!({"items":[user("x")]}))),
        (Method::GET, format!("{path}/items/{item}"), None),
        (Method::DELETE, format!("{path}/items/{item}"), None),
        (
            Method::POST,
            "responses".to_owned(),
            Some(json!({"model":"gpt-5.5","input":"a","conversation":id})),
        ),
    ] {
        let (status, body) = call(&proxy, OTHER_KEY, method, &path, body).await;
        assert_eq!((status, &body["error"]["code"]), (404, &json!("conversation_not_found")), "{path}");
    }
    assert_eq!(texts(&get(&proxy, &format!("{path}/items")).await), ["a secret"]);
}

#[tokio::test]
async fn a_response_adds_its_input_and_output_to_its_conversation() {
    let proxy = start().await;
    let (path, id) = create(&proxy, json!([user("first")])).await;
    let one = respond(&proxy, &json!(id), "one").await;
    assert_eq!(one["conversation"], json!({"id":id}));
    let stored = get(&proxy, &format!("responses/{}", one["id"].as_str().unwrap())).await;
    assert_eq!(stored["conversation"], json!({"id":id}));
    let two = respond(&proxy, &json!({"id":id}), "two").await;
    let answer = one["output"][0]["content"][0]["text"].as_str().unwrap();
    let items = get(&proxy, &format!("{path}/items?order=asc")).await;
    assert_eq!(texts(&items), ["first", "one", answer, "two", answer]);
    assert_eq!(items["data"][2]["id"], one["output"][0]["id"]);
    // An ephemeral response is part of it too.
    let body = json!({"model":"gpt-5.5","conversation":id,"input":"three","store":false});
    let three = post(&proxy, "responses", body).await;
    let (status, _, _) =
        rejected(&proxy, Method::GET, &format!("responses/{}", three["id"].as_str().unwrap()), None).await;
    assert_eq!(status, 404);
    assert_eq!(ids(&get(&proxy, &format!("{path}/items")).await).len(), 7);
    // A response outlives the conversation that it was part of, and the other way round.
    ok(&proxy, Method::DELETE, &path, None).await;
    let next = json!({"model":"gpt-5.5","previous_response_id":two["id"],"input":"four"});
    let next = post(&proxy, "responses", next).await;
    assert!(next.get("conversation").is_none());
}

#[tokio::test]
async fn a_streamed_response_is_in_its_conversation_when_its_last_event_arrives() {
    let proxy = start().await;
    let (path, id) = create(&proxy, json!([])).await;
    let body = json!({"model":"gpt-5.5","conversation":id,"input":"hi","stream":true});
    let events = Events::new(proxy.post("/v1/responses", &body).await).rest().await;
    assert_eq!(events[0]["response"]["conversation"], json!({"id":id}));
    assert_eq!(events.last().unwrap()["type"], "response.completed");
    assert_eq!(ids(&get(&proxy, &format!("{path}/items")).await).len(), 2);
}

#[tokio::test]
async fn a_conversation_is_held_by_its_running_response() {
    let proxy = fake("hang-after-delta=1").start().await;
    let (path, id) = create(&proxy, json!([user("first")])).await;
    let body = json!({"model":"gpt-5.5","conversation":id,"input":"hi","stream":true});
    let mut events = Events::new(proxy.post("/v1/responses", &body).await);
    while events.next().await.unwrap()["type"] != "response.output_text.delta" {}
    let item = ids(&get(&proxy, &format!("{path}/items")).await).remove(0);
    for (method, path, body) in [
        (Method::POST, "responses".to_owned(), Some(body)),
        (Method::POST, path.clone() + "/items", Some(json!({"items":[user("x")]}))),
        (Method::POST, path.clone(), Some(json!({"metadata":{}}))),
        (Method::DELETE, format!("{path}/items/{item}"), None),
    ] {
        let (status, code, param) = rejected(&proxy, method, &path, body).await;
        assert_eq!(
            (status, code, param),
            (400, json!("conversation_locked"), json!("conversation")),
            "{path}"
        );
    }
    // The client leaves: what was broken off is no part of the conversation.
    drop(events);
    let released =
        async || call(&proxy, KEY, Method::POST, &path, Some(json!({"metadata":{}}))).await.0 == 200;
    while !released().await {}
    assert_eq!(texts(&get(&proxy, &format!("{path}/items")).await), ["first"]);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_conversation_deleted_during_a_response_stays_deleted() {
    let proxy = real().start().await;
    let (path, id) = create(&proxy, json!([user("first")])).await;
    let body = json!({"model":"gpt-5.5","conversation":id,"input":"[[words=2 hold=1]]","stream":true});
    let mut events = Events::new(proxy.post("/v1/responses", &body).await);
    while events.next().await.unwrap()["type"] != "response.output_text.delta" {}
    ok(&proxy, Method::DELETE, &path, None).await;
    proxy.release_model().await;
    assert_eq!(events.rest().await.last().unwrap()["type"], "response.completed");
    let (status, _, _) = rejected(&proxy, Method::GET, &path, None).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_request_continues_a_response_or_a_conversation_but_not_both() {
    let proxy = start().await;
    let (_, id) = create(&proxy, json!([])).await;
    let one = respond(&proxy, &json!(id), "one").await;
    let both = json!({"model":"gpt-5.5","conversation":id,"previous_response_id":one["id"],"input":"hi"});
    let (status, code, param) = rejected(&proxy, Method::POST, "responses", Some(both)).await;
    assert_eq!(
        (status, code, param),
        (400, json!("mutually_exclusive_parameters"), json!("previous_response_id"))
    );
    for conversation in [json!(3), json!({}), json!("")] {
        let body = json!({"model":"gpt-5.5","conversation":conversation,"input":"hi"});
        let (status, _, param) = rejected(&proxy, Method::POST, "responses", Some(body)).await;
        assert_eq!((status, param), (400, json!("conversation")), "{conversation}");
    }
    let body = json!({"model":"gpt-5.5","conversation":null,"input":"hi"});
    assert!(post(&proxy, "responses", body).await.get("conversation").is_none());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_model_sees_the_conversation_before_the_input() {
    let proxy = real().start().await;
    let (path, id) = create(
        &proxy,
        json!([{"role":"developer","content":"be brief"}, user("first"), {"role":"assistant","content":"noted"}]),
    )
    .await;
    respond(&proxy, &json!(id), "[[say=\"one\"]]").await;
    let developer = ("developer".to_owned(), "be brief".to_owned());
    let input = |n: u64| proxy.model.request(n).unwrap().input();
    let said = |role: &str, text: &str| (role.to_owned(), text.to_owned());
    let first = [said("user", "first"), said("assistant", "noted"), said("user", "[[say=\"one\"]]")];
    assert_eq!(input(0)[0], developer);
    assert_eq!(input(0)[1..], first);
    let items = get(&proxy, &format!("{path}/items?order=asc")).await;
    let noted = ids(&items).remove(2);
    ok(&proxy, Method::DELETE, &format!("{path}/items/{noted}"), None).await;
    respond(&proxy, &json!(id), "[[say=\"two\"]]").await;
    let second = [
        said("user", "first"),
        said("user", "[[say=\"one\"]]"),
        said("assistant", "one"),
        said("user", "[[say=\"two\"]]"),
    ];
    assert_eq!(input(1)[1..], second);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_tool_call_and_its_output_meet_in_the_conversation() {
    let proxy = real().start().await;
    let (path, id) = create(&proxy, json!([])).await;
    let tools = json!([{"type":"function","name":"look","parameters":{"type":"object","properties":{}}}]);
    let body = json!({"model":"gpt-5.5","conversation":id,"input":"[[tool=look:{}]]","tools":tools});
    let called = post(&proxy, "responses", body).await;
    let call = &called["output"][0];
    assert_eq!(call["type"], "function_call");
    let missing = json!({"model":"gpt-5.5","conversation":id,"input":"and?","tools":tools});
    let (status, _, param) = rejected(&proxy, Method::POST, "responses", Some(missing)).await;
    assert_eq!((status, param), (400, json!("input")), "its output comes first");
    let output = json!([{"type":"function_call_output","call_id":call["call_id"],"output":"seen"}]);
    let body = json!({"model":"gpt-5.5","conversation":id,"input":output,"tools":tools});
    let answered = post(&proxy, "responses", body).await;
    assert_eq!(answered["output"][0]["content"][0]["text"], "Tool results: seen");
    let items = get(&proxy, &format!("{path}/items?order=asc")).await;
    let kinds: Vec<&Value> = items["data"].as_array().unwrap().iter().map(|item| &item["type"]).collect();
    assert_eq!(kinds, ["message", "function_call", "function_call_output", "message"]);
}
