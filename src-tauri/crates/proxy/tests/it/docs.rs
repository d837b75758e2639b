//! The OpenAPI description, the documentation pages and `/health`.

use serde_json::Value;

use crate::support::fake;

#[tokio::test]
async fn openapi_description_lists_every_route_without_a_key() {
    let proxy = fake("").start().await;
    let description: Value =
        proxy.anonymous(reqwest::Method::GET, "/openapi.json").send().await.unwrap().json().await.unwrap();
    for path in [
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/responses",
        "/v1/responses/{id}",
        "/v1/responses/{id}/cancel",
        "/v1/models",
        "/v1/models/{id}",
        "/v1/usage",
        "/health",
    ] {
        assert!(description["paths"][path].is_object(), "{path}");
    }
    assert_eq!(description["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert!(description["components"]["schemas"]["ChatRequest"]["properties"]["messages"].is_object());
}

#[tokio::test]
async fn documentation_pages_load_everything_from_the_proxy() {
    let proxy = fake("").start().await;
    for page in ["/docs", "/redoc"] {
        let response = proxy.anonymous(reqwest::Method::GET, page).send().await.unwrap();
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
        let html = response.text().await.unwrap();
        assert!(!html.contains("http://") && !html.contains("https://"), "{page} names another host");
        let loaded: Vec<&str> = html
            .split(['"'])
            .filter(|part| part.starts_with("/docs/") || part.starts_with("/redoc/"))
            .collect();
        assert!(loaded.len() >= 2, "{page}");
        for path in loaded {
            let file = proxy.anonymous(reqwest::Method::GET, path).send().await.unwrap();
            assert_eq!(file.status(), 200, "{path}");
            assert!(!file.bytes().await.unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn without_a_key_health_tells_only_the_level() {
    let proxy = fake("").start().await;
    let health = async |key: &str| -> Value {
        let request = proxy.anonymous(reqwest::Method::GET, "/health");
        let request = if key.is_empty() { request } else { request.bearer_auth(key) };
        request.send().await.unwrap().json().await.unwrap()
    };
    for key in ["", "sk-wrong"] {
        assert_eq!(health(key).await, serde_json::json!({"status": "ok", "level": "working"}), "{key:?}");
    }
    proxy.ask("hi").await;
    for key in ["", "sk-wrong"] {
        assert_eq!(health(key).await, serde_json::json!({"status": "ok", "level": "ok"}), "{key:?}");
    }
    assert!(health(crate::support::KEY).await["title"].as_str().unwrap().starts_with("Running on port "));
}

#[tokio::test]
async fn health_does_not_start_codex() {
    let proxy = fake("").start().await;
    let health = async || -> Value { proxy.get("/health").send().await.unwrap().json().await.unwrap() };
    let before = health().await;
    assert_eq!((&before["status"], &before["codex"]["state"]), (&"ok".into(), &"idle".into()));
    proxy.ask("hi").await;
    let after = health().await;
    assert_eq!(after["codex"]["state"], "ready");
    assert_eq!(after["codex"]["version"], "0.169.0");
    assert!(before["codex"]["can"].is_null(), "{before}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn health_reports_codexs_capabilities() {
    let can = async |plan: crate::support::TestProxyBuilder| -> Value {
        let proxy = plan.start().await;
        assert_eq!(proxy.ask("[[words=1]]").await.status(), 200);
        let health = proxy.get("/health").send().await.unwrap();
        health.json::<Value>().await.unwrap()["codex"]["can"].take()
    };
    let all = |yes: bool| {
        serde_json::json!({
            "streaming": yes, "history": yes, "tools": yes, "pictures": yes, "interrupt": true, "ask": yes,
            "questions": yes,
        })
    };
    assert_eq!(can(crate::support::real()).await, all(true));
    assert_eq!(can(fake("old=0.44")).await, all(false));
}
