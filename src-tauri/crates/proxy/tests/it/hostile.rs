//! Hostile requests over real sockets: each gets a clear error or a correct answer, and the next request works.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{KEY, TIMEOUT, TestProxy, fake, prompt_body, real};

const ROUTES: [&str; 3] = ["/v1/chat/completions", "/v1/responses", "/v1/completions"];

/// Sends a body, and returns the status and the response, whose errors must be in OpenAI's format.
async fn send(proxy: &TestProxy, route: &str, body: impl Into<reqwest::Body>) -> (u16, Value) {
    let request =
        proxy.anonymous(Method::POST, route).bearer_auth(KEY).header("content-type", "application/json");
    let response = request.body(body).send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: {text}"));
    assert!(status == 200 || body["error"]["message"].is_string(), "{status}: {text}");
    (status, body)
}

async fn assert_healthy(proxy: &TestProxy) {
    assert_eq!(proxy.ask("hi").await.status(), 200);
}

#[tokio::test]
async fn deep_huge_and_non_text_bodies_are_400_and_the_next_request_works() {
    let proxy = fake("").start().await;
    let with = |field: &str| format!("{{\"model\":\"gpt-5.5\",\"x\":{field}}}").into_bytes();
    let mut bodies =
        vec![Vec::new(), b"\0".to_vec(), b"\xff\xfe".to_vec(), with("1e999"), with("\"\\ud800\"")];
    for sign in ["[", "{\"a\":"] {
        bodies.push(sign.repeat(100_000).into_bytes());
        bodies.push(with(&format!("{}0", sign.repeat(100_000))));
    }
    bodies.push(with(&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))));
    // Sixteen million numbers, which would take over a gigabyte of memory.
    bodies.push(with(&format!("[{}0]", "0,".repeat(16 * 1024 * 1024 - 100))));
    for body in bodies {
        for route in ROUTES {
            let (status, error) = send(&proxy, route, body.clone()).await;
            assert_eq!((status, error["error"]["code"].as_str()), (400, Some("invalid_request")), "{error}");
        }
        assert_healthy(&proxy).await;
    }
}

#[tokio::test]
async fn edge_case_numbers_are_parsed_exactly() {
    let proxy = fake("").start().await;
    let with = |field: &str, value: &str| {
        format!(
            "{{\"model\":\"gpt-5.5\",\"messages\":[{{\"role\":\"user\",\"content\":\"hi\"}}],\"{field}\":{value}}}"
        )
    };
    for (field, value, status) in [
        ("n", "18446744073709551616", 400),
        ("n", "-0", 400),
        ("n", "-1", 400),
        ("n", "1e0", 200),
        ("n", "1.5", 400),
        ("n", "1", 200),
        ("max_tokens", "18446744073709551615", 200),
        ("max_tokens", "18446744073709551616", 400),
        ("max_tokens", "1e30", 400),
        ("temperature", "-0", 200),
        ("seed", "1e308", 200),
    ] {
        let (got, body) = send(&proxy, ROUTES[0], with(field, value)).await;
        assert_eq!(got, status, "{field} {value}: {body}");
        assert!(status == 200 || body["error"]["param"] == field, "{body}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn last_of_duplicate_fields_wins() {
    let proxy = real().start().await;
    let body = r#"{"model":"nope","messages":[{"role":"user","content":"[[say=first]]"}],
        "messages":[{"role":"user","content":"[[say=no]]","content":"[[say=last]]"}],"model":"gpt-5.5"}"#;
    let (status, answer) = send(&proxy, ROUTES[0], body).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["choices"][0]["message"]["content"], "last");
}

fn many_messages(count: usize) -> Value {
    let role = |n: usize| if n.is_multiple_of(2) { "user" } else { "assistant" };
    let messages = (1..count).map(|n| json!({"role":role(n),"content":n.to_string()}));
    let last = json!({"role":"user","content":"[[say=done]]"});
    json!({"model":"gpt-5.5","messages":messages.chain([last]).collect::<Vec<_>>()})
}

#[tokio::test]
async fn hundred_thousand_messages_are_accepted_and_excess_values_rejected() {
    let proxy = fake("").start().await;
    assert_eq!(proxy.chat(&many_messages(100_000)).await.status(), 200);
    assert_eq!(proxy.chat(&many_messages(600_000)).await.status(), 400);
    assert_healthy(&proxy).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn many_messages_reach_the_model_in_order() {
    let proxy = real().start().await;
    let response = proxy.chat(&many_messages(10_000)).await;
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], "done", "{answer}");
    let requests = proxy.model.requests();
    let texts: Vec<String> = requests.last().unwrap().input().into_iter().map(|(_, text)| text).collect();
    // The first is the default instructions.
    assert_eq!(texts.len(), 10_001);
    assert!((1..10_000).zip(&texts[1..]).all(|(n, text)| *text == n.to_string()));
}

#[tokio::test]
async fn ten_thousand_calls_are_paired_with_their_outputs() {
    let proxy = fake("").start().await;
    let ids = || (0..10_000).map(|n| format!("call-{n}"));
    let calls: Value =
        ids().map(|id| json!({"id":id,"type":"function","function":{"name":"f","arguments":"{}"}})).collect();
    let mut messages =
        vec![json!({"role":"user","content":"hi"}), json!({"role":"assistant","tool_calls":calls})];
    messages.extend(ids().map(|id| json!({"role":"tool","tool_call_id":id,"content":"x"})));
    assert_eq!(proxy.chat(&json!({"model":"gpt-5.5","messages":messages})).await.status(), 200);
    let mut input = vec![json!({"role":"user","content":"hi"})];
    input.extend(ids().map(|id| json!({"type":"function_call","call_id":id,"name":"f","arguments":"{}"})));
    input.extend(ids().map(|id| json!({"type":"function_call_output","call_id":id,"output":"x"})));
    assert_eq!(proxy.post("/v1/responses", &json!({"model":"gpt-5.5","input":input})).await.status(), 200);
}

#[tokio::test]
async fn body_over_the_limit_is_413_with_or_without_content_length() {
    let proxy = fake("").start().await;
    let limit = 32 * 1024 * 1024;
    for body in [vec![b' '; limit + 1], vec![b'['; limit + 1]] {
        let (status, error) = send(&proxy, ROUTES[0], body.clone()).await;
        assert_eq!((status, error["error"]["code"].as_str()), (413, Some("request_too_large")));
        // Chunked, without a content length.
        let chunks =
            body.chunks(1024 * 1024).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>();
        let chunks = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
        let (status, _) = send(&proxy, ROUTES[0], chunks).await;
        assert_eq!(status, 413);
    }
    assert_healthy(&proxy).await;
}

/// Sends bytes, and returns everything received until the connection closes.
async fn raw(proxy: &TestProxy, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(&proxy.address).await.unwrap();
    // The server may close the connection before it has read everything.
    let _closed = stream.write_all(bytes).await;
    let _closed = stream.shutdown().await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(TIMEOUT, stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "not closed: {:?}", String::from_utf8_lossy(bytes));
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn any_byte_in_path_and_headers_is_answered_or_closes_the_connection() {
    let proxy = fake("").start().await;
    let key = format!("authorization: Bearer {KEY}\r\n");
    for byte in 0..=u8::MAX {
        for (before, after) in [
            (
                "GET /v1/mod".to_owned(),
                format!("els HTTP/1.1\r\nhost: localhost\r\n{key}connection: close\r\n\r\n"),
            ),
            (
                format!("GET /health HTTP/1.1\r\nhost: localhost\r\n{key}x-requ"),
                "est-id: a\r\nconnection: close\r\n\r\n".into(),
            ),
            (
                format!("GET /health HTTP/1.1\r\nhost: localhost\r\n{key}user-agent: a"),
                "b\r\nconnection: close\r\n\r\n".into(),
            ),
            (
                format!("GET /health HTTP/1.1\r\nhost: localhost\r\n{key}x-request-id: a"),
                "b\r\nconnection: close\r\n\r\n".into(),
            ),
            ("GET /health HTTP/1.1\r\nhost: local".to_owned(), "host\r\nconnection: close\r\n\r\n".into()),
            ("GE".to_owned(), "T /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".into()),
        ] {
            let bytes = [before.as_bytes(), &[byte], after.as_bytes()].concat();
            let answer = raw(&proxy, &bytes).await;
            let status = answer.get(..12).unwrap_or_default();
            let is_valid = answer.is_empty()
                || ["HTTP/1.1 2", "HTTP/1.1 4"].iter().any(|valid| status.starts_with(valid));
            assert!(is_valid, "{byte} in {before:?}: {answer}");
            // No request header is injected into the response.
            assert!(!answer.to_ascii_lowercase().contains("\nb\r\n"), "{answer}");
        }
    }
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\0\0\0\0",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n\r\n",
    ] {
        let answer = raw(&proxy, garbage).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert_healthy(&proxy).await;
}

#[tokio::test]
async fn endless_request_head_is_rejected() {
    let proxy = fake("").start().await;
    let long = "x".repeat(1024 * 1024);
    for head in [
        format!("GET /{long}"),
        format!("GET / HTTP/1.1\r\nx: {long}"),
        format!("GET / HTTP/1.1\r\n{}", "x: y\r\n".repeat(200_000)),
    ] {
        let answer = raw(&proxy, head.as_bytes()).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert_healthy(&proxy).await;
}

#[tokio::test]
async fn non_utf8_path_is_an_error_in_our_format() {
    let proxy = fake("").start().await;
    for path in ["/v1/models/%ff", "/v1/responses/%c3%28"] {
        let response = proxy.get(path).send().await.unwrap();
        assert_eq!(response.status(), 400, "{path}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["param"], "id");
    }
    for path in ["/v1/models/..%2f..%2fetc%2fpasswd", "/v1/responses/%00", "/v1/models/%0aforged"] {
        assert_eq!(proxy.get(path).send().await.unwrap().status(), 404, "{path}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn deepest_possible_schema_is_accepted_or_rejected() {
    let proxy = real().start().await;
    for depth in [20, 59, 61, 63, 90, 118, 122] {
        let mut schema = json!({"type":"string"});
        for _ in 0..depth / 2 {
            schema = json!({"type":"object","properties":{"a":schema},"required":["a"],"additionalProperties":false});
        }
        let tool = json!({"type":"function","function":{"name":"f","parameters":schema}});
        let format = json!({"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":schema}});
        for (field, value) in [("tools", json!([tool])), ("response_format", format)] {
            let mut body = prompt_body("[[say=\"{}\"]]");
            body[field] = value;
            let response = proxy.chat(&body).await;
            let (status, text) = (response.status().as_u16(), response.text().await.unwrap());
            // An answer that does not match the schema is a 502.
            assert!(
                matches!(status, 200 | 400) || text.contains("invalid_output"),
                "{field} {depth}: {status} {text}"
            );
        }
    }
    assert_eq!(proxy.ask("[[words=1]]").await.status(), 200);
}
