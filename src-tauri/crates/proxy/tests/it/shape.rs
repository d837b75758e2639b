//! The form and the limits of an answer, its reasoning, and pictures, on the real codex.

use proxy::settings::ReasoningAs;
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

async fn refused(proxy: &TestProxy, body: &Value) -> (u16, Value) {
    let response = proxy.chat(body).await;
    let status = response.status().as_u16();
    (status, response.json::<Value>().await.unwrap()["error"].clone())
}

async fn model_was_left(proxy: &TestProxy) {
    let gone = |event: &sample_model::Event| matches!(event, sample_model::Event::ClientGone { .. });
    assert!(proxy.model.wait_for(gone, TIMEOUT).await.is_some(), "the turn was not interrupted");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn too_many_tokens_end_the_answer_and_interrupt_the_turn() {
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
        model_was_left(&proxy).await;
    }
    let whole = answer(&proxy, &with("[[words=2]]", json!({"max_tokens":100,"n":1}))).await;
    assert_eq!(whole["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_stop_text_cuts_the_stream_before_it_and_interrupts_the_turn() {
    let proxy = real().start().await;
    let body = with("[[words=500 every=20]]", json!({"stop":["nowhere","d3 wo"],"stream":true}));
    let events = proxy.stream_of(&body).await.rest().await;
    let text: String =
        events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "word1 word2 wor");
    assert!(events.iter().any(|event| event["choices"][0]["finish_reason"] == "stop"));
    assert_eq!(events.last().unwrap(), "[DONE]");
    model_was_left(&proxy).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn several_answers_are_given_side_by_side() {
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
async fn several_answers_take_several_places_and_never_wait_for_each_other() {
    let proxy = real().limits(|limits| limits.turns = 2).start().await;
    let body = with("[[words=2 every=5]]", json!({"n":8}));
    let (one, two) = tokio::join!(answer(&proxy, &body), answer(&proxy, &body));
    assert_eq!((one["choices"].as_array().unwrap().len(), two["choices"].as_array().unwrap().len()), (8, 8));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn limits_that_cannot_be_had_are_named() {
    let proxy = real().start().await;
    for (more, param) in [
        (json!({"n":9}), "n"),
        (json!({"n":0}), "n"),
        (json!({"max_tokens":0}), "max_completion_tokens"),
        (json!({"max_tokens":-1}), "max_tokens"),
        (json!({"stop":["a","b","c","d","e"]}), "stop"),
        (json!({"verbosity":"chatty"}), "verbosity"),
        (json!({"logprobs":true}), "logprobs"),
        (json!({"modalities":["audio"]}), "modalities"),
        (json!({"tool_choice":"required"}), "tool_choice"),
    ] {
        let (status, error) = refused(&proxy, &with("[[words=1]]", more.clone())).await;
        assert_eq!((status, error["param"].as_str()), (400, Some(param)), "{more}: {error}");
    }
    assert!(proxy.model.requests().is_empty());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_schema_reaches_the_model_and_the_answer_follows_it() {
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
async fn the_properties_of_a_schema_keep_their_order_since_the_model_writes_them_in_it() {
    let proxy = real().start().await;
    let text = r#"{"type":"object","properties":{"thoughts":{"type":"string"},"answer":{"type":"string"}},
        "required":["thoughts","answer"],"additionalProperties":false}"#;
    let schema: Value = serde_json::from_str(text).unwrap();
    let format = json!({"type":"json_schema","json_schema":{"name":"w","strict":true,"schema":schema}});
    answer(&proxy, &with("hello", json!({"response_format":format}))).await;
    let asked = proxy.model.request(0).unwrap().body()["text"]["format"]["schema"]["properties"].to_string();
    assert!(asked.find("thoughts").unwrap() < asked.find("answer").unwrap(), "{asked}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn an_answer_that_breaks_its_schema_is_an_error_and_never_a_success() {
    let proxy = real().start().await;
    let schema = json!({"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false});
    let format = json!({"type":"json_schema","json_schema":{"name":"w","strict":true,"schema":schema}});
    for say in ["{\\\"a\\\":", "{\\\"a\\\":1}", "sorry"] {
        let body = with(&format!("[[say=\"{say}\"]]"), json!({"response_format":format}));
        let (status, error) = refused(&proxy, &body).await;
        assert_eq!((status, error["code"].as_str()), (502, Some("invalid_output")), "{error}");
    }
    let body = with("[[say=\"{\\\"a\\\": 1}\"]]", json!({"response_format":format,"stream":true}));
    let events = proxy.stream_of(&body).await.rest().await;
    assert_eq!(events.last().unwrap()["error"]["code"], "invalid_output");
    assert!(events.iter().all(|event| event["choices"][0]["finish_reason"].is_null()));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_schema_that_openai_would_not_take_strictly_is_asked_for_in_words() {
    let proxy = real().start().await;
    let schema =
        json!({"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"required":["a"]});
    let format = json!({"type":"json_schema","json_schema":{"name":"w","schema":schema}});
    let body = with("[[say=\"Sure: {\\\"a\\\": \\\"x\\\"} Bye.\"]]", json!({"response_format":format}));
    let answer = answer(&proxy, &body).await;
    assert_eq!(answer["choices"][0]["message"]["content"], "{\"a\": \"x\"}");
    let asked = proxy.model.request(0).unwrap();
    assert!(asked.body()["text"]["format"].is_null());
    assert!(
        format!("{:?}", asked.input()).contains("additional")
            || format!("{:?}", asked.input()).contains("schema")
    );
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_json_object_is_cut_out_of_whatever_stands_around_it() {
    let proxy = real().start().await;
    let format = json!({"response_format":{"type":"json_object"},"stream":true});
    let say = "[[say=\"Here it is: ```json {\\\"a\\\": [1, {\\\"b\\\": \\\"}\\\"}]} ``` Enjoy!\"]]";
    let events = proxy.stream_of(&with(say, format.clone())).await.rest().await;
    let text: String =
        events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json!({"a":[1,{"b":"}"}]}));
    let (status, error) =
        refused(&proxy, &with("[[say=\"no object\"]]", json!({"response_format":{"type":"json_object"}})))
            .await;
    assert_eq!((status, error["code"].as_str()), (502, Some("invalid_output")));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn reasoning_comes_the_way_that_the_request_or_the_settings_say() {
    let proxy = real().start().await;
    let ask = |more: Value| with("[[words=1 reasoning=1]]", more);
    let beside = answer(&proxy, &ask(json!({}))).await;
    assert!(beside["choices"][0]["message"]["reasoning_content"].as_str().unwrap().contains("thinking"));
    let within = answer(&proxy, &ask(json!({"reasoning_format":"raw"}))).await;
    let text = within["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.starts_with("<think>\n") && text.ends_with("\n</think>\n\nword1 "), "{text}");
    assert!(within["choices"][0]["message"].get("reasoning_content").is_none());
    let without = answer(&proxy, &ask(json!({"include_reasoning":false}))).await;
    assert_eq!(without["choices"][0]["message"]["content"], "word1 ");
    assert!(without["choices"][0]["message"].get("reasoning_content").is_none());
    assert!(proxy.model.request(2).unwrap().body()["reasoning"]["summary"].is_null(), "not even asked for");
    let proxy = real().settings(|settings| settings.reasoning = ReasoningAs::Think).start().await;
    let within = answer(&proxy, &ask(json!({}))).await;
    assert!(within["choices"][0]["message"]["content"].as_str().unwrap().starts_with("<think>"));
    // What is sent back with it goes on in the same thread, and the model does not read its own tags.
    let mut body = ask(json!({}));
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(within["choices"][0]["message"].clone());
    messages.push(json!({"role":"user","content":"[[words=1]]"}));
    answer(&proxy, &body).await;
    let upstream = |n: u64| proxy.model.request(n).unwrap().body()["prompt_cache_key"].clone();
    assert_eq!(upstream(1), upstream(0));
    assert!(!format!("{:?}", proxy.model.request(1).unwrap().input()).contains("<think>"));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn verbosity_and_service_tier_are_passed_on() {
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
async fn pictures_reach_the_model_in_the_question_and_in_the_history() {
    let proxy = real().start().await;
    let picture = json!({"role":"user","content":[
        {"type":"text","text":"what is this?"},
        {"type":"image_url","image_url":{"url":PNG,"detail":"low"}}]});
    let body = json!({"model":"gpt-5.5","messages":[
        picture, {"role":"assistant","content":"a dot"},
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
async fn a_picture_that_cannot_be_passed_on_is_a_400() {
    let proxy = real().start().await;
    for url in [
        "https://example.com/a.png",
        "http://127.0.0.1:1/a.png",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "data:text/html;base64,AAAA",
        "data:image/jpeg;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ",
    ] {
        let content = json!([{"type":"image_url","image_url":{"url":url}}]);
        let body = json!({"model":"gpt-5.5","messages":[{"role":"user","content":content}]});
        let (status, error) = refused(&proxy, &body).await;
        let param = error["param"].as_str().unwrap_or_default();
        assert!(status == 400 && param.starts_with("messages[0].content[0]"), "{url}: {error}");
    }
    assert!(proxy.model.requests().is_empty());
}

/// Has codex list its models as ones that read nothing but text.
#[expect(clippy::disallowed_methods, reason = "codex is asked as a user does")]
async fn without_eyes(proxy: &TestProxy) {
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
async fn a_model_that_reads_no_pictures_is_named_in_a_400() {
    let proxy = real().start().await;
    without_eyes(&proxy).await;
    let content = json!([{"type":"text","text":"[[words=1]]"}, {"type":"image_url","image_url":{"url":PNG}}]);
    for model in ["gpt-5.5", "codex-local"] {
        let body = json!({"model":model,"messages":[{"role":"user","content":content}]});
        let (status, error) = refused(&proxy, &body).await;
        assert!(status == 400 && error["message"].as_str().unwrap().contains(model), "{status} {error}");
    }
    assert!(proxy.model.requests().is_empty());
    answer(&proxy, &prompt_body("[[words=1]]")).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_picture_that_codex_cannot_read_is_a_400_and_not_left_out_in_silence() {
    let proxy = real().start().await;
    // The first bytes of a PNG, and nothing behind them.
    let part = json!({"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}});
    let ask = json!({"type":"text","text":"[[words=500 every=20]]"});
    let last = json!({"role":"user","content":[ask, part]});
    let earlier = json!([{"role":"user","content":[part]}, {"role":"assistant","content":"a dot"}, {"role":"user","content":"[[words=500 every=20]]"}]);
    for messages in [json!([last]), earlier] {
        let (status, error) = refused(&proxy, &json!({"model":"gpt-5.5","messages":messages})).await;
        assert!(status == 400 && error["message"].as_str().unwrap().contains("picture"), "{status} {error}");
    }
    assert_eq!(
        answer(&proxy, &prompt_body("[[words=1]]")).await["choices"][0]["message"]["content"],
        "word1 "
    );
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn what_codex_does_is_told_in_the_reasoning_and_in_the_log() {
    let proxy = real().start().await;
    let mut body = prompt_body("[[shell=\"echo hi\"]]");
    body["model"] = "codex-local".into();
    let whole = answer(&proxy, &body).await;
    let reasoning = whole["choices"][0]["message"]["reasoning_content"].as_str().unwrap();
    assert!(reasoning.contains("echo hi") && reasoning.contains("exit code 0"), "{reasoning}");
    assert!(!whole["choices"][0]["message"]["content"].as_str().unwrap().contains("exit code 0`"));
    let quiet = real().settings(|settings| settings.show_work = false).start().await;
    let whole = answer(&quiet, &body).await;
    assert!(whole["choices"][0]["message"].get("reasoning_content").is_none());
}
