//! The client's tools over several requests, on the real codex.

use serde_json::{Value, json};

use crate::support::{TestProxy, prompt_body, real};

pub(crate) fn tool(name: &str) -> Value {
    json!({"type":"function","function":{"name":name,"description":"A tool.",
        "parameters":{"type":"object","properties":{"city":{"type":"string"}}}}})
}

/// A growing chat, like a client's.
pub(crate) struct Chat<'a> {
    proxy: &'a TestProxy,
    pub(crate) body: Value,
}

impl<'a> Chat<'a> {
    pub(crate) fn new(proxy: &'a TestProxy, tools: &[&str]) -> Self {
        let tools: Vec<Value> = tools.iter().map(|name| tool(name)).collect();
        Self { proxy, body: json!({"model":"gpt-5.5","messages":[],"tools":tools}) }
    }

    pub(crate) fn push(&mut self, message: Value) {
        self.body["messages"].as_array_mut().unwrap().push(message);
    }

    /// Sends the chat, and appends the answer.
    pub(crate) async fn send(&mut self) -> Value {
        let response = self.proxy.chat(&self.body).await;
        let status = response.status();
        let answer: Value = response.json().await.unwrap();
        assert_eq!(status, 200, "{answer}");
        let choice = answer["choices"][0].clone();
        self.push(choice["message"].clone());
        choice
    }

    pub(crate) async fn ask(&mut self, text: &str) -> Value {
        self.push(json!({"role":"user","content":text}));
        self.send().await
    }

    pub(crate) fn output(&mut self, call: &Value, text: &str) {
        self.push(json!({"role":"tool","tool_call_id":call["id"],"content":text}));
    }
}

/// The same in every request of a thread.
pub(crate) fn cache_key(proxy: &TestProxy, n: u64) -> Value {
    proxy.model.request(n).unwrap().body()["prompt_cache_key"].clone()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn calls_end_the_answer_and_outputs_in_any_order_resume_it() {
    let proxy = real().start().await;
    let mut chat = Chat::new(&proxy, &["get_weather", "get_time"]);
    let answer = chat.ask("[[tool=get_weather:{\"city\":  \"Köln\"} tool=get_time:{}]]").await;
    assert_eq!(answer["finish_reason"], "tool_calls");
    assert_eq!(answer["message"]["content"], Value::Null);
    let calls = answer["message"]["tool_calls"].as_array().unwrap().clone();
    assert_eq!(calls[0]["function"], json!({"name":"get_weather","arguments":"{\"city\":  \"Köln\"}"}));
    assert_eq!((&calls[1]["function"]["name"], &calls[1]["type"]), (&json!("get_time"), &json!("function")));
    chat.output(&calls[1], "noon");
    chat.output(&calls[0], "rain");
    let answer = chat.send().await;
    assert_eq!(answer["message"]["content"], "Tool results: rain; noon");
    assert_eq!(answer["finish_reason"], "stop");
    assert_eq!(cache_key(&proxy, 1), cache_key(&proxy, 0));
    // The next turn runs in the same thread too.
    chat.ask("[[words=1]]").await;
    assert_eq!(cache_key(&proxy, 2), cache_key(&proxy, 0));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn several_rounds_of_calls_share_one_turn() {
    let proxy = real().start().await;
    let mut chat = Chat::new(&proxy, &["a", "b"]);
    let mut answer = chat.ask("[[tool=a:{} then tool=b:{} tool=a:{} then say=\"all done\"]]").await;
    let mut rounds = Vec::new();
    while answer["finish_reason"] == "tool_calls" {
        let calls = answer["message"]["tool_calls"].as_array().unwrap().clone();
        rounds.push(calls.len());
        for call in &calls {
            chat.output(call, "x");
        }
        answer = chat.send().await;
    }
    assert_eq!((rounds, &answer["message"]["content"]), (vec![1, 2], &json!("all done")));
    assert!((1..3).all(|n| cache_key(&proxy, n) == cache_key(&proxy, 0)));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn stream_announces_each_call_with_its_index() {
    let proxy = real().start().await;
    let mut chat = Chat::new(&proxy, &["a", "b"]);
    chat.push(json!({"role":"user","content":"[[say=\"let me see\" tool=a:{\"n\":1} tool=b:{}]]"}));
    chat.body["stream"] = true.into();
    let events = proxy.stream_of(&chat.body).await.rest().await;
    let deltas: Vec<&Value> = events.iter().map(|event| &event["choices"][0]["delta"]).collect();
    let text: String = deltas.iter().filter_map(|delta| delta["content"].as_str()).collect();
    assert_eq!(text, "let me see");
    let calls: Vec<&Value> =
        deltas.iter().filter_map(|delta| delta["tool_calls"].as_array()).map(|calls| &calls[0]).collect();
    assert_eq!((&calls[0]["index"], &calls[0]["function"]["name"]), (&json!(0), &json!("a")));
    assert!(calls[0]["id"].is_string() && calls[0]["type"] == "function");
    let arguments = |index: u64| -> String {
        let deltas = calls.iter().filter(|call| call["index"] == index);
        deltas.map(|call| call["function"]["arguments"].as_str().unwrap()).collect()
    };
    assert_eq!((arguments(0), arguments(1)), ("{\"n\":1}".to_owned(), "{}".to_owned()));
    let ends: Vec<&Value> = events.iter().map(|event| &event["choices"][0]["finish_reason"]).collect();
    assert_eq!(ends.iter().filter(|end| end.is_string()).count(), 1);
    assert!(ends.contains(&&json!("tool_calls")));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn tool_names_that_codex_rejects_work() {
    let proxy = real().start().await;
    let long = "x".repeat(70);
    let mut chat = Chat::new(&proxy, &["my.tool", "mcp__a__b", "mcp", "apply_patch", &long]);
    chat.body["tool_choice"] = "auto".into();
    chat.push(json!({"role":"user","content":"[[words=1]]"}));
    chat.send().await;
    // The model sees the mapped names.
    let offered = proxy.model.request(0).unwrap().tools();
    let names: Vec<&String> = offered.iter().filter(|name| name.as_str() != "apply_patch").collect();
    assert_eq!(names.len(), 5, "{offered:?}");
    assert!(names.iter().all(|name| name.len() <= 64 && !name.contains('.')), "{names:?}");
    let prompt: String = names.iter().map(|name| format!("tool={name}:{{}} ")).collect();
    let answer = chat.ask(&format!("[[{prompt}]]")).await;
    let called: Vec<&str> = answer["message"]["tool_calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| call["function"]["name"].as_str().unwrap())
        .collect();
    let mut sorted = called.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["apply_patch", "mcp", "mcp__a__b", "my.tool", &long]);
    for call in answer["message"]["tool_calls"].as_array().unwrap() {
        chat.output(call, "x");
    }
    chat.send().await;
    assert_eq!(cache_key(&proxy, 2), cache_key(&proxy, 0));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn calls_come_one_at_a_time_when_parallel_calls_are_off() {
    let proxy = real().start().await;
    let mut chat = Chat::new(&proxy, &["a", "b"]);
    chat.body["parallel_tool_calls"] = false.into();
    let mut answer = chat.ask("[[tool=a:{} tool=b:{}]]").await;
    for output in ["one", "two"] {
        let calls = answer["message"]["tool_calls"].as_array().unwrap().clone();
        assert_eq!(calls.len(), 1);
        chat.output(&calls[0], output);
        answer = chat.send().await;
    }
    assert_eq!(answer["message"]["content"], "Tool results: one; two");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn unknown_history_with_calls_continues() {
    let proxy = real().start().await;
    let mut chat = Chat::new(&proxy, &["get_weather"]);
    chat.push(json!({"role":"user","content":"weather?"}));
    chat.push(json!({"role":"assistant","content":"one moment","tool_calls":[
        {"id":"call_of_another","type":"function","function":{"name":"get_weather","arguments":"{}"}}]}));
    chat.push(json!({"role":"tool","tool_call_id":"call_of_another","content":"rain"}));
    assert_eq!(chat.send().await["message"]["content"], "Tool results: rain");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn tool_choice_none_offers_no_tools() {
    let proxy = real().start().await;
    let mut chat = Chat::new(&proxy, &["a"]);
    chat.body["tool_choice"] = "none".into();
    chat.ask("[[words=1]]").await;
    assert!(!proxy.model.request(0).unwrap().tools().contains(&"a".to_owned()));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn required_call_is_made_or_an_error() {
    let proxy = real().start().await;
    for choice in [json!("required"), json!({"type":"function","function":{"name":"a"}})] {
        let mut chat = Chat::new(&proxy, &["a", "b"]);
        chat.body["tool_choice"] = choice.clone();
        let answer = chat.ask("[[say=\"gladly\" tool=a:{}]]").await;
        assert_eq!(answer["finish_reason"], "tool_calls");
        assert_eq!(answer["message"]["content"], Value::Null, "a required call comes without text");
        let mut chat = Chat::new(&proxy, &["a", "b"]);
        chat.body["tool_choice"] = choice;
        chat.push(json!({"role":"user","content":"[[say=\"rather not\"]]"}));
        let before = proxy.model.requests().len();
        let response = proxy.chat(&chat.body).await;
        assert_eq!(response.status(), 502);
        assert_eq!(response.json::<Value>().await.unwrap()["error"]["code"], "tool_not_called");
        let inputs: Vec<String> =
            proxy.model.requests()[before..].iter().map(|request| format!("{:?}", request.input())).collect();
        assert!(
            inputs.len() == 2 && inputs[0].contains("by calling") && inputs[1].contains("must call"),
            "{inputs:?}"
        );
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn deprecated_functions_work() {
    let proxy = real().start().await;
    let mut body = prompt_body("[[tool=f:{\"a\":1}]]");
    body["functions"] = json!([{"name":"f","parameters":{"type":"object"}}]);
    let answer: Value = proxy.chat(&body).await.json().await.unwrap();
    let message = &answer["choices"][0]["message"];
    assert_eq!(answer["choices"][0]["finish_reason"], "function_call");
    assert_eq!(message["function_call"], json!({"name":"f","arguments":"{\"a\":1}"}));
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(message.clone());
    messages.push(json!({"role":"function","name":"f","content":"done"}));
    let answer: Value = proxy.chat(&body).await.json().await.unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], "Tool results: done");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn legacy_fields_beside_tools_drop_no_tool() {
    let proxy = real().start().await;
    for (name, value) in [
        ("functions", json!([])),
        ("functions", json!([{"name":"b"}])),
        ("function_call", json!("auto")),
        ("function_call", json!({"name":"a"})),
    ] {
        let mut chat = Chat::new(&proxy, &["a"]);
        chat.body[name] = value.clone();
        let answer = chat.ask("[[tool=a:{}]]").await;
        assert_eq!(answer["finish_reason"], "tool_calls", "{name}: {value}");
        assert_eq!(answer["message"]["tool_calls"][0]["function"]["name"], "a");
        let offered = proxy.model.requests().last().unwrap().tools();
        let expected: &[&str] = if value[0].is_object() { &["a", "b"] } else { &["a"] };
        assert_eq!(offered, expected);
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn agent_has_the_clients_tools_in_addition_to_its_own() {
    let proxy = real().start().await;
    let mut chat = Chat::new(&proxy, &["get_weather"]);
    chat.body["model"] = "codex-local".into();
    let answer = chat.ask("[[shell=\"echo hi\" tool=get_weather:{}]]").await;
    let calls = answer["message"]["tool_calls"].as_array().unwrap().clone();
    assert_eq!(calls.len(), 1);
    chat.output(&calls[0], "rain");
    let answer = chat.send().await;
    let text = answer["message"]["content"].as_str().unwrap();
    assert!(text.contains("rain") && text.contains("hi"), "{text}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn request_with_another_key_does_not_get_the_parked_turn() {
    let mut plan = real();
    plan.settings.api_keys.push(proxy::Key::new("sk-another"));
    let proxy = plan.start().await;
    let mut chat = Chat::new(&proxy, &["a"]);
    let answer = chat.ask("[[tool=a:{}]]").await;
    chat.output(&answer["message"]["tool_calls"][0], "x");
    let request = proxy.anonymous(reqwest::Method::POST, "/v1/chat/completions").bearer_auth("sk-another");
    let theirs: Value = request.json(&chat.body).send().await.unwrap().json().await.unwrap();
    assert_eq!(theirs["choices"][0]["message"]["content"], "Tool results: x");
    assert_ne!(cache_key(&proxy, 1), cache_key(&proxy, 0));
    chat.send().await;
    assert_eq!(
        cache_key(&proxy, 2),
        cache_key(&proxy, 0),
        "the parked turn is still available to its own key"
    );
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn invalid_tool_is_rejected_by_name_without_calling_codex() {
    let proxy = real().start().await;
    let function = |function: Value| json!([{"type":"function","function":function}]);
    let twice = json!([tool("a"), tool("a")]);
    for (tools, param) in [
        (function(json!({"name":"bad","parameters":{"type":"banana"}})), "tools[0].function.parameters"),
        (function(json!({"name":"bad","parameters":[1]})), "tools[0].function.parameters"),
        (twice, "tools[1].function.name"),
        (json!([{"type":"file_search"}]), "tools[0].type"),
    ] {
        let mut body = prompt_body("[[words=1]]");
        body["tools"] = tools.clone();
        let response = proxy.chat(&body).await;
        assert_eq!(response.status(), 400, "{tools}");
        let error: Value = response.json().await.unwrap();
        assert_eq!(error["error"]["param"], param, "{error}");
        if param.contains("parameters") {
            assert!(error["error"]["message"].as_str().unwrap().contains("bad"), "{error}");
        }
    }
    assert!(proxy.model.requests().is_empty());
}
