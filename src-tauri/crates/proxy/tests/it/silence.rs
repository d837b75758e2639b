//! Turns that take too long, or of which codex says nothing.

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
    // It has cost what it has cost; a library is not to spend that twice more by itself.
    assert_eq!(response.headers()["x-should-retry"], "false");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "turn_timeout");
    body["error"]["message"].as_str().unwrap().to_owned()
}

/// The newest request has failed for this reason.
async fn failed(proxy: &TestProxy, reason: &str) {
    let row = proxy.log.newest();
    assert_eq!((row.state, row.status), (RowState::Failed, Some(504)));
    assert!(row.error.as_deref().is_some_and(|error| error.contains(reason)), "{row:?}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_turn_of_which_codex_says_nothing_is_504_and_interrupted_and_its_place_is_free() {
    let plan = real().limits(|limits| (limits.turns, limits.silence) = (1, Duration::from_secs(2)));
    let proxy = plan.start().await;
    let message = timed_out(proxy.ask("[[words=3 hold=0]]").await).await;
    assert!(message.starts_with("codex said nothing for 2 seconds"), "{message}");
    assert!(proxy.model.wait_for(is_gone, TIMEOUT).await.is_some(), "the turn goes on");
    failed(&proxy, "said nothing").await;
    assert_eq!(proxy.ask("[[words=1]]").await.status(), 200);
}

#[tokio::test]
async fn a_stream_that_falls_silent_ends_with_the_error() {
    let plan = fake("hang-after-delta=1").limits(|limits| limits.silence = Duration::from_millis(300));
    let proxy = plan.start().await;
    let rest = proxy.stream("hi").await.rest().await;
    assert_eq!(rest.last().unwrap()["error"]["code"], "turn_timeout", "{rest:?}");
    failed(&proxy, "said nothing").await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_slow_answer_and_a_long_command_are_no_silence() {
    let plan = real().limits(|limits| limits.silence = Duration::from_secs(2));
    let proxy = plan.start().await;
    assert_eq!(proxy.ask("[[words=5 every=700]]").await.status(), 200);
    let body = json!({"model":"codex-local","messages":[{"role":"user","content":"[[shell=\"sleep 4\"]]"}]});
    let answer = proxy.chat(&body).await;
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_turn_beyond_its_limit_is_504_and_interrupted_and_the_wait_before_it_does_not_count() {
    let plan = real().limits(|limits| (limits.turns, limits.turn) = (1, Duration::from_secs(3)));
    let proxy = plan.start().await;
    let mut first = proxy.stream("[[words=3 hold=1]]").await;
    first.next_text().await;
    // It waits for nearly as long as a turn may last, and has all that time still.
    let (second, rest) = tokio::join!(proxy.ask("[[words=2 every=1500]]"), first.rest());
    assert_eq!(rest.last().unwrap()["error"]["code"], "turn_timeout", "{rest:?}");
    assert!(proxy.model.wait_for(is_gone, TIMEOUT).await.is_some(), "the turn goes on");
    assert_eq!(second.status(), 200, "{}", second.text().await.unwrap());
    let message = timed_out(proxy.ask("[[words=3 hold=0]]").await).await;
    assert_eq!(message, "The turn took longer than 3 seconds and was ended.");
    failed(&proxy, "longer than 3 seconds").await;
}
