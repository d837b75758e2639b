//! The time limits of turns: in total, and without a message from codex.

use std::time::Duration;

use reqwest::Response;
use sample_model::Event;
use serde_json::{Value, json};

use crate::support::log::RowState;
use crate::support::{TIMEOUT, TestProxy, fake, real};

fn is_gone(event: &Event) -> bool {
    matches!(event, Event::ClientGone { .. })
}

async fn timed_out(response: Response) -> String {
    assert_eq!(response.status(), 504);
    // The turn used quota; client libraries must not retry it on their own.
    assert_eq!(response.headers()["x-should-retry"], "false");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "turn_timeout");
    body["error"]["message"].as_str().unwrap().to_owned()
}

/// Asserts that the newest request failed for this reason.
async fn assert_failed(proxy: &TestProxy, reason: &str) {
    let row = proxy.log.newest();
    assert_eq!((row.state, row.status), (RowState::Failed, Some(504)));
    assert!(row.error.as_deref().is_some_and(|error| error.contains(reason)), "{row:?}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn idle_turn_is_504_interrupted_and_frees_its_slot() {
    let plan = real().limits(|limits| (limits.max_turns, limits.idle_timeout) = (1, Duration::from_secs(2)));
    let proxy = plan.start().await;
    let message = timed_out(proxy.ask("[[words=3 hold=0]]").await).await;
    assert!(message.starts_with("codex was idle for 2 seconds"), "{message}");
    assert!(proxy.model.wait_for(is_gone, TIMEOUT).await.is_some(), "the turn was not interrupted");
    assert_failed(&proxy, "codex was idle").await;
    assert_eq!(proxy.ask("[[words=1]]").await.status(), 200);
}

#[tokio::test]
async fn idle_stream_ends_with_an_error() {
    let plan = fake("hang-after-delta=1").limits(|limits| limits.idle_timeout = Duration::from_millis(300));
    let proxy = plan.start().await;
    let rest = proxy.stream("hi").await.rest().await;
    assert_eq!(rest.last().unwrap()["error"]["code"], "turn_timeout", "{rest:?}");
    assert_failed(&proxy, "codex was idle").await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn slow_answer_and_long_command_do_not_hit_the_idle_limit() {
    let plan = real().limits(|limits| limits.idle_timeout = Duration::from_secs(2));
    let proxy = plan.start().await;
    assert_eq!(proxy.ask("[[words=5 every=700]]").await.status(), 200);
    let body = json!({"model":"codex-local","messages":[{"role":"user","content":"[[shell=\"sleep 4\"]]"}]});
    let answer = proxy.chat(&body).await;
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn turn_over_its_time_limit_is_504_and_queueing_does_not_count() {
    let plan = real().limits(|limits| (limits.max_turns, limits.turn_timeout) = (1, Duration::from_secs(3)));
    let proxy = plan.start().await;
    let mut first = proxy.stream("[[words=3 hold=1]]").await;
    first.next_text().await;
    // It waits in the queue for nearly the turn's limit, and still has all of it.
    let (second, rest) = tokio::join!(proxy.ask("[[words=2 every=1500]]"), first.rest());
    assert_eq!(rest.last().unwrap()["error"]["code"], "turn_timeout", "{rest:?}");
    assert!(proxy.model.wait_for(is_gone, TIMEOUT).await.is_some(), "the turn was not interrupted");
    assert_eq!(second.status(), 200, "{}", second.text().await.unwrap());
    let message = timed_out(proxy.ask("[[words=3 hold=0]]").await).await;
    assert_eq!(
        message,
        "The answer took longer than 3 seconds and was interrupted. The limit can be raised (--turn-limit)."
    );
    assert_failed(&proxy, "longer than 3 seconds").await;
}
