//! Schemas that could crash or stall the proxy, sent while another client streams, with limited memory and CPU time.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::daemon::{a_home, codex_proxyd_after, start};
use crate::support::{Events, prompt_body};

/// CPU seconds, and KB of address space: each compiling thread reserves 256 MB.
const LIMITS: &str = "ulimit -t 120; ulimit -S -v 4000000";

/// The proxy uses about 100 MB here.
const MAX_RESIDENT_KB: u64 = 400_000;

/// `/health` answers within milliseconds, but other tests keep the machine busy.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(10);

/// Checking a costly answer takes ten seconds, and other requests wait for it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);

const WORDS: usize = 60;

/// A chain of definitions, each referring to the next by the schema that `to_next` builds.
fn chain(links: usize, to_next: fn(&Value) -> Value) -> Value {
    let definition = |number: usize| match number + 1 == links {
        true => json!({}),
        false => to_next(&json!({"$ref": format!("#/$defs/{}", number + 1)})),
    };
    let definitions: serde_json::Map<_, _> =
        (0..links).map(|number| (number.to_string(), definition(number))).collect();
    json!({"$ref": "#/$defs/0", "$defs": definitions})
}

fn once(next: &Value) -> Value {
    json!({"allOf": [next]})
}

fn twice(next: &Value) -> Value {
    json!({"allOf": [next, next]})
}

fn patterns(count: usize) -> Value {
    let property = |number| (format!("p{number}"), json!({"pattern": format!("\\p{{L}}{{20}}{number}")}));
    json!({"type": "object", "properties": (0..count).map(property).collect::<serde_json::Map<_, _>>()})
}

fn with_unevaluated(mut schema: Value) -> Value {
    schema["unevaluatedProperties"] = false.into();
    schema
}

fn with_response_format(schema: &Value) -> Value {
    let mut body = prompt_body("[[say=\"{}\"]]");
    body["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
    body
}

fn with_tool(schema: &Value) -> Value {
    let mut body = prompt_body("[[say=\"{}\"]]");
    body["tools"] = json!([{"type": "function", "function": {"name": "t", "parameters": schema}}]);
    body
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn costly_schemas_neither_crash_nor_stall_the_proxy() {
    let (home, _model) = a_home().await;
    // codex needs more address space than the proxy's limit.
    let codex = home.path().join("codex");
    let script = "#!/bin/sh\nulimit -S -v unlimited\nexec \"$REAL_CODEX\" \"$@\"\n";
    std::fs::write(&codex, script).unwrap();
    std::fs::set_permissions(&codex, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = codex_proxyd_after(LIMITS, home.path());
    command.env("REAL_CODEX", sample_model::under_test::codex_under_test()).env("CODEX_PATH", &codex);
    let mut daemon = start(command.args(["--port", "0", "--no-auth", "--data-dir", "data"])).await;
    let http = reqwest::Client::new();
    let post = |body: Value| {
        http.post(format!("{}/v1/chat/completions", daemon.url)).json(&body).timeout(REQUEST_TIMEOUT).send()
    };

    let mut streamed = prompt_body(&format!("[[words={WORDS} every=50]]"));
    streamed["stream"] = true.into();
    let mut stream = Events::new(post(streamed).await.unwrap());
    assert_eq!(stream.response.status(), 200);
    // They share two threads.
    let hostile = [
        (with_response_format(&chain(12_000, once)), 400, "more than 1000 references"),
        (with_tool(&chain(12_000, once)), 400, "more than 1000 references"),
        (with_response_format(&chain(999, once)), 200, "{}"),
        (with_tool(&chain(999, once)), 200, "{}"),
        (with_response_format(&patterns(60)), 400, "takes too much memory"),
        (with_tool(&patterns(60)), 400, "takes too much memory"),
        (with_response_format(&patterns(1_000)), 400, "more than 100 patterns"),
        (with_tool(&patterns(1_000)), 400, "more than 100 patterns"),
        (with_response_format(&chain(64, twice)), 502, "takes too long"),
        (with_tool(&chain(64, twice)), 200, "{}"),
        (with_response_format(&with_unevaluated(chain(64, twice))), 400, "too complex"),
        (with_tool(&with_unevaluated(chain(64, twice))), 400, "too complex"),
    ];
    let answers = hostile.map(|(body, status, message)| {
        let answer = post(body);
        async move {
            let answer = answer.await.unwrap();
            let (actual, text) = (answer.status(), answer.text().await.unwrap());
            assert!(
                actual == status && text.contains(message),
                "{actual} instead of {status} and {message}: {text}"
            );
        }
    });
    let stream = async {
        let mut text = String::new();
        while let Some(event) = stream.next().await {
            if event == "[DONE]" {
                return text;
            }
            text += event["choices"][0]["delta"]["content"].as_str().unwrap_or_default();
            let health = http.get(format!("{}/health", daemon.url)).timeout(HEALTH_TIMEOUT).send();
            assert_eq!(health.await.unwrap().status(), 200);
        }
        panic!("the stream broke off after {text}");
    };
    let (text, _) = tokio::join!(stream, join_all(answers));
    let words: Vec<_> = (1..=WORDS).map(|number| format!("word{number}")).collect();
    assert_eq!(text.split_whitespace().collect::<Vec<_>>(), words);

    assert!(daemon.child.try_wait().unwrap().is_none(), "the proxy has exited");
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.child.id().unwrap())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < MAX_RESIDENT_KB, "{peak} KB");
}
