//! The end: open streams finish, or are cut off at the deadline, and nothing is left.

use std::time::Duration;

use crate::support::{KEY, LONG, eventually, fake, prompt_body, real};

#[tokio::test]
async fn an_open_stream_is_finished_before_the_proxy_ends() {
    let proxy = real().start().await;
    let mut events = proxy.stream("[[words=3 hold=1]]").await;
    events.next_text().await;
    proxy.stop.cancel();
    proxy.let_go_on().await;
    let rest = events.rest().await;
    assert_eq!(rest.last().unwrap(), "[DONE]", "{rest:?}");
    tokio::time::timeout(LONG, proxy.server).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stream_that_goes_on_past_the_deadline_is_told_and_interrupted() {
    let proxy = real().limits(|limits| limits.drain = Duration::from_millis(200)).start().await;
    let mut events = proxy.stream("[[words=3 hold=1]]").await;
    events.next_text().await;
    proxy.stop.cancel();
    let rest = events.rest().await;
    assert_eq!(rest.last().unwrap()["error"]["code"], "shutting_down", "{rest:?}");
    tokio::time::timeout(LONG, proxy.server).await.unwrap().unwrap();
}

#[tokio::test]
async fn whoever_still_waits_for_its_turn_is_told_at_once() {
    let mut proxy = fake("hang-after-delta=1").limits(|limits| limits.turns = 1).start().await;
    let mut events = proxy.stream("hi").await;
    events.next_text().await;
    let request = proxy.bare(reqwest::Method::POST, "/v1/chat/completions").bearer_auth(KEY);
    let waiting = tokio::spawn(request.json(&prompt_body("hi")).send());
    proxy.turns.wait_for(|turns| turns.waiting == 1).await.unwrap();
    proxy.stop.cancel();
    let told = tokio::time::timeout(LONG, waiting).await.unwrap().unwrap().unwrap();
    assert_eq!(told.status(), 503);
    assert!(told.headers().contains_key("retry-after"));
    // The stream that was open goes on meanwhile.
    assert_eq!(proxy.turns.borrow().running, 1);
    drop(events);
    tokio::time::timeout(LONG, proxy.server).await.unwrap().unwrap();
}

#[tokio::test]
async fn nobody_gets_in_any_more() {
    let proxy =
        fake("hang-after-delta=1").limits(|limits| limits.drain = Duration::from_millis(500)).start().await;
    let mut events = proxy.stream("hi").await;
    events.next_text().await;
    proxy.stop.cancel();
    let address = proxy.address.clone();
    eventually("the port is closed", || std::net::TcpStream::connect(&address).is_err()).await;
    tokio::time::timeout(LONG, proxy.server).await.unwrap().unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_process_is_left() {
    let proxy = real().start().await;
    assert_eq!(proxy.ask("[[words=1]]").await.status(), 200);
    assert!(!crate::support::processes_of(proxy.folder.path()).is_empty());
    proxy.stop.cancel();
    tokio::time::timeout(LONG, proxy.server).await.unwrap().unwrap();
    let folder = proxy.folder.path();
    eventually("codex is gone", || crate::support::processes_of(folder).is_empty()).await;
}
