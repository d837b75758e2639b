//! OpenAI's published schema, to which everything that the proxy sends must conform.
//!
//! `tests/openai` holds it and says where it is from. Its objects are closed, so a field that OpenAI does not have is a fault as
//! much as one that is missing or of the wrong type; what the proxy adds stands in `tests/openai/schema.mjs`.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use jsonschema::error::{ValidationError, ValidationErrorKind};
use serde_json::{Value, json};

use super::real;

static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../openai/schema.json")).unwrap());

/// A definition's validator, compiled when it is first asked for: most tests need two or three of four hundred.
fn validator(name: &str) -> Arc<Validator> {
    static VALIDATORS: Mutex<Option<HashMap<String, Arc<Validator>>>> = Mutex::new(None);
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let compile = || {
        assert!(SCHEMA["definitions"][name].is_object(), "OpenAI has no {name}");
        let mut schema = json!({"$ref": format!("#/definitions/{name}")});
        schema["definitions"] = SCHEMA["definitions"].clone();
        Arc::new(jsonschema::draft7::new(&schema).unwrap())
    };
    validators.get_or_insert_default().entry(name.to_owned()).or_insert_with(compile).clone()
}

/// What is wrong with `value`, each with its place; nothing when it is what OpenAI calls `name`.
fn violations(name: &str, value: &Value) -> Vec<String> {
    let validator = match name {
        // An event that is none of many kinds would be told in as many ways.
        "ResponseStreamEvent" => match event(&value["type"]) {
            Some(kind) => self::validator(kind),
            None => return vec![format!("/type: {} is no event", value["type"])],
        },
        _ => self::validator(name),
    };
    validator.iter_errors(value).map(|error| violation(&error)).collect()
}

/// The definition of the event with this `type`.
fn event(kind: &Value) -> Option<&'static str> {
    let events = SCHEMA["definitions"]["ResponseStreamEvent"]["anyOf"].as_array().unwrap();
    let mut names = events.iter().map(|event| event["$ref"].as_str().unwrap().rsplit('/').next().unwrap());
    names.find(|&name| SCHEMA["definitions"][name]["properties"]["type"]["const"] == *kind)
}

/// The place and the reason. Of a value that may be one of several kinds, the reason of the kind that it says it is.
fn violation(error: &ValidationError<'_>) -> String {
    if let ValidationErrorKind::AnyOf { context } = error.kind() {
        let is_another =
            |error: &ValidationError<'_>| matches!(error.kind(), ValidationErrorKind::Constant { .. });
        let nearest =
            context.iter().min_by_key(|errors| (errors.iter().any(is_another), errors.len())).unwrap();
        return nearest.iter().map(violation).collect::<Vec<_>>().join("; ");
    }
    format!("{}: {error}", error.instance_path())
}

/// What is wrong with the body of an answer of `/v1`, which says itself what it is.
pub(crate) fn body_violations(body: &Value) -> Vec<String> {
    let name = match body["object"].as_str() {
        None if body.get("error").is_some() => "ErrorResponse",
        Some("chat.completion") => "ChatCompletion",
        Some("text_completion") => "Completion",
        Some("response") if body.get("deleted").is_some() => "ResponseDeleted",
        Some("response") => "Response",
        Some("list") => "ModelList",
        Some("model") => "Model",
        _ => return vec![": nothing of OpenAI's".to_owned()],
    };
    violations(name, body)
}

/// What is wrong with an event of a stream of `/v1`, which says itself what it is.
pub(crate) fn event_violations(event: &Value) -> Vec<String> {
    let name = match event["object"].as_str() {
        Some("chat.completion.chunk") => "ChatCompletionChunk",
        Some("text_completion") => "CompletionChunk",
        _ if event["type"].is_string() => "ResponseStreamEvent",
        _ if event.get("error").is_some() => "ErrorResponse",
        _ => return vec![": nothing of OpenAI's".to_owned()],
    };
    violations(name, event)
}

/// Fails when there are faults in what the proxy sent.
#[track_caller]
pub(crate) fn assert_conforms(violations: &[String], sent: &Value) {
    assert!(violations.is_empty(), "not as OpenAI's schema has it:\n{}\nin {sent}", violations.join("\n"));
}

/// Fails unless `value` is what OpenAI calls `name`: `ChatCompletion`, `ChatCompletionChunk`, `Completion`, `CompletionChunk`,
/// `ErrorResponse`, `Model`, `ModelList`, `Response`, `ResponseDeleted`, `ResponseStreamEvent`, or whatever else these consist of.
#[track_caller]
pub(crate) fn conforms(name: &str, value: &Value) {
    assert_conforms(&violations(name, value), value);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn models_and_errors_are_openais() {
    let proxy = real().start().await;
    for (path, name) in [
        ("/v1/models", "ModelList"),
        ("/v1/models/codex-local", "Model"),
        ("/v1/models/no-such-model", "ErrorResponse"),
        ("/v1/no-such-route", "ErrorResponse"),
    ] {
        let body: Value = proxy.get(path).send().await.unwrap().json().await.unwrap();
        conforms(name, &body);
    }
}

#[test]
fn what_is_not_openais_is_told_with_its_place() {
    let usage = |of: Value| json!({"prompt_tokens":1,"completion_tokens":of,"total_tokens":2});
    let chat = |message: Value, usage: Value| {
        json!({"id":"1","created":1,"model":"m","object":"chat.completion","usage":usage,
            "choices":[{"index":0,"logprobs":null,"finish_reason":"stop","message":message}]})
    };
    let message = json!({"role":"assistant","content":"Hi","refusal":null});
    assert_eq!(violations("ChatCompletion", &chat(message.clone(), usage(json!(1)))), Vec::<String>::new());
    for (body, place, reason) in [
        (chat(message.clone(), usage(json!(1.5))), "/usage/completion_tokens", "1.5"),
        (chat(message.clone(), Value::Null), "/usage", "null"),
        (chat(json!({"role":"assistant","content":"Hi"}), usage(json!(1))), "/choices/0/message", "refusal"),
        (
            chat(json!({"role":"assistant","content":null,"refusal":null,"reasoning":"Hm"}), usage(json!(1))),
            "/choices/0/message",
            "'reasoning' was unexpected",
        ),
        (
            chat(
                json!({"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"c","type":"function"}]}),
                usage(json!(1)),
            ),
            "/choices/0/message/tool_calls/0",
            "\"function\" is a required",
        ),
    ] {
        let violations = violations("ChatCompletion", &body);
        assert_eq!(violations.len(), 1, "{violations:?}");
        assert!(
            violations[0].starts_with(&format!("{place}: ")) && violations[0].contains(reason),
            "{violations:?}"
        );
    }
    let delta = json!({"type":"response.output_text.delta","delta":"a","item_id":"i","output_index":0,
        "content_index":0,"sequence_number":1});
    assert_eq!(violations("ResponseStreamEvent", &delta), [": \"logprobs\" is a required property"]);
    assert_eq!(violations("ResponseStreamEvent", &json!({"type":"ping"})), ["/type: \"ping\" is no event"]);
}

#[test]
fn the_schema_is_of_the_release_that_the_clients_are_tested_with() {
    let package: Value = serde_json::from_str(include_str!("../../clients/package.json")).unwrap();
    let release = format!(" openai {} ", package["dependencies"]["openai"].as_str().unwrap());
    assert!(
        SCHEMA["$comment"].as_str().unwrap().contains(&release),
        "run tests/openai/schema.mjs for{release}"
    );
}
