//! Any body on any of the routes that read one, and any address: an error of OpenAI's shape, or a request that codex could be given.
//!
//! There is no codex here, so a request that is understood ends with `codex_not_found`. The corpus in `tests/corpus` holds bodies that
//! are right and such as are wrong in a way worth keeping; each is also the beginning of many others.

use axum::body::Body;
use http_body_util::BodyExt;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};
use tower::ServiceExt;

use super::tests::{KEY, proxy};
use super::*;

const ROUTES: [&str; 3] = ["/v1/chat/completions", "/v1/responses", "/v1/completions"];

/// Enough for every day; `PROPTEST_CASES` has its way where it is set.
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

/// The router on a folder that goes with it.
fn start() -> (tempfile::TempDir, tokio::runtime::Runtime, Router) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let router = router(runtime.block_on(proxy(folder.path())));
    (folder, runtime, router)
}

/// Sends a request with the key, and checks that its answer is one that a client can read. Gives back its status and code.
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

/// The same with a body; it is either refused, or understood and given to a codex that is not there.
async fn post(router: &Router, route: &str, body: Vec<u8>) -> (u16, String) {
    let request = Request::post(route).header("content-type", "application/json");
    let (status, code) = send(router, request, body).await;
    assert!(matches!(status, 400 | 404 | 413) || code == "codex_not_found", "{route}: {status} {code}");
    (status, code)
}

#[test]
fn every_body_of_the_corpus_is_understood_or_refused_as_its_name_says() {
    let (_folder, runtime, router) = start();
    for (name, body) in corpus() {
        // `chat-ok-tools.json` is understood by the route of chats, `chat-bad-…` is not, `any-bad-…` by none.
        let mut words = name.split('-');
        let (route, is_right) = (words.next().unwrap(), words.next().unwrap() == "ok");
        let own = ROUTES.iter().filter(|path| match route {
            "chat" => path.contains("chat"),
            "responses" => path.contains("responses"),
            "completions" => **path == "/v1/completions",
            _ => true,
        });
        for route in own {
            let (status, code) = runtime.block_on(post(&router, route, body.clone()));
            assert_eq!(code == "codex_not_found", is_right, "{name} on {route}: {status} {code}");
        }
        for route in ROUTES {
            runtime.block_on(post(&router, route, body.clone()));
        }
    }
}

/// A change of a body: at one of its values.
#[derive(Clone, Debug)]
enum Change {
    Replace(Value),
    Remove,
    Add(String, Value),
    Twice,
    Wrap,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => value().prop_map(Change::Replace),
        2 => Just(Change::Remove),
        3 => (name(), value()).prop_map(|(name, value)| Change::Add(name, value)),
        1 => Just(Change::Twice),
        1 => Just(Change::Wrap),
    ]
}

fn name() -> impl Strategy<Value = String> {
    const NAMES: &[&str] = &[
        "model",
        "messages",
        "role",
        "content",
        "type",
        "text",
        "image_url",
        "url",
        "detail",
        "tool_calls",
        "tool_call_id",
        "function",
        "function_call",
        "functions",
        "tools",
        "tool_choice",
        "name",
        "arguments",
        "parameters",
        "stop",
        "n",
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "stream",
        "stream_options",
        "response_format",
        "json_schema",
        "schema",
        "strict",
        "format",
        "input",
        "instructions",
        "prompt",
        "previous_response_id",
        "id",
        "call_id",
        "output",
        "reasoning",
        "effort",
        "summary",
        "verbosity",
        "service_tier",
        "metadata",
        "user",
        "logprobs",
        "modalities",
        "echo",
        "best_of",
        "suffix",
        "$ref",
        "$schema",
        "pattern",
        "properties",
        "required",
        "items",
        "anyOf",
        "const",
        "enum",
        "minimum",
        "web_search_options",
        "user_location",
        "approximate",
        "truncation",
        "include",
        "refusal",
    ];
    prop_oneof![8 => prop::sample::select(NAMES).prop_map(str::to_owned), 1 => any::<String>()]
}

fn value() -> impl Strategy<Value = Value> {
    const WORDS: &[&str] = &[
        "",
        "user",
        "system",
        "developer",
        "assistant",
        "tool",
        "function",
        "auto",
        "none",
        "required",
        "text",
        "image_url",
        "input_image",
        "message",
        "function_call_output",
        "item_reference",
        "data:image/png;base64,",
        "data:;,",
        "http://x",
        "object",
        "string",
        "#",
        "#/properties/x",
        "http://x/y",
        "(",
        "(a+)+$",
        "a{1000}{1000}{1000}",
        "json_schema",
        "json_object",
        "codex-local",
        "--help",
        "\u{1b}[2J\n",
        "allowed_tools",
        "mcp__x",
        "shell",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec![json!(0), json!(1), json!(-1), json!(u64::MAX), json!(-0.0), json!(1e308)]),
        prop::sample::select(WORDS).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just("x".repeat(100_000).into()),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// The addresses of all values within a value, the value's own first.
fn pointers(value: &Value, here: &str, found: &mut Vec<String>) {
    found.push(here.to_owned());
    match value {
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                pointers(value, &format!("{here}/{index}"), found);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                pointers(value, &format!("{here}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        _ => {}
    }
}

fn apply(body: &mut Value, at: Index, change: Change) {
    let mut found = Vec::new();
    pointers(body, "", &mut found);
    let path = at.get(&found);
    let Some(value) = body.pointer_mut(path) else { return };
    match change {
        Change::Replace(new) => *value = new,
        Change::Remove => match value {
            Value::Array(values) => drop(values.pop()),
            Value::Object(fields) => {
                let name = fields.keys().next().cloned();
                name.map(|name| fields.remove(&name));
            }
            other => *other = Value::Null,
        },
        Change::Add(name, new) => match value {
            Value::Object(fields) => drop(fields.insert(name, new)),
            Value::Array(values) => values.push(new),
            other => *other = Value::Object(Map::from_iter([(name, new)])),
        },
        Change::Twice => *value = json!([value.clone(), value.clone()]),
        Change::Wrap => *value = json!({"type": "text", "text": value.clone(), "content": value.clone()}),
    }
}

/// A body near a right one, as its bytes.
fn near_body() -> impl Strategy<Value = Vec<u8>> {
    let seeds: Vec<Value> = corpus()
        .iter()
        .filter_map(|(_, body)| serde_json::from_slice(body).ok())
        .filter(Value::is_object)
        .collect();
    let changes = prop::collection::vec((any::<Index>(), change()), 0..5);
    (prop::sample::select(seeds), changes).prop_map(|(mut body, changes)| {
        for (at, change) in changes {
            apply(&mut body, at, change);
        }
        serde_json::to_vec(&body).unwrap()
    })
}

/// Bytes that are no JSON any more, or never were.
fn broken_body() -> impl Strategy<Value = Vec<u8>> {
    let changed = (near_body(), prop::collection::vec((any::<Index>(), any::<u8>()), 1..4)).prop_map(
        |(mut body, changes)| {
            for (at, byte) in changes {
                let at = at.index(body.len());
                body[at] = byte;
            }
            body
        },
    );
    let cut = (near_body(), any::<Index>()).prop_map(|(mut body, at)| {
        body.truncate(at.index(body.len()));
        body
    });
    prop_oneof![changed, cut, prop::collection::vec(any::<u8>(), 0..300)]
}

#[test]
fn any_body_is_understood_or_refused_in_openais_shape() {
    let (_folder, runtime, router) = start();
    let body = prop_oneof![3 => near_body(), 1 => broken_body()];
    let mut runner =
        proptest::test_runner::TestRunner::new(ProptestConfig { source_file: Some(file!()), ..cases() });
    let outcome = runner.run(&(body, prop::sample::select(&ROUTES[..])), |(body, route)| {
        runtime.block_on(post(&router, route, body));
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn any_address_is_answered_in_openais_shape() {
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
    let beginning = prop::sample::select(vec!["/v1/models/", "/v1/responses/", "/v1/", "/"]);
    let method =
        prop::sample::select(vec!["GET", "POST", "DELETE", "PUT", "OPTIONS", "PATCH", "TRACE", "BREW"]);
    let mut runner =
        proptest::test_runner::TestRunner::new(ProptestConfig { source_file: Some(file!()), ..cases() });
    let outcome = runner.run(
        &(method, beginning, prop::collection::vec(piece, 0..6)),
        |(method, beginning, pieces)| {
            let address = format!("{beginning}{}", pieces.concat());
            let Ok(uri) = address.parse::<axum::http::Uri>() else { return Ok(()) };
            let is_ours = matches!(
                uri.path(),
                "/health" | "/docs" | "/openapi.json" | "/redoc" | "/v1/models/codex-local"
            );
            if !is_ours && method != "HEAD" {
                let (status, code) =
                    runtime.block_on(send(&router, Request::builder().method(method).uri(uri), Vec::new()));
                let is_refused = (400..500).contains(&status) || code == "codex_not_found";
                prop_assert!(is_refused, "{} {}: {} {}", method, address, status, code);
            }
            Ok(())
        },
    );
    outcome.unwrap();
}
