//! The error table: each error's status, code and format.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{KEY, TestProxy, TestProxyBuilder, fake, prompt_body, real};

/// Checks an error's status, code and format, and returns its details and headers.
async fn expect(response: Response, status: u16, code: &str) -> (Value, reqwest::header::HeaderMap) {
    let headers = response.headers().clone();
    let got = response.status().as_u16();
    let text = response.text().await.unwrap();
    assert_eq!(got, status, "{text}");
    let body: Value = serde_json::from_str(&text).unwrap();
    let error = body["error"].as_object().unwrap_or_else(|| panic!("{text}"));
    let mut keys: Vec<&str> = error.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["code", "message", "param", "type"], "{text}");
    assert_eq!(error["code"], code, "{text}");
    assert!(!error["message"].as_str().unwrap().is_empty());
    assert!(headers.contains_key("x-request-id"), "{headers:?}");
    assert!(headers["content-type"].to_str().unwrap().starts_with("application/json"));
    (body["error"].clone(), headers)
}

async fn post(proxy: &TestProxy, body: &Value) -> Response {
    proxy.chat(body).await
}

#[tokio::test]
async fn missing_and_wrong_keys_are_401_on_every_v1_route() {
    let proxy = fake("").start().await;
    for (method, path) in [
        (Method::POST, "/v1/chat/completions"),
        (Method::GET, "/v1/models"),
        (Method::GET, "/v1/models/codex-local"),
        (Method::GET, "/v1/no/such/thing"),
        (Method::DELETE, "/v1/models"),
        (Method::GET, "/v1"),
    ] {
        expect(proxy.anonymous(method.clone(), path).send().await.unwrap(), 401, "invalid_api_key").await;
        for header in ["Bearer sk-wrong", "Bearer", "Basic abc", &format!("Bearer {KEY}x")] {
            let request = proxy.anonymous(method.clone(), path).header("authorization", header);
            expect(request.send().await.unwrap(), 401, "invalid_api_key").await;
        }
    }
}

#[tokio::test]
async fn a_key_is_accepted_in_x_api_key_too() {
    let proxy = fake("").start().await;
    let status = async |headers: &[(&str, &str)]| {
        let request = proxy.anonymous(Method::GET, "/v1/models");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.send().await.unwrap().status().as_u16()
    };
    let bearer = format!("Bearer {KEY}");
    for headers in [
        &[("x-api-key", KEY)][..],
        &[("authorization", "Basic abc"), ("x-api-key", KEY)],
        &[("authorization", "Bearer placeholder"), ("x-api-key", KEY)],
        &[("authorization", &bearer), ("x-api-key", "placeholder")],
    ] {
        assert_eq!(status(headers).await, 200, "{headers:?}");
    }
    for headers in [&[("x-api-key", "sk-wrong")][..], &[("x-api-key", "")], &[("x-api-key", &bearer)]] {
        assert_eq!(status(headers).await, 401, "{headers:?}");
    }
}

#[tokio::test]
async fn bearer_scheme_is_case_insensitive() {
    let proxy = fake("").start().await;
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let request =
            proxy.anonymous(Method::GET, "/v1/models").header("authorization", format!("{scheme} {KEY}"));
        assert_eq!(request.send().await.unwrap().status(), 200, "{scheme}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn unknown_model_is_404_with_similar_names() {
    let proxy = real().start().await;
    let body = json!({"model":"gpt-5.55","messages":[{"role":"user","content":"hi"}]});
    let (error, _) = expect(post(&proxy, &body).await, 404, "model_not_found").await;
    assert_eq!(error["param"], "model");
    assert!(error["message"].as_str().unwrap().contains("gpt-5.5"), "{error}");
    expect(proxy.get("/v1/models/nope").send().await.unwrap(), 404, "model_not_found").await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn unsupported_effort_is_rejected_with_the_supported_ones() {
    let proxy = real().start().await;
    let body = |effort: &str| json!({"model":"gpt-5.5","reasoning_effort":effort,"messages":[{"role":"user","content":"[[words=1]]"}]});
    let (error, _) = expect(post(&proxy, &body("enormous")).await, 400, "invalid_request").await;
    assert_eq!(error["param"], "reasoning_effort");
    assert!(error["message"].as_str().unwrap().contains("medium"), "{error}");
    assert_eq!(post(&proxy, &body("low")).await.status(), 200);
}

#[tokio::test]
async fn unknown_routes_and_wrong_methods_use_the_error_format() {
    let proxy = fake("").start().await;
    for path in ["/", "/nope", "/v1/nope", "/v1/", "/v1/v1/models"] {
        expect(proxy.get(path).send().await.unwrap(), 404, "not_found").await;
    }
    let wrong = proxy.anonymous(Method::GET, "/v1/completions").bearer_auth(KEY);
    let (_, headers) = expect(wrong.send().await.unwrap(), 405, "method_not_allowed").await;
    assert_eq!(headers["allow"], "POST");
    expect(proxy.anonymous(Method::POST, "/health").send().await.unwrap(), 405, "method_not_allowed").await;
}

#[tokio::test]
async fn invalid_field_in_a_body_is_named() {
    let proxy = fake("").start().await;
    let message = json!([{"role":"user","content":"hi"}]);
    for (body, param) in [
        (json!({"messages":message}), json!("model")),
        (json!({"model":"gpt-5.5"}), json!("messages")),
        (json!({"model":5,"messages":message}), json!("model")),
        (json!({"model":"gpt-5.5","messages":"hi"}), json!("messages")),
        (json!({"model":"gpt-5.5","messages":[]}), json!("messages")),
        (json!({"model":"gpt-5.5","messages":[{"content":"hi"}]}), json!("messages[0].role")),
        (json!({"model":"gpt-5.5","messages":[{"role":"boss","content":"hi"}]}), json!("messages[0].role")),
        (json!({"model":"gpt-5.5","messages":[{"role":"user","content":7}]}), json!("messages[0].content")),
        (json!({"model":"gpt-5.5","messages":message,"stream":"yes"}), json!("stream")),
        (json!([]), Value::Null),
    ] {
        let (error, _) = expect(post(&proxy, &body).await, 400, "invalid_request").await;
        assert_eq!(error["param"], param, "{body} {error}");
    }
    for text in ["", "{", "{\"model\":", "\u{0}", "null"] {
        let request = proxy.anonymous(Method::POST, "/v1/chat/completions").bearer_auth(KEY);
        let request = request.header("content-type", "application/json").body(text);
        expect(request.send().await.unwrap(), 400, "invalid_request").await;
    }
}

#[tokio::test]
async fn unsupported_parameter_is_named() {
    let proxy = fake("").start().await;
    for (param, value) in [("audio", json!({})), ("logprobs", json!(true))] {
        let mut body = prompt_body("hi");
        body[param] = value;
        let (error, _) = expect(post(&proxy, &body).await, 400, "unsupported_parameter").await;
        assert_eq!(error["param"], param);
    }
}

#[tokio::test]
async fn oversized_body_and_wrong_content_type_are_rejected() {
    let proxy = fake("").start().await;
    let post = || proxy.anonymous(Method::POST, "/v1/chat/completions").bearer_auth(KEY);
    let json = || post().header("content-type", "application/json");
    let large = vec![b' '; 32 * 1024 * 1024 + 1];
    expect(json().body(large).send().await.unwrap(), 413, "request_too_large").await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let request = post().header("content-type", kind).body("{}");
        expect(request.send().await.unwrap(), 415, "unsupported_media_type").await;
    }
    expect(post().body("{}").send().await.unwrap(), 415, "unsupported_media_type").await;
}

#[tokio::test]
async fn body_of_exactly_the_maximum_size_is_accepted() {
    let proxy = fake("").start().await;
    let body = prompt_body("hi").to_string();
    let padded = format!("{}{body}", " ".repeat(32 * 1024 * 1024 - body.len()));
    let request = proxy.anonymous(Method::POST, "/v1/chat/completions").bearer_auth(KEY);
    let request = request.header("content-type", "application/json").body(padded);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn prompt_over_the_context_window_is_400() {
    let proxy = real().start().await;
    let prompt = "[[failed=context_length_exceeded message=\"too many tokens\"]]";
    expect(proxy.ask(prompt).await, 400, "context_length_exceeded").await;
}

#[tokio::test]
async fn full_queue_and_queue_timeout_are_429() {
    let proxy = fake("hang-after-delta=1")
        .limits(|limits| {
            (limits.max_turns, limits.max_queued, limits.queue_timeout) = (1, 1, Duration::from_millis(100));
        })
        .start()
        .await;
    let mut running = proxy.stream("hi").await;
    running.next_text().await;
    let (a, b) = tokio::join!(proxy.ask("hi"), proxy.ask("hi"));
    for response in [a, b] {
        let (_, headers) = expect(response, 429, "rate_limit_exceeded").await;
        assert!(headers.contains_key("retry-after"));
    }
    drop(running);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn exhausted_account_is_429_with_its_reset_and_should_not_be_retried() {
    let proxy = real().start().await;
    let prompt = "[[status=429 type=usage_limit_reached limits=100,300,3600]]";
    let (error, headers) = expect(proxy.ask(prompt).await, 429, "insufficient_quota").await;
    let wait: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((3000..=3600).contains(&wait), "{wait}");
    assert_eq!(headers["x-should-retry"], "false");
    assert_eq!(error["type"], "insufficient_quota");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn unusable_codex_is_503_with_the_reason() {
    for (plan, code) in [
        (fake("not-signed-in"), "codex_not_signed_in"),
        (fake("crash-on=initialize"), "codex_unavailable"),
        (TestProxyBuilder { codex: "/no/such/codex".into(), ..real() }, "codex_not_found"),
    ] {
        let proxy = plan.start().await;
        expect(proxy.ask("hi").await, 503, code).await;
        expect(proxy.get("/v1/models").send().await.unwrap(), 503, code).await;
        let health: Value = proxy.get("/health").send().await.unwrap().json().await.unwrap();
        assert_eq!(health["codex"]["state"], "failed", "{code}");
        assert!(health["codex"]["message"].is_string());
    }
}

#[tokio::test]
async fn feature_missing_in_an_old_codex_is_400_with_the_required_version() {
    let proxy = fake("old=0.44").start().await;
    assert_eq!(proxy.ask("hi").await.status(), 200);
    let body = json!({"model":"codex-local","messages":[{"role":"user","content":"hi"}],
        "tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object","properties":{}}}}]});
    let (error, _) = expect(proxy.chat(&body).await, 400, "unsupported_parameter").await;
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("codex 0.44.0") && message.contains("0.100"), "{message}");
}

#[tokio::test]
async fn crash_of_codex_is_502_before_the_first_delta_and_an_event_after_it() {
    let proxy = fake("crash-on=turn/start crash-once={folder}/crashed").start().await;
    expect(proxy.ask("hi").await, 502, "codex_disconnected").await;
    assert_eq!(proxy.ask("hi").await.status(), 200);

    let proxy = fake("crash-after-delta=1 crash-once={folder}/crashed").start().await;
    let mut events = proxy.stream("hi").await;
    assert_eq!(events.next_text().await, "Hello");
    let rest = events.rest().await;
    assert_eq!(rest.len(), 1, "the error is the last event: {rest:?}");
    assert_eq!(rest[0]["error"]["code"], "codex_disconnected");
    assert_eq!(proxy.ask("hi").await.status(), 200);
}

// Unix only: the process is found through /proc and killed by a signal.
#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn killing_the_real_codex_is_an_event_and_the_next_request_works() {
    let proxy = real().start().await;
    let mut events = proxy.stream("[[words=3 hold=1]]").await;
    events.next_text().await;
    for pid in crate::support::processes_of(proxy.folder.path()) {
        std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
    }
    let rest = events.rest().await;
    assert_eq!(rest.last().unwrap()["error"]["code"], "codex_disconnected", "{rest:?}");
    assert_eq!(proxy.ask("[[words=1]]").await.status(), 200);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn failed_and_overloaded_upstream_are_distinguished() {
    let proxy = real().start().await;
    let overloaded = "[[failed=server_is_overloaded message=busy]]";
    let (_, headers) = expect(proxy.ask(overloaded).await, 503, "upstream_overloaded").await;
    assert!(headers.contains_key("retry-after"));
    let proxy = fake("error={\"responseStreamDisconnected\":{\"httpStatusCode\":null}}").start().await;
    expect(proxy.ask("hi").await, 502, "upstream_error").await;
}

#[tokio::test]
async fn turn_timeout_is_504_or_an_event() {
    let plan =
        || fake("hang-after-delta=1").limits(|limits| limits.turn_timeout = Duration::from_millis(300));
    expect(plan().start().await.ask("hi").await, 504, "turn_timeout").await;
    let proxy = plan().start().await;
    let rest = proxy.stream("hi").await.rest().await;
    assert_eq!(rest.last().unwrap()["error"]["code"], "turn_timeout");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn error_texts_contain_no_prompt_key_or_path() {
    let proxy = real().start().await;
    for prompt in ["[[failed=weird message=\"secretive\"]]", "[[status=500 times=9 message=\"secretive\"]]"] {
        let text = proxy.ask(prompt).await.text().await.unwrap();
        for secret in ["secretive", KEY, "/target/", "127.0.0.1"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}
