//! The queue of those who wait for their turn: who is next, who is turned away, and where it shows.

use proxy::Key;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::log::RowState;
use crate::support::{Events, KEY, TIMEOUT, TestProxy, eventually, fake, prompt_body};

const OTHER: &str = "sk-of-somebody-else";

/// A proxy with two keys, whose codex stands still after the first word until its client has gone.
async fn start(turns: usize, waiting: usize) -> TestProxy {
    let mut plan = fake("hang-after-delta=1");
    plan.settings.api_keys.push(Key::new(OTHER));
    plan.limits(|limits| (limits.turns, limits.waiting) = (turns, waiting)).start().await
}

/// Asks for a stream, in a task of its own: the answer comes when its turn does.
fn ask(proxy: &TestProxy, key: &str, n: u32) -> JoinHandle<Response> {
    let mut body = prompt_body("hi");
    (body["stream"], body["n"]) = (true.into(), n.into());
    let request = proxy.anonymous(Method::POST, "/v1/chat/completions").bearer_auth(key).json(&body);
    tokio::spawn(async move { request.send().await.unwrap() })
}

/// Waits until so many turns run and so many requests wait.
async fn until(proxy: &mut TestProxy, running: u32, waiting: u32) {
    let wanted = proxy.turns.wait_for(|turns| (turns.running, turns.waiting) == (running, waiting));
    let reached = tokio::time::timeout(TIMEOUT, wanted).await.map(|turns| *turns.unwrap());
    assert!(reached.is_ok(), "{running} and {waiting} in vain: {:?}", proxy.turns.borrow());
}

/// The stream of an answer, which has begun.
async fn begun(asked: JoinHandle<Response>) -> Events {
    let response = tokio::time::timeout(TIMEOUT, asked).await.expect("its turn does not come").unwrap();
    assert_eq!(response.status(), 200);
    let mut events = Events::new(response);
    events.next_text().await;
    events
}

async fn turned_away(asked: JoinHandle<Response>) -> Value {
    let response = tokio::time::timeout(TIMEOUT, asked).await.expect("it still waits").unwrap();
    assert_eq!(response.status(), 429);
    let seconds: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "rate_limit_exceeded");
    body["error"]["message"].clone()
}

async fn health(proxy: &TestProxy) -> Value {
    let response = proxy.anonymous(Method::GET, "/health").send().await.unwrap();
    response.json::<Value>().await.unwrap()["turns"].take()
}

#[tokio::test]
async fn a_key_that_has_no_turn_is_next_though_others_of_a_busy_key_came_before_it() {
    let mut proxy = start(2, 64).await;
    let (first, second) = (begun(ask(&proxy, KEY, 1)).await, begun(ask(&proxy, KEY, 1)).await);
    let third = ask(&proxy, KEY, 1);
    until(&mut proxy, 2, 1).await;
    let other = ask(&proxy, OTHER, 1);
    until(&mut proxy, 2, 2).await;
    drop(first);
    let other = begun(other).await;
    assert!(!third.is_finished());
    until(&mut proxy, 2, 1).await;
    drop(second);
    let third = begun(third).await;
    drop((other, third));
    until(&mut proxy, 0, 0).await;
}

#[tokio::test]
async fn a_request_for_several_answers_takes_as_many_places() {
    let mut proxy = start(3, 64).await;
    let wide = begun(ask(&proxy, KEY, 2)).await;
    until(&mut proxy, 2, 0).await;
    let wider = ask(&proxy, KEY, 8);
    until(&mut proxy, 2, 1).await;
    drop(wide);
    let wider = begun(wider).await;
    until(&mut proxy, 3, 0).await;
    drop(wider);
    until(&mut proxy, 0, 0).await;
}

#[tokio::test]
async fn a_full_queue_refuses_a_busy_key_and_makes_room_for_another() {
    let mut proxy = start(1, 2).await;
    let running = begun(ask(&proxy, KEY, 1)).await;
    let first = ask(&proxy, KEY, 1);
    until(&mut proxy, 1, 1).await;
    let second = ask(&proxy, KEY, 1);
    until(&mut proxy, 1, 2).await;
    let message = turned_away(ask(&proxy, KEY, 1)).await;
    assert!(message.as_str().unwrap().starts_with("Too many requests are waiting"), "{message}");

    let other = ask(&proxy, OTHER, 1);
    let message = turned_away(second).await;
    assert!(message.as_str().unwrap().contains("made room for another key"), "{message}");
    assert!(!first.is_finished() && !other.is_finished());
    let away = proxy.log.rows().into_iter().filter(|row| row.status == Some(429)).collect::<Vec<_>>();
    assert_eq!(away.len(), 2);
    assert!(away.iter().all(|row| row.state == RowState::Failed && row.wait_ms.is_some()), "{away:?}");
    drop(running);
    let first = begun(first).await;
    drop(first);
    begun(other).await;
}

#[tokio::test]
async fn whoever_waits_shows_in_health_and_in_the_log_and_has_its_wait_put_down() {
    let mut proxy = start(1, 64).await;
    assert_eq!(health(&proxy).await, json!({"running":0,"waiting":0,"most":1,"most_waiting":64}));
    let running = begun(ask(&proxy, KEY, 1)).await;
    let waiting = ask(&proxy, OTHER, 1);
    until(&mut proxy, 1, 1).await;
    assert_eq!(health(&proxy).await, json!({"running":1,"waiting":1,"most":1,"most_waiting":64}));
    let row = proxy.log.rows().into_iter().find(|row| row.arrival.key.ends_with("#2")).unwrap();
    assert_eq!((row.state, row.wait_ms), (RowState::Waiting, None));
    drop(running);
    begun(waiting).await;
    let row = proxy.log.rows().into_iter().find(|later| later.arrival.id == row.arrival.id).unwrap();
    assert!(row.wait_ms.is_some_and(|ms| ms > 0), "{row:?}");
    let steps: Vec<&str> = row.steps.iter().map(|step| step.what.as_str()).collect();
    assert!(steps.starts_with(&["Waits for its place", "Given to codex"]), "{steps:?}");
}

#[tokio::test]
async fn whoever_hangs_up_while_it_waits_leaves_the_queue_and_is_closed_in_the_log() {
    let mut proxy = start(1, 64).await;
    let running = begun(ask(&proxy, KEY, 1)).await;
    let waiting = ask(&proxy, KEY, 1);
    until(&mut proxy, 1, 1).await;
    waiting.abort();
    until(&mut proxy, 1, 0).await;
    eventually("it is closed", || proxy.log.running() == 1).await;
    assert_eq!(proxy.log.rows()[0].state, RowState::Stopped);
    drop(running);
    until(&mut proxy, 0, 0).await;
}
