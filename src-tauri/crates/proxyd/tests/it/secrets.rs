//! No key is logged or shown, wherever a client puts it, and no client can forge a log line.

use proxy::KeyFile;
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::json;

use crate::daemon::{a_home, codex_proxyd, ended, start};
use crate::key_places::{CHOSEN, WRONG, assert_contains_no_key, files, requests};
use crate::support::{TIMEOUT, prompt_body};

#[tokio::test]
async fn no_key_appears_in_trace_logs_files_or_responses() {
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
    let request = |method: Method, path: &str| http.request(method, format!("{url}{path}")).timeout(TIMEOUT);
    let keys: Vec<&str> = CHOSEN.into_iter().chain(WRONG).chain([made.reveal()]).collect();
    for key in &keys {
        for request in requests(request, key, made.reveal()) {
            let response = request.send().await.unwrap();
            assert!(response.status() != 500, "{response:?}");
            let error = response.bytes().await.unwrap();
            // Anything that looks like a key is not even echoed to its sender.
            if key.starts_with("sk-") && error.starts_with(b"{\"error\"") {
                assert_contains_no_key("an error", &error, &[key]);
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
        assert_contains_no_key(path, &text, &keys);
    }
    let log = ended(daemon).await;
    assert!(log.contains("answered") && log.contains("turn done"), "{log}");
    // A wrong key of an unknown format cannot be recognized in a path.
    let recognizable: Vec<&str> = keys.iter().copied().filter(|key| *key != WRONG[1]).collect();
    assert_contains_no_key("the log", log.as_bytes(), &recognizable);
    assert_eq!(log.lines().filter(|line| line.contains("wrong API key")).count(), 1, "{log}");
    for (name, bytes) in files(folder.path()) {
        // The log is written to a file too.
        assert_contains_no_key(&name, &bytes, if name.ends_with(".log") { &recognizable } else { &keys });
    }
}

/// An attempt to forge a log line.
const FORGED: &str = "x\n2026-01-01T00:00:00.000000Z  INFO forged\r\u{1b}[1A\u{1b}[2K\u{85}\u{2028}forged";

#[tokio::test]
async fn clients_cannot_forge_log_lines() {
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
    for text in [FORGED, &long] {
        for field in ["model", "reasoning_effort", "service_tier", "user", FORGED] {
            let mut body = prompt_body(text);
            body[field] = text.into();
            body["tools"] = json!([{"type":"function","function":{"name":text,"description":text}}]);
            let request =
                http.post(format!("{}/v1/chat/completions", daemon.url)).bearer_auth(named.reveal());
            request.json(&body).timeout(TIMEOUT).send().await.unwrap().bytes().await.unwrap();
        }
    }
    for header in ["x-request-id", "user-agent", "origin", "host", "authorization"] {
        // The protocol allows everything except line breaks.
        for value in [&b"forged \x1b[2K\x85\xe2\x80\xa8"[..], &b"forged".repeat(1000)] {
            let Ok(value) = HeaderValue::from_bytes(value) else { continue };
            let request = http.get(format!("{}/v1/models", daemon.url)).bearer_auth(named.reveal());
            request.header(header, value).timeout(TIMEOUT).send().await.unwrap();
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
