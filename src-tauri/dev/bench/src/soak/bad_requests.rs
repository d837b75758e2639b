//! Requests that must be rejected, with the expected status and code.

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use super::client::{Client, REQUEST_ID};
use crate::answer::{Route, api_error_code};
use crate::http;

const CHAT: &str = "/v1/chat/completions";
const VALID: &str = r#"{"model":"gpt-5.5","messages":[{"role":"user","content":"hi"}]}"#;
const TOO_MANY_CHOICES: &str = r#"{"model":"gpt-5.5","n":9,"messages":[{"role":"user","content":"hi"}]}"#;
const LOGPROBS: &str = r#"{"model":"gpt-5.5","logprobs":true,"messages":[{"role":"user","content":"hi"}]}"#;
const UNKNOWN_MODEL: &str = r#"{"model":"none","messages":[{"role":"user","content":"hi"}]}"#;

/// What is wrong with an otherwise valid request.
#[derive(Clone, Debug)]
enum Defect {
    Header(HeaderName, &'static str),
    Method,
    /// A path and a body.
    Body(&'static str, &'static str),
}
use Defect::{Body, Header};

/// Sends a random bad request.
pub(super) async fn send(client: &mut Client<'_>, name: &str) {
    let bad_requests = [
        (Header(AUTHORIZATION, "Bearer sk-wrong"), 401, "invalid_api_key"),
        (Header(AUTHORIZATION, ""), 401, "invalid_api_key"),
        (Header(HOST, "evil.example"), 403, "host_not_allowed"),
        (Header(CONTENT_TYPE, "text/plain"), 415, "unsupported_media_type"),
        (Defect::Method, 405, "method_not_allowed"),
        (Body("/v1/nothing", VALID), 404, "not_found"),
        (Body(CHAT, ""), 400, "invalid_request"),
        (Body(CHAT, r#"{"model":"#), 400, "invalid_request"),
        (Body(CHAT, "[]"), 400, "invalid_request"),
        (Body(CHAT, "\u{0}\u{1}\u{2}"), 400, "invalid_request"),
        (Body(CHAT, r#"{"model":"gpt-5.5"}"#), 400, "invalid_request"),
        (Body(CHAT, r#"{"model":"gpt-5.5","messages":"hi"}"#), 400, "invalid_request"),
        (Body(CHAT, TOO_MANY_CHOICES), 400, "invalid_request"),
        (Body(CHAT, LOGPROBS), 400, "unsupported_parameter"),
        (Body(CHAT, UNKNOWN_MODEL), 404, "model_not_found"),
        (Body("/v1/responses", r#"{"model":"gpt-5.5","input":7}"#), 400, "invalid_request"),
        (Body("/v1/completions", r#"{"model":"gpt-5.5","prompt":[]}"#), 400, "invalid_request"),
    ];
    let Some((defect, status, code)) = client.rng.choice(bad_requests) else { return };
    let headers = [(AUTHORIZATION, "Bearer sk-soak-of-codex-proxyd"), (CONTENT_TYPE, "application/json")];
    let mut headers =
        HeaderMap::from_iter(headers.map(|(name, value)| (name, HeaderValue::from_static(value))));
    let (mut method, mut path, mut body) = (Method::POST, CHAT, VALID);
    match defect.clone() {
        Header(name, value) => drop(headers.insert(name, HeaderValue::from_static(value))),
        Defect::Method => method = Method::PUT,
        Body(other_path, bad_body) => (path, body) = (other_path, bad_body),
    }
    let (shared, started) = (client.shared, Instant::now());
    let request = client.http.request(method, format!("{}{path}", shared.address)).headers(headers);
    let request = request.header(REQUEST_ID, name).body(body);
    let (outcome, answer) = http::answer(request, Route::CHAT, false, async |_| {}).await;
    let answered = answer.as_ref().map_or_else(api_error_code, |_| "an answer");
    let mut tally = shared.tally.borrow_mut();
    tally.outcomes.insert(name.to_owned(), outcome);
    if (outcome, answered) == (Some(status), code) {
        tally.refused += 1;
    } else if shared.excused_by_kill(answered, started) {
        // Only codex can tell that a model does not exist.
        tally.killed += 1;
    } else {
        tally.fail(format_args!("{name}: {defect:?}: {outcome:?} {answer:?}, expected {status} {code}"));
    }
}
