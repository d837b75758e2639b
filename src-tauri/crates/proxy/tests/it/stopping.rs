//! The end: open streams finish, or are cut off at the deadline, and nothing is left.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::support::log::RowState;
use crate::support::{KEY, TIMEOUT, TestProxyBuilder, eventually, fake, prompt_body, real};

/// A codex that does not answer is given up after 20 s by itself.
const BEFORE_CODEX_IS_GIVEN_UP: Duration = Duration::from_secs(15);

/// Asserts that a request was told that the proxy stops.
async fn assert_told(response: Response, what: &str) {
    assert_eq!(response.status(), 503, "{what}");
    assert_eq!(response.headers()["retry-after"], "5", "{what}");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "shutting_down", "{what}: {body}");
}

/// Reads an answer to its end over a bare socket.
async fn answer(socket: &mut TcpStream) -> String {
    let mut answer = String::new();
    tokio::time::timeout(TIMEOUT, socket.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

fn soon(plan: TestProxyBuilder) -> TestProxyBuilder {
    plan.limits(|limits| limits.drain = Duration::from_millis(200))
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn an_open_stream_is_finished_before_the_proxy_ends() {
    let proxy = real().start().await;
    let mut events = proxy.stream("[[words=3 hold=1]]").await;
    events.next_text().await;
    proxy.stop.cancel();
    proxy.release_model().await;
    let rest = events.rest().await;
    assert_eq!(rest.last().unwrap(), "[DONE]", "{rest:?}");
    tokio::time::timeout(TIMEOUT, proxy.server).await.unwrap().unwrap();
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_stream_that_goes_on_past_the_deadline_is_told_and_interrupted() {
    let proxy = real().limits(|limits| limits.drain = Duration::from_millis(200)).start().await;
    let mut events = proxy.stream("[[words=3 hold=1]]").await;
    events.next_text().await;
    proxy.stop.cancel();
    let rest = events.rest().await;
    assert_eq!(rest.last().unwrap()["error"]["code"], "shutting_down", "{rest:?}");
    tokio::time::timeout(TIMEOUT, proxy.server).await.unwrap().unwrap();
}

#[tokio::test]
async fn whoever_still_waits_for_its_turn_is_told_at_once() {
    let mut proxy = fake("hang-after-delta=1").limits(|limits| limits.turns = 1).start().await;
    let mut events = proxy.stream("hi").await;
    events.next_text().await;
    let request = proxy.anonymous(reqwest::Method::POST, "/v1/chat/completions").bearer_auth(KEY);
    let waiting = tokio::spawn(request.json(&prompt_body("hi")).send());
    proxy.turns.wait_for(|turns| turns.waiting == 1).await.unwrap();
    proxy.stop.cancel();
    let told = tokio::time::timeout(TIMEOUT, waiting).await.unwrap().unwrap().unwrap();
    assert_eq!(told.status(), 503);
    assert!(told.headers().contains_key("retry-after"));
    // The stream that was open goes on meanwhile.
    assert_eq!(proxy.turns.borrow().running, 1);
    drop(events);
    tokio::time::timeout(TIMEOUT, proxy.server).await.unwrap().unwrap();
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
    tokio::time::timeout(TIMEOUT, proxy.server).await.unwrap().unwrap();
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn whoever_waits_for_a_place_is_told_at_once_and_the_stream_before_it_is_finished() {
    let proxy = real().limits(|limits| limits.turns = 1).start().await;
    let mut events = proxy.stream("[[words=3 hold=1]]").await;
    events.next_text().await;
    let wait = |stream: bool| {
        let mut body = prompt_body("[[words=1]]");
        body["stream"] = stream.into();
        let request = proxy.anonymous(Method::POST, "/v1/chat/completions").bearer_auth(KEY).json(&body);
        tokio::spawn(request.send())
    };
    let waiting = [wait(false), wait(true), wait(false)];
    eventually("they wait", || proxy.log.running() == 4).await;
    proxy.stop.cancel();
    for waiting in waiting {
        assert_told(waiting.await.unwrap().unwrap(), "a waiting request").await;
    }
    proxy.release_model().await;
    assert_eq!(events.rest().await.last().unwrap(), "[DONE]");
    tokio::time::timeout(TIMEOUT, proxy.server).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_codex_that_does_not_answer_holds_up_nobody_and_whoever_waits_for_it_is_told() {
    let chat = |model: &str| json!({"model":model,"messages":[{"role":"user","content":"hi"}]});
    for (method, path, body) in [
        (Method::POST, "/v1/chat/completions", Some(chat("gpt-5.5"))),
        (Method::POST, "/v1/chat/completions", Some(chat("codex-local"))),
        (Method::GET, "/v1/models", None),
    ] {
        let proxy = soon(fake("hang-on=initialize")).start().await;
        let request = proxy.anonymous(method, path).bearer_auth(KEY);
        let request = if let Some(body) = &body { request.json(body) } else { request };
        let asking = tokio::spawn(request.send());
        loop {
            let health: Value =
                proxy.anonymous(Method::GET, "/health").send().await.unwrap().json().await.unwrap();
            if health["codex"]["state"] == "starting" {
                break;
            }
        }
        proxy.stop.cancel();
        assert_told(asking.await.unwrap().unwrap(), path).await;
        if body.is_some() {
            let row = proxy.log.newest();
            assert_eq!((row.state, row.code.as_deref()), (RowState::Failed, Some("shutting_down")));
        }
        tokio::time::timeout(BEFORE_CODEX_IS_GIVEN_UP, proxy.server).await.unwrap().unwrap();
        #[cfg(target_os = "linux")]
        eventually("codex is gone", || crate::support::processes_of(proxy.folder.path()).is_empty()).await;
    }
}

#[tokio::test]
async fn half_a_request_is_told_too() {
    let proxy = soon(fake("")).start().await;
    let mut socket = TcpStream::connect(&proxy.address).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    // Our side asks for the body once the request has come to its route.
    let mut begun = [0; 12];
    socket.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 100");
    socket.write_all(b"{\"model\":").await.unwrap();
    proxy.stop.cancel();
    let answer = answer(&mut socket).await;
    assert!(answer.contains("HTTP/1.1 503") && answer.contains("shutting_down"), "{answer}");
    tokio::time::timeout(TIMEOUT, proxy.server).await.unwrap().unwrap();
}

#[tokio::test]
async fn who_came_before_the_end_and_was_not_let_in_yet_gets_an_answer() {
    // Which of the two comes first is by chance, so more than once.
    for _ in 0..20 {
        let (proxy, _log, _model, folder) = fake("").proxy().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let request = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
        socket.write_all(request).await.unwrap();
        // The runtime looks for what has come whenever nothing else is to be done.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        let stop = CancellationToken::new();
        stop.cancel();
        let serving = tokio::spawn(proxy::serve(vec![listener], proxy, stop));
        let answer = answer(&mut socket).await;
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("shutting_down"), "{answer:?}");
        tokio::time::timeout(TIMEOUT, serving).await.unwrap().unwrap();
        drop(folder);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn no_process_is_left() {
    let proxy = real().start().await;
    assert_eq!(proxy.ask("[[words=1]]").await.status(), 200);
    assert!(!crate::support::processes_of(proxy.folder.path()).is_empty());
    proxy.stop.cancel();
    tokio::time::timeout(TIMEOUT, proxy.server).await.unwrap().unwrap();
    let folder = proxy.folder.path();
    eventually("codex is gone", || crate::support::processes_of(folder).is_empty()).await;
}
