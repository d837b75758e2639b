//! The error table, a row a test or several in one; every error has the same shape.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{KEY, TestProxy, TestProxyBuilder, fake, prompt_body, real};

/// Checks an error from its status to its shape, and gives back the detail and the headers.
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
async fn no_key_and_a_wrong_key_are_401_on_every_route_of_v1() {
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
async fn the_scheme_of_the_key_may_be_written_in_any_case() {
    let proxy = fake("").start().await;
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let request =
            proxy.anonymous(Method::GET, "/v1/models").header("authorization", format!("{scheme} {KEY}"));
        assert_eq!(request.send().await.unwrap().status(), 200, "{scheme}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn an_unknown_model_is_404_with_the_nearest_names() {
    let proxy = real().start().await;
    let body = json!({"model":"gpt-5.55","messages":[{"role":"user","content":"hi"}]});
    let (error, _) = expect(post(&proxy, &body).await, 404, "model_not_found").await;
    assert_eq!(error["param"], "model");
    assert!(error["message"].as_str().unwrap().contains("gpt-5.5"), "{error}");
    expect(proxy.get("/v1/models/nope").send().await.unwrap(), 404, "model_not_found").await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn an_effort_that_the_model_does_not_know_is_refused_with_those_that_it_knows() {
    let proxy = real().start().await;
    let body = |effort: &str| json!({"model":"gpt-5.5","reasoning_effort":effort,"messages":[{"role":"user","content":"[[words=1]]"}]});
    let (error, _) = expect(post(&proxy, &body("enormous")).await, 400, "invalid_request").await;
    assert_eq!(error["param"], "reasoning_effort");
    assert!(error["message"].as_str().unwrap().contains("medium"), "{error}");
    assert_eq!(post(&proxy, &body("low")).await.status(), 200);
}

#[tokio::test]
async fn unknown_routes_and_wrong_methods_have_our_shape_too() {
    let proxy = fake("").start().await;
    for path in ["/", "/nope", "/v1/nope", "/v1/", "/v1//models"] {
        expect(proxy.get(path).send().await.unwrap(), 404, "not_found").await;
    }
    let (error, _) = expect(proxy.get("/models").send().await.unwrap(), 404, "not_found").await;
    assert!(error["message"].as_str().unwrap().contains("/v1/models"), "{error}");
    let (error, _) = expect(proxy.get("/v1/models/").send().await.unwrap(), 404, "not_found").await;
    assert!(error["message"].as_str().unwrap().contains("try /v1/models."), "{error}");
    let wrong = proxy.anonymous(Method::GET, "/v1/chat/completions").bearer_auth(KEY);
    let (_, headers) = expect(wrong.send().await.unwrap(), 405, "method_not_allowed").await;
    assert_eq!(headers["allow"], "POST");
    expect(proxy.anonymous(Method::POST, "/health").send().await.unwrap(), 405, "method_not_allowed").await;
}

#[tokio::test]
async fn what_is_wrong_in_a_body_is_named() {
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
async fn a_parameter_that_cannot_be_given_is_named() {
    let proxy = fake("").start().await;
    for (param, value) in [("audio", json!({})), ("logprobs", json!(true))] {
        let mut body = prompt_body("hi");
        body[param] = value;
        let (error, _) = expect(post(&proxy, &body).await, 400, "unsupported_parameter").await;
        assert_eq!(error["param"], param);
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_or_no_json_by_its_own_word_is_refused() {
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
async fn a_body_of_just_the_largest_size_is_read() {
    let proxy = fake("").start().await;
    let body = prompt_body("hi").to_string();
    let padded = format!("{}{body}", " ".repeat(32 * 1024 * 1024 - body.len()));
    let request = proxy.anonymous(Method::POST, "/v1/chat/completions").bearer_auth(KEY);
    let request = request.header("content-type", "application/json").body(padded);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_prompt_that_is_too_long_is_a_400() {
    let proxy = real().start().await;
    let prompt = "[[failed=context_length_exceeded message=\"too many tokens\"]]";
    expect(proxy.ask(prompt).await, 400, "context_length_exceeded").await;
}

#[tokio::test]
async fn too_many_turns_are_429_and_waiting_too_long_as_well() {
    let proxy = fake("hang-after-delta=1")
        .limits(|limits| (limits.turns, limits.waiting, limits.wait) = (1, 1, Duration::from_millis(100)))
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
async fn a_used_up_account_is_429_with_its_reset_and_not_worth_a_retry() {
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
async fn a_codex_that_cannot_serve_is_a_503_that_says_why() {
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
async fn what_an_old_codex_cannot_do_is_a_400_that_says_what_to_update_to() {
    let proxy = fake("old=0.44").start().await;
    assert_eq!(proxy.ask("hi").await.status(), 200);
    let body = json!({"model":"codex-local","messages":[{"role":"user","content":"hi"}],
        "tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object","properties":{}}}}]});
    let (error, _) = expect(proxy.chat(&body).await, 400, "unsupported_parameter").await;
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("codex 0.44.0") && message.contains("0.100"), "{message}");
}

#[tokio::test]
async fn a_codex_that_ends_is_502_before_the_first_word_and_an_event_after_it() {
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

#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_death_of_the_real_codex_is_an_event_and_the_next_request_works() {
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
async fn an_upstream_that_fails_or_is_overloaded_is_told_apart() {
    let proxy = real().start().await;
    let overloaded = "[[failed=server_is_overloaded message=busy]]";
    let (_, headers) = expect(proxy.ask(overloaded).await, 503, "upstream_overloaded").await;
    assert!(headers.contains_key("retry-after"));
    let proxy = fake("error={\"responseStreamDisconnected\":{\"httpStatusCode\":null}}").start().await;
    expect(proxy.ask("hi").await, 502, "upstream_error").await;
}

#[tokio::test]
async fn a_turn_that_takes_too_long_is_504_or_an_event() {
    let plan = || fake("hang-after-delta=1").limits(|limits| limits.turn = Duration::from_millis(300));
    expect(plan().start().await.ask("hi").await, 504, "turn_timeout").await;
    let proxy = plan().start().await;
    let rest = proxy.stream("hi").await.rest().await;
    assert_eq!(rest.last().unwrap()["error"]["code"], "turn_timeout");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn no_error_text_holds_a_prompt_a_key_or_a_path() {
    let proxy = real().start().await;
    for prompt in ["[[failed=weird message=\"secretive\"]]", "[[status=500 times=9 message=\"secretive\"]]"] {
        let text = proxy.ask(prompt).await.text().await.unwrap();
        for secret in ["secretive", KEY, "/target/", "127.0.0.1"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}
