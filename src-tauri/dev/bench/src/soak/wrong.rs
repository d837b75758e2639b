//! Requests that must be refused, each with what the answer to it must be.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use reqwest::{Client, Method};
use serde_json::Value;
use tokio::time::Instant;

use super::answer::code;
use super::dice::Dice;
use super::tally::Fate;
use super::world::{KEY, REQUEST_ID, World};

/// A request that is wrong.
struct Wrong {
    method: Method,
    path: &'static str,
    key: &'static str,
    host: Option<&'static str>,
    media_type: &'static str,
    body: &'static str,
    status: u16,
    code: &'static str,
}

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = r#"{"model":"gpt-5.5","messages":[{"role":"user","content":"hi"}]}"#;

impl Wrong {
    const fn body(path: &'static str, body: &'static str, status: u16, code: &'static str) -> Self {
        let (key, media_type) = (KEY, "application/json");
        Self { method: Method::POST, path, key, host: None, media_type, body, status, code }
    }

    const fn chat(body: &'static str, status: u16, code: &'static str) -> Self {
        Self::body(CHAT, body, status, code)
    }

    fn all() -> Vec<Self> {
        let right = || Self::chat(MESSAGES, 0, "");
        vec![
            Self { key: "sk-wrong", status: 401, code: "invalid_api_key", ..right() },
            Self { key: "", status: 401, code: "invalid_api_key", ..right() },
            Self { host: Some("evil.example"), status: 403, code: "host_not_allowed", ..right() },
            Self { media_type: "text/plain", status: 415, code: "unsupported_media_type", ..right() },
            Self { method: Method::PUT, status: 405, code: "method_not_allowed", ..right() },
            Self::body("/v1/nothing", MESSAGES, 404, "not_found"),
            Self::chat("", 400, "invalid_request"),
            Self::chat(r#"{"model":"#, 400, "invalid_request"),
            Self::chat("[]", 400, "invalid_request"),
            Self::chat("\u{0}\u{1}\u{2}", 400, "invalid_request"),
            Self::chat(r#"{"model":"gpt-5.5"}"#, 400, "invalid_request"),
            Self::chat(r#"{"model":"gpt-5.5","messages":"hi"}"#, 400, "invalid_request"),
            Self::chat(
                r#"{"model":"gpt-5.5","n":9,"messages":[{"role":"user","content":"hi"}]}"#,
                400,
                "invalid_request",
            ),
            Self::chat(
                r#"{"model":"gpt-5.5","logprobs":true,"messages":[{"role":"user","content":"hi"}]}"#,
                400,
                "unsupported_parameter",
            ),
            Self::chat(
                r#"{"model":"none","messages":[{"role":"user","content":"hi"}]}"#,
                404,
                "model_not_found",
            ),
            Self::body("/v1/responses", r#"{"model":"gpt-5.5","input":7}"#, 400, "invalid_request"),
            Self::body("/v1/completions", r#"{"model":"gpt-5.5","prompt":[]}"#, 400, "invalid_request"),
        ]
    }
}

/// Sends one of them.
pub(super) async fn ask_wrongly(world: &World, http: &Client, name: &str, dice: &mut Dice) {
    let mut all = Wrong::all();
    let wrong = all.swap_remove(dice.index(all.len()));
    let mut request = http.request(wrong.method.clone(), format!("{}{}", world.address, wrong.path));
    request = request.header(REQUEST_ID, name).header(CONTENT_TYPE, wrong.media_type).body(wrong.body);
    if !wrong.key.is_empty() {
        request = request.header(AUTHORIZATION, format!("Bearer {}", wrong.key));
    }
    if let Some(host) = wrong.host {
        request = request.header(HOST, host);
    }
    let outcome = async {
        let response = request.send().await?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await?;
        Ok::<_, reqwest::Error>((status, serde_json::from_slice::<Value>(&bytes).unwrap_or_default()))
    };
    let begun = Instant::now();
    let outcome = outcome.await;
    let mut tally = world.tally();
    match outcome {
        Ok((status, body)) => {
            tally.fates.insert(name.to_owned(), Fate::Answered(status));
            let code = code(&body).unwrap_or_default();
            if (status, code.as_str()) == (wrong.status, wrong.code) {
                tally.refused += 1;
            } else if world.is_of_a_kill(&code, begun) {
                // Whether there is such a model is codex's to say.
                tally.killed += 1;
            } else {
                let Wrong { path, body, status: wanted, code: named, .. } = wrong;
                tally.fail(format_args!(
                    "{name}: {path} with {body:?} is answered {status} {code}, and not {wanted} {named}"
                ));
            }
        }
        Err(error) => {
            tally.fates.insert(name.to_owned(), Fate::GivenUp);
            tally.fail(format_args!("{name}: {:#}", anyhow::Error::new(error)));
        }
    }
}
