//! Fuzzes bodies and URLs: every response is an error in OpenAI's format, or the request is valid.
//!
//! Codex is not installed here, so a valid request ends with `codex_not_found`. The corpus in `tests/corpus` holds
//! valid bodies and interesting invalid ones; each also seeds many mutations.

mod near;

use axum::body::Body;
use http_body_util::BodyExt;
use proptest::prelude::*;
use serde_json::Value;
use tower::ServiceExt;

use super::tests::{KEY, proxy};
use super::*;
use near::{broken_body, mutated_body};

const ROUTES: [&str; 3] = ["/v1/chat/completions", "/v1/responses", "/v1/completions"];

/// Overridden by `PROPTEST_CASES`.
fn cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_some() { usual } else { ProptestConfig { cases: 150, ..usual } }
}

fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    files.sort();
    assert!(files.len() > 20, "{files:?}");
    files
        .into_iter()
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap()))
        .collect()
}

/// A router on a temporary folder.
fn start() -> (tempfile::TempDir, tokio::runtime::Runtime, Router) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let router = router(runtime.block_on(proxy(folder.path())));
    (folder, runtime, router)
}

/// Sends an authenticated request and checks that the response is a well-formed error. Returns its status and code.
async fn send(router: &Router, request: axum::http::request::Builder, body: Vec<u8>) -> (u16, String) {
    let request = request.header("host", "localhost").header("authorization", format!("Bearer {KEY}"));
    let response = router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&body);
    assert!(body.len() < 4096, "{status}, and much too long: {} bytes", body.len());
    let body: Value = serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{status}: {text}"));
    let error = &body["error"];
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{status}: {text}");
    assert!(error["type"].is_string() && error["code"].is_string(), "{status}: {text}");
    assert!(error["param"].is_null() || error["param"].is_string(), "{status}: {text}");
    (status, error["code"].as_str().unwrap().to_owned())
}

/// Posts a body, which must be rejected, or valid and fail for lack of codex.
async fn post(router: &Router, route: &str, body: Vec<u8>) -> (u16, String) {
    let request = Request::post(route).header("content-type", "application/json");
    let (status, code) = send(router, request, body).await;
    assert!(matches!(status, 400 | 404 | 413) || code == "codex_not_found", "{route}: {status} {code}");
    (status, code)
}

#[test]
fn every_corpus_body_is_accepted_or_rejected_as_its_name_says() {
    let (_folder, runtime, router) = start();
    for (name, body) in corpus() {
        // `chat-ok-tools.json` is valid on the chat route, `chat-bad-…` is not, `any-bad-…` on none.
        let mut words = name.split('-');
        let (route, is_valid) = (words.next().unwrap(), words.next().unwrap() == "ok");
        let own = ROUTES.iter().filter(|path| match route {
            "chat" => path.contains("chat"),
            "responses" => path.contains("responses"),
            "completions" => **path == "/v1/completions",
            _ => true,
        });
        for route in own {
            let (status, code) = runtime.block_on(post(&router, route, body.clone()));
            assert_eq!(code == "codex_not_found", is_valid, "{name} on {route}: {status} {code}");
        }
        for route in ROUTES {
            runtime.block_on(post(&router, route, body.clone()));
        }
    }
}

#[test]
fn any_body_is_accepted_or_rejected_in_openais_format() {
    let (_folder, runtime, router) = start();
    let body = prop_oneof![3 => mutated_body(), 1 => broken_body()];
    let mut runner =
        proptest::test_runner::TestRunner::new(ProptestConfig { source_file: Some(file!()), ..cases() });
    let outcome = runner.run(&(body, prop::sample::select(&ROUTES[..])), |(body, route)| {
        runtime.block_on(post(&router, route, body));
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn any_url_is_answered_in_openais_format() {
    let (_folder, runtime, router) = start();
    let escaped = any::<u8>().prop_map(|byte| format!("%{byte:02x}"));
    const PIECES: &[&str] = &[
        "/",
        "//",
        "..",
        ".",
        "?",
        "&",
        "=",
        "%",
        "v1",
        "models",
        "responses",
        "cancel",
        "stream=true",
        "é",
        ";",
    ];
    let piece = prop_oneof![2 => escaped, 3 => prop::sample::select(PIECES).prop_map(str::to_owned), 1 => "[ -~]{0,5}"];
    let beginning = prop::sample::select(vec!["/v1/models/", "/v1/models/", "/v1/responses/", "/v1/", "/"]);
    let others = prop::sample::select(vec!["POST", "DELETE", "PUT", "OPTIONS", "PATCH", "TRACE", "BREW"]);
    let method = prop_oneof![Just("GET"), others];
    let mut runner =
        proptest::test_runner::TestRunner::new(ProptestConfig { source_file: Some(file!()), ..cases() });
    let outcome = runner.run(
        &(method, beginning, prop::collection::vec(piece, 0..6)),
        |(method, beginning, pieces)| {
            let address = format!("{beginning}{}", pieces.concat());
            let Ok(uri) = address.parse::<axum::http::Uri>() else { return Ok(()) };
            let normalized = normalize(Request::builder().uri(&uri).body(Body::empty()).unwrap());
            let is_ours = matches!(
                normalized.uri().path(),
                "/health" | "/docs" | "/openapi.json" | "/redoc" | "/v1/models/codex-local"
            );
            if !is_ours && method != "HEAD" {
                let (status, code) =
                    runtime.block_on(send(&router, Request::builder().method(method).uri(uri), Vec::new()));
                let is_rejected = (400..500).contains(&status) || code == "codex_not_found";
                prop_assert!(is_rejected, "{} {}: {} {}", method, address, status, code);
            }
            Ok(())
        },
    );
    outcome.unwrap();
}
