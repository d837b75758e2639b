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
    // An unknown event would yield a violation for each of many types.
    let validator = match variants(name, &value["type"]).as_deref() {
        Some([]) => return vec![format!("/type: {} is not a type of {name}", value["type"])],
        Some([variant]) => self::validator(variant),
        _ => self::validator(name),
    };
    validator.iter_errors(value).map(|error| violation(&error)).collect()
}

/// The definitions with this `type` in the choice `name`, if it is a choice of events or items.
fn variants(name: &str, kind: &Value) -> Option<Vec<&'static str>> {
    let definition = |name: &str| &SCHEMA["definitions"][name];
    let names = definition(name)["anyOf"].as_array()?.iter().map(|variant| {
        let name = variant["$ref"].as_str()?.strip_prefix("#/definitions/")?;
        definition(name)["properties"]["type"]["const"].is_string().then_some(name)
    });
    let mut names = names.collect::<Option<Vec<_>>>()?;
    names.retain(|name| definition(name)["properties"]["type"]["const"] == *kind);
    Some(names)
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
    let is_deletion = body.get("deleted").is_some();
    let name = match body["object"].as_str() {
        None if body.get("error").is_some() => "ErrorResponse",
        None if body.get("data").is_some() => "ImagesResponse",
        None if body["type"].is_string() => "ConversationItem",
        Some("chat.completion") => "ChatCompletion",
        Some("chat.completion.deleted") => "ChatCompletionDeleted",
        Some("text_completion") => "Completion",
        Some("response") if is_deletion => "ResponseDeleted",
        Some("response") => "Response",
        Some("response.compaction") => "CompactedResponse",
        Some("response.input_tokens") => "InputTokenCountResponse",
        Some("conversation") => "Conversation",
        Some("conversation.deleted") => "ConversationDeletedResource",
        Some("list") if body.get("has_more").is_some() => return page_violations(body),
        Some("list") => "ModelList",
        Some("model") => "Model",
        _ => return vec![": not a type of OpenAI's".to_owned()],
    };
    violations(name, body)
}

/// The violations in a page of a list. Items of responses and of conversations look alike, but messages differ.
fn page_violations(page: &Value) -> Vec<String> {
    let first = &page["data"][0];
    let names: &[&str] = if first["object"] == "chat.completion" {
        &["ChatCompletionList"]
    } else if first["type"].is_string() {
        &["ConversationItemList", "ResponseItemList"]
    } else {
        &["ChatCompletionMessageList"]
    };
    names.iter().map(|name| violations(name, page)).min_by_key(Vec::len).unwrap_or_default()
}

/// The violations in an event of a stream of `/v1`, whose fields tell its type.
pub(crate) fn event_violations(event: &Value) -> Vec<String> {
    let name = match (event["object"].as_str(), event["type"].as_str()) {
        (Some("chat.completion.chunk"), _) => "ChatCompletionChunk",
        (Some("text_completion"), _) => "CompletionChunk",
        (_, Some(kind)) if kind.starts_with("image_generation.") => "ImageGenStreamEvent",
        (_, Some(kind)) if kind.starts_with("image_edit.") => "ImageEditStreamEvent",
        (_, Some(_)) => "ResponseStreamEvent",
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

/// Fails unless `value` conforms to the definition `name`: one that the functions above name, `ResponsesServerEvent` for a
/// message of a WebSocket, or any of their parts.
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
        ["/type: \"ping\" is not a type of ResponseStreamEvent"]
    );
}

#[test]
fn every_kind_of_body_and_event_is_recognized() {
    let page =
        |first: Value| json!({"object":"list","data":[first],"first_id":"1","last_id":"1","has_more":false});
    let chat = json!({"id":"1","created":1,"model":"m","object":"chat.completion",
        "choices":[{"index":0,"logprobs":null,"finish_reason":"stop","message":{"role":"assistant","content":"Hi","refusal":null}}]});
    let input =
        json!({"id":"1","type":"message","role":"user","content":[{"type":"input_text","text":"Hi"}]});
    let mut output = input.clone();
    output["status"] = "completed".into();
    let usage = json!({"input_tokens":1,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},
        "output_tokens":1,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":2});
    let bodies = [
        page(chat),
        page(
            json!({"id":"1-0","role":"user","content":"Hi","refusal":null,"name":null,"content_parts":null}),
        ),
        page(input),
        json!({"object":"list","data":[],"first_id":null,"last_id":null,"has_more":false}),
        output,
        json!({"id":"1","object":"chat.completion.deleted","deleted":true}),
        json!({"id":"1","object":"conversation","created_at":1,"metadata":{}}),
        json!({"id":"1","object":"conversation.deleted","deleted":true}),
        json!({"object":"response.input_tokens","input_tokens":3}),
        json!({"id":"1","object":"response.compaction","created_at":1,"usage":usage,
            "output":[{"id":"1","type":"compaction","encrypted_content":"x"}]}),
        json!({"created":1,"data":[{"b64_json":"aQ=="}]}),
    ];
    let picture = |kind: &str| {
        json!({"type":kind,"b64_json":"aQ==","background":"auto","created_at":1,"output_format":"png",
            "partial_image_index":0,"quality":"auto","size":"auto"})
    };
    let events = [picture("image_generation.partial_image"), picture("image_edit.partial_image")];
    let check = |value: &Value, violations: fn(&Value) -> Vec<String>| {
        assert_conforms(&violations(value), value);
        let mut other = value.clone();
        other["misspelt"] = true.into();
        assert!(violations(&other).concat().contains("misspelt"), "{other}");
    };
    bodies.iter().for_each(|body| check(body, body_violations));
    events.iter().for_each(|event| check(event, event_violations));
    let error = json!({"type":"error","status":400,"error":{"type":"invalid_request_error","code":null,"message":"No.",
        "param":null},"stream_id":"1"});
    conforms("ResponsesServerEvent", &error);
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
