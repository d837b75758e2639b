//! Clients that disconnect or are slow.

use std::time::Duration;

use reqwest::Method;
use sample_model::Event;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::log::RowState;
use crate::support::{KEY, TIMEOUT, TestProxy, TestProxyBuilder, fake, prompt_body, real};

fn is_held(event: &Event) -> bool {
    matches!(event, Event::Held { .. })
}

fn is_gone(event: &Event) -> bool {
    matches!(event, Event::ClientGone { .. })
}

/// Sends a chat over a bare socket without reading the answer.
async fn send_chat(proxy: &TestProxy, prompt: &str, stream: bool) -> TcpStream {
    let mut socket = TcpStream::connect(&proxy.address).await.unwrap();
    write_chat(&mut socket, prompt, stream).await;
    socket
}

async fn write_chat(socket: &mut TcpStream, prompt: &str, stream: bool) {
    let mut body = prompt_body(prompt);
    body["stream"] = stream.into();
    let body = body.to_string();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(body.as_bytes()).await.unwrap();
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn disconnecting_mid_stream_interrupts_the_turn() {
    let proxy = real().start().await;
    let mut events = proxy.stream("[[words=3 hold=1]]").await;
    events.next_text().await;
    drop(events);
    assert!(proxy.model.wait_for(is_gone, TIMEOUT).await.is_some());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn disconnecting_before_the_first_delta_interrupts_the_turn() {
    for stream in [true, false] {
        let proxy = real().start().await;
        let socket = send_chat(&proxy, "[[words=3 hold=0]]", stream).await;
        assert!(proxy.model.wait_for(is_held, TIMEOUT).await.is_some());
        drop(socket);
        assert!(proxy.model.wait_for(is_gone, TIMEOUT).await.is_some(), "stream: {stream}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn disconnecting_while_queued_leaves_the_queue() {
    let proxy = real().limits(|limits| (limits.max_turns, limits.max_queued) = (1, 1)).start().await;
    let mut first = proxy.stream("[[words=2 hold=1]]").await;
    first.next_text().await;
    for _ in 0..3 {
        // Each takes the only place in the queue, or would be rejected immediately.
        let mut waiting = send_chat(&proxy, "[[words=1]]", false).await;
        let mut byte = [0];
        let nothing = tokio::time::timeout(Duration::from_millis(50), waiting.read(&mut byte)).await;
        assert!(nothing.is_err(), "answered instead of queued");
        drop(waiting);
    }
    proxy.release_model().await;
    first.rest().await;
    assert_eq!(proxy.ask("[[words=1]]").await.status(), 200);
}

#[tokio::test]
async fn connection_without_a_request_is_closed() {
    let proxy = fake("").limits(|limits| limits.header_timeout = Duration::from_millis(200)).start().await;
    for head in ["", "GET /health HTTP/1.1\r\nHost: local"] {
        let mut socket = TcpStream::connect(&proxy.address).await.unwrap();
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(TIMEOUT, socket.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "still open after {head:?}");
    }
}

#[tokio::test]
async fn idle_connection_is_closed() {
    let proxy = fake("").limits(|limits| limits.header_timeout = Duration::from_millis(200)).start().await;
    let mut socket = TcpStream::connect(&proxy.address).await.unwrap();
    socket.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(TIMEOUT, socket.read_to_end(&mut rest)).await;
    assert!(closed.is_ok());
    assert!(String::from_utf8_lossy(&rest).starts_with("HTTP/1.1 200"));
}

/// A chat whose client reads nothing, over a connection with small buffers. The model sends `words` words of 20 KB, and is
/// held before the last ones.
async fn unread_chat(plan: TestProxyBuilder, words: usize) -> (TestProxy, TcpStream) {
    let listener = TcpSocket::new_v4().unwrap();
    listener.set_send_buffer_size(4096).unwrap();
    listener.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let proxy = plan.start_on(listener.listen(16).unwrap()).await;
    let client = TcpSocket::new_v4().unwrap();
    client.set_recv_buffer_size(4096).unwrap();
    let mut socket = client.connect(proxy.address.parse().unwrap()).await.unwrap();
    // The model echoes them, escaped to twice the length.
    let quotes = vec!["\"".repeat(10_000); words + 5].join(" ");
    write_chat(&mut socket, &format!("[[echo hold={words}]] {quotes}"), true).await;
    (proxy, socket)
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn unread_answer_over_the_queue_capacity_is_interrupted() {
    // More than 1 MiB.
    let (proxy, _unread) = unread_chat(real(), 90).await;
    assert!(proxy.model.wait_for(is_gone, TIMEOUT).await.is_some());
    assert_eq!(proxy.ask("[[words=1]]").await.status(), 200);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn client_that_stops_reading_is_disconnected() {
    let plan = real().limits(|limits| limits.write_timeout = Duration::from_millis(300));
    // Less than the event queue's capacity.
    let (proxy, _unread) = unread_chat(plan, 30).await;
    assert!(proxy.model.wait_for(is_gone, TIMEOUT).await.is_some());
    let mut states = Vec::new();
    while states != [RowState::Stopped] {
        tokio::task::yield_now().await;
        states = proxy.log.rows().iter().map(|row| row.state).collect();
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn idle_connections_neither_block_new_ones_nor_end_running_answers() {
    let proxy = real().limits(|limits| limits.max_connections = 4).start().await;
    let mut events = proxy.stream("[[words=3 hold=1]]").await;
    events.next_text().await;
    let mut idle = Vec::new();
    for n in 0..100 {
        let mut socket = TcpStream::connect(&proxy.address).await.unwrap();
        let head =
            ["", "GET /health HTTP/1.1\r\nHost: local", "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"]
                [n % 3];
        // The proxy may have closed it already.
        let _ = socket.write_all(head.as_bytes()).await;
        idle.push(socket);
    }
    assert_eq!(proxy.ask("[[words=1]]").await.status(), 200);
    proxy.release_model().await;
    assert_eq!(events.rest().await.last().unwrap(), "[DONE]");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn pipelined_requests_are_answered_in_order_and_do_not_hide_a_disconnect() {
    let proxy = real().limits(|limits| limits.ping_interval = Duration::from_millis(200)).start().await;
    let mut socket = TcpStream::connect(&proxy.address).await.unwrap();
    let health = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let last = "GET /none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    socket.write_all(format!("{health}{health}{last}").as_bytes()).await.unwrap();
    let mut answers = String::new();
    tokio::time::timeout(TIMEOUT, socket.read_to_string(&mut answers)).await.unwrap().unwrap();
    let statuses: Vec<&str> =
        answers.matches("HTTP/1.1 200").chain(answers.matches("HTTP/1.1 404")).collect();
    assert_eq!(statuses, ["HTTP/1.1 200", "HTTP/1.1 200", "HTTP/1.1 404"], "{answers}");

    let mut socket = send_chat(&proxy, "[[words=3 hold=1]]", true).await;
    assert!(proxy.model.wait_for(is_held, TIMEOUT).await.is_some());
    // Requests queued behind it must not hide the disconnect.
    socket.write_all(health.repeat(3).as_bytes()).await.unwrap();
    drop(socket);
    assert!(proxy.model.wait_for(is_gone, TIMEOUT).await.is_some());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn two_requests_with_the_same_id_are_logged_separately() {
    let proxy = real().start().await;
    let ask = || {
        let request = proxy.anonymous(Method::POST, "/v1/chat/completions").bearer_auth(KEY);
        request.header("x-request-id", "mine").json(&prompt_body("[[words=1 every=20]]")).send()
    };
    let (one, two) = tokio::join!(ask(), ask());
    for answer in [one.unwrap(), two.unwrap()] {
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["x-request-id"]),
            (200, &"mine".parse().unwrap())
        );
    }
    let rows = proxy.log.rows();
    assert_eq!(rows.len(), 2);
    assert_ne!(rows[0].arrival.id, rows[1].arrival.id);
    assert!(rows.iter().all(|row| row.state == RowState::Done));
}

#[tokio::test]
async fn stalled_body_times_out() {
    let proxy = fake("").limits(|limits| limits.body_idle_timeout = Duration::from_millis(200)).start().await;
    let mut socket = TcpStream::connect(&proxy.address).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{\"model\":"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    tokio::time::timeout(TIMEOUT, socket.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer, b"HTTP/1.1 408");
}

#[tokio::test]
async fn keep_alive_connection_serves_several_requests() {
    let proxy = fake("").start().await;
    let mut socket = TcpStream::connect(&proxy.address).await.unwrap();
    for _ in 0..3 {
        socket.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut answer = vec![0; 15];
        socket.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, b"HTTP/1.1 200 OK");
        let mut rest = [0; 4096];
        let read = socket.read(&mut rest).await.unwrap();
        assert!(String::from_utf8_lossy(&rest[..read]).contains("\"status\":\"ok\""));
    }
}
