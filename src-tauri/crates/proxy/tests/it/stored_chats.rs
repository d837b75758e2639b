//! Stored chat completions.

use proxy::Key;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{TestProxy, fake};

const OTHER_KEY: &str = "sk-another-test-key-of-the-proxy";

async fn start() -> TestProxy {
    fake("").settings(|settings| settings.api_keys.push(Key::new(OTHER_KEY))).start().await
}

fn body(prompt: &str, label: &str) -> Value {
    json!({"model":"gpt-5.5","store":true,"metadata":{"label":label},"messages":[{"role":"user","content":prompt}]})
}

/// Stores a chat, and returns its id.
async fn stored(proxy: &TestProxy, prompt: &str, label: &str) -> String {
    let answer: Value = proxy.chat(&body(prompt, label)).await.json().await.unwrap();
    answer["id"].as_str().unwrap().to_owned()
}

async fn call(proxy: &TestProxy, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    proxy.call_as(crate::support::KEY, method, path, body).await
}

async fn get(proxy: &TestProxy, path: &str) -> Value {
    let (status, body) = call(proxy, Method::GET, path, None).await;
    assert_eq!(status, 200, "{body}");
    body
}

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_stored_chat_is_retrieved_updated_and_deleted() {
    let proxy = start().await;
    let answer: Value = proxy.chat(&body("hi", "one")).await.json().await.unwrap();
    let path = format!("/v1/chat/completions/{}", answer["id"].as_str().unwrap());
    let mut expected = answer.clone();
    expected["metadata"] = json!({"label":"one"});
    let found = get(&proxy, &path).await;
    assert_eq!(found, expected);

    let (status, updated) =
        call(&proxy, Method::POST, &path, Some(json!({"metadata":{"label":"two"}}))).await;
    expected["metadata"] = json!({"label":"two"});
    assert_eq!((status, &updated), (200, &expected));
    assert_eq!(get(&proxy, &path).await, expected);
    let (status, wrong) = call(&proxy, Method::POST, &path, Some(json!({"metadata":{"label":2}}))).await;
    assert_eq!((status, &wrong["error"]["param"]), (400, &json!("metadata.label")));

    let (status, deleted) = call(&proxy, Method::DELETE, &path, None).await;
    assert_eq!(
        (status, deleted),
        (200, json!({"id":answer["id"],"object":"chat.completion.deleted","deleted":true}))
    );
    for (method, path) in [
        (Method::GET, path.clone()),
        (Method::DELETE, path.clone()),
        (Method::GET, path.clone() + "/messages"),
        (Method::GET, "/v1/chat/completions/chatcmpl-none".to_owned()),
    ] {
        let (status, error) = call(&proxy, method, &path, None).await;
        assert_eq!((status, &error["error"]["code"]), (404, &json!("chat_completion_not_found")), "{path}");
    }
}

#[tokio::test]
async fn chats_are_listed_in_pages_and_found_by_model_and_labels() {
    let proxy = start().await;
    let mut all = Vec::new();
    for label in ["a", "b", "a"] {
        all.push(stored(&proxy, "hi", label).await);
    }
    let list = get(&proxy, "/v1/chat/completions").await;
    assert_eq!(ids(&list), all);
    assert_eq!((&list["object"], &list["has_more"]), (&json!("list"), &json!(false)));
    assert_eq!((&list["first_id"], &list["last_id"]), (&json!(all[0]), &json!(all[2])));
    let page = get(&proxy, &format!("/v1/chat/completions?limit=1&after={}", all[0])).await;
    assert_eq!((ids(&page), &page["has_more"]), (vec![all[1].as_str()], &json!(true)));
    assert_eq!(ids(&get(&proxy, "/v1/chat/completions?order=desc&limit=2").await), [&all[2], &all[1]]);
    assert_eq!(ids(&get(&proxy, "/chat/completions?metadata[label]=a").await), [&all[0], &all[2]]);
    let model = get(&proxy, &format!("/v1/chat/completions/{}", all[0])).await["model"].clone();
    let of_model = |model: &str| format!("/v1/chat/completions?model={model}");
    assert_eq!(ids(&get(&proxy, &of_model(model.as_str().unwrap())).await).len(), 3);
    assert!(ids(&get(&proxy, &of_model("another")).await).is_empty());
    let (status, _) = call(&proxy, Method::GET, "/v1/chat/completions?limit=1000", None).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn messages_of_a_stored_chat_are_those_of_its_request() {
    let proxy = start().await;
    let image = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
    let parts = json!([{"type":"text","text":"Look"},{"type":"image_url","image_url":{"url":image}}]);
    let mut body = body("hi", "one");
    body["messages"] = json!([{"role":"developer","content":"Be brief."},{"role":"user","content":parts}]);
    let answer: Value = proxy.chat(&body).await.json().await.unwrap();
    let id = answer["id"].as_str().unwrap();
    let path = format!("/v1/chat/completions/{id}/messages");
    let list = get(&proxy, &path).await;
    assert_eq!(
        list,
        json!({"object":"list","first_id":format!("{id}-0"),"last_id":format!("{id}-1"),"has_more":false,"data":[
            {"id":format!("{id}-0"),"role":"developer","content":"Be brief.","content_parts":null,"refusal":null},
            {"id":format!("{id}-1"),"role":"user","content":null,"content_parts":parts,"refusal":null}
        ]})
    );
    let page = get(&proxy, &format!("{path}?order=desc&limit=1")).await;
    assert_eq!((ids(&page), &page["has_more"]), (vec![format!("{id}-1").as_str()], &json!(true)));
}

#[tokio::test]
async fn a_streamed_chat_is_stored_when_its_last_chunk_arrives() {
    let proxy = start().await;
    let mut body = body("hi", "streamed");
    (body["stream"], body["n"]) = (true.into(), 2.into());
    let chunks = proxy.stream_of(&body).await.rest().await;
    let text = |index: u64| -> String {
        let choices = chunks.iter().map(|chunk| &chunk["choices"][0]);
        choices
            .filter(|choice| choice["index"] == index)
            .filter_map(|choice| choice["delta"]["content"].as_str())
            .collect()
    };
    let found = get(&proxy, &format!("/v1/chat/completions/{}", chunks[0]["id"].as_str().unwrap())).await;
    assert_eq!((&found["object"], &found["model"]), (&json!("chat.completion"), &chunks[0]["model"]));
    assert_eq!(found["choices"].as_array().unwrap().len(), 2);
    for index in 0..2 {
        assert_eq!(found["choices"][index]["message"]["content"], text(index as u64));
    }
    assert!(found["usage"]["total_tokens"].is_u64());
}

#[tokio::test]
async fn a_chat_is_stored_only_on_request_and_for_its_key() {
    let proxy = start().await;
    let mut plain = body("hi", "one");
    plain["store"] = false.into();
    for body in [&plain, &crate::support::prompt_body("hi")] {
        proxy.chat(body).await;
    }
    assert!(ids(&get(&proxy, "/v1/chat/completions").await).is_empty());
    let id = stored(&proxy, "hi", "one").await;
    let path = format!("/v1/chat/completions/{id}");
    for (method, path, status) in [
        (Method::GET, path.clone(), 404),
        (Method::DELETE, path.clone(), 404),
        (Method::GET, "/v1/chat/completions".to_owned(), 200),
    ] {
        let request = proxy.anonymous(method, &path).bearer_auth(OTHER_KEY);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert!(!response.text().await.unwrap().contains("fake"), "{path}");
    }
    let update = proxy.anonymous(Method::POST, &path).bearer_auth(OTHER_KEY).json(&json!({"metadata":{}}));
    assert_eq!(update.send().await.unwrap().status(), 404);
    get(&proxy, &path).await;
}

#[tokio::test]
async fn wrong_labels_of_a_chat_to_store_are_an_error() {
    let proxy = start().await;
    let mut body = body("hi", "one");
    body["metadata"] = json!({"a":[]});
    let response = proxy.chat(&body).await;
    assert_eq!(response.status(), 400);
    assert_eq!(response.json::<Value>().await.unwrap()["error"]["param"], "metadata.a");
    body["store"] = false.into();
    assert_eq!(proxy.chat(&body).await.status(), 200, "without a store they have no effect");
}
