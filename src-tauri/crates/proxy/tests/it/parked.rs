//! A turn that awaits the client's tools is found again, whatever a client does to its history, on the real codex.

use serde_json::{Value, json};

use crate::support::{TestProxy, prompt_body, real};
use crate::tools::{Chat, cache_key, tool};

/// A change of a message or body, by name.
type Change = (&'static str, fn(&mut Value));

/// Asserts that the upstream requests from `first` on share one thread.
fn assert_one_thread(proxy: &TestProxy, first: u64, what: &str) {
    let count = proxy.model.requests().len() as u64;
    for n in first..count {
        assert_eq!(cache_key(proxy, n), cache_key(proxy, first), "{what}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn parked_turn_is_found_whatever_the_client_does_to_the_call_and_its_text() {
    let proxy = real().start().await;
    let changes: [Change; 8] = [
        ("null", |message| message["content"] = Value::Null),
        ("blank", |message| message["content"] = " ".into()),
        ("think", |message| message["content"] = "<think>Hm.</think>Let me see.".into()),
        ("details", |message| {
            message["content"] = "<details type=\"reasoning\">\n> Hm.\n</details>\nLet me see.".into();
        }),
        ("edited", |message| message["content"] = "Something else.".into()),
        ("spaces", |message| {
            message["tool_calls"][0]["function"]["arguments"] =
                "{\"city\": \"K\u{f6}ln\", \"days\": 2}".into();
        }),
        ("escapes and order", |message| {
            message["tool_calls"][0]["function"]["arguments"] = "{\"days\":2,\"city\":\"K\\u00f6ln\"}".into();
        }),
        ("numbers", |message| {
            message["tool_calls"][0]["function"]["arguments"] = "{\"city\":\"Köln\",\"days\":2.0}".into();
        }),
    ];
    for (what, change) in changes {
        let first = proxy.model.requests().len() as u64;
        let mut chat = Chat::new(&proxy, &["f"]);
        let answer = chat.ask("[[say=\"Let me see.\" tool=f:{\"city\":\"Köln\",\"days\":2}]]").await;
        change(chat.body["messages"].as_array_mut().unwrap().last_mut().unwrap());
        chat.output(&answer["message"]["tool_calls"][0], "rain");
        assert_eq!(chat.send().await["message"]["content"], "Tool results: rain", "{what}");
        chat.ask("[[words=1]]").await;
        assert_eq!(proxy.model.requests().len() as u64, first + 3);
        assert_one_thread(&proxy, first, what);
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn idle_thread_is_found_although_the_client_writes_arguments_anew() {
    let proxy = real().start().await;
    let mut chat = Chat::new(&proxy, &["f"]);
    let answer = chat.ask("[[tool=f:{\"a\":1,\"b\":[1,2]}]]").await;
    chat.output(&answer["message"]["tool_calls"][0], "rain");
    chat.send().await;
    chat.body["messages"][1]["tool_calls"][0]["function"]["arguments"] = "{\"b\": [1, 2], \"a\": 1}".into();
    chat.ask("[[words=1]]").await;
    assert_one_thread(&proxy, 0, "arguments");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn parked_turn_is_found_in_the_deprecated_functions_form() {
    let proxy = real().start().await;
    for model in ["gpt-5.5", "codex-local"] {
        let first = proxy.model.requests().len() as u64;
        let mut body = prompt_body("[[tool=f:{\"a\":1} then tool=f:{\"a\":2}]]");
        body["model"] = model.into();
        body["functions"] =
            json!([{"name":"f","parameters":{"type":"object","properties":{"a":{"type":"integer"}}}}]);
        for output in ["one", "two", "three"] {
            let answer: Value = proxy.chat(&body).await.json().await.unwrap();
            let message = answer["choices"][0]["message"].clone();
            let messages = body["messages"].as_array_mut().unwrap();
            messages.push(message.clone());
            if let Some(call) = message["function_call"].as_object() {
                let arguments: Value = serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
                messages.last_mut().unwrap()["function_call"]["arguments"] = format!("{arguments:#}").into();
                messages.push(json!({"role":"function","name":"f","content":output}));
            } else {
                assert_eq!((output, &message["content"]), ("three", &json!("Tool results: two")));
                messages.push(json!({"role":"user","content":"[[words=1]]"}));
            }
        }
        assert_eq!(proxy.chat(&body).await.status(), 200);
        assert_eq!(proxy.model.requests().len() as u64, first + 4);
        assert_one_thread(&proxy, first, model);
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn parked_turn_is_found_in_every_order_of_responses_items() {
    let proxy = real().start().await;
    let tools = json!([{"type":"function","name":"f","parameters":{"type":"object","properties":{"a":{"type":"integer"}}}}]);
    let ask = async |input: &[Value]| {
        let response =
            proxy.post("/v1/responses", &json!({"model":"gpt-5.5","input":input,"tools":tools})).await;
        let (status, body) = (response.status(), response.json::<Value>().await.unwrap());
        assert_eq!(status, 200, "{body}");
        body["output"].as_array().unwrap().clone()
    };
    let prompt = json!({"role":"user","content":"[[say=\"Let me see.\" tool=f:{\"a\":1} tool=f:{\"a\":2}]]"});
    for order in ["interleaved", "without text", "text last"] {
        let first = proxy.model.requests().len() as u64;
        let mut output = ask(std::slice::from_ref(&prompt)).await;
        let result = |call: &Value| json!({"type":"function_call_output","call_id":call["call_id"],"output":call["arguments"]});
        output[1]["arguments"] = "{ \"a\": 1 }".into();
        let [text, one, two] = output.as_slice() else { panic!("{output:?}") };
        let (text, one, two) = (text.clone(), one.clone(), two.clone());
        let (first_result, second_result) = (result(&one), result(&two));
        let rest = match order {
            "interleaved" => vec![text, one, first_result, two, second_result],
            "without text" => vec![two, one, first_result, second_result],
            _ => vec![one, two, text, second_result, first_result],
        };
        ask(&[vec![prompt.clone()], rest].concat()).await;
        assert_eq!(proxy.model.requests().len() as u64, first + 2);
        assert_one_thread(&proxy, first, order);
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn agent_remembers_its_commands_for_a_client_that_writes_arguments_anew() {
    let proxy = real().start().await;
    let mut chat = Chat::new(&proxy, &["f"]);
    chat.body["model"] = "codex-local".into();
    let answer = chat.ask("[[shell=\"echo remembered\" then tool=f:{\"a\":1}]]").await;
    chat.body["messages"][1]["tool_calls"][0]["function"]["arguments"] = "{\"a\": 1}".into();
    chat.output(&answer["message"]["tool_calls"][0], "x");
    chat.send().await;
    let last = proxy.model.requests().pop().unwrap();
    assert!(last.items().any(|item| item["output"].to_string().contains("remembered")));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn call_ids_alone_do_not_reach_a_parked_turn() {
    let mut plan = real();
    plan.settings.api_keys.push(proxy::Key::new("sk-another"));
    let proxy = plan.start().await;
    let mut chat = Chat::new(&proxy, &["f"]);
    let answer = chat.ask("[[tool=f:{\"a\":1}]]").await;
    chat.output(&answer["message"]["tool_calls"][0], "x");
    let changes: [Change; 6] = [
        ("key", |_| {}),
        ("prompt", |body| body["messages"][0]["content"] = "[[tool=f:{\"a\":1} every=1]]".into()),
        ("system", |body| {
            let messages = body["messages"].as_array_mut().unwrap();
            messages.insert(0, json!({"role":"system","content":"be brief"}));
        }),
        ("arguments", |body| {
            body["messages"][1]["tool_calls"][0]["function"]["arguments"] = "{\"a\":2}".into();
        }),
        ("tools", |body| body["tools"] = json!([tool("f"), tool("g")])),
        ("model", |body| body["model"] = "codex-local".into()),
    ];
    for (what, change) in changes {
        let n = proxy.model.requests().len() as u64;
        let mut body = chat.body.clone();
        change(&mut body);
        let key = if what == "key" { "sk-another" } else { crate::support::KEY };
        let request = proxy.anonymous(reqwest::Method::POST, "/v1/chat/completions").bearer_auth(key);
        let theirs: Value = request.json(&body).send().await.unwrap().json().await.unwrap();
        assert_eq!(theirs["choices"][0]["message"]["content"], "Tool results: x", "{what}: {theirs}");
        assert_ne!(cache_key(&proxy, n), cache_key(&proxy, 0), "{what}");
    }
    let n = proxy.model.requests().len() as u64;
    chat.send().await;
    assert_eq!(cache_key(&proxy, n), cache_key(&proxy, 0), "the parked turn is still there");
}
