//! Chats on the real codex.

use serde_json::{Value, json};

use crate::support::{fake, prompt_body, real};

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn complete_answer_has_openais_format_and_exact_usage() {
    let proxy = real().start().await;
    let answer: Value = proxy.ask("[[say=\"Hello there\" usage=100,40,20,5]]").await.json().await.unwrap();
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["model"], "gpt-5.5");
    assert!(answer["id"].as_str().unwrap().starts_with("chatcmpl-"));
    assert!(answer["created"].as_u64().unwrap() > 1_700_000_000);
    assert_eq!(
        answer["choices"],
        json!([{"index":0,"message":{"role":"assistant","content":"Hello there","refusal":null},
            "logprobs":null,"finish_reason":"stop"}])
    );
    assert_eq!(
        answer["usage"],
        json!({"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,
            "prompt_tokens_details":{"cached_tokens":40},"completion_tokens_details":{"reasoning_tokens":5}})
    );
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn stream_has_one_role_one_chunk_per_delta_one_finish_reason_and_done() {
    let proxy = real().start().await;
    let mut events = proxy.stream("[[words=20]]").await;
    let headers = events.response.headers();
    assert!(headers["content-type"].to_str().unwrap().starts_with("text/event-stream"));
    let events = events.rest().await;
    let (done, chunks) = events.split_last().unwrap();
    assert_eq!(done, "[DONE]");
    let deltas: Vec<&Value> = chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]).collect();
    assert_eq!(deltas.iter().filter(|delta| delta["role"] == "assistant").count(), 1);
    let texts: Vec<&str> =
        deltas.iter().filter_map(|delta| delta["content"].as_str()).filter(|text| !text.is_empty()).collect();
    assert_eq!(texts.len(), 20);
    assert_eq!(texts[19], "word20 ");
    let ends: Vec<&Value> = chunks
        .iter()
        .map(|chunk| &chunk["choices"][0]["finish_reason"])
        .filter(|end| !end.is_null())
        .collect();
    assert_eq!(ends, ["stop"]);
    for chunk in chunks {
        assert_eq!(chunk["id"], chunks[0]["id"]);
        assert_eq!(chunk["created"], chunks[0]["created"]);
        assert_eq!(chunk["model"], "gpt-5.5");
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert!(chunk.get("usage").is_none(), "usage was not requested");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn client_gets_the_first_delta_before_the_model_has_finished() {
    let proxy = real().start().await;
    let mut events = proxy.stream("[[words=3 hold=1]]").await;
    assert_eq!(events.next_text().await, "word1 ");
    proxy.release_model().await;
    assert_eq!(events.next_text().await, "word2 ");
    assert_eq!(events.next_text().await, "word3 ");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn requested_usage_comes_in_a_separate_chunk() {
    let proxy = real().start().await;
    let mut body = prompt_body("[[words=2 usage=10,4,5,2]]");
    body["stream"] = true.into();
    body["stream_options"] = json!({"include_usage":true});
    let events = proxy.stream_of(&body).await.rest().await;
    let with_usage: Vec<&Value> = events.iter().filter(|event| event["usage"].is_object()).collect();
    assert_eq!(with_usage.len(), 1);
    assert_eq!(with_usage[0]["choices"], json!([]));
    assert_eq!(with_usage[0]["usage"]["prompt_tokens_details"]["cached_tokens"], 4);
    assert_eq!(with_usage[0]["usage"]["completion_tokens_details"]["reasoning_tokens"], 2);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn silent_stream_is_kept_alive_with_comments() {
    let proxy =
        real().limits(|limits| limits.ping_interval = std::time::Duration::from_millis(100)).start().await;
    let mut events = proxy.stream("[[words=2 hold=0]]").await;
    assert_eq!(events.next_block().await.unwrap(), ": ping");
    assert_eq!(events.next_block().await.unwrap(), ": ping");
    proxy.release_model().await;
    while events.next_block().await.unwrap() == ": ping" {}
    let mut rest = Vec::new();
    while let Some(block) = events.next_block().await {
        rest.push(block);
    }
    assert_eq!(rest.last().unwrap(), "data: [DONE]");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn conversation_reaches_upstream_with_its_roles() {
    let proxy = real().start().await;
    let body = json!({"model":"gpt-5.5","messages":[
        {"role":"system","content":"be brief"},
        {"role":"user","content":[{"type":"text","text":"one"}]},
        {"role":"assistant","content":"two"},
        {"role":"system","content":"be kind"},
        {"role":"user","content":"three"},
        {"role":"assistant","content":null,"tool_calls":[
            {"id":"call_1","type":"function","function":{"name":"look","arguments":"{ \"a\": 1 }"}}]},
        {"role":"tool","tool_call_id":"call_1","content":"seen"},
        {"role":"assistant","content":"four"},
        {"role":"user","content":"[[words=1]]"}
    ]});
    assert_eq!(proxy.chat(&body).await.status(), 200);
    let upstream = proxy.model.request(0).unwrap();
    let pairs = [
        ("developer", "be brief"),
        ("user", "one"),
        ("assistant", "two"),
        ("developer", "be kind"),
        ("user", "three"),
        ("assistant", "four"),
        ("user", "[[words=1]]"),
    ];
    assert_eq!(upstream.input(), pairs.map(|(role, text)| (role.to_owned(), text.to_owned())));
    let items: Vec<&Value> = upstream.items().collect();
    assert_eq!(items[5]["type"], "function_call");
    assert_eq!(items[5]["arguments"], "{ \"a\": 1 }");
    assert_eq!(items[6]["type"], "function_call_output");
    assert_eq!(items[6]["output"], "seen");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn every_listed_model_answers_under_its_name() {
    let proxy = real().start().await;
    let list: Value = proxy.get("/v1/models").send().await.unwrap().json().await.unwrap();
    let ids: Vec<&str> =
        list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(ids[0], "codex-local");
    assert!(ids.len() > 3);
    for id in ids {
        let body = json!({"model":id,"messages":[{"role":"user","content":"[[words=1]]"}]});
        let answer: Value = proxy.chat(&body).await.json().await.unwrap();
        let expected = if id == "codex-local" { "gpt-5.5" } else { id };
        assert_eq!(answer["model"], expected, "{answer}");
        let one: Value = proxy.get(&format!("/v1/models/{id}")).send().await.unwrap().json().await.unwrap();
        assert_eq!(one["id"], id);
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn model_list_disables_open_webuis_builtin_tools() {
    let proxy = real().start().await;
    let list: Value = proxy.get("/v1/models").send().await.unwrap().json().await.unwrap();
    for model in list["data"].as_array().unwrap() {
        assert_eq!(model["info"]["meta"]["capabilities"]["builtin_tools"], false);
        assert!(!model["name"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn codex_local_uses_the_configured_model() {
    let proxy = real().settings(|settings| settings.model = Some("gpt-6-sol".into())).start().await;
    let body = json!({"model":"codex-local","messages":[{"role":"user","content":"[[words=1]]"}]});
    let answer: Value = proxy.chat(&body).await.json().await.unwrap();
    assert_eq!(answer["model"], "gpt-6-sol");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn reasoning_is_separate_in_complete_and_streamed_answers() {
    let proxy = real().start().await;
    let answer: Value = proxy.ask("[[words=1 reasoning=1]]").await.json().await.unwrap();
    let message = &answer["choices"][0]["message"];
    assert_eq!(message["content"], "word1 ");
    assert!(message["reasoning_content"].as_str().unwrap().contains("thinking"));
    let events = proxy.stream("[[words=1 reasoning=1]]").await.rest().await;
    assert!(events.iter().any(|event| event["choices"][0]["delta"]["reasoning_content"].is_string()));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn schema_reaches_the_model_and_the_answer_matches_it() {
    let proxy = real().start().await;
    let mut body = prompt_body("any city");
    body["response_format"] = json!({"type":"json_schema","json_schema":{"name":"city","strict":true,"schema":{
        "type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}}});
    let answer: Value = proxy.chat(&body).await.json().await.unwrap();
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(serde_json::from_str::<Value>(text).unwrap()["city"].is_string());
}

#[tokio::test]
async fn ignored_parameters_are_named_and_the_clients_request_id_is_echoed() {
    let proxy = fake("").start().await;
    let mut body = prompt_body("hi");
    body["temperature"] = json!(0.2);
    body["seed"] = json!(1000);
    body["stop"] = Value::Null;
    let request =
        proxy.anonymous(reqwest::Method::POST, "/v1/chat/completions").bearer_auth(crate::support::KEY);
    let response = request.header("x-request-id", "mine-1").json(&body).send().await.unwrap();
    assert_eq!(response.headers()["x-request-id"], "mine-1");
    assert_eq!(response.headers()["x-codex-proxy-ignored"], "seed, temperature");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn concurrent_chats_do_not_mix() {
    let proxy = real().start().await;
    let asks = (0..32).map(|n| {
        let (client, address) = (proxy.http.clone(), proxy.address.clone());
        tokio::spawn(async move {
            let body = prompt_body(&format!("[[say=\"a{n} b{n} c{n}\" every=10]]"));
            let url = format!("http://{address}/v1/chat/completions");
            let request = client.post(url).bearer_auth(crate::support::KEY).json(&body);
            let answer: Value = request.send().await.unwrap().json().await.unwrap();
            answer["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
        })
    });
    for (n, ask) in asks.collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(ask.await.unwrap(), format!("a{n} b{n} c{n}"));
    }
}

#[tokio::test]
async fn large_answer_in_one_delta_arrives_complete() {
    let proxy = fake("big-delta=2000000").start().await;
    let mut events = proxy.stream("hi").await;
    assert_eq!(events.next_text().await.len(), 2_000_000);
    assert_eq!(events.rest().await.last().unwrap(), "[DONE]");
}
