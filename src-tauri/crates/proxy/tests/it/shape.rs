//! Response formats, limits, reasoning and images, on the real codex.

use proxy::settings::ReasoningFormat;
use sample_model::not_on_windows;
use serde_json::{Value, json};

use crate::support::{TIMEOUT, TestProxy, prompt_body, real};

const PNG: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

fn with(prompt: &str, more: Value) -> Value {
    let mut body = prompt_body(prompt);
    let Value::Object(more) = more else { panic!("parameters are an object") };
    for (name, value) in more {
        body[name] = value;
    }
    body
}

async fn answer(proxy: &TestProxy, body: &Value) -> Value {
    let response = proxy.chat(body).await;
    let status = response.status();
    let answer: Value = response.json().await.unwrap();
    assert_eq!(status, 200, "{answer}");
    answer
}

async fn rejected(proxy: &TestProxy, body: &Value) -> (u16, Value) {
    let response = proxy.chat(body).await;
    let status = response.status().as_u16();
    (status, response.json::<Value>().await.unwrap()["error"].clone())
}

async fn assert_interrupted(proxy: &TestProxy) {
    let gone = |event: &sample_model::Event| matches!(event, sample_model::Event::ClientGone { .. });
    assert!(proxy.model.wait_for(gone, TIMEOUT).await.is_some(), "the turn was not interrupted");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn token_limit_ends_the_answer_and_interrupts_the_turn() {
    let proxy = real().start().await;
    for limit in ["max_tokens", "max_completion_tokens"] {
        let body = with("[[words=500 every=20]]", json!({ limit: 5 }));
        let answer = answer(&proxy, &body).await;
        let choice = &answer["choices"][0];
        assert_eq!(choice["finish_reason"], "length");
        // The tokens are "word", "1", " word", "2", " word", "3", " word" and so on.
        assert_eq!(choice["message"]["content"], "word1 word2 word");
        assert_eq!(answer["usage"]["completion_tokens"], 5);
        assert!(answer["usage"]["prompt_tokens"].as_u64().unwrap() > 0);
        assert_interrupted(&proxy).await;
    }
    let whole = answer(&proxy, &with("[[words=2]]", json!({"max_tokens":100,"n":1}))).await;
    assert_eq!(whole["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn stop_sequence_ends_the_stream_and_interrupts_the_turn() {
    let proxy = real().start().await;
    let body = with("[[words=500 every=20]]", json!({"stop":["nowhere","d3 wo"],"stream":true}));
    let events = proxy.stream_of(&body).await.rest().await;
    let text: String =
        events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "word1 word2 wor");
    assert!(events.iter().any(|event| event["choices"][0]["finish_reason"] == "stop"));
    assert_eq!(events.last().unwrap(), "[DONE]");
    assert_interrupted(&proxy).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn several_answers_are_generated_concurrently() {
    let proxy = real().start().await;
    let body = with("[[words=3 every=5 usage=10,0,3,0]]", json!({"n":8}));
    let whole = answer(&proxy, &body).await;
    let choices = whole["choices"].as_array().unwrap();
    assert_eq!(choices.len(), 8);
    for (index, choice) in choices.iter().enumerate() {
        assert_eq!(
            (choice["index"].as_u64(), choice["finish_reason"].as_str()),
            (Some(index as u64), Some("stop"))
        );
        assert_eq!(choice["message"]["content"], "word1 word2 word3 ");
    }
    assert_eq!(whole["usage"]["completion_tokens"], 24);
    let body =
        with("[[words=3 every=5]]", json!({"n":2,"stream":true,"stream_options":{"include_usage":true}}));
    let events = proxy.stream_of(&body).await.rest().await;
    for index in 0..2 {
        let of: Vec<&Value> = events
            .iter()
            .filter_map(|event| event["choices"].get(0))
            .filter(|choice| choice["index"] == index)
            .collect();
        let text: String = of.iter().filter_map(|choice| choice["delta"]["content"].as_str()).collect();
        assert_eq!(text, "word1 word2 word3 ");
        assert_eq!(of.iter().filter(|choice| choice["finish_reason"] == "stop").count(), 1);
    }
    assert_eq!(events.iter().filter(|event| event["usage"].is_object()).count(), 1);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn requests_for_several_answers_do_not_deadlock() {
    let proxy = real().limits(|limits| limits.max_turns = 2).start().await;
    let body = with("[[words=2 every=5]]", json!({"n":8}));
    let (one, two) = tokio::join!(answer(&proxy, &body), answer(&proxy, &body));
    assert_eq!((one["choices"].as_array().unwrap().len(), two["choices"].as_array().unwrap().len()), (8, 8));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn invalid_limits_are_rejected_by_name() {
    let proxy = real().start().await;
    for (more, param) in [
        (json!({"n":9}), "n"),
        (json!({"n":0}), "n"),
        (json!({"max_tokens":0}), "max_completion_tokens"),
        (json!({"max_tokens":-2}), "max_tokens"),
        (json!({"stop":["a","b","c","d","e"]}), "stop"),
        (json!({"verbosity":"chatty"}), "verbosity"),
        (json!({"logprobs":true}), "logprobs"),
        (json!({"modalities":["audio"]}), "modalities"),
        (json!({"tool_choice":"required"}), "tool_choice"),
    ] {
        let (status, error) = rejected(&proxy, &with("[[words=1]]", more.clone())).await;
        assert_eq!((status, error["param"].as_str()), (400, Some(param)), "{more}: {error}");
    }
    assert!(proxy.model.requests().is_empty());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn schema_reaches_the_model_and_the_answer_matches_it() {
    let proxy = real().start().await;
    let schema = json!({"type":"object","properties":{"city":{"type":"string"},"degrees":{"type":"integer"}},
        "required":["city","degrees"],"additionalProperties":false});
    for strict in [true, false] {
        let format = json!({"type":"json_schema","json_schema":{"name":"w","strict":strict,"schema":schema}});
        let answer = answer(&proxy, &with("How is the weather?", json!({"response_format":format}))).await;
        let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
        assert!(serde_json::from_str::<Value>(text).unwrap()["degrees"].is_i64(), "{text}");
        assert_eq!(proxy.model.requests().last().unwrap().body()["text"]["format"]["schema"], schema);
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn schema_properties_keep_their_order() {
    let proxy = real().start().await;
    let text = r#"{"type":"object","properties":{"thoughts":{"type":"string"},"answer":{"type":"string"}},
        "required":["thoughts","answer"],"additionalProperties":false}"#;
    let schema: Value = serde_json::from_str(text).unwrap();
    let format = json!({"type":"json_schema","json_schema":{"name":"w","strict":true,"schema":schema}});
    answer(&proxy, &with("hello", json!({"response_format":format}))).await;
    let sent = proxy.model.request(0).unwrap().body()["text"]["format"]["schema"]["properties"].to_string();
    // The model writes them in this order.
    assert!(sent.find("thoughts").unwrap() < sent.find("answer").unwrap(), "{sent}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn answer_that_violates_its_schema_is_an_error() {
    let proxy = real().start().await;
    let schema = json!({"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false});
    let format = json!({"type":"json_schema","json_schema":{"name":"w","strict":true,"schema":schema}});
    for say in ["{\\\"a\\\":", "{\\\"a\\\":1}", "sorry"] {
        let body = with(&format!("[[say=\"{say}\"]]"), json!({"response_format":format}));
        let (status, error) = rejected(&proxy, &body).await;
        assert_eq!((status, error["code"].as_str()), (502, Some("invalid_output")), "{error}");
    }
    let body = with("[[say=\"{\\\"a\\\": 1}\"]]", json!({"response_format":format,"stream":true}));
    let events = proxy.stream_of(&body).await.rest().await;
    assert_eq!(events.last().unwrap()["error"]["code"], "invalid_output");
    assert!(events.iter().all(|event| event["choices"][0]["finish_reason"].is_null()));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn schema_unsupported_by_strict_mode_is_sent_in_the_prompt() {
    let proxy = real().start().await;
    let schema =
        json!({"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"required":["a"]});
    let format = json!({"type":"json_schema","json_schema":{"name":"w","schema":schema}});
    let body = with("[[say=\"Sure: {\\\"a\\\": \\\"x\\\"} Bye.\"]]", json!({"response_format":format}));
    let answer = answer(&proxy, &body).await;
    assert_eq!(answer["choices"][0]["message"]["content"], "{\"a\": \"x\"}");
    let upstream = proxy.model.request(0).unwrap();
    assert!(upstream.body()["text"]["format"].is_null());
    assert!(
        format!("{:?}", upstream.input()).contains("additional")
            || format!("{:?}", upstream.input()).contains("schema")
    );
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn json_object_is_extracted_from_surrounding_text() {
    let proxy = real().start().await;
    let format = json!({"response_format":{"type":"json_object"},"stream":true});
    let say = "[[say=\"Here it is: ```json {\\\"a\\\": [1, {\\\"b\\\": \\\"}\\\"}]} ``` Enjoy!\"]]";
    let events = proxy.stream_of(&with(say, format.clone())).await.rest().await;
    let text: String =
        events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json!({"a":[1,{"b":"}"}]}));
    let (status, error) =
        rejected(&proxy, &with("[[say=\"no object\"]]", json!({"response_format":{"type":"json_object"}})))
            .await;
    assert_eq!((status, error["code"].as_str()), (502, Some("invalid_output")));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn reasoning_format_follows_the_request_or_the_settings() {
    let proxy = real().start().await;
    let ask = |more: Value| with("[[words=1 reasoning=1]]", more);
    let separate = answer(&proxy, &ask(json!({}))).await;
    assert!(separate["choices"][0]["message"]["reasoning_content"].as_str().unwrap().contains("thinking"));
    let inline = answer(&proxy, &ask(json!({"reasoning_format":"raw"}))).await;
    let text = inline["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.starts_with("<think>\n") && text.ends_with("\n</think>\n\nword1 "), "{text}");
    assert!(inline["choices"][0]["message"].get("reasoning_content").is_none());
    let without = answer(&proxy, &ask(json!({"include_reasoning":false}))).await;
    assert_eq!(without["choices"][0]["message"]["content"], "word1 ");
    assert!(without["choices"][0]["message"].get("reasoning_content").is_none());
    assert!(
        proxy.model.request(2).unwrap().body()["reasoning"]["summary"].is_null(),
        "not requested upstream either"
    );
    let proxy = real().settings(|settings| settings.reasoning = ReasoningFormat::Think).start().await;
    let inline = answer(&proxy, &ask(json!({}))).await;
    assert!(inline["choices"][0]["message"]["content"].as_str().unwrap().starts_with("<think>"));
    // A conversation with the tags continues in the same thread, and the model does not see them.
    let mut body = ask(json!({}));
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(inline["choices"][0]["message"].clone());
    messages.push(json!({"role":"user","content":"[[words=1]]"}));
    answer(&proxy, &body).await;
    let upstream = |n: u64| proxy.model.request(n).unwrap().body()["prompt_cache_key"].clone();
    assert_eq!(upstream(1), upstream(0));
    assert!(!format!("{:?}", proxy.model.request(1).unwrap().input()).contains("<think>"));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn verbosity_and_service_tier_reach_the_model() {
    let proxy = real().start().await;
    answer(&proxy, &with("[[words=1]]", json!({"verbosity":"high","service_tier":"flex"}))).await;
    let body = proxy.model.request(0).unwrap().body().clone();
    assert_eq!(
        (body["text"]["verbosity"].as_str(), body["service_tier"].as_str()),
        (Some("high"), Some("flex"))
    );
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn images_in_the_prompt_and_the_history_reach_the_model() {
    let proxy = real().start().await;
    let message = json!({"role":"user","content":[
        {"type":"text","text":"what is this?"},
        {"type":"image_url","image_url":{"url":PNG,"detail":"low"}}]});
    let body = json!({"model":"gpt-5.5","messages":[
        message, {"role":"assistant","content":"a dot"},
        {"role":"user","content":[{"type":"text","text":"[[words=1]]"},{"type":"image_url","image_url":{"url":PNG}}]}]});
    answer(&proxy, &body).await;
    let items: Vec<Value> = proxy.model.request(0).unwrap().items().cloned().collect();
    assert_eq!(
        (&items[1]["content"][1]["image_url"], &items[3]["content"][1]["image_url"]),
        (&json!(PNG), &json!(PNG))
    );
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn unsupported_image_is_400() {
    let proxy = real().start().await;
    for url in [
        "ftp://example.com/a.png",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "data:text/html;base64,AAAA",
    ] {
        let content = json!([{"type":"image_url","image_url":{"url":url}}]);
        let body = json!({"model":"gpt-5.5","messages":[{"role":"user","content":content}]});
        let (status, error) = rejected(&proxy, &body).await;
        let param = error["param"].as_str().unwrap_or_default();
        assert!(status == 400 && param.starts_with("messages[0].content[0]"), "{url}: {error}");
    }
    assert!(proxy.model.requests().is_empty());
}

/// Makes codex list its models as text-only.
#[expect(clippy::disallowed_methods, reason = "codex is run like a user runs it")]
async fn make_models_text_only(proxy: &TestProxy) {
    let home = proxy.folder.path().join(".codex");
    let mut codex = tokio::process::Command::new(sample_model::under_test::codex_under_test());
    let printed =
        codex.args(["debug", "models", "--bundled"]).env("CODEX_HOME", &home).output().await.unwrap();
    let mut list: Value = serde_json::from_slice(&printed.stdout).unwrap();
    for model in list["models"].as_array_mut().unwrap() {
        model["input_modalities"] = json!(["text"]);
    }
    let file = home.join("text-models.json");
    std::fs::write(&file, list.to_string()).unwrap();
    let config = home.join("config.toml");
    let settings = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("model_catalog_json = {:?}\n{settings}", file.display().to_string()))
        .unwrap();
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn image_for_a_text_only_model_is_400_naming_the_model() {
    let proxy = real().start().await;
    make_models_text_only(&proxy).await;
    let content = json!([{"type":"text","text":"[[words=1]]"}, {"type":"image_url","image_url":{"url":PNG}}]);
    for model in ["gpt-5.5", "codex-local"] {
        let body = json!({"model":model,"messages":[{"role":"user","content":content}]});
        let (status, error) = rejected(&proxy, &body).await;
        assert!(status == 400 && error["message"].as_str().unwrap().contains(model), "{status} {error}");
    }
    assert!(proxy.model.requests().is_empty());
    answer(&proxy, &prompt_body("[[words=1]]")).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn image_unreadable_for_codex_is_400() {
    let proxy = real().start().await;
    // Only the first bytes of a PNG.
    let part = json!({"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}});
    let prompt = json!({"type":"text","text":"[[words=500 every=20]]"});
    let last = json!({"role":"user","content":[prompt, part]});
    let earlier = json!([{"role":"user","content":[part]}, {"role":"assistant","content":"a dot"}, {"role":"user","content":"[[words=500 every=20]]"}]);
    for messages in [json!([last]), earlier] {
        let (status, error) = rejected(&proxy, &json!({"model":"gpt-5.5","messages":messages})).await;
        assert!(status == 400 && error["message"].as_str().unwrap().contains("image"), "{status} {error}");
    }
    assert_eq!(
        answer(&proxy, &prompt_body("[[words=1]]")).await["choices"][0]["message"]["content"],
        "word1 "
    );
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn agent_activity_appears_in_the_reasoning() {
    not_on_windows!("codex runs no command there before its sandbox is set up");
    let proxy = real().start().await;
    let mut body = prompt_body("[[shell=\"echo hi\"]]");
    body["model"] = "codex-local".into();
    let whole = answer(&proxy, &body).await;
    let reasoning = whole["choices"][0]["message"]["reasoning_content"].as_str().unwrap();
    assert!(reasoning.contains("echo hi") && reasoning.contains("exit code 0"), "{reasoning}");
    assert!(!whole["choices"][0]["message"]["content"].as_str().unwrap().contains("exit code 0`"));
    let quiet = real().settings(|settings| settings.show_activity = false).start().await;
    let whole = answer(&quiet, &body).await;
    assert!(whole["choices"][0]["message"].get("reasoning_content").is_none());
}
