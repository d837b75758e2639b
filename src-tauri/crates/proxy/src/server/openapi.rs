//! The OpenAPI description that `/openapi.json` serves, generated from the wire types and the routes.
//!
//! Merged in from `openapi_overlay.json`: tags, error responses, bounds, deprecations and examples.

use serde_json::Value;
use utoipa::OpenApi;

use super::routes::{
    chat, compact, completions, conversations, health, images, input_items, input_tokens, metrics, models,
    responses, stored_chats, usage,
};
use super::websocket;
use crate::openai::error::ErrorBody;

/// What utoipa generates.
#[derive(OpenApi)]
#[openapi(
    info(title = "Codex Proxy", description = include_str!("openapi.md")),
    paths(
        chat::create, stored_chats::list, stored_chats::one, stored_chats::update, stored_chats::delete,
        stored_chats::messages, responses::create, websocket::connect, responses::one, responses::delete, responses::cancel, input_items::list, input_tokens::count, compact::create,
        conversations::create, conversations::one, conversations::update, conversations::delete,
        conversations::create_items, conversations::list_items, conversations::one_item, conversations::delete_item,
        images::generate, images::edit, completions::create, models::list, models::one, usage::usage, health::health, metrics::metrics
    ),
    components(schemas(ErrorBody))
)]
struct Generated;

/// The description of the API.
pub(super) fn description() -> Value {
    // Both are part of the binary, and tests read them.
    let mut api = serde_json::to_value(Generated::openapi()).unwrap_or_default();
    merge(&mut api, serde_json::from_str(include_str!("openapi_overlay.json")).unwrap_or_default());
    lift_descriptions(&mut api);
    api
}

/// Adds the fields of `overlay` to those of `base`, at every depth.
fn merge(base: &mut Value, overlay: Value) {
    match (base, overlay) {
        (Value::Object(base), Value::Object(overlay)) => {
            for (name, value) in overlay {
                merge(base.entry(name).or_insert(Value::Null), value);
            }
        }
        (base, overlay) => *base = overlay,
    }
}

/// Moves the description of an optional field from the type it refers to up to the field, where Redoc shows it.
fn lift_descriptions(value: &mut Value) {
    match value {
        Value::Object(object) => {
            let inner = object.get_mut("oneOf").and_then(|types| types.get_mut(0)?.as_object_mut());
            let inner = inner.filter(|inner| inner.contains_key("$ref"));
            if let Some(description) = inner.and_then(|inner| inner.remove("description")) {
                object.insert("description".to_owned(), description);
            }
            object.values_mut().for_each(lift_descriptions);
        }
        Value::Array(values) => values.iter_mut().for_each(lift_descriptions),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A misspelt operation, schema or field would add an entry with nothing but what the overlay has.
    #[test]
    fn overlay_only_extends_what_the_code_describes() {
        let api = description();
        let overlay: Value = serde_json::from_str(include_str!("openapi_overlay.json")).unwrap();
        for (path, item) in overlay["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                assert!(api["paths"][path][method]["operationId"].is_string(), "{method} {path}");
            }
        }
        for (name, schema) in overlay["components"]["schemas"].as_object().unwrap() {
            let merged = &api["components"]["schemas"][name];
            assert!(merged["description"].is_string(), "{name}");
            assert_eq!(merged["example"], schema["example"], "{name}");
            for (field, _) in schema["properties"].as_object().into_iter().flatten() {
                assert!(merged["properties"][field]["description"].is_string(), "{name}.{field}");
            }
        }
    }

    #[test]
    fn every_operation_has_a_summary_a_description_and_its_own_id() {
        let api = description();
        let items = api["paths"].as_object().unwrap().values();
        let operations: Vec<&Value> = items.flat_map(|item| item.as_object().unwrap().values()).collect();
        let ids: std::collections::BTreeSet<&str> =
            operations.iter().map(|operation| operation["operationId"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), operations.len());
        for operation in operations {
            assert!(operation["summary"].is_string() && operation["description"].is_string(), "{operation}");
        }
    }

    #[test]
    fn every_reference_leads_to_a_component() {
        fn check(value: &Value, api: &Value) {
            if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
                assert!(api.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
            }
            match value {
                Value::Object(object) => object.values().for_each(|value| check(value, api)),
                Value::Array(values) => values.iter().for_each(|value| check(value, api)),
                _ => {}
            }
        }
        let api = description();
        check(&api, &api);
    }

    #[test]
    fn every_field_is_described() {
        let api = description();
        for (name, schema) in api["components"]["schemas"].as_object().unwrap() {
            let flattened = schema["allOf"].as_array().into_iter().flatten();
            for object in flattened.chain([schema]) {
                for (field, schema) in object["properties"].as_object().into_iter().flatten() {
                    assert!(schema["description"].is_string(), "{name}.{field}");
                }
            }
        }
    }
}
