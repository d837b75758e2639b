//! Answer formats and tool choices in the forms that OpenAI takes.

use serde_json::{Value, json};

use super::{CHAT, RESPONSES, accepted, prompt, refused, upstream};
use crate::support::{TestProxy, real};

/// A prompt that makes the model say this.
fn say(text: &str) -> String {
    format!("[[say={}]]", Value::from(text))
}

/// An answer format in the form of this route.
fn format(path: &str, kind: &str, schema: Option<Value>) -> Value {
    let mut format = json!({ "type": kind });
    if kind == "json_schema" {
        let mut of_schema = json!({ "name": "it" });
        if let Some(schema) = schema {
            of_schema["schema"] = schema;
        }
        match path {
            CHAT => format["json_schema"] = of_schema,
            _ => format.as_object_mut().unwrap().extend(of_schema.as_object().unwrap().clone()),
        }
    }
    match path {
        CHAT => json!({ "response_format": format }),
        _ => json!({"text":{"format":format}}),
    }
}

fn text_of(answer: &Value) -> &str {
    let message = answer["choices"][0]["message"]["content"].as_str();
    message.or_else(|| answer["output"][0]["content"][0]["text"].as_str()).unwrap()
}

async fn answer(proxy: &TestProxy, path: &str, text: &str, more: &Value) -> Value {
    accepted(proxy, path, &prompt(path, "gpt-5.5", text, more)).await.json().await.unwrap()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn json_object_is_json() {
    let proxy = real().start().await;
    for path in [CHAT, RESPONSES] {
        let format = format(path, "json_object", None);
        for text in ["{a: 1}", "{name}", "{\"a\":1,}", "{\"a\":1]", "Use {x}: {\"a\":1}"] {
            let response = proxy.post(path, &prompt(path, "gpt-5.5", &say(text), &format)).await;
            assert_eq!(response.status(), 502, "{text}");
            let error: Value = response.json().await.unwrap();
            assert_eq!(error["error"]["code"], "invalid_output", "{text}: {error}");
        }
        for text in ["{}", "Sure: {\"a\": [1, {\"b\": null}]} Bye."] {
            let answer = answer(&proxy, path, &say(text), &format).await;
            assert!(serde_json::from_str::<Value>(text_of(&answer)).unwrap().is_object(), "{text}");
        }
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn nullable_property_can_be_null() {
    let proxy = real().start().await;
    let property = json!({"type":"string","nullable":true});
    let open = json!({"type":"object","properties":{"a":property}});
    let closed =
        json!({"type":"object","properties":{"a":property},"required":["a"],"additionalProperties":false});
    for path in [CHAT, RESPONSES] {
        for schema in [&open, &closed] {
            let format = format(path, "json_schema", Some(schema.clone()));
            let null = answer(&proxy, path, &say("{\"a\":null}"), &format).await;
            assert_eq!(text_of(&null), "{\"a\":null}");
            assert!(!upstream(&proxy).to_string().contains("nullable"));
            answer(&proxy, path, &say("{\"a\":\"x\"}"), &format).await;
            let wrong = prompt(path, "gpt-5.5", &say("{\"a\":1}"), &format);
            assert_eq!(proxy.post(path, &wrong).await.status(), 502);
        }
        let sent = upstream(&proxy);
        assert_eq!(sent["text"]["format"]["schema"]["properties"]["a"]["type"], json!(["string", "null"]));
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn json_schema_without_a_schema_is_any_object() {
    let proxy = real().start().await;
    for path in [CHAT, RESPONSES] {
        for schema in [None, Some(Value::Null)] {
            let format = format(path, "json_schema", schema);
            assert_eq!(text_of(&answer(&proxy, path, &say("Sure: {\"a\":1}"), &format).await), "{\"a\":1}");
        }
    }
}

fn tools(path: &str) -> Value {
    let tool = |name: &str| match path {
        CHAT => json!({"type":"function","function":{"name":name}}),
        _ => json!({"type":"function","name":name}),
    };
    json!([tool("a"), tool("b"), tool("c")])
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn tool_choice_can_be_an_object_with_only_a_type() {
    let proxy = real().start().await;
    for path in [CHAT, RESPONSES] {
        for (choice, offered) in [("auto", true), ("none", false), ("required", true)] {
            let more = json!({"tools":tools(path),"tool_choice":{"type":choice}});
            answer(&proxy, path, "[[tool=a:{}]]", &more).await;
            let sent = proxy.model.requests().last().unwrap().tools();
            assert_eq!(sent.contains(&"a".to_owned()), offered, "{path} {choice}");
        }
        let more = json!({"tools":tools(path),"tool_choice":{"type":"sometimes"}});
        let body = prompt(path, "gpt-5.5", "a", &more);
        assert_eq!(refused(&proxy, path, &body).await["param"], "tool_choice");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn allowed_tools_are_the_only_ones_offered() {
    let proxy = real().start().await;
    for path in [CHAT, RESPONSES] {
        let choice = |mode: &str, names: &[&str]| {
            let named = |name: &&str| match path {
                CHAT => json!({"type":"function","function":{"name":name}}),
                _ => json!({"type":"function","name":name}),
            };
            let allowed = json!({"mode":mode,"tools":names.iter().map(named).collect::<Vec<_>>()});
            let mut choice = json!({"type":"allowed_tools"});
            match path {
                CHAT => choice["allowed_tools"] = allowed,
                _ => choice.as_object_mut().unwrap().extend(allowed.as_object().unwrap().clone()),
            }
            json!({"tools":tools(path),"tool_choice":choice})
        };
        let more = choice("auto", &["a", "c"]);
        let got = answer(&proxy, path, "[[words=1]]", &more).await;
        let mut sent = proxy.model.requests().last().unwrap().tools();
        sent.sort();
        assert_eq!(sent, ["a", "c"], "{path}");
        assert!(path == CHAT || got["tool_choice"] == more["tool_choice"], "{got}");
        answer(&proxy, path, "[[tool=c:{}]]", &choice("required", &["c"])).await;
        let body = prompt(path, "gpt-5.5", "[[words=1]]", &choice("required", &["c"]));
        assert_eq!(proxy.post(path, &body).await.status(), 502, "a call is required");
        let search = json!({"type":"web_search"});
        let mut more = choice("auto", &["b"]);
        more["tools"].as_array_mut().unwrap().push(search.clone());
        answer(&proxy, path, "[[words=1]]", &more).await;
        let has_search = || upstream(&proxy)["tools"].to_string().contains("web_search");
        assert!(!has_search(), "{path}");
        let entries = match path {
            CHAT => &mut more["tool_choice"]["allowed_tools"]["tools"],
            _ => &mut more["tool_choice"]["tools"],
        };
        entries.as_array_mut().unwrap().push(search);
        answer(&proxy, path, "[[words=1]]", &more).await;
        assert!(has_search(), "{path}");
        let none = json!({"tools":tools(path),"tool_choice":{"type":"allowed_tools","mode":"auto"}});
        for wrong in [none, choice("auto", &["d"]), choice("sometimes", &["a"]), choice("required", &[])] {
            let body = prompt(path, "gpt-5.5", "a", &wrong);
            assert_eq!(refused(&proxy, path, &body).await["param"], "tool_choice", "{wrong}");
        }
    }
}
