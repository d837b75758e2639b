//! The Responses API over a WebSocket.

mod client;
mod limits;
mod many;

use proxy::{KeyFile, KeyLimits};
use reqwest::Method;
use sample_model::Event;
use serde_json::{Value, json};

use crate::support::log::RowState;
use crate::support::{KEY, TIMEOUT, data_dir, eventually, fake, real};
use client::{Client, create, text_of};

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn responses_follow_each_other_on_one_connection_and_each_is_a_row_of_the_log() {
    let proxy = real().start().await;
    let mut client = Client::connect(&proxy, KEY).await;
    let events = client.response(&create("[[say=\"one two\" usage=10,4,2,1]]")).await;
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[..2], ["response.created", "response.in_progress"]);
    let numbers: Vec<u64> = events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>());
    let first = &events.last().unwrap()["response"];
    assert_eq!((text_of(first), &first["usage"]["input_tokens"]), ("one two".to_owned(), &json!(10)));

    let mut body = create("[[say=three]]");
    body["previous_response_id"] = first["id"].clone();
    let second = client.completed(&body).await;
    assert_eq!(text_of(&second), "three");
    let input = proxy.model.request(1).unwrap().input();
    assert!(input.iter().any(|(role, text)| role == "assistant" && text == "one two"), "{input:?}");
    // It is stored as any other.
    let id = second["id"].as_str().unwrap();
    assert_eq!(proxy.get(&format!("/v1/responses/{id}")).send().await.unwrap().status(), 200);

    let rows = proxy.log.rows();
    assert_eq!(rows.len(), 2);
    for row in &rows {
        assert_eq!(
            (row.state, row.status, row.arrival.route.as_str()),
            (RowState::Done, Some(200), "/v1/responses")
        );
    }
    assert_ne!(rows[0].arrival.request_id, rows[1].arrival.request_id);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn tools_are_called_and_answered_over_the_connection() {
    let proxy = real().start().await;
    let mut client = Client::connect(&proxy, KEY).await;
    let mut body = create("[[tool=weather:{\"city\":\"Rome\"}]]");
    body["tools"] = json!([{"type":"function","name":"weather"}]);
    body["store"] = false.into();
    let first = client.completed(&body).await;
    let call = &first["output"][0];
    assert_eq!((&call["type"], &call["name"]), (&json!("function_call"), &json!("weather")));
    body["previous_response_id"] = first["id"].clone();
    body["input"] = json!([{"type":"function_call_output","call_id":call["call_id"],"output":"sunny"}]);
    assert_eq!(text_of(&client.completed(&body).await), "Tool results: sunny");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_response_that_is_not_stored_continues_only_on_its_connection() {
    let proxy = real().start().await;
    let mut client = Client::connect(&proxy, KEY).await;
    let mut body = create("[[say=one]]");
    body["store"] = false.into();
    let first = client.completed(&body).await;
    assert_eq!(first["store"], Value::Null);
    let id = first["id"].as_str().unwrap();
    assert_eq!(proxy.get(&format!("/v1/responses/{id}")).send().await.unwrap().status(), 404);
    let mut next = create("[[say=two]]");
    next["previous_response_id"] = id.into();
    assert_eq!(text_of(&client.completed(&next).await), "two");
    let input = proxy.model.request(1).unwrap().input();
    assert!(input.iter().any(|(role, text)| role == "user" && text == "[[say=one]]"), "{input:?}");

    let mut other = Client::connect(&proxy, KEY).await;
    let error = other.error(&next).await;
    assert_eq!(
        (&error["status"], &error["error"]["code"]),
        (&json!(400), &json!("previous_response_not_found"))
    );
    drop(client);
    let answer =
        proxy.post("/v1/responses", &json!({"model":"gpt-5.5","input":"x","previous_response_id":id})).await;
    assert_eq!(answer.status(), 400);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_response_can_be_prepared_without_generating() {
    let proxy = real().start().await;
    let mut client = Client::connect(&proxy, KEY).await;
    let mut body = create("remember the colour green");
    (body["generate"], body["store"]) = (false.into(), false.into());
    let prepared = client.completed(&body).await;
    assert_eq!((&prepared["output"], &prepared["usage"]["total_tokens"]), (&json!([]), &json!(0)));
    assert!(proxy.model.request(0).is_none());
    let mut next = create("[[say=ok]]");
    next["previous_response_id"] = prepared["id"].clone();
    assert_eq!(text_of(&client.completed(&next).await), "ok");
    let input = proxy.model.request(0).unwrap().input();
    assert!(
        input.iter().any(|(role, text)| role == "user" && text == "remember the colour green"),
        "{input:?}"
    );

    // Instructions and tools alone, as codex sends them.
    let body = json!({"type":"response.create","model":"gpt-5.5","generate":false,"input":[],"instructions":"Be brief."});
    let prepared = client.completed(&body).await;
    next["previous_response_id"] = prepared["id"].clone();
    assert_eq!(text_of(&client.completed(&next).await), "ok");
    let unknown = json!({"type":"response.create","model":"no-such-model","generate":false,"input":"x"});
    assert_eq!(client.error(&unknown).await["error"]["code"], "model_not_found");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn lanes_answer_at_the_same_time_and_one_lane_in_order() {
    let proxy = real().start().await;
    let mut client = Client::connect(&proxy, KEY).await;
    let lane = |lane: &str, prompt: &str| {
        let mut body = create(prompt);
        body["stream_id"] = lane.into();
        body
    };
    client.send(&lane("a", "[[say=first hold=0]]")).await;
    assert!(proxy.model.wait_for(|event| matches!(event, Event::Held { .. }), TIMEOUT).await.is_some());
    client.send(&lane("a", "[[say=second]]")).await;
    client.send(&lane("b", "[[say=other]]")).await;
    let other = client.until_end().await;
    assert!(other.iter().all(|event| event["stream_id"] == "b"), "{other:?}");
    assert_eq!(text_of(&other.last().unwrap()["response"]), "other");
    proxy.model.release();
    for text in ["first", "second"] {
        let events = client.until_end().await;
        assert!(events.iter().all(|event| event["stream_id"] == "a"), "{events:?}");
        assert_eq!(text_of(&events.last().unwrap()["response"]), text);
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn errors_are_events_with_their_status_and_the_connection_goes_on() {
    let proxy = real().start().await;
    let mut client = Client::connect(&proxy, KEY).await;
    for (text, status, code, param) in [
        ("{", 400, "invalid_request", Value::Null),
        ("[]", 400, "invalid_request", Value::Null),
        ("{}", 400, "invalid_request", json!("type")),
        ("{\"type\":\"session.update\"}", 400, "invalid_request", json!("type")),
        ("{\"type\":\"response.create\",\"stream_id\":1}", 400, "invalid_request", json!("stream_id")),
        ("{\"type\":\"response.create\",\"input\":\"x\"}", 400, "invalid_request", json!("model")),
        ("{\"type\":\"response.create\",\"model\":\"gpt-5.5\"}", 400, "invalid_request", json!("input")),
        (
            "{\"type\":\"response.create\",\"model\":\"nope\",\"input\":\"x\"}",
            404,
            "model_not_found",
            json!("model"),
        ),
        (
            "{\"type\":\"response.create\",\"model\":\"gpt-5.5\",\"input\":\"x\",\"background\":true}",
            400,
            "unsupported_parameter",
            json!("background"),
        ),
    ] {
        client.send_text(text).await;
        let error = client.next().await;
        assert_eq!(
            (&error["type"], &error["status"], &error["error"]["code"], &error["error"]["param"]),
            (&json!("error"), &json!(status), &json!(code), &param),
            "{text}: {error}"
        );
    }
    client.send_binary(b"{}").await;
    assert_eq!(client.next().await["error"]["code"], "invalid_request");
    let error = client.error(&create("[[status=429 type=usage_limit_reached limits=100,300,3600]]")).await;
    assert_eq!((&error["status"], &error["error"]["code"]), (&json!(429), &json!("insufficient_quota")));
    assert_eq!(error["error"]["headers"]["x-should-retry"], "false");
    client
        .send_text("{\"type\":\"response.steer\",\"previous_response_id\":\"resp_1\",\"input\":\"stop\"}")
        .await;
    assert_eq!(client.next().await["type"], "response.steer.failed");
    client.send_text("{\"type\":\"response.processed\",\"response_id\":\"resp_1\"}").await;
    assert_eq!(text_of(&client.completed(&create("[[say=fine]]")).await), "fine");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn an_answer_that_fails_in_its_middle_ends_with_an_event_of_its_response() {
    let proxy = real().start().await;
    let mut client = Client::connect(&proxy, KEY).await;
    let mut body = create("[[words=3 failed=server_error message=no]]");
    body["stream_id"] = "a".into();
    client.send(&body).await;
    let events = client.until_end().await;
    let last = events.last().unwrap();
    assert_eq!((&last["type"], &last["stream_id"]), (&json!("response.failed"), &json!("a")));
    assert_eq!(text_of(&client.completed(&create("[[say=fine]]")).await), "fine");
}

#[tokio::test]
async fn the_handshake_needs_a_key_and_no_foreign_page_gets_through() {
    let proxy = fake("").start().await;
    for (key, origin, status) in [
        (None, None, 401),
        (Some("wrong"), None, 401),
        (Some("wrong"), Some("https://evil.example"), 401),
        (Some(KEY), None, 101),
    ] {
        assert_eq!(client::handshake(&proxy, key, origin).await, status, "{key:?} {origin:?}");
    }
    let open = fake("").settings(|settings| settings.keys_needed = false).start().await;
    assert_eq!(client::handshake(&open, None, None).await, 101);
    assert_eq!(client::handshake(&open, None, Some("https://evil.example")).await, 403);
    let own = format!("http://{}", open.address);
    assert_eq!(client::handshake(&open, None, Some(&own)).await, 101);
}

#[tokio::test]
async fn without_a_handshake_get_says_that_it_needs_one() {
    let proxy = fake("").start().await;
    let answer = proxy.get("/v1/responses").send().await.unwrap();
    assert_eq!(answer.status(), 426);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["error"]["code"], "upgrade_required");
    let answer = proxy.anonymous(Method::PUT, "/v1/responses").bearer_auth(KEY).send().await.unwrap();
    assert_eq!(answer.status(), 405);
    // Without `/v1` too, as everywhere.
    assert_eq!(client::handshake_at(&proxy, "/responses", Some(KEY), None).await, 101);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_revoked_key_gets_no_further_response_and_a_limit_counts_each() {
    let proxy = real().start().await;
    let keys = KeyFile::in_folder(&data_dir(proxy.folder.path()));
    let limits = KeyLimits { requests_per_minute: Some(2), ..KeyLimits::default() };
    let (key, entry) = keys.create_limited("limited", limits, 1).unwrap();
    let mut client = Client::connect(&proxy, key.reveal()).await;
    for _ in 0..2 {
        assert_eq!(text_of(&client.completed(&create("[[say=hi]]")).await), "hi");
    }
    let error = client.error(&create("[[say=hi]]")).await;
    assert_eq!((&error["status"], &error["error"]["code"]), (&json!(429), &json!("rate_limit_exceeded")));
    assert!(error["error"]["headers"]["retry-after"].is_string(), "{error}");
    keys.revoke(&entry.id).unwrap();
    let error = client.error(&create("[[say=hi]]")).await;
    assert_eq!((&error["status"], &error["error"]["code"]), (&json!(401), &json!("invalid_api_key")));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn hanging_up_interrupts_the_running_responses() {
    let proxy = real().start().await;
    for polite in [true, false] {
        let mut client = Client::connect(&proxy, KEY).await;
        let held = proxy.model.events().iter().filter(|event| matches!(event, Event::Held { .. })).count();
        for lane in ["a", "b"] {
            let mut body = create("[[words=3 hold=1]]");
            body["stream_id"] = lane.into();
            client.send(&body).await;
        }
        eventually("both are held", || {
            proxy.model.events().iter().filter(|event| matches!(event, Event::Held { .. })).count()
                == held + 2
        })
        .await;
        if polite {
            client.close().await;
        } else {
            drop(client);
        }
        eventually("both are interrupted", || proxy.log.running() == 0 && proxy.turns.borrow().running == 0)
            .await;
        assert!(proxy.log.rows()[..2].iter().all(|row| row.state == RowState::Stopped));
    }
}
