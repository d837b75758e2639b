//! The queue of waiting requests: fairness, rejection, and where it is visible.

use std::time::{Duration, Instant};

use proxy::Key;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::log::RowState;
use crate::support::{Events, KEY, TIMEOUT, TestProxy, eventually, fake, prompt_body};

const OTHER: &str = "sk-another-client";

/// A proxy with two keys, whose codex hangs after the first delta until the client disconnects.
async fn start(turns: usize, waiting: usize) -> TestProxy {
    let mut plan = fake("hang-after-delta=1");
    plan.settings.api_keys.push(Key::new(OTHER));
    plan.limits(|limits| (limits.max_turns, limits.max_queued) = (turns, waiting)).start().await
}

/// Requests a stream in a separate task: the response arrives when the turn starts.
fn ask(proxy: &TestProxy, key: &str, n: u32) -> JoinHandle<Response> {
    let mut body = prompt_body("hi");
    (body["stream"], body["n"]) = (true.into(), n.into());
    let request = proxy.anonymous(Method::POST, "/v1/chat/completions").bearer_auth(key).json(&body);
    tokio::spawn(async move { request.send().await.unwrap() })
}

/// Waits until this many turns are running and waiting.
async fn until(proxy: &mut TestProxy, running: u32, waiting: u32) {
    let counts = proxy.turns.wait_for(|turns| (turns.running, turns.waiting) == (running, waiting));
    let reached = tokio::time::timeout(TIMEOUT, counts).await.map(|turns| *turns.unwrap());
    assert!(reached.is_ok(), "timed out waiting for {running} and {waiting}: {:?}", proxy.turns.borrow());
}

/// Waits for a request's stream and its first delta.
async fn started(request: JoinHandle<Response>) -> Events {
    let response = tokio::time::timeout(TIMEOUT, request).await.expect("its turn did not start").unwrap();
    assert_eq!(response.status(), 200);
    let mut events = Events::new(response);
    events.next_text().await;
    events
}

async fn rejected(request: JoinHandle<Response>) -> Value {
    let response = tokio::time::timeout(TIMEOUT, request).await.expect("it is still waiting").unwrap();
    assert_eq!(response.status(), 429);
    let seconds: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "rate_limit_exceeded");
    body["error"]["message"].clone()
}

async fn health(proxy: &TestProxy) -> Value {
    let response = proxy.get("/health").send().await.unwrap();
    response.json::<Value>().await.unwrap()["turns"].take()
}

#[tokio::test]
async fn idle_key_goes_before_earlier_requests_of_a_busy_key() {
    let mut proxy = start(2, 64).await;
    let (first, second) = (started(ask(&proxy, KEY, 1)).await, started(ask(&proxy, KEY, 1)).await);
    let third = ask(&proxy, KEY, 1);
    until(&mut proxy, 2, 1).await;
    let other = ask(&proxy, OTHER, 1);
    until(&mut proxy, 2, 2).await;
    drop(first);
    let other = started(other).await;
    assert!(!third.is_finished());
    until(&mut proxy, 2, 1).await;
    drop(second);
    let third = started(third).await;
    drop((other, third));
    until(&mut proxy, 0, 0).await;
}

#[tokio::test]
async fn request_for_several_answers_takes_several_slots() {
    let mut proxy = start(3, 64).await;
    let wide = started(ask(&proxy, KEY, 2)).await;
    until(&mut proxy, 2, 0).await;
    let wider = ask(&proxy, KEY, 8);
    until(&mut proxy, 2, 1).await;
    drop(wide);
    let wider = started(wider).await;
    until(&mut proxy, 3, 0).await;
    drop(wider);
    until(&mut proxy, 0, 0).await;
}

#[tokio::test]
async fn full_queue_rejects_a_busy_key_and_makes_room_for_another() {
    let mut proxy = start(1, 2).await;
    let running = started(ask(&proxy, KEY, 1)).await;
    let first = ask(&proxy, KEY, 1);
    until(&mut proxy, 1, 1).await;
    let second = ask(&proxy, KEY, 1);
    until(&mut proxy, 1, 2).await;
    let message = rejected(ask(&proxy, KEY, 1)).await;
    assert!(message.as_str().unwrap().starts_with("The request queue is full. "), "{message}");

    let other = ask(&proxy, OTHER, 1);
    let message = rejected(second).await;
    assert!(message.as_str().unwrap().contains("this key has the most requests"), "{message}");
    assert!(!first.is_finished() && !other.is_finished());
    let rejected = proxy.log.rows().into_iter().filter(|row| row.status == Some(429)).collect::<Vec<_>>();
    assert_eq!(rejected.len(), 2);
    assert!(
        rejected.iter().all(|row| row.state == RowState::Failed && row.wait_ms.is_some()),
        "{rejected:?}"
    );
    drop(running);
    let first = started(first).await;
    drop(first);
    started(other).await;
}

#[tokio::test]
async fn waiting_requests_appear_in_health_and_log_their_wait() {
    let mut proxy = start(1, 64).await;
    assert_eq!(health(&proxy).await, json!({"running":0,"waiting":0,"most":1,"most_waiting":64}));
    let running = started(ask(&proxy, KEY, 1)).await;
    let waiting = ask(&proxy, OTHER, 1);
    until(&mut proxy, 1, 1).await;
    assert_eq!(health(&proxy).await, json!({"running":1,"waiting":1,"most":1,"most_waiting":64}));
    let row = proxy.log.rows().into_iter().find(|row| row.arrival.key.ends_with("#2")).unwrap();
    assert_eq!((row.state, row.wait_ms), (RowState::Waiting, None));
    // It is queued for at least as long as this, so its wait is not rounded to nothing.
    let queued = Instant::now();
    while queued.elapsed() < Duration::from_millis(5) {
        health(&proxy).await;
    }
    drop(running);
    started(waiting).await;
    let row = proxy.log.rows().into_iter().find(|later| later.arrival.id == row.arrival.id).unwrap();
    assert!(row.wait_ms.is_some_and(|ms| ms > 0), "{row:?}");
    let steps: Vec<&str> = row.steps.iter().map(|step| step.what.as_str()).collect();
    assert!(steps.starts_with(&["Queued", "Sent to Codex"]), "{steps:?}");
}

#[tokio::test]
async fn disconnecting_while_queued_leaves_the_queue_and_ends_the_log_entry() {
    let mut proxy = start(1, 64).await;
    let running = started(ask(&proxy, KEY, 1)).await;
    let waiting = ask(&proxy, KEY, 1);
    until(&mut proxy, 1, 1).await;
    waiting.abort();
    until(&mut proxy, 1, 0).await;
    eventually("its log entry has ended", || proxy.log.running() == 1).await;
    assert_eq!(proxy.log.rows()[0].state, RowState::Stopped);
    drop(running);
    until(&mut proxy, 0, 0).await;
}
