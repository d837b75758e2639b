//! What ends a connection, and what it may hold.

use std::time::Duration;

use sample_model::Event;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;

use super::client::{Client, create, text_of};
use crate::support::{KEY, TIMEOUT, TestProxy, eventually, fake, real};

/// A connection after its handshake, as bytes.
async fn raw(proxy: &TestProxy) -> TcpStream {
    let mut socket = TcpStream::connect(&proxy.address).await.unwrap();
    greet(&mut socket).await;
    socket
}

async fn greet(socket: &mut TcpStream) {
    let head = format!(
        "GET /v1/responses HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(socket.read_u8().await.unwrap());
    }
    let answer = String::from_utf8(answer).unwrap().to_lowercase();
    assert!(answer.starts_with("http/1.1 101"), "{answer}");
    assert!(answer.contains("s3pplmbitxaq9kygzzhzrbk+xoo="), "{answer}");
}

/// A masked frame of a client, with a mask of zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u16::try_from(payload.len()) {
        Ok(length) if length < 126 => frame.push(0x80 | u8::try_from(length).unwrap()),
        Ok(length) => {
            frame.push(0x80 | 126);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => {
            frame.push(0x80 | 127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

#[tokio::test]
async fn garbage_ends_only_its_own_connection_with_a_code() {
    let proxy = fake("").start().await;
    let mut good = Client::connect(&proxy, KEY).await;
    for (name, bytes, code) in [
        ("an unknown opcode", frame(0x83, b"x"), 1002_u16),
        ("a reserved bit", frame(0xC1, b"{}"), 1002),
        ("no mask", vec![0x81, 2, b'{', b'}'], 1002),
        ("a continuation of nothing", frame(0x80, b"x"), 1002),
        ("a long control frame", frame(0x89, &[b'x'; 200]), 1002),
        ("no UTF-8", frame(0x81, &[0xFF, 0xFE]), 1007),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), 1002),
    ] {
        let mut socket = raw(&proxy).await;
        socket.write_all(&bytes).await.unwrap();
        let mut rest = Vec::new();
        let read = tokio::time::timeout(TIMEOUT, socket.read_to_end(&mut rest)).await.unwrap();
        // A reset follows where the server has not read everything.
        assert!(read.is_ok() || !rest.is_empty(), "{name}");
        assert_eq!(rest[0], 0x88, "{name}: {rest:?}");
        assert_eq!(u16::from_be_bytes([rest[2], rest[3]]), code, "{name}");
    }
    good.send_text("{}").await;
    assert_eq!(good.next().await["type"], "error");
}

#[tokio::test]
async fn a_message_larger_than_a_body_may_be_is_refused_and_closes_the_connection() {
    let proxy = fake("").start().await;
    let mut socket = raw(&proxy).await;
    // Only its length: nothing of it has to arrive.
    let mut head = vec![0x81, 0x80 | 127];
    head.extend((33 * 1024 * 1024_u64).to_be_bytes());
    head.extend([0; 4]);
    socket.write_all(&head).await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(TIMEOUT, socket.read_to_end(&mut rest)).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&rest);
    assert!(text.contains("request_too_large") && text.contains("413"), "{text}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_large_message_in_many_frames_is_one_event() {
    let proxy = real().start().await;
    let mut socket = raw(&proxy).await;
    let body = json!({"type":"response.create","model":"gpt-5.5","instructions":"x".repeat(300_000),
        "input":"[[say=whole]]"})
    .to_string();
    let chunks: Vec<&[u8]> = body.as_bytes().chunks(70_000).collect();
    for (at, chunk) in chunks.iter().enumerate() {
        let opcode = u8::from(at == 0);
        let last = if at + 1 == chunks.len() { 0x80 } else { 0 };
        socket.write_all(&frame(opcode | last, chunk)).await.unwrap();
        // Control frames may come in between.
        socket.write_all(&frame(0x89, b"hi")).await.unwrap();
    }
    let mut answer = Vec::new();
    let read = async {
        while !String::from_utf8_lossy(&answer).contains("response.completed") {
            assert!(socket.read_buf(&mut answer).await.unwrap() > 0);
        }
    };
    tokio::time::timeout(TIMEOUT, read).await.unwrap();
    assert!(String::from_utf8_lossy(&answer).contains("whole"));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_connection_takes_sixteen_responses_at_a_time() {
    let proxy = real().start().await;
    let mut client = Client::connect(&proxy, KEY).await;
    for _ in 0..16 {
        client.send(&create("[[words=1 hold=0]]")).await;
    }
    let mut one_more = create("[[words=1]]");
    one_more["stream_id"] = "x".into();
    let error = client.error(&one_more).await;
    assert_eq!((&error["status"], &error["stream_id"]), (&json!(429), &json!("x")));
    assert!(error["error"]["message"].as_str().unwrap().contains("16"), "{error}");
    assert_eq!(proxy.turns.borrow().running, 1, "one lane answers one after another");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn stopping_closes_idle_connections_and_lets_running_responses_end() {
    let proxy = real().start().await;
    let mut idle = Client::connect(&proxy, KEY).await;
    let mut busy = Client::connect(&proxy, KEY).await;
    busy.send(&create("[[say=\"one two\" hold=1]]")).await;
    assert!(proxy.model.wait_for(|event| matches!(event, Event::Held { .. }), TIMEOUT).await.is_some());
    proxy.stop.cancel();
    assert_eq!(idle.closed().await, (vec![], Some(1001)));
    busy.send(&create("[[say=late]]")).await;
    proxy.model.release();
    let (events, code) = busy.closed().await;
    let of = |kind: &str| {
        events.iter().find(|event| event["type"] == kind).unwrap_or_else(|| panic!("{events:?}"))
    };
    assert_eq!(text_of(&of("response.completed")["response"]), "one two");
    assert_eq!(
        (&of("error")["status"], &of("error")["error"]["code"]),
        (&json!(503), &json!("shutting_down"))
    );
    assert_eq!(code, Some(1001));
    tokio::time::timeout(TIMEOUT, proxy.server).await.unwrap().unwrap();
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn past_the_deadline_of_a_stop_a_response_fails_and_a_client_that_reads_nothing_holds_nothing_up() {
    let proxy = real().limits(|limits| limits.drain_timeout = Duration::from_millis(200)).start().await;
    let mut client = Client::connect(&proxy, KEY).await;
    client.send(&create("[[say=\"one two\" hold=1]]")).await;
    assert!(proxy.model.wait_for(|event| matches!(event, Event::Held { .. }), TIMEOUT).await.is_some());
    let _silent = stuck(&proxy).await;
    proxy.stop.cancel();
    let (events, code) = client.closed().await;
    assert_eq!(events.last().unwrap()["type"], "response.failed", "{events:?}");
    assert_eq!(code, Some(1001));
    tokio::time::timeout(TIMEOUT, proxy.server).await.unwrap().unwrap();
}

/// A client with a response that it does not read.
async fn stuck(proxy: &TestProxy) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut socket = socket.connect(proxy.address.parse().unwrap()).await.unwrap();
    greet(&mut socket).await;
    let body = create("[[words=400000]]").to_string();
    socket.write_all(&frame(0x81, body.as_bytes())).await.unwrap();
    eventually("its answer begins", || proxy.log.rows().iter().any(|row| row.own_ms.is_some())).await;
    socket
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_client_that_reads_nothing_is_given_up() {
    let proxy = real().limits(|limits| limits.write_timeout = Duration::from_millis(500)).start().await;
    let _socket = stuck(&proxy).await;
    // The buffers of the sockets take their time to fill: 35 s under Wine.
    let (mut turns, limit) = (proxy.turns.clone(), 10 * TIMEOUT);
    tokio::time::timeout(limit, turns.wait_for(|turns| turns.running == 0)).await.unwrap().unwrap();
    eventually("it is logged", || proxy.log.running() == 0).await;
    let mut other = Client::connect(&proxy, KEY).await;
    assert_eq!(text_of(&other.completed(&create("[[say=hi]]")).await), "hi");
}

#[tokio::test]
async fn an_old_connection_is_closed_with_the_code_that_clients_know() {
    let proxy = fake("").limits(|limits| limits.websocket_age = Duration::from_millis(200)).start().await;
    let (events, code) = Client::connect(&proxy, KEY).await.closed().await;
    assert_eq!(events[0]["error"]["code"], "websocket_connection_limit_reached");
    assert_eq!(code, Some(1001));
}

#[tokio::test]
async fn a_client_is_pinged_and_given_up_when_it_never_answers() {
    let plan = fake("").limits(|limits| {
        (limits.ping_interval, limits.websocket_silence) =
            (Duration::from_millis(50), Duration::from_millis(500));
    });
    let proxy = plan.start().await;
    let mut silent = raw(&proxy).await;
    let mut live = Client::connect(&proxy, KEY).await;
    let mut rest = Vec::new();
    let read = async { tokio::time::timeout(TIMEOUT, silent.read_to_end(&mut rest)).await };
    let pings = async {
        for _ in 0..20 {
            assert!(matches!(live.message().await, Some(Message::Ping(_))));
        }
    };
    let (ended, ()) = tokio::join!(read, pings);
    ended.unwrap().unwrap();
    assert_eq!(rest[..2], [0x89, 0], "{rest:?}");
}

#[tokio::test]
async fn a_new_connection_takes_the_place_of_an_idle_one() {
    let proxy = fake("").limits(|limits| limits.max_connections = 2).start().await;
    let mut first = Client::connect(&proxy, KEY).await;
    let mut second = Client::connect(&proxy, KEY).await;
    let mut third = Client::connect(&proxy, KEY).await;
    assert_eq!(first.closed().await, (vec![], Some(1001)));
    for client in [&mut second, &mut third] {
        client.send_text("{}").await;
        assert_eq!(client.next().await["type"], "error");
    }
}
