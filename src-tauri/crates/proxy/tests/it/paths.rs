//! Every spelling of a path that clients use leads to its route, under the same rules.

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{KEY, TestProxy, fake, prompt_body};

const MODELS: [&str; 5] = ["/v1/models", "/models", "/models/", "/v1/models/", "//v1//models"];

#[tokio::test]
async fn paths_without_v1_and_with_more_slashes_lead_to_their_routes() {
    let proxy = fake("").start().await;
    for path in MODELS.into_iter().chain(["/models/codex-local", "/v1/models/codex-local/", "/health/"]) {
        assert_eq!(proxy.get(path).send().await.unwrap().status(), 200, "{path}");
    }
    let responses = json!({"model":"gpt-5.5","input":"hi"});
    for (path, body) in [
        ("/chat/completions", prompt_body("hi")),
        ("/v1/chat/completions/", prompt_body("hi")),
        ("/completions", json!({"model":"gpt-5.5","prompt":"hi"})),
        ("/responses/", responses),
    ] {
        assert_eq!(proxy.post(path, &body).await.status(), 200, "{path}");
    }
    // Under the name of its route.
    let metrics = proxy.get("/metrics").send().await.unwrap().text().await.unwrap();
    assert!(
        metrics.contains("endpoint=\"/v1/models\"") && !metrics.contains("endpoint=\"none\""),
        "{metrics}"
    );
}

#[tokio::test]
async fn every_spelling_of_a_path_needs_the_key_an_allowed_host_and_an_allowed_origin() {
    let proxy = fake("").start().await;
    let open = fake("").settings(|settings| settings.keys_needed = false).start().await;
    for path in MODELS.into_iter().chain(["/chat/completions", "/responses/x", "/completions/"]) {
        let status = |request: reqwest::RequestBuilder| async { request.send().await.unwrap().status() };
        assert_eq!(status(proxy.anonymous(Method::GET, path)).await, 401, "{path}");
        assert_eq!(status(proxy.get(path).header("host", "evil.example")).await, 403, "{path}");
        let foreign = open.anonymous(Method::GET, path).header("origin", "http://evil.example");
        assert_eq!(status(foreign).await, 403, "{path}");
    }
    let foreign = open.anonymous(Method::GET, "/metrics/").header("origin", "http://evil.example");
    assert_eq!(foreign.send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn head_is_answered_wherever_get_is() {
    let proxy = fake("").start().await;
    for path in ["/v1/models", "/v1/models/codex-local", "/health", "/metrics", "/docs", "/openapi.json"] {
        let response = proxy.anonymous(Method::HEAD, path).bearer_auth(KEY).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.text().await.unwrap(), "", "{path}");
    }
    assert_eq!(proxy.anonymous(Method::HEAD, "/v1/models").send().await.unwrap().status(), 401);
}

/// The status line of the answer to a request without a body.
async fn status_of(proxy: &TestProxy, head: &str) -> String {
    let mut stream = TcpStream::connect(&proxy.address).await.unwrap();
    stream.write_all(format!("{head}\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn health_check_by_http_1_0_needs_no_host() {
    let proxy = fake("").start().await;
    for (head, expected) in [
        ("GET /health HTTP/1.0", "HTTP/1.0 200 OK"),
        ("HEAD /health/ HTTP/1.0", "HTTP/1.0 200 OK"),
        ("GET /health HTTP/1.0\r\nhost: evil.example", "HTTP/1.0 403 Forbidden"),
        ("GET /health HTTP/1.1\r\nconnection: close", "HTTP/1.1 403 Forbidden"),
        ("GET /v1/models HTTP/1.0", "HTTP/1.0 403 Forbidden"),
    ] {
        assert_eq!(status_of(&proxy, head).await, expected, "{head}");
    }
}
