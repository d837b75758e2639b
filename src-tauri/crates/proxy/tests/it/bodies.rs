//! Request bodies: their encodings, and what keeps them from filling the memory.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proxy::{Key, Limits};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{KEY, TestProxy, eventually, fake, prompt_body, real};

const OTHER: &str = "sk-another-client";

const MAX_BODY: usize = 32 * 1024 * 1024;

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    flate2::read::GzEncoder::new(body, flate2::Compression::default()).read_to_end(&mut encoded).unwrap();
    encoded
}

fn deflate(body: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    flate2::read::ZlibEncoder::new(body, flate2::Compression::default()).read_to_end(&mut encoded).unwrap();
    encoded
}

fn brotli(body: &[u8]) -> Vec<u8> {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, 1, 22);
    writer.write_all(body).unwrap();
    writer.into_inner()
}

fn zstd(body: &[u8]) -> Vec<u8> {
    zstd::encode_all(body, 1).unwrap()
}

type Encode = fn(&[u8]) -> Vec<u8>;

/// Content encodings and their encoders.
const ENCODINGS: [(&str, Encode); 5] =
    [("gzip", gzip), ("deflate", deflate), ("br", brotli), ("zstd", zstd), ("identity", <[u8]>::to_vec)];

fn post(proxy: &TestProxy, path: &str) -> RequestBuilder {
    let request = proxy.anonymous(Method::POST, path).bearer_auth(KEY);
    request.header("content-type", "application/json")
}

/// The status and code of the error that the response must be.
async fn error(request: RequestBuilder) -> (u16, String, String) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    let text = |field: &str| body["error"][field].as_str().unwrap_or_default().to_owned();
    (status, text("code"), text("message"))
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn bodies_in_openais_content_encodings_are_read() {
    let proxy = real().start().await;
    let chat = prompt_body("[[say=\"read it\"]]").to_string();
    let responses = json!({"model":"gpt-5.5","input":"[[say=\"read it\"]]"}).to_string();
    let completions = json!({"model":"gpt-5.5","prompt":"[[say=\"read it\"]]"}).to_string();
    for (encoding, encode) in ENCODINGS {
        for (path, body) in [
            ("/v1/chat/completions", &chat),
            ("/v1/responses", &responses),
            ("/v1/completions", &completions),
        ] {
            let body = encode(body.as_bytes());
            let response = post(&proxy, path).header("content-encoding", encoding).body(body).send().await;
            let response = response.unwrap();
            assert_eq!(response.status(), 200, "{encoding} {path}");
            assert!(response.text().await.unwrap().contains("read it"), "{encoding} {path}");
        }
    }
}

#[tokio::test]
async fn decoded_size_of_a_body_is_limited() {
    let proxy = fake("").start().await;
    let mut large = prompt_body("hi").to_string().into_bytes();
    large.resize(MAX_BODY + 1, b' ');
    for (encoding, encode) in ENCODINGS {
        for (size, expected) in [(MAX_BODY, 200), (MAX_BODY + 1, 413)] {
            let request = post(&proxy, "/v1/chat/completions").header("content-encoding", encoding);
            let response = request.body(encode(&large[..size])).send().await.unwrap();
            assert_eq!(response.status(), expected, "{encoding} {size}");
        }
    }
}

#[tokio::test]
async fn unknown_encoding_and_damaged_data_are_errors_that_say_so() {
    let proxy = fake("").start().await;
    let body = prompt_body("hi").to_string().into_bytes();
    for encoding in ["compress", "gzip, br", "rot13"] {
        let request = post(&proxy, "/v1/chat/completions").header("content-encoding", encoding);
        let (status, code, message) = error(request.body(body.clone())).await;
        assert_eq!((status, code.as_str()), (415, "unsupported_media_type"), "{encoding}");
        assert!(message.contains(encoding), "{message}");
    }
    for (encoding, encode) in &ENCODINGS[..4] {
        let mut cut = encode(&body);
        cut.truncate(cut.len() / 2);
        for damaged in [cut, body.clone()] {
            let request = post(&proxy, "/v1/chat/completions").header("content-encoding", *encoding);
            let (status, code, message) = error(request.body(damaged)).await;
            assert_eq!((status, code.as_str()), (400, "invalid_request"), "{encoding}");
            assert!(message.contains("Content-Encoding"), "{message}");
        }
    }
    assert_eq!(proxy.ask("hi").await.status(), 200);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn byte_order_mark_is_skipped_and_a_lone_surrogate_is_replaced() {
    let proxy = real().start().await;
    let body = "\u{feff}{\"model\":\"gpt-5.5\",\"messages\":[{\"role\":\"user\",\"content\":\"[[words=1]] \\ud83d\\ude00 \\ud83d\"}]}";
    assert_eq!(post(&proxy, "/v1/chat/completions").body(body).send().await.unwrap().status(), 200);
    let sent = proxy.model.request(0).unwrap().input().pop().unwrap().1;
    assert_eq!(sent, "[[words=1]] 😀 \u{fffd}");
}

/// Begins a request whose body lacks its last two bytes, and adds what has been sent of it to `sent`.
async fn hang(address: String, sent: Arc<AtomicUsize>) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n\
         content-type: application/json\r\ncontent-length: {MAX_BODY}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut left = MAX_BODY - 2;
    while left > 0 {
        let spaces = [b' '; 64 * 1024];
        let Ok(count) = stream.write(&spaces[..left.min(spaces.len())]).await else { break };
        left -= count;
        sent.fetch_add(count, Ordering::Relaxed);
    }
    stream
}

#[tokio::test]
async fn hanging_bodies_of_one_key_leave_room_for_the_others() {
    let mut plan = fake("").limits(|limits| limits.body_idle_timeout = Duration::from_secs(600));
    plan.settings.api_keys.push(Key::new(OTHER));
    let proxy = plan.start().await;
    let sent = Arc::new(AtomicUsize::new(0));
    let hanging: Vec<_> =
        (0..8).map(|_| tokio::spawn(hang(proxy.address.clone(), Arc::clone(&sent)))).collect();
    eventually("the key's half is full", || sent.load(Ordering::Relaxed) >= 4 * (MAX_BODY - 2)).await;
    // The other half.
    let mut large = prompt_body("hi").to_string().into_bytes();
    large.resize(MAX_BODY, b' ');
    let requests = (0..4).map(|_| {
        let request = proxy.anonymous(Method::POST, "/v1/chat/completions").bearer_auth(OTHER);
        request.header("content-type", "application/json").body(large.clone()).send()
    });
    for response in futures_util::future::join_all(requests).await {
        assert_eq!(response.unwrap().status(), 200);
    }
    hanging.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn body_that_stalls_is_408() {
    assert_eq!(Limits::default().body_idle_timeout, Duration::from_secs(10));
    let proxy = fake("").limits(|limits| limits.body_idle_timeout = Duration::from_millis(100)).start().await;
    let mut stream = hang(proxy.address.clone(), Arc::default()).await;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
}

#[tokio::test]
async fn rejected_client_reads_the_answer_although_it_is_still_sending() {
    let proxy = fake("").start().await;
    let megabytes = |count: usize| count * 1024 * 1024;
    for (path, key, length, status) in [
        ("chat/completions", "wrong", megabytes(8), 401),
        ("chat/completions", KEY, megabytes(40), 413),
        ("nowhere", KEY, megabytes(8), 404),
    ] {
        let mut stream = TcpStream::connect(&proxy.address).await.unwrap();
        let (mut read, mut write) = stream.split();
        let head = format!(
            "POST /v1/{path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        );
        let body = vec![b' '; length];
        let send = async {
            write.write_all(head.as_bytes()).await?;
            write.write_all(&body).await
        };
        let mut answer = Vec::new();
        let (sent, received) = tokio::join!(send, read.read_to_end(&mut answer));
        sent.unwrap();
        received.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.ends_with('}'), "{answer}");
    }
}
