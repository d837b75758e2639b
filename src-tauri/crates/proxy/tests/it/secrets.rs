//! Keys in every place that a client can put them: none of them is kept, logged or told.

use std::path::Path;

use proxy::keys::KeyFile;
use reqwest::header::HeaderValue;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::daemon::{a_home, codex_proxyd, ended, start};
use crate::support::{LONG, fake, prompt_body};

/// Keys that their owner chose: one that looks like a key, and one that does not.
const CHOSEN: [&str; 2] = ["sk-chosen-by-its-owner", "correcthorse"];

/// Keys that are none of ours.
const WRONG: [&str; 2] = ["sk-proj-0123456789abcdefABCDEF", "Zm9vYmFyYmF6cXV4"];

/// Requests with a key in all the places that there are.
fn requests(request: impl Fn(Method, &str) -> RequestBuilder, key: &str, good: &str) -> Vec<RequestBuilder> {
    let chat = |body: &Value| request(Method::POST, "/v1/chat/completions").bearer_auth(good).json(body);
    let mut user = prompt_body("hi");
    (user["user"], user["metadata"]) = (key.into(), json!({ key: key }));
    let mut tool = prompt_body("hi");
    tool["tools"] =
        json!([{"type":"function","function":{"name":key,"parameters":{"type":"object","properties":{}}}}]);
    let mut odd = prompt_body("hi");
    odd[key] = key.into();
    let mut format = prompt_body("hi");
    format["response_format"] = json!({"type":key});
    let header = |name: &'static str| request(Method::GET, "/v1/models").header(name, key).bearer_auth(good);
    vec![
        request(Method::GET, "/v1/models").bearer_auth(key),
        request(Method::GET, "/v1/models").header("authorization", key),
        request(Method::GET, "/v1/models").basic_auth(key, Some(key)),
        request(Method::GET, &format!("/v1/models?api_key={key}")),
        request(Method::GET, &format!("/v1/models?api_key={key}")).bearer_auth(good),
        request(Method::GET, &format!("/health?key={key}")),
        request(Method::GET, &format!("/{key}/v1/models")),
        request(Method::GET, &format!("/v1/%2F{key}")).bearer_auth(good),
        request(Method::GET, &format!("/v1/models/{key}")).bearer_auth(good),
        request(Method::GET, &format!("/v1/responses/{key}")).bearer_auth(good),
        header("cookie"),
        header("x-api-key"),
        header("x-request-id"),
        header("user-agent"),
        header("origin"),
        request(Method::GET, "/v1/models").header("host", HeaderValue::from_str(key).unwrap()),
        request(Method::from_bytes(key.as_bytes()).unwrap(), "/v1/models").bearer_auth(good),
        chat(&json!({"model":key,"messages":[{"role":"user","content":"hi"}]})),
        chat(&json!({"model":"gpt-5.5","messages":[{"role":key,"content":"hi"}]})),
        chat(&json!({"model":"gpt-5.5","messages":[{"role":"user","content":key}]})),
        chat(&json!({"model":"gpt-5.5","reasoning_effort":key,"messages":[{"role":"user","content":"hi"}]})),
        chat(&user),
        chat(&tool),
        chat(&odd),
        chat(&format),
        request(Method::POST, "/v1/responses").bearer_auth(good).json(&json!({"model":key,"input":key})),
        request(Method::POST, "/v1/completions").bearer_auth(good).json(&json!({"model":key,"prompt":key})),
        request(Method::POST, "/v1/chat/completions").bearer_auth(good).body(key.to_owned()),
    ]
}

/// Every file below a folder but the `.env`, which is the user's own.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else if entry.file_type().unwrap().is_file() && entry.file_name() != ".env" {
            found.push((entry.path().display().to_string(), std::fs::read(entry.path()).unwrap()));
        }
    }
    found
}

fn assert_holds_no_key(what: &str, text: &[u8], keys: &[&str]) {
    let text = String::from_utf8_lossy(text);
    for key in keys {
        assert!(!text.contains(key), "{key} is in {what}: {text}");
    }
}

#[tokio::test]
async fn no_key_is_in_the_log_at_its_chattiest_nor_in_any_file_nor_in_what_others_can_ask_for() {
    let (folder, _model) = a_home().await;
    let dotenv = format!("API_KEYS={}\nPORT=0\nDATA_DIR=data\nLOG_LEVEL=trace\n", CHOSEN.join(","));
    std::fs::write(folder.path().join(".env"), dotenv).unwrap();
    std::fs::create_dir_all(folder.path().join("data")).unwrap();
    let (made, _) = KeyFile::in_folder(&folder.path().join("data")).create("made", 1).unwrap();
    let mut command = codex_proxyd(folder.path());
    command.env("CODEX_PATH", sample_model::under_test::fake_codex()).env("RUST_BACKTRACE", "1");
    let daemon = start(&mut command).await;
    let http = reqwest::Client::new();
    let url = daemon.url.clone();
    let request = |method: Method, path: &str| http.request(method, format!("{url}{path}")).timeout(LONG);
    let keys: Vec<&str> = CHOSEN.into_iter().chain(WRONG).chain([made.reveal()]).collect();
    for key in &keys {
        for request in requests(request, key, made.reveal()) {
            let response = request.send().await.unwrap();
            assert!(response.status() != 500, "{response:?}");
            let error = response.bytes().await.unwrap();
            // What looks like a key is not even told to whoever sent it.
            if key.starts_with("sk-") && error.starts_with(b"{\"error\"") {
                assert_holds_no_key("an error", &error, &[key]);
            }
        }
    }
    for path in ["/health", "/openapi.json", "/v1/models"] {
        let text = request(Method::GET, path)
            .bearer_auth(made.reveal())
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        assert_holds_no_key(path, &text, &keys);
    }
    let log = ended(daemon).await;
    assert!(log.contains("answered") && log.contains("turn done"), "{log}");
    // A wrong key of no known form cannot be told from a word of a path.
    let tellable: Vec<&str> = keys.iter().copied().filter(|key| *key != WRONG[1]).collect();
    assert_holds_no_key("the log", log.as_bytes(), &tellable);
    assert_eq!(log.lines().filter(|line| line.contains("a wrong key")).count(), 1, "{log}");
    for (name, bytes) in files(folder.path()) {
        // The log has a file, too.
        assert_holds_no_key(&name, &bytes, if name.ends_with(".log") { &tellable } else { &keys });
    }
}

#[tokio::test]
async fn no_key_is_in_the_request_log_or_its_database() {
    let mut plan = fake("");
    plan.keys = CHOSEN.map(proxy::keys::Key::new).into();
    let proxy = plan.start().await;
    // With texts, which is as much as can ever be kept.
    proxy.journal.keep(30, true).await;
    let (made, _) = KeyFile::in_folder(&proxy.folder.path().join("data")).create("made", 1).unwrap();
    let keys: Vec<&str> = CHOSEN.into_iter().chain([WRONG[0], made.reveal()]).collect();
    for key in &keys {
        for request in requests(|method, path| proxy.bare(method, path), key, made.reveal()) {
            request.send().await.unwrap().bytes().await.unwrap();
        }
    }
    let rows = proxy.journal.query(proxy::view::ExchangeQuery::default()).await;
    assert!(rows.len() > 20);
    for row in rows {
        let detail = format!("{:?}", proxy.journal.detail(&row.id).await);
        assert_holds_no_key("a row", detail.as_bytes(), &keys);
    }
    proxy.journal.close().await;
    let files = files(proxy.folder.path());
    assert!(files.iter().any(|(name, _)| name.ends_with("requests.sqlite")));
    for (name, bytes) in files {
        assert_holds_no_key(&name, &bytes, &keys);
    }
}

/// What a hostile client writes where it can, to have a line of its own.
const FORGED: &str = "x\n2026-01-01T00:00:00.000000Z  INFO forged\r\u{1b}[1A\u{1b}[2K\u{85}\u{2028}forged";

#[tokio::test]
async fn every_line_of_the_log_is_one_of_ours() {
    let (folder, _model) = a_home().await;
    let mut command = codex_proxyd(folder.path());
    command
        .env("CODEX_PATH", sample_model::under_test::fake_codex())
        .env("FAKE_CODEX", "stderr-flood=1000 nonsense")
        .args(["--port", "0", "--data-dir", "data", "--log-level", "trace"])
        .env("API_KEYS", "sk-1");
    std::fs::create_dir_all(folder.path().join("data")).unwrap();
    let (named, _) = KeyFile::in_folder(&folder.path().join("data")).create(FORGED, 1).unwrap();
    let daemon = start(&mut command).await;
    let http = reqwest::Client::new();
    let long = "forged".repeat(20_000);
    for words in [FORGED, &long] {
        for field in ["model", "reasoning_effort", "service_tier", "user", FORGED] {
            let mut body = prompt_body(words);
            body[field] = words.into();
            body["tools"] = json!([{"type":"function","function":{"name":words,"description":words}}]);
            let request =
                http.post(format!("{}/v1/chat/completions", daemon.url)).bearer_auth(named.reveal());
            request.json(&body).timeout(LONG).send().await.unwrap().bytes().await.unwrap();
        }
    }
    for header in ["x-request-id", "user-agent", "origin", "host", "authorization"] {
        // All that the protocol lets through: everything but line breaks.
        for value in [&b"forged \x1b[2K\x85\xe2\x80\xa8"[..], &b"forged".repeat(1000)] {
            let Ok(value) = HeaderValue::from_bytes(value) else { continue };
            let request = http.get(format!("{}/v1/models", daemon.url)).bearer_auth(named.reveal());
            request.header(header, value).timeout(LONG).send().await.unwrap();
        }
    }
    for path in [
        "/%0a2026-01-01T00:00:00.000000Z%20%20INFO%20forged",
        "/v1/models/%1b[2K%0d%0aforged",
        "/forged?a=%0a",
    ] {
        http.get(format!("{}{path}", daemon.url)).bearer_auth(named.reveal()).send().await.unwrap();
    }
    let log = ended(daemon).await;
    for line in log.lines() {
        let mut words = line.split_whitespace();
        let (time, level) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        assert!(time.len() == 27 && time.ends_with('Z') && time.starts_with("20"), "{line:?}");
        assert!(!time.starts_with("2026-01-01"), "{line:?}");
        assert!(["TRACE", "DEBUG", "INFO", "WARN", "ERROR"].contains(&level), "{line:?}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert!(line.len() < 2000, "{line:?}");
    }
    assert!(log.contains("answered"), "{log}");
}
