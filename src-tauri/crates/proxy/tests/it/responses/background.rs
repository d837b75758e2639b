//! Responses in the background: polled, streamed, left and found again.

use reqwest::{Method, StatusCode};
use sample_model::Event;
use serde_json::{Value, json};

use super::store::{get, id_of, with_key};
use super::{ask, rejected, send, stream, text_of, until};
use crate::support::log::RowState;
use crate::support::{Events, KEY, TIMEOUT, TestProxy, eventually, fake, real, schema};

/// Creates a response in the background.
async fn create(proxy: &TestProxy, input: &str) -> Value {
    let created = ask(proxy, json!({"input":input,"background":true})).await;
    assert_eq!((&created["background"], created["output"].as_array().unwrap().len()), (&json!(true), 0));
    created
}

/// Polls until the response has this status.
async fn poll(proxy: &TestProxy, id: &str, status: &str) -> Value {
    let wait = async {
        loop {
            let (code, response) = get(proxy, id).await;
            assert_eq!(code, StatusCode::OK);
            schema::conforms("Response", &response);
            if response["status"] == status {
                return response;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(TIMEOUT, wait).await.unwrap_or_else(|_| panic!("never {status}"))
}

/// Streams the kept events after number `after`.
async fn resume(proxy: &TestProxy, id: &str, after: Option<u64>) -> Events {
    let after = after.map(|after| format!("&starting_after={after}")).unwrap_or_default();
    let response = proxy.get(&format!("/v1/responses/{id}?stream=true{after}")).send().await.unwrap();
    assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
    Events::new(response)
}

fn is_gone(event: &Event) -> bool {
    matches!(event, Event::ClientGone { .. })
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn background_response_is_queued_at_once_and_polled_to_its_end() {
    let proxy = real().start().await;
    let created = create(&proxy, "[[words=3 hold=1]]").await;
    assert_eq!(created["status"], "queued");
    let id = id_of(&created);
    proxy.model.wait_for(|event| matches!(event, Event::Held { .. }), TIMEOUT).await.unwrap();
    poll(&proxy, &id, "in_progress").await;
    eventually("it is a row while it runs", || proxy.log.newest().state == RowState::Streaming).await;
    proxy.release_model().await;
    let done = poll(&proxy, &id, "completed").await;
    assert_eq!((text_of(&done).as_str(), &done["background"]), ("word1 word2 word3 ", &json!(true)));
    assert!(done["usage"]["output_tokens"].as_u64() > Some(0));
    assert_eq!(proxy.log.rows().len(), 1, "polling is no row");
    assert_eq!(proxy.log.newest().state, RowState::Done);
    let next = ask(&proxy, json!({"input":"[[words=1]]","previous_response_id":id})).await;
    assert_eq!(next["status"], "completed");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn streamed_background_response_goes_on_without_its_client_and_loses_no_event() {
    let proxy = real().start().await;
    let body = json!({"input":"[[words=40 reasoning=1 hold=5]]","background":true});
    let mut first = stream(&proxy, body).await;
    let mut events = Vec::new();
    while events.len() < 7 {
        events.push(first.next().await.unwrap());
    }
    drop(first);
    let id = id_of(&events[0]["response"]);
    let mut second = resume(&proxy, &id, Some(6)).await;
    events.push(second.next().await.unwrap());
    drop(second);
    proxy.release_model().await;
    events.extend(resume(&proxy, &id, Some(7)).await.rest().await);

    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[..3], ["response.created", "response.queued", "response.in_progress"]);
    assert_eq!(kinds.last(), Some(&"response.completed"));
    assert_eq!(events[0]["response"]["status"], "queued");
    let deltas = events.iter().filter(|event| event["type"] == "response.output_text.delta");
    let text: String = deltas.map(|event| event["delta"].as_str().unwrap()).collect();
    assert!(text.ends_with("word39 word40 "), "{text}");
    assert_eq!(text, text_of(&events.last().unwrap()["response"]));
    assert_eq!(resume(&proxy, &id, None).await.rest().await, events, "after the end, too");
    assert_eq!(get(&proxy, &id).await.1, events.last().unwrap()["response"]);
    assert!(!proxy.model.events().iter().any(is_gone), "the turn was not interrupted");
    assert_eq!(proxy.log.newest().state, RowState::Done);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn background_response_is_cancelled_by_its_route_and_by_deletion() {
    let proxy = real().start().await;
    for delete in [false, true] {
        let mut events = stream(&proxy, json!({"input":"[[words=3 hold=1]]","background":true})).await;
        let id = id_of(&events.next().await.unwrap()["response"]);
        until(&mut events, "response.output_text.delta").await;
        let path = format!("/v1/responses/{id}");
        if delete {
            assert_eq!(with_key(&proxy, Method::DELETE, &path, KEY).await.0, StatusCode::OK);
        } else {
            let cancelled: Value =
                proxy.post(&format!("{path}/cancel"), &json!({})).await.json().await.unwrap();
            assert_eq!(cancelled["status"], "cancelled");
        }
        let last = events.rest().await.pop().unwrap();
        assert_eq!(
            (&last["type"], &last["response"]["status"]),
            (&json!("response.incomplete"), &json!("cancelled"))
        );
        assert!(proxy.model.wait_for(is_gone, TIMEOUT).await.is_some(), "the turn goes on upstream");
        let row = proxy.log.newest();
        assert_eq!(row.state, RowState::Stopped);
        assert_eq!(row.steps.last().unwrap().what, "Cancelled by the app");
        let expected = if delete { StatusCode::NOT_FOUND } else { StatusCode::OK };
        assert_eq!(get(&proxy, &id).await.0, expected);
        let again = proxy.get(&format!("{path}?stream=true")).send().await.unwrap();
        assert_eq!(again.status(), expected);
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_owner_stops_a_background_response() {
    let proxy = real().start().await;
    let id = id_of(&create(&proxy, "[[words=3 hold=1]]").await);
    proxy.model.wait_for(|event| matches!(event, Event::Held { .. }), TIMEOUT).await.unwrap();
    assert!(proxy.handle.stop_request(&proxy.log.newest().arrival.id));
    let failed = poll(&proxy, &id, "failed").await;
    assert!(failed["error"]["message"].as_str().unwrap().contains("owner of this proxy"), "{failed}");
    assert!(proxy.model.wait_for(is_gone, TIMEOUT).await.is_some());
    assert_eq!(proxy.log.newest().state, RowState::Cancelled);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_background_response_that_fails_says_why_and_its_error_is_a_row() {
    let proxy = real().start().await;
    let created = create(&proxy, "[[failed=context_length_exceeded]]").await;
    let failed = poll(&proxy, &id_of(&created), "failed").await;
    assert_eq!(failed["error"]["code"], "context_length_exceeded");
    assert_eq!(proxy.log.newest().code.as_deref(), Some("context_length_exceeded"));

    let error = rejected(&proxy, json!({"input":"a","background":true,"store":false}), 400).await;
    assert_eq!(error["param"], "background");
    let body = json!({"model":"no-such-model","input":"a","background":true});
    let unknown = proxy.post("/v1/responses", &body).await;
    assert_eq!(unknown.status(), 404, "what is known to be wrong is an error at once");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn only_streamed_background_responses_can_be_streamed_again() {
    let proxy = real().start().await;
    let foreground = id_of(&ask(&proxy, json!({"input":"[[words=1]]"})).await);
    let polled = id_of(&create(&proxy, "[[words=2 hold=1]]").await);
    for (id, why) in [(&foreground, "background=true"), (&polled, "stream=true")] {
        let response = proxy.get(&format!("/v1/responses/{id}?stream=true")).send().await.unwrap();
        assert_eq!(response.status(), 400);
        let error: Value = response.json().await.unwrap();
        assert!(error["error"]["message"].as_str().unwrap().contains(why), "{error}");
    }
    let bad = proxy.get(&format!("/v1/responses/{polled}?starting_after=x")).send().await.unwrap();
    assert_eq!(bad.status(), 400);
    schema::conforms("ErrorResponse", &bad.json().await.unwrap());
}

#[tokio::test]
async fn background_responses_wait_in_the_queue_and_can_be_cancelled_there() {
    let limits = |limits: &mut proxy::Limits| {
        (limits.max_turns, limits.max_queued) = (1, 2);
        limits.queue_timeout = std::time::Duration::from_millis(1);
    };
    let proxy = fake("hang-after-delta=1").limits(limits).start().await;
    let running = id_of(&create(&proxy, "hi").await);
    poll(&proxy, &running, "in_progress").await;
    let mut events = stream(&proxy, json!({"input":"hi","background":true})).await;
    let queued = id_of(&events.next().await.unwrap()["response"]);
    assert_eq!(events.next().await.unwrap()["type"], "response.queued");
    assert_eq!(proxy.turns.borrow().waiting, 1);
    let others_waited = send(&proxy, json!({"input":"hi"})).await;
    assert_eq!(others_waited.status(), 429);
    create(&proxy, "hi").await;
    let full = send(&proxy, json!({"input":"hi","background":true})).await;
    assert_eq!(full.status(), 429);
    assert_eq!(get(&proxy, &queued).await.1["status"], "queued");
    let cancelled = proxy.post(&format!("/v1/responses/{queued}/cancel"), &json!({})).await;
    assert_eq!(cancelled.json::<Value>().await.unwrap()["status"], "cancelled");
    assert_eq!(events.rest().await.pop().unwrap()["response"]["status"], "cancelled");
    assert_eq!(proxy.turns.borrow().waiting, 1);
    assert_eq!(get(&proxy, &running).await.1["status"], "in_progress");
}

#[tokio::test]
async fn stopping_the_proxy_ends_background_responses_in_order() {
    let limits = |limits: &mut proxy::Limits| {
        limits.max_turns = 1;
        limits.drain_timeout = std::time::Duration::from_millis(50);
    };
    let proxy = fake("hang-after-delta=1").limits(limits).start().await;
    for _ in 0..2 {
        create(&proxy, "hi").await;
    }
    eventually("one runs, one waits", || {
        let rows = proxy.log.rows();
        rows.len() == 2 && rows[1].state == RowState::Streaming
    })
    .await;
    proxy.stop.cancel();
    tokio::time::timeout(TIMEOUT, proxy.server).await.unwrap().unwrap();
    let ends: Vec<_> = proxy.log.rows().into_iter().map(|row| (row.state, row.code)).collect();
    assert_eq!(ends, vec![(RowState::Failed, Some("shutting_down".to_owned())); 2]);
}
