//! OpenAI's published schema, to which everything that the proxy sends must conform.
//!
//! It is in `tests/openai`, with its origin. Its objects are closed, so an additional field is as much a violation as a
//! missing field or a wrong type; the proxy's own fields are listed in `tests/openai/schema.mjs`.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use jsonschema::error::{ValidationError, ValidationErrorKind};
use serde_json::{Value, json};

use super::real;

static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../openai/schema.json")).unwrap());

/// A definition's validator, compiled on first use: most tests need two or three of four hundred.
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

/// How `value` violates the definition `name`, each with its location.
fn violations(name: &str, value: &Value) -> Vec<String> {
    let validator = match name {
        // An unknown event would yield a violation for each of many types.
        "ResponseStreamEvent" => match event(&value["type"]) {
            Some(kind) => self::validator(kind),
            None => return vec![format!("/type: {} is not an event", value["type"])],
        },
        _ => self::validator(name),
    };
    validator.iter_errors(value).map(|error| violation(&error)).collect()
}

/// The name of the definition of the event with this `type`.
fn event(kind: &Value) -> Option<&'static str> {
    let events = SCHEMA["definitions"]["ResponseStreamEvent"]["anyOf"].as_array().unwrap();
    let mut names = events.iter().map(|event| event["$ref"].as_str().unwrap().rsplit('/').next().unwrap());
    names.find(|&name| SCHEMA["definitions"][name]["properties"]["type"]["const"] == *kind)
}

/// The location and the reason. For a value of several possible types, the reason for the type it claims to be.
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

/// The violations in a response body of `/v1`, whose fields tell its type.
pub(crate) fn body_violations(body: &Value) -> Vec<String> {
    let name = match body["object"].as_str() {
        None if body.get("error").is_some() => "ErrorResponse",
        Some("chat.completion") => "ChatCompletion",
        Some("text_completion") => "Completion",
        Some("response") if body.get("deleted").is_some() => "ResponseDeleted",
        Some("response") => "Response",
        Some("list") => "ModelList",
        Some("model") => "Model",
        _ => return vec![": not a type of OpenAI's".to_owned()],
    };
    violations(name, body)
}

/// The violations in an event of a stream of `/v1`, whose fields tell its type.
pub(crate) fn event_violations(event: &Value) -> Vec<String> {
    let name = match event["object"].as_str() {
        Some("chat.completion.chunk") => "ChatCompletionChunk",
        Some("text_completion") => "CompletionChunk",
        _ if event["type"].is_string() => "ResponseStreamEvent",
        _ if event.get("error").is_some() => "ErrorResponse",
        _ => return vec![": not a type of OpenAI's".to_owned()],
    };
    violations(name, event)
}

/// Fails if the proxy sent something with violations.
#[track_caller]
pub(crate) fn assert_conforms(violations: &[String], sent: &Value) {
    assert!(violations.is_empty(), "violates OpenAI's schema:\n{}\nin {sent}", violations.join("\n"));
}

/// Fails unless `value` conforms to the definition `name`: `ChatCompletion`, `ChatCompletionChunk`, `Completion`,
/// `CompletionChunk`, `ErrorResponse`, `Model`, `ModelList`, `Response`, `ResponseDeleted`, `ResponseStreamEvent`, or any
/// of their parts.
#[track_caller]
pub(crate) fn conforms(name: &str, value: &Value) {
    assert_conforms(&violations(name, value), value);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn models_and_errors_conform_to_openais_schema() {
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
fn violations_are_reported_with_their_location() {
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
    assert_eq!(
        violations("ResponseStreamEvent", &json!({"type":"ping"})),
        ["/type: \"ping\" is not an event"]
    );
}

#[test]
fn schema_and_clients_use_the_same_release() {
    let package: Value = serde_json::from_str(include_str!("../../clients/package.json")).unwrap();
    let release = format!(" openai {} ", package["dependencies"]["openai"].as_str().unwrap());
    assert!(
        SCHEMA["$comment"].as_str().unwrap().contains(&release),
        "run tests/openai/schema.mjs for{release}"
    );
}
