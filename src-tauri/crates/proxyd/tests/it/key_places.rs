//! Requests with a key in every place where a client can put one.

use std::path::Path;

use reqwest::header::HeaderValue;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::prompt_body;

/// Keys chosen by the user: one that looks like a key, and one that does not.
pub(crate) const CHOSEN: [&str; 2] = ["sk-chosen-by-its-owner", "correcthorse"];

/// Keys that the proxy does not know.
pub(crate) const WRONG: [&str; 2] = ["sk-proj-0123456789abcdefABCDEF", "Zm9vYmFyYmF6cXV4"];

/// Requests with `key` in every possible place.
pub(crate) fn requests(
    request: impl Fn(Method, &str) -> RequestBuilder,
    key: &str,
    good: &str,
) -> Vec<RequestBuilder> {
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
        request(Method::GET, "/v1/models").header("x-api-key", key),
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

/// Every file in a folder, except `.env`, which belongs to the user.
pub(crate) fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
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

pub(crate) fn assert_contains_no_key(source: &str, text: &[u8], keys: &[&str]) {
    let text = String::from_utf8_lossy(text);
    for key in keys {
        assert!(!text.contains(key), "{key} is in {source}: {text}");
    }
}
