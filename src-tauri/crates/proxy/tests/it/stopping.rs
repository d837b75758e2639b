//! Shutdown: open streams finish or are cut off at the deadline, and no process is left.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::support::log::RowState;
use crate::support::{KEY, TIMEOUT, TestProxyBuilder, eventually, fake, prompt_body, real};

/// Less than the 20 s after which an unresponsive codex times out anyway.
const BEFORE_CODEX_TIMES_OUT: Duration = Duration::from_secs(15);

/// Asserts that a response says that the proxy is shutting down.
async fn assert_shutting_down(response: Response, what: &str) {
    assert_eq!(response.status(), 503, "{what}");
    assert_eq!(response.headers()["retry-after"], "5", "{what}");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "shutting_down", "{what}: {body}");
}

/// Reads a response to its end from a bare socket.
async fn answer(socket: &mut TcpStream) -> String {
    let mut answer = String::new();
    tokio::time::timeout(TIMEOUT, socket.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

fn with_short_drain(plan: TestProxyBuilder) -> TestProxyBuilder {
    plan.limits(|limits| limits.drain_timeout = Duration::from_millis(200))
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn open_stream_finishes_before_the_proxy_stops() {
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
async fn closed_console_leaves_a_stream_less_time_than_a_signal() {
    let proxy = real().limits(|limits| limits.drain_timeout = Duration::from_secs(3600)).start().await;
    let mut events = proxy.stream("[[words=3 hold=1]]").await;
    events.next_text().await;
    proxy.handle.shorten_drain(Duration::from_millis(200));
    proxy.stop.cancel();
    let rest = events.rest().await;
    assert_eq!(rest.last().unwrap()["error"]["code"], "shutting_down", "{rest:?}");
    tokio::time::timeout(TIMEOUT, proxy.server).await.unwrap().unwrap();
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn stream_past_the_deadline_gets_an_error_and_is_interrupted() {
    let proxy = real().limits(|limits| limits.drain_timeout = Duration::from_millis(200)).start().await;
    let mut events = proxy.stream("[[words=3 hold=1]]").await;
    events.next_text().await;
    proxy.stop.cancel();
    let rest = events.rest().await;
    assert_eq!(rest.last().unwrap()["error"]["code"], "shutting_down", "{rest:?}");
    tokio::time::timeout(TIMEOUT, proxy.server).await.unwrap().unwrap();
}

#[tokio::test]
async fn queued_request_is_rejected_immediately_on_shutdown() {
    let mut proxy = fake("hang-after-delta=1").limits(|limits| limits.max_turns = 1).start().await;
    let mut events = proxy.stream("hi").await;
    events.next_text().await;
    let request = proxy.anonymous(reqwest::Method::POST, "/v1/chat/completions").bearer_auth(KEY);
    let waiting = tokio::spawn(request.json(&prompt_body("hi")).send());
    proxy.turns.wait_for(|turns| turns.waiting == 1).await.unwrap();
    proxy.stop.cancel();
    let response = tokio::time::timeout(TIMEOUT, waiting).await.unwrap().unwrap().unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    // The open stream continues.
    assert_eq!(proxy.turns.borrow().running, 1);
    drop(events);
    tokio::time::timeout(TIMEOUT, proxy.server).await.unwrap().unwrap();
}

#[tokio::test]
async fn new_connections_are_refused_during_shutdown() {
    let proxy = fake("hang-after-delta=1")
        .limits(|limits| limits.drain_timeout = Duration::from_millis(500))
        .start()
        .await;
    let mut events = proxy.stream("hi").await;
    events.next_text().await;
    proxy.stop.cancel();
    let address = proxy.address.clone();
    eventually("the port is closed", || std::net::TcpStream::connect(&address).is_err()).await;
    tokio::time::timeout(TIMEOUT, proxy.server).await.unwrap().unwrap();
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn queued_requests_are_rejected_on_shutdown_while_the_running_stream_finishes() {
    let proxy = real().limits(|limits| limits.max_turns = 1).start().await;
    let mut events = proxy.stream("[[words=3 hold=1]]").await;
    events.next_text().await;
    let queue = |stream: bool| {
        let mut body = prompt_body("[[words=1]]");
        body["stream"] = stream.into();
        let request = proxy.anonymous(Method::POST, "/v1/chat/completions").bearer_auth(KEY).json(&body);
        tokio::spawn(request.send())
    };
    let waiting = [queue(false), queue(true), queue(false)];
    eventually("all requests are queued", || proxy.log.running() == 4).await;
    proxy.stop.cancel();
    for waiting in waiting {
        assert_shutting_down(waiting.await.unwrap().unwrap(), "a waiting request").await;
    }
    proxy.release_model().await;
    assert_eq!(events.rest().await.last().unwrap(), "[DONE]");
    tokio::time::timeout(TIMEOUT, proxy.server).await.unwrap().unwrap();
}

#[tokio::test]
async fn unresponsive_codex_does_not_delay_shutdown_and_its_callers_get_an_error() {
    let chat = |model: &str| json!({"model":model,"messages":[{"role":"user","content":"hi"}]});
    for (method, path, body) in [
        (Method::POST, "/v1/chat/completions", Some(chat("gpt-5.5"))),
        (Method::POST, "/v1/chat/completions", Some(chat("codex-local"))),
        (Method::GET, "/v1/models", None),
    ] {
        let proxy = with_short_drain(fake("hang-on=initialize")).start().await;
        let request = proxy.anonymous(method, path).bearer_auth(KEY);
        let request = if let Some(body) = &body { request.json(body) } else { request };
        let pending = tokio::spawn(request.send());
        loop {
            let health: Value = proxy.get("/health").send().await.unwrap().json().await.unwrap();
            if health["codex"]["state"] == "starting" {
                break;
            }
        }
        proxy.stop.cancel();
        assert_shutting_down(pending.await.unwrap().unwrap(), path).await;
        if body.is_some() {
            let row = proxy.log.newest();
            assert_eq!((row.state, row.code.as_deref()), (RowState::Failed, Some("shutting_down")));
        }
        tokio::time::timeout(BEFORE_CODEX_TIMES_OUT, proxy.server).await.unwrap().unwrap();
        #[cfg(target_os = "linux")]
        eventually("codex is gone", || crate::support::processes_of(proxy.folder.path()).is_empty()).await;
    }
}

#[tokio::test]
async fn incomplete_request_gets_the_shutdown_error_too() {
    let proxy = with_short_drain(fake("")).start().await;
    let mut socket = TcpStream::connect(&proxy.address).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    // The proxy asks for the body once the request has reached its route.
    let mut status = [0; 12];
    socket.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 100");
    socket.write_all(b"{\"model\":").await.unwrap();
    proxy.stop.cancel();
    let answer = answer(&mut socket).await;
    assert!(answer.contains("HTTP/1.1 503") && answer.contains("shutting_down"), "{answer}");
    tokio::time::timeout(TIMEOUT, proxy.server).await.unwrap().unwrap();
}

#[tokio::test]
async fn request_not_yet_accepted_at_shutdown_gets_a_response() {
    // A race, so it is repeated.
    for _ in 0..20 {
        let (proxy, _log, _model, folder) = fake("").proxy().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let request = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
        socket.write_all(request).await.unwrap();
        // Lets the runtime poll for I/O.
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

// Unix only: processes are found through /proc. run-on-windows smoke has the same for Windows.
#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn shutdown_leaves_no_process() {
    let proxy = real().start().await;
    assert_eq!(proxy.ask("[[words=1]]").await.status(), 200);
    assert!(!crate::support::processes_of(proxy.folder.path()).is_empty());
    proxy.stop.cancel();
    tokio::time::timeout(TIMEOUT, proxy.server).await.unwrap().unwrap();
    let folder = proxy.folder.path();
    eventually("codex is gone", || crate::support::processes_of(folder).is_empty()).await;
}
