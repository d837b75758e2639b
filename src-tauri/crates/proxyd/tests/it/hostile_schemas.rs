//! Schemas that would end the proxy or stall it, sent to one with little memory and time while another client streams.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::daemon::{a_home, codex_proxyd_after, start};
use crate::support::{Events, prompt_body};

/// The proxy may use so many seconds of the processors, and address so many KB: a thread that compiles reserves 256 MB.
const LIMITS: &str = "ulimit -t 120; ulimit -S -v 4000000";

/// The most memory that the proxy may have held, in KB. It holds some 100 MB here.
const MAX_RESIDENT: u64 = 400_000;

/// `/health` answers within milliseconds, also on a machine that other tests keep busy.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(10);

/// For everything else: the check of a costly answer alone takes ten seconds, and others wait for it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);

const WORDS: usize = 60;

/// Definitions of which each refers to the next by the schema that `to_next` makes.
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

fn of_answer(schema: &Value) -> Value {
    let mut body = prompt_body("[[say=\"{}\"]]");
    body["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
    body
}

fn of_tool(schema: &Value) -> Value {
    let mut body = prompt_body("[[say=\"{}\"]]");
    body["tools"] = json!([{"type": "function", "function": {"name": "t", "parameters": schema}}]);
    body
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn schemas_that_cost_much_end_nothing_and_stall_no_one() {
    let (home, _model) = a_home().await;
    // codex addresses more than the proxy may.
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
    // All of them wait for the same two threads.
    let hostile = [
        (of_answer(&chain(12_000, once)), 400, "more than 1000 references"),
        (of_tool(&chain(12_000, once)), 400, "more than 1000 references"),
        (of_answer(&chain(999, once)), 200, "{}"),
        (of_tool(&chain(999, once)), 200, "{}"),
        (of_answer(&patterns(60)), 400, "takes too much memory"),
        (of_tool(&patterns(60)), 400, "takes too much memory"),
        (of_answer(&patterns(1_000)), 400, "more than 100 patterns"),
        (of_tool(&patterns(1_000)), 400, "more than 100 patterns"),
        (of_answer(&chain(64, twice)), 502, "takes too long"),
        (of_tool(&chain(64, twice)), 200, "{}"),
        (of_answer(&with_unevaluated(chain(64, twice))), 400, "too costly"),
        (of_tool(&with_unevaluated(chain(64, twice))), 400, "too costly"),
    ];
    let answers = hostile.map(|(body, status, says)| {
        let answer = post(body);
        async move {
            let answer = answer.await.unwrap();
            let (was, text) = (answer.status(), answer.text().await.unwrap());
            assert!(was == status && text.contains(says), "{was}, not {status} and {says}: {text}");
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

    assert!(daemon.child.try_wait().unwrap().is_none(), "it has ended");
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.child.id().unwrap())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < MAX_RESIDENT, "{peak} KB");
}
