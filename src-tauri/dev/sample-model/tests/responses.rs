//! The sample model over raw HTTP.

#[cfg(test)]
mod raw_http;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use raw_http::{Answer, Exchange, model, prompt};
use sample_model::{Event, SampleModel, Transport};
use serde_json::{Value, json};

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn an_answer_streams_in_the_shapes_of_openai() {
    let model = model().await;
    let body = prompt("[[say=\"Grüße, \\n Welt\" reasoning=1 usage=10,4,2,1 limits=42,300,60]]");
    let answer = Exchange::open(&model, "POST", "/v1/responses", &body).await.read_to_end().await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-codex-primary-used-percent"), Some("42"));
    let events = answer.events();
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[..3], ["response.created", "response.in_progress", "response.output_item.added"]);
    assert_eq!(
        kinds[kinds.len() - 5..],
        [
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed"
        ]
    );
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
    assert_eq!(answer.text(), "Grüße, \n Welt");
    let usage = json!({"input_tokens": 10, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 1}, "total_tokens": 12});
    let response = &events.last().unwrap()["response"];
    assert_eq!(response["usage"], usage);
    assert_eq!(response["output"][1]["content"][0]["text"], "Grüße, \n Welt");
    let recorded = &model.requests()[0];
    assert_eq!(
        (recorded.id, recorded.transport, recorded.path.as_str()),
        (Some(0), Transport::Http, "/v1/responses")
    );
    assert_eq!(recorded.header("content-type"), Some("application/json"));
    assert_eq!(recorded.input()[0].0, "user");
}

#[tokio::test]
async fn a_hold_waits_for_its_release_and_words_are_sent_immediately() {
    let model = model().await;
    let mut one = Exchange::open(&model, "POST", "/v1/responses", &prompt("[[words=4 hold=2]]")).await;
    let mut two = Exchange::open(&model, "POST", "/v1/responses", &prompt("[[words=1 hold=0]]")).await;
    for held in [(0, 2), (1, 0)] {
        let is_held = |event: &Event| matches!(event, Event::Held { id, n } if (*id, *n) == held);
        assert!(model.wait_for(is_held, LONG).await.is_some());
    }
    one.read_until("word2 ").await;
    assert!(!one.received().contains("word3"));
    assert!(model.release_one(1));
    assert!(!model.release_one(1));
    two.read_until("response.completed").await;
    assert_eq!(model.release(), 1);
    assert_eq!(one.read_to_end().await.text(), "word1 word2 word3 word4 ");
    assert!(model.wait_for(|event| *event == Event::Finished { id: 0 }, LONG).await.is_some());
    assert!(!model.events().contains(&Event::ClientGone { id: 0 }));
}

#[tokio::test]
async fn a_disconnect_is_noticed_during_a_silence_or_hold() {
    let model = model().await;
    for (id, script) in
        (0..).zip(["[[silence=600000]]", "[[hold=0]]", "[[hold=0 tool=f]]", "[[words=9 every=600000]]"])
    {
        let mut exchange = Exchange::open(&model, "POST", "/v1/responses", &prompt(script)).await;
        exchange.read_until("response.in_progress").await;
        drop(exchange);
        assert!(model.wait_for(|event| *event == Event::ClientGone { id }, LONG).await.is_some(), "{script}");
    }
    assert_eq!(model.release(), 0);
}

#[tokio::test]
async fn dropping_the_model_ends_its_streams() {
    let model = model().await;
    let mut exchange = Exchange::open(&model, "POST", "/v1/responses", &prompt("[[hold=1]]")).await;
    exchange.read_until("word1 ").await;
    drop(model);
    assert!(!exchange.read_to_end().await.is_complete);
}

#[tokio::test]
async fn failures_happen_as_scripted_and_as_often() {
    let model = model().await;
    let ask = async |text: &str| {
        Exchange::open(&model, "POST", "/v1/responses", &prompt(text)).await.read_to_end().await
    };
    let error_response =
        ask("[[status=429 message=\"too much\" code=rate_limit_exceeded retry-after=7 times=1]]").await;
    let error = json!({"error": {"message": "too much", "type": "rate_limit_error", "param": null,
        "code": "rate_limit_exceeded"}});
    assert_eq!((error_response.status, error_response.json()), (429, error));
    assert_eq!(error_response.header("retry-after"), Some("7"));
    let again =
        ask("[[status=429 message=\"too much\" code=rate_limit_exceeded retry-after=7 times=1]]").await;
    assert_eq!(again.status, 200);

    let cut = ask("[[break=2]]").await;
    assert!(!cut.is_complete);
    assert_eq!(cut.text(), "word1 word2 ");
    let cut = ask("[[words=2 break=3 times=1 again=other]]").await;
    assert!(!cut.is_complete && cut.events().pop().unwrap()["type"] == "response.output_item.done");
    assert_eq!(ask("[[words=2 break=3 times=1 again=other]]").await.text(), "other");

    let failed = ask("[[failed=context_length_exceeded message=long]]").await;
    let last = failed.events().pop().unwrap();
    assert_eq!(last["type"], "response.failed");
    assert_eq!(last["response"]["error"], json!({"code": "context_length_exceeded", "message": "long"}));

    let incomplete = ask("[[words=1 incomplete=max_output_tokens]]").await.events().pop().unwrap();
    assert_eq!(incomplete["response"]["incomplete_details"]["reason"], "max_output_tokens");

    assert!(ask("[[words=1 wrods=2]]").await.json()["error"]["message"].as_str().unwrap().contains("wrods"));
}

#[tokio::test]
async fn a_picture_is_drawn_in_the_requested_size_or_fails_as_scripted() {
    let model = model().await;
    let draw = async |prompt: &str, size: &str| {
        let body = json!({"model": "gpt-image-2", "prompt": prompt, "size": size});
        Exchange::open(&model, "POST", "/v1/images/generations", &body.to_string()).await.read_to_end().await
    };
    for (prompt, size, expected) in [
        ("a cat", "auto", (256, 256)),
        ("a cat", "64x32", (64, 32)),
        ("[[picture-size=16x8]]", "auto", (16, 8)),
    ] {
        let answer = draw(prompt, size).await.json();
        let png = STANDARD.decode(answer["data"][0]["b64_json"].as_str().unwrap()).unwrap();
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png.ends_with(b"IEND\xae\x42\x60\x82"));
        let side = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
        assert_eq!((side(16), side(20)), expected, "{prompt} {size}");
    }
    let refused = draw("[[picture-status=400 code=moderation_blocked]]", "auto").await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &json!("moderation_blocked")));
    assert!(model.requests().iter().all(|request| request.path == "/v1/images/generations"));
}

#[tokio::test]
async fn a_request_without_instructions_is_rejected_like_by_chatgpt() {
    let model = model().await;
    let ask =
        async |body: &str| Exchange::open(&model, "POST", "/v1/responses", body).await.read_to_end().await;
    let bare = prompt("[[words=1]]").replace("Be a model.", "");
    let error_response = ask(&bare).await;
    assert_eq!(error_response.status, 400);
    assert_eq!(error_response.json()["error"]["message"], "Instructions are required");
    let message = bare.replace(
        "\"input\":[",
        "\"input\":[{\"type\":\"message\",\"role\":\"developer\",\"content\":\"x\"},",
    );
    assert_eq!(ask(&message).await.status, 200);
}

#[tokio::test]
async fn calls_have_verbatim_arguments_and_unique_ids() {
    let model = model().await;
    let body = prompt("[[tool=f:{\"b\" : \"ö\"} tool=f:{}]]");
    let events = Exchange::open(&model, "POST", "/v1/responses", &body).await.read_to_end().await.events();
    let calls: Vec<&Value> = events
        .iter()
        .filter(|event| event["type"] == "response.output_item.done")
        .map(|event| &event["item"])
        .collect();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0]["arguments"], "{\"b\" : \"ö\"}");
    assert!(calls[0]["call_id"].as_str().unwrap().starts_with("call_"));
    assert_ne!(calls[0]["call_id"], calls[1]["call_id"]);
}

#[tokio::test]
async fn the_demo_answers_and_other_routes_are_404() {
    let model = model().await;
    let body = prompt("What is the capital of France?");
    let answer = Exchange::open(&model, "POST", "/v1/responses", &body).await.read_to_end().await;
    assert!(answer.text().contains("Paris"));
    let models =
        Exchange::open(&model, "GET", "/v1/models?client_version=0.169.0", "").await.read_to_end().await;
    assert_eq!(models.json()["data"][0]["id"], "gpt-5.5");
    let unknown = Exchange::open(&model, "GET", "/v1/other", "").await.read_to_end().await;
    assert_eq!((unknown.status, unknown.json()["error"]["code"].as_str()), (404, Some("not_found")));
    assert_eq!(model.requests().len(), 3);
}

#[cfg(test)]
async fn call(model: &SampleModel, method: &str, path: &str, body: &str) -> Answer {
    Exchange::open(model, method, path, body).await.read_to_end().await
}

#[tokio::test]
async fn the_browser_is_sent_back_with_a_code_or_the_refusal() {
    let model = model().await;
    let page = "/oauth/authorize?redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fback&state=s-1";
    let location =
        async |path: &str| call(&model, "GET", path, "").await.header("location").unwrap().to_owned();
    let back = location(page).await;
    assert!(back.starts_with("http://127.0.0.1:1/back?code=") && back.ends_with("state=s-1"), "{back}");
    assert!(location(&format!("{page}&deny")).await.contains("error=access_denied"));
}

#[tokio::test]
async fn a_device_code_is_pending_until_it_is_entered_or_declined() {
    let model = model().await;
    let poll = async |code: &str| {
        let body = json!({"device_auth_id": code, "user_code": code}).to_string();
        call(&model, "POST", "/api/accounts/deviceauth/token", &body).await
    };
    let issue = async || {
        let issued = call(&model, "POST", "/api/accounts/deviceauth/usercode", "{}").await.json();
        issued["user_code"].as_str().unwrap().to_owned()
    };
    let (first, second) = (issue().await, issue().await);
    assert_eq!(poll(&first).await.status, 403);
    call(&model, "GET", &format!("/codex/device?code={first}&email=you@example.com"), "").await;
    assert_eq!(poll(&first).await.json()["authorization_code"], "you@example.com");
    assert_eq!(poll(&second).await.status, 403);
    call(&model, "GET", "/codex/device?deny", "").await;
    assert_eq!(poll(&second).await.status, 400);
}

#[tokio::test]
async fn a_prompt_changes_the_limits_that_the_account_has_from_then_on() {
    let model = model().await;
    let usage =
        async || call(&model, "GET", "/backend-api/wham/usage", "").await.json()["rate_limit"].clone();
    let percents = |usage: &Value| {
        let percent = |window: &str| usage[window]["used_percent"].as_f64().unwrap();
        (percent("primary_window"), percent("secondary_window"))
    };
    let before = usage().await;
    assert_eq!((percents(&before), &before["allowed"]), ((12.0, 38.0), &json!(true)));
    let refused = prompt("[[status=429 type=usage_limit_reached limits=100,300,60]]");
    assert_eq!(call(&model, "POST", "/v1/responses", &refused).await.status, 429);
    let reached = usage().await;
    assert_eq!((percents(&reached), &reached["allowed"]), ((100.0, 38.0), &json!(false)));
    call(&model, "POST", "/v1/responses", &prompt("[[words=1 allowed=true limits2=40,10080,0]]")).await;
    let after = usage().await;
    // A window that has ended is followed by an unused one.
    assert_eq!((percents(&after), &after["allowed"]), ((100.0, 0.0), &json!(true)));
}
