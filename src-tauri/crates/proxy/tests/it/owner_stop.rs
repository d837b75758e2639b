//! The owner stops a request in the app.

use serde_json::{Value, json};

use crate::support::log::RowState;
use crate::support::{KEY, TIMEOUT, TestProxy, eventually, fake, prompt_body, real};

/// Stops the newest request.
fn stop(proxy: &TestProxy) -> bool {
    proxy.handle.stop_request(&proxy.log.newest().arrival.id)
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn stopping_a_stream_interrupts_its_turn_and_ends_it_with_an_error_event() {
    let proxy = real().start().await;
    let mut events = proxy.stream("[[words=3 hold=1]]").await;
    events.next_text().await;
    assert!(stop(&proxy));
    let rest = events.rest().await;
    let error = &rest.last().unwrap()["error"];
    assert_eq!(error["code"], "cancelled_by_owner", "{rest:?}");
    assert_eq!(error["message"], "The owner of this proxy stopped the request.");
    let gone = |event: &sample_model::Event| matches!(event, sample_model::Event::ClientGone { .. });
    assert!(proxy.model.wait_for(gone, TIMEOUT).await.is_some(), "the turn goes on upstream");
    assert_eq!(proxy.log.newest().state, RowState::Cancelled);
    assert!(!stop(&proxy), "it has ended");
    assert_eq!(proxy.ask("[[words=1]]").await.status(), 200);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_stopped_response_of_the_responses_api_fails_with_a_message() {
    let proxy = real().start().await;
    let body = json!({"model":"gpt-5.5","input":"[[words=3 hold=1]]","stream":true});
    let mut events = crate::support::Events::new(proxy.post("/v1/responses", &body).await);
    while events.next().await.unwrap()["type"] != "response.output_text.delta" {}
    assert!(stop(&proxy));
    let rest = events.rest().await;
    let last = rest.last().unwrap();
    assert_eq!(last["type"], "response.failed", "{rest:?}");
    assert!(last["response"]["error"]["message"].as_str().unwrap().contains("owner of this proxy"));
}

#[tokio::test]
async fn a_stopped_request_without_a_stream_gets_an_error_that_clients_do_not_retry() {
    let proxy = fake("hang-after-delta=1").start().await;
    let request = proxy.anonymous(reqwest::Method::POST, "/v1/chat/completions").bearer_auth(KEY);
    let answer = tokio::spawn(request.json(&prompt_body("hi")).send());
    eventually("the answer begins", || {
        proxy.log.rows().first().is_some_and(|row| row.state == RowState::Streaming)
    })
    .await;
    assert!(stop(&proxy));
    let answer = answer.await.unwrap().unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["x-should-retry"]),
        (403, &"false".parse().unwrap())
    );
    let error: Value = answer.json().await.unwrap();
    assert_eq!(error["error"]["code"], "cancelled_by_owner");
}

#[tokio::test]
async fn a_queued_request_can_be_stopped_and_the_running_one_goes_on() {
    let proxy = fake("hang-after-delta=1").limits(|limits| limits.max_turns = 1).start().await;
    let mut running = proxy.stream("hi").await;
    running.next_text().await;
    let request = proxy.anonymous(reqwest::Method::POST, "/v1/chat/completions").bearer_auth(KEY);
    let queued = tokio::spawn(request.json(&prompt_body("hi")).send());
    eventually("it is queued", || proxy.turns.borrow().waiting == 1).await;
    assert!(stop(&proxy));
    assert_eq!(queued.await.unwrap().unwrap().status(), 403);
    let rows = proxy.log.rows();
    assert_eq!((rows[0].state, rows[1].state), (RowState::Cancelled, RowState::Streaming));
    assert_eq!(proxy.turns.borrow().waiting, 0);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn tokens_are_estimated_while_an_answer_streams() {
    let proxy = real().start().await;
    let mut events = proxy.stream("[[words=60 every=20]]").await;
    while proxy.log.newest().progress.len() < 2 {
        events.next_text().await;
    }
    let row = proxy.log.newest();
    assert_eq!(row.state, RowState::Streaming);
    assert!(row.progress[0] > 0 && row.progress[1] > row.progress[0], "{:?}", row.progress);
    let words = events.rest().await.len() as u64 + row.progress[1];
    assert!(words >= 60, "about one token for each word");
    assert!(proxy.log.newest().progress.len() < 20, "a few times a second, not for each token");
}
