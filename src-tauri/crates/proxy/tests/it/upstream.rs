//! An upstream that breaks off, ends early or cannot be reached.

use std::time::Duration;

use reqwest::Response;
use sample_model::not_on_windows;
use serde_json::{Value, json};

use crate::support::log::RowState;
use crate::support::{Events, TIMEOUT, TestProxy, fake, prompt_body, real};

const ROUTES: [&str; 3] = ["/v1/chat/completions", "/v1/completions", "/v1/responses"];

fn body(route: &str, prompt: &str, streamed: bool) -> Value {
    let mut body = json!({"model":"gpt-5.5","stream":streamed});
    match route {
        "/v1/chat/completions" => body["messages"] = json!([{"role":"user","content":prompt}]),
        "/v1/completions" => body["prompt"] = prompt.into(),
        _ => body["input"] = prompt.into(),
    }
    body
}

/// A complete answer's text, and why it ended.
fn complete(answer: &Value) -> (String, String) {
    let choice = &answer["choices"][0];
    let text = choice["message"]["content"].as_str().or_else(|| choice["text"].as_str());
    if let (Some(text), Some(reason)) = (text, choice["finish_reason"].as_str()) {
        return (text.to_owned(), reason.to_owned());
    }
    let messages = answer["output"].as_array().unwrap_or_else(|| panic!("{answer}")).iter();
    let texts = messages.filter_map(|item| item["content"][0]["text"].as_str()).collect();
    let reason = answer["incomplete_details"]["reason"].as_str().or_else(|| answer["status"].as_str());
    (texts, reason.unwrap().to_owned())
}

/// A stream's text, and why it ended: its finish reason, the error's code, or the response's status.
fn streamed(events: &[Value]) -> (String, String) {
    let (mut text, mut reason) = (String::new(), String::new());
    for event in events {
        let choice = &event["choices"][0];
        let deltas = [&choice["delta"]["content"], &choice["text"]];
        text.extend(deltas.into_iter().filter_map(Value::as_str));
        if event["type"] == "response.output_text.delta" {
            text.push_str(event["delta"].as_str().unwrap());
        }
        let response = &event["response"];
        let ends = [
            &event["error"]["code"],
            &choice["finish_reason"],
            &response["error"]["code"],
            &response["incomplete_details"]["reason"],
        ];
        let ended = response["status"].as_str().filter(|status| *status == "completed");
        if let Some(end) = ends.into_iter().find_map(Value::as_str).or(ended) {
            end.clone_into(&mut reason);
        }
    }
    (text, reason)
}

async fn json_of(response: Response) -> Value {
    let status = response.status();
    let answer: Value = response.json().await.unwrap();
    assert_eq!(status, 200, "{answer}");
    answer
}

async fn ask(proxy: &TestProxy, route: &str, prompt: &str) -> (String, String) {
    complete(&json_of(proxy.post(route, &body(route, prompt, false)).await).await)
}

async fn stream(proxy: &TestProxy, route: &str, prompt: &str) -> Vec<Value> {
    let response = proxy.post(route, &body(route, prompt, true)).await;
    assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
    Events::new(response).rest().await
}

fn pair(text: &str, reason: &str) -> (String, String) {
    (text.to_owned(), reason.to_owned())
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn of_a_retried_answer_only_the_last_attempt_counts() {
    let proxy = real().start().await;
    for route in ROUTES {
        let done = if route == "/v1/responses" { "completed" } else { "stop" };
        for (prompt, text) in [
            ("[[words=6 break=3 times=1]]", "word1 word2 word3 word4 word5 word6 "),
            ("[[words=6 break=3 times=2]]", "word1 word2 word3 word4 word5 word6 "),
            ("[[words=6 break=3 times=1 again=other]]", "other"),
            ("[[words=6 break=9 times=1 again=other]]", "other"),
            ("[[words=6 break=9 times=1]]", "word1 word2 word3 word4 word5 word6 "),
        ] {
            let answer = ask(&proxy, route, &format!("{prompt} for {route}")).await;
            assert_eq!(answer, pair(text, done), "{prompt} {route}");
        }
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_stream_drops_what_a_retried_answer_repeats() {
    let proxy = real().start().await;
    for route in ROUTES {
        let done = if route == "/v1/responses" { "completed" } else { "stop" };
        for prompt in [
            "[[words=6 break=3 times=1]]",
            "[[words=6 break=3 times=2]]",
            "[[words=6 break=0 times=1]]",
            "[[words=6 break=9 times=1]]",
            "[[words=3 break=3 times=1 again=\"word1 word2 word3 word4 word5 word6 \"]]",
        ] {
            let events = stream(&proxy, route, &format!("{prompt} for {route}")).await;
            let text = "word1 word2 word3 word4 word5 word6 ";
            assert_eq!(streamed(&events), pair(text, done), "{prompt} {route}");
        }
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_stream_whose_retried_answer_differs_ends_with_the_error_that_it_was_cut() {
    let proxy = real().start().await;
    for route in ROUTES {
        for again in ["other", "\"word1 word2 other\"", "\"word1 word2 \"", "\"word1 wor\""] {
            let prompt = format!("[[words=6 break=3 times=1 again={again}]] for {route}");
            let events = stream(&proxy, route, &prompt).await;
            let code = if route == "/v1/responses" { "server_error" } else { "answer_cut" };
            assert_eq!(streamed(&events), pair("word1 word2 word3 ", code), "{again} {route}");
            let last = events.last().unwrap();
            let error = if route == "/v1/responses" { &last["response"]["error"] } else { &last["error"] };
            assert!(error["message"].as_str().unwrap().contains("was cut"), "{error}");
            let row = proxy.log.newest();
            assert_eq!((row.state, row.code.as_deref()), (RowState::Failed, Some("answer_cut")));
        }
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_turn_is_interrupted_where_its_retried_answer_differs() {
    let proxy = real().start().await;
    // Codex asks for the rest of a long second attempt, unless it is interrupted.
    let words = vec!["other"; 200].join(" ");
    let prompt = format!("[[words=6 break=3 every=20 times=1 again=\"{words}\"]]");
    let events = stream(&proxy, "/v1/chat/completions", &prompt).await;
    assert_eq!(streamed(&events).1, "answer_cut");
    let gone = |event: &sample_model::Event| matches!(event, sample_model::Event::ClientGone { id: 1 });
    assert!(proxy.model.wait_for(gone, TIMEOUT).await.is_some(), "the turn was not interrupted");
    assert_eq!(ask(&proxy, "/v1/chat/completions", "[[say=hi]]").await, pair("hi", "stop"));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_broken_item_of_a_response_is_closed_as_incomplete() {
    let proxy = real().start().await;
    let events = stream(&proxy, "/v1/responses", "[[words=6 break=3 times=1 again=other]]").await;
    let done: Vec<&Value> =
        events.iter().filter(|event| event["type"] == "response.output_item.done").collect();
    assert_eq!(done.len(), 1, "{events:?}");
    assert_eq!(done[0]["item"]["status"], "incomplete");
    assert_eq!(done[0]["item"]["content"][0]["text"], "word1 word2 word3 ");
    let last = events.last().unwrap();
    assert_eq!((&last["type"], &last["response"]["status"]), (&json!("response.failed"), &json!("failed")));
    assert_eq!(last["response"]["output"][0], done[0]["item"]);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_retried_answer_keeps_its_format_limits_and_usage() {
    let proxy = real().start().await;
    let route = "/v1/chat/completions";
    let schema = json!({"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false});
    let strict = json!({"type":"json_schema","json_schema":{"name":"c","strict":true,"schema":schema}});
    let again = r#"times=1 again="{\"city\":\"Bonn\"}""#;
    let json = r#"[[say="{\"city\": \"Ber lin\"}" break=2"#;
    for (more, prompt, text, reason) in [
        (json!({"response_format":strict}), format!("{json} {again}]]"), r#"{"city":"Bonn"}"#, "stop"),
        (
            json!({"response_format":{"type":"json_object"}}),
            format!("{json} {again}]]"),
            r#"{"city":"Bonn"}"#,
            "stop",
        ),
        (json!({"response_format":strict}), format!("{json} times=1]]"), r#"{"city": "Ber lin"}"#, "stop"),
        (json!({"stop":["word5"]}), "[[words=6 break=3 times=1]]".into(), "word1 word2 word3 word4 ", "stop"),
        (json!({"stop":["word3 o"]}), "[[words=6 break=3 times=1 again=other]]".into(), "other", "stop"),
        (
            json!({"max_tokens":9}),
            "[[words=6 break=4 times=1]]".into(),
            "word1 word2 word3 word4 word",
            "length",
        ),
        (json!({"max_tokens":8}), "[[words=3 break=3 times=1 again=\"a b c\"]]".into(), "a b c", "stop"),
        (json!({"n":2}), "[[words=3 break=2 times=2]]".into(), "word1 word2 word3 ", "stop"),
    ] {
        let mut body = body(route, &prompt, false);
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = json_of(proxy.post(route, &body).await).await;
        assert_eq!(complete(&answer), pair(text, reason), "{prompt} {more}");
    }
    // Upstream reports no usage for the attempt that broke off.
    let usage = json_of(proxy.ask("[[words=3 break=2 times=1 usage=10,4,3,1]]").await).await;
    assert_eq!(usage["usage"]["total_tokens"], 13);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_reasoning_of_an_attempt_that_broke_off_is_not_repeated() {
    let proxy = real().start().await;
    let thought = "**Step 1** thinking about it";
    let whole = json_of(proxy.ask("[[words=3 reasoning=1 break=2 times=1]]").await).await;
    assert_eq!(whole["choices"][0]["message"]["reasoning_content"], thought);
    let other = json_of(proxy.ask("[[words=3 reasoning=1 break=2 times=1 again=other]]").await).await;
    assert_eq!(other["choices"][0]["message"]["reasoning_content"], thought);
    assert_eq!(other["choices"][0]["message"]["content"], "other");
    let events = proxy.stream("[[words=3 reasoning=1 break=2 times=1]] streamed").await.rest().await;
    let reasoning: String = events
        .iter()
        .filter_map(|event| event["choices"][0]["delta"]["reasoning_content"].as_str())
        .collect();
    assert_eq!((reasoning.as_str(), streamed(&events)), (thought, pair("word1 word2 word3 ", "stop")));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn commands_and_text_before_a_broken_response_stay() {
    not_on_windows!("codex runs no command there before its sandbox is set up");
    let proxy = real().start().await;
    let prompt = r#"[[say="First I look." shell="echo hi" then say="one two three" break=2 times=1"#;
    for (more, last) in [("", "one two three"), (" again=\"no it is\"", "no it is")] {
        let mut body = prompt_body(&format!("{prompt}{more}]]"));
        body["model"] = "codex-local".into();
        let answer = json_of(proxy.chat(&body).await).await;
        let message = &answer["choices"][0]["message"];
        assert_eq!(message["content"], format!("First I look.\n\n{last}"), "{answer}");
        assert!(message["reasoning_content"].as_str().unwrap().contains("exit code 0"), "{answer}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_conversation_goes_on_after_a_retried_answer() {
    let proxy = real().start().await;
    let first = "[[words=6 break=3 times=1]]";
    let text = ask(&proxy, "/v1/chat/completions", first).await.0;
    let body = json!({"model":"gpt-5.5","messages":[{"role":"user","content":first},
        {"role":"assistant","content":text},{"role":"user","content":"[[say=on]]"}]});
    assert_eq!(complete(&json_of(proxy.chat(&body).await).await).0, "on");
    let input = proxy.model.request(2).unwrap().input();
    let answers: Vec<_> = input.iter().filter(|(role, _)| role == "assistant").collect();
    assert_eq!(answers.len(), 1, "{input:?}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn an_answer_that_upstream_ends_early_is_a_200_with_the_text_and_the_reason() {
    let proxy = real().start().await;
    let mut requests = 0;
    for route in ROUTES {
        for (reason, finish) in [("content_filter", "content_filter"), ("max_output_tokens", "length")] {
            let finish = if route == "/v1/responses" { reason } else { finish };
            let prompt = format!("[[words=3 incomplete={reason}]] for {route}");
            assert_eq!(ask(&proxy, route, &prompt).await, pair("word1 word2 word3 ", finish), "{route}");
            let events = stream(&proxy, route, &prompt).await;
            assert_eq!(streamed(&events), pair("word1 word2 word3 ", finish), "{route}");
            if route == "/v1/responses" {
                let last = events.last().unwrap();
                assert_eq!(last["type"], "response.incomplete");
                assert_eq!(last["response"]["output"][0]["status"], "incomplete");
            } else {
                assert_eq!(events.last().unwrap(), "[DONE]");
            }
            requests += 2;
            assert_eq!(proxy.model.requests().len(), requests, "codex asked upstream again: {prompt}");
            assert_eq!((proxy.log.newest().state, proxy.log.newest().status), (RowState::Done, Some(200)));
        }
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn an_answer_that_upstream_ends_early_is_not_checked_and_its_usage_is_reported() {
    let proxy = real().start().await;
    let mut body = prompt_body(r#"[[say="{\"city\":" incomplete=max_output_tokens usage=10,4,3,1]]"#);
    body["response_format"] = json!({"type":"json_object"});
    let answer = json_of(proxy.chat(&body).await).await;
    assert_eq!(complete(&answer), pair("{\"city\":", "length"));
    assert_eq!(answer["usage"]["total_tokens"], 13, "{answer}");
    let mut body = prompt_body("[[words=1 incomplete=content_filter]]");
    body["tools"] =
        json!([{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}]);
    body["tool_choice"] = "required".into();
    let answer = json_of(proxy.chat(&body).await).await;
    assert_eq!(answer["choices"][0]["finish_reason"], "content_filter");
    // The next turn begins in a new thread.
    let body = json!({"model":"gpt-5.5","messages":[{"role":"user","content":"[[words=1 incomplete=max_output_tokens]]"},
        {"role":"assistant","content":"word1 "},{"role":"user","content":"[[say=on]]"}]});
    assert_eq!(complete(&json_of(proxy.chat(&body).await).await).0, "on");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_built_in_providers_websocket_may_break_too() {
    let proxy = real().start().await;
    let home = proxy.folder.path().join(".codex");
    sample_model::codex_home::write_openai(&home, &proxy.model.base_url()).unwrap();
    let route = "/v1/chat/completions";
    assert_eq!(ask(&proxy, route, "[[words=6 break=3 times=1 again=other]]").await, pair("other", "stop"));
    let events = stream(&proxy, route, "[[words=6 break=3 times=1]]").await;
    assert_eq!(streamed(&events), pair("word1 word2 word3 word4 word5 word6 ", "stop"));
    let events = stream(&proxy, route, "[[words=6 break=3 times=1 again=new]]").await;
    assert_eq!(streamed(&events), pair("word1 word2 word3 ", "answer_cut"));
    for (reason, finish) in [("content_filter", "content_filter"), ("max_output_tokens", "length")] {
        let before = proxy.model.requests().len();
        let prompt = format!("[[words=3 incomplete={reason}]]");
        assert_eq!(ask(&proxy, route, &prompt).await, pair("word1 word2 word3 ", finish));
        // codex does not announce the first retry here, so on a busy machine one may begin before it is interrupted; not six.
        let asked = proxy.model.requests().len() - before;
        assert!(asked <= 2, "codex asked upstream {asked} times");
    }
    let transports = proxy.model.requests();
    assert!(transports.iter().any(|request| request.transport == sample_model::Transport::WebSocket));
}

/// A proxy whose upstream refuses connections, with this limit for retries.
async fn without_upstream(retry_timeout: Duration) -> TestProxy {
    let proxy = real().limits(|limits| limits.retry_timeout = retry_timeout).start().await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let home = proxy.folder.path().join(".codex");
    sample_model::codex_home::write(&home, &format!("http://{closed}/v1")).unwrap();
    proxy
}

async fn unreachable(response: Response) {
    assert_eq!(response.status(), 502);
    // It has waited for long already, and asked again several times.
    assert_eq!(response.headers()["x-should-retry"], "false");
    let error = response.json::<Value>().await.unwrap()["error"].clone();
    assert_eq!(error["code"], "upstream_unreachable", "{error}");
    assert!(error["message"].as_str().unwrap().contains("network"), "{error}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn an_upstream_that_cannot_be_reached_is_502_soon_after_codexs_first_retry_notice() {
    let proxy = without_upstream(Duration::from_millis(100)).await;
    for route in ROUTES {
        unreachable(proxy.post(route, &body(route, "hi", false)).await).await;
    }
    assert_eq!(proxy.log.newest().code.as_deref(), Some("upstream_unreachable"));
    let events = stream_after_silence(&proxy).await;
    assert_eq!(streamed(&events).1, "upstream_unreachable");
    assert!(proxy.model.requests().is_empty());
}

/// A streamed request that nothing has answered before codex's first notice.
async fn stream_after_silence(proxy: &TestProxy) -> Vec<Value> {
    let response = proxy.post("/v1/chat/completions", &body("/v1/chat/completions", "hi", true)).await;
    if response.status() == 200 {
        return Events::new(response).rest().await;
    }
    vec![response.json().await.unwrap()]
}

#[tokio::test]
async fn retry_notices_do_not_count_as_activity() {
    let idle = Duration::from_millis(300);
    let proxy = fake("retry-every=20").limits(|limits| limits.idle_timeout = idle).start().await;
    let response = proxy.ask("hi").await;
    assert_eq!(response.status(), 504, "{}", response.text().await.unwrap());
    let proxy = fake("retry-every=20").limits(|limits| limits.retry_timeout = idle).start().await;
    unreachable(proxy.ask("hi").await).await;
}

#[tokio::test]
async fn silence_without_a_retry_notice_is_left_to_the_idle_limit() {
    let limits = |limits: &mut proxy::Limits| {
        (limits.idle_timeout, limits.retry_timeout) = (Duration::from_secs(2), Duration::from_millis(500));
    };
    let proxy = fake("hang-after-delta=1").limits(limits).start().await;
    assert_eq!(proxy.ask("hi").await.status(), 504);
    // An item after the notice shows that upstream was reached.
    let proxy = fake("retrying=1 hang-after-delta=1").limits(limits).start().await;
    assert_eq!(proxy.ask("hi").await.status(), 504);
}
