//! What clients read of a model, and ids with an effort and a speed.

use serde_json::{Value, json};

use crate::support::{TestProxy, fake, real, schema};

async fn list(proxy: &TestProxy) -> Vec<Value> {
    let list: Value = proxy.get("/v1/models").send().await.unwrap().json().await.unwrap();
    schema::conforms("ModelList", &list);
    list["data"].as_array().unwrap().clone()
}

fn entry<'a>(list: &'a [Value], id: &str) -> &'a Value {
    list.iter().find(|model| model["id"] == id).unwrap_or_else(|| panic!("{id} is not listed"))
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn models_say_what_clients_look_for() {
    let proxy = real().start().await;
    let list = list(&proxy).await;
    // The default model of these tests is gpt-5.5.
    for id in ["gpt-5.5", "codex-local"] {
        let model = entry(&list, id);
        for name in ["context_window", "context_length", "max_model_len"] {
            assert_eq!(model[name], 272_000, "{id} {name}");
        }
        assert_eq!(model["input_modalities"], json!(["text", "image"]));
        assert_eq!(
            model["architecture"],
            json!({"input_modalities": ["text", "image"], "output_modalities": ["text"]})
        );
        assert_eq!(model["info"]["meta"]["capabilities"]["vision"], true);
        let efforts = json!(["low", "medium", "high", "xhigh"]);
        assert_eq!(
            (&model["reasoning"]["supported_efforts"], &model["reasoning_effort_levels"]),
            (&efforts, &efforts)
        );
        let parameters = model["supported_parameters"].as_array().unwrap();
        for name in ["max_tokens", "reasoning_effort", "response_format", "stop", "tools"] {
            assert!(parameters.contains(&json!(name)), "{name} {parameters:?}");
        }
        assert!(!parameters.contains(&json!("temperature")));
        // codex does not say how long an answer may be.
        assert_eq!(model["max_output_tokens"], Value::Null);
        let one: Value = proxy.get(&format!("/v1/models/{id}")).send().await.unwrap().json().await.unwrap();
        assert_eq!(one, *model);
    }
    assert_eq!(entry(&list, "gpt-5.5")["default_reasoning_effort"], "medium");
    assert_eq!(entry(&list, "codex-local")["default_reasoning_effort"], Value::Null);
    assert!(!list.iter().any(|model| model["id"] == "gpt-5.5-high"), "off by default");
}

#[tokio::test]
async fn what_codex_does_not_say_is_left_out() {
    let proxy = fake("").start().await;
    let list = list(&proxy).await;
    assert!(list.len() > 1, "{list:?}");
    for model in list {
        for name in ["context_window", "context_length", "max_model_len", "max_output_tokens"] {
            assert_eq!(model.get(name), None, "{model}");
        }
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn ids_have_an_effort_and_a_speed_where_the_settings_offer_them() {
    let plan = real().settings(|settings| {
        settings.effort_models = true;
        settings.model_aliases = [("thinker".to_owned(), "gpt-5.5-xhigh".to_owned())].into();
    });
    let proxy = plan.start().await;
    let list = list(&proxy).await;
    for id in ["gpt-5.5-high", "gpt-5.5-fast", "codex-local-high", "codex-local-fast", "thinker"] {
        let one: Value = proxy.get(&format!("/v1/models/{id}")).send().await.unwrap().json().await.unwrap();
        assert_eq!(one, *entry(&list, id));
    }
    assert_eq!(entry(&list, "gpt-5.5-high")["default_reasoning_effort"], "high");
    assert!(!list.iter().any(|model| model["id"] == "gpt-5.5-max"), "gpt-5.5 lacks it");
    let with = |name: &str, value: Value| json!({ name: value });
    let nothing = json!({});
    for (model, parameter, effort, tier) in [
        ("gpt-5.5-high", &nothing, Some("high"), None),
        ("gpt-5.5-fast", &nothing, Some("medium"), Some("priority")),
        ("gpt-5.5-low-fast", &nothing, Some("low"), Some("priority")),
        ("codex-local-high", &nothing, Some("high"), None),
        ("thinker", &nothing, Some("xhigh"), None),
        // The parameter of a request wins.
        ("gpt-5.5-high", &with("reasoning_effort", json!("low")), Some("low"), None),
        ("gpt-5.5-fast", &with("service_tier", json!("auto")), Some("medium"), Some("priority")),
    ] {
        let mut body = json!({"model": model, "messages": [{"role": "user", "content": "[[words=1]]"}]});
        body.as_object_mut().unwrap().extend(parameter.as_object().unwrap().clone());
        let answer: Value = proxy.chat(&body).await.json().await.unwrap();
        assert_eq!(answer["model"], "gpt-5.5", "{answer}");
        let sent = proxy.model.requests().last().unwrap().body().clone();
        assert_eq!(sent["reasoning"]["effort"].as_str(), effort, "{model} {parameter}");
        assert_eq!(sent["service_tier"].as_str(), tier, "{model} {parameter}");
    }
    for model in ["gpt-5.5-max", "gpt-5.5-high-", "codex-local-banana", "gpt-5.5-fast-high"] {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "hi"}]});
        let error: Value = proxy.chat(&body).await.json().await.unwrap();
        assert_eq!(error["error"]["code"], "model_not_found", "{model} {error}");
    }
}
