//! What the model sees of a tool's arguments, through the real codex.

use serde_json::{Value, json};

use crate::support::{TestProxy, prompt_body, real};

/// The parameters of a tool with these, as upstream gets them.
async fn upstream(proxy: &TestProxy, parameters: Option<&Value>) -> Value {
    let models: Value = proxy.get("/v1/models").send().await.unwrap().json().await.unwrap();
    let mut ids = models["data"].as_array().unwrap().iter().map(|model| &model["id"]);
    let mut function = json!({"name":"f","description":"A tool."});
    if let Some(parameters) = parameters {
        function["parameters"] = parameters.clone();
    }
    let mut body = prompt_body("[[words=1]]");
    // Older versions of codex have other models.
    body["model"] = ids.find(|id| **id != "codex-local").unwrap().clone();
    body["tools"] = json!([{"type":"function","function":function}]);
    let response = proxy.chat(&body).await;
    assert_eq!(response.status(), 200, "{parameters:?}: {}", response.text().await.unwrap());
    let requests = proxy.model.requests();
    let tools = requests.last().unwrap().body()["tools"].as_array().unwrap().clone();
    tools.into_iter().find(|tool| tool["name"] == "f").unwrap()["parameters"].clone()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn parameters_without_a_type_are_an_object_upstream() {
    let proxy = real().start().await;
    for parameters in [
        None,
        Some(json!({})),
        Some(json!({"description":"d"})),
        Some(json!({"$schema":"http://json-schema.org/draft-07/schema#"})),
        Some(json!({"type":["object","null"]})),
        Some(
            json!({"$ref":"#/$defs/A","$defs":{"A":{"type":"object","properties":{"a":{"type":"integer"}}}}}),
        ),
        Some(json!({"anyOf":[{"type":"object","properties":{"a":{"type":"integer"}}}]})),
    ] {
        let sent = upstream(&proxy, parameters.as_ref()).await;
        assert_eq!(sent["type"], "object", "{parameters:?} became {sent}");
        assert!(sent.get("anyOf").is_none(), "{parameters:?} became {sent}");
        if parameters.is_some_and(|parameters| parameters.to_string().contains("integer")) {
            assert_eq!(sent["properties"]["a"]["type"], "integer", "{sent}");
        }
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn arguments_keep_their_types_upstream() {
    let proxy = real().start().await;
    let any = json!(["string", "number", "boolean", "object", "array", "null"]);
    let text_or_number = json!([{"type":"string"},{"type":"integer"}]);
    for (property, place, expected) in [
        (json!({}), "/type", any.clone()),
        (json!(true), "/type", any.clone()),
        (json!({"description":"q"}), "/type", any.clone()),
        (json!({"description":"q"}), "/description", json!("q")),
        (json!({"not":{"type":"null"}}), "/type", any.clone()),
        (json!({"const":3}), "/type", json!("integer")),
        (json!({"const":3}), "/enum", json!([3])),
        (json!({"const":true}), "/type", json!("boolean")),
        (json!({"enum":["a",1,null]}), "/type", json!(["string", "integer", "null"])),
        (json!({"enum":[1,2]}), "/type", json!("integer")),
        (json!({"enum":["a","b"]}), "/type", json!("string")),
        (json!({"type":"string","nullable":true}), "/type", json!(["string", "null"])),
        (json!({"minLength":2}), "/type", json!("string")),
        (json!({"oneOf":text_or_number}), "/anyOf", text_or_number.clone()),
        (json!({"anyOf":text_or_number}), "/anyOf", text_or_number.clone()),
        (json!({"allOf":[{"type":"integer"}]}), "/type", json!("integer")),
        (
            json!({"allOf":[{"type":"object","properties":{"a":{"const":1}}},{"properties":{"b":{"const":2}}}]}),
            "/properties/b/type",
            json!("integer"),
        ),
        (json!({"$ref":"#/components/schemas/X"}), "/type", any.clone()),
        (json!({"$ref":"#/$defs/A"}), "/type", json!("integer")),
        (json!({"$ref":"#/$defs/A","description":"q"}), "/description", json!("q")),
        (json!({"allOf":[{"$ref":"#/$defs/A"}],"default":1}), "/type", json!("integer")),
        (json!({"$ref":"#/definitions/B%20b"}), "/properties/a/type", json!("integer")),
        (json!({"type":"array"}), "/items/type", any.clone()),
        (json!({"type":"array","items":[{"type":"integer"}]}), "/items/type", json!("integer")),
        (json!({"type":"array","items":text_or_number}), "/items/anyOf", text_or_number.clone()),
        (json!({"type":"array","prefixItems":text_or_number}), "/items/anyOf", text_or_number.clone()),
        (
            json!({"prefixItems":text_or_number,"items":false,"description":"Q."}),
            "/description",
            json!("Q. The items in order: string, integer."),
        ),
        (json!({"items":{"type":"integer"}}), "/items/type", json!("integer")),
        (json!({"additionalProperties":{}}), "/additionalProperties", json!(true)),
        (
            json!({"type":"object","patternProperties":{"^a":{"type":"integer"}},"additionalProperties":false}),
            "/additionalProperties/type",
            json!("integer"),
        ),
    ] {
        let parameters = json!({"type":"object","properties":{"x":property},
            "$defs":{"A":{"type":"integer"}},
            "definitions":{"B b":{"type":"object","properties":{"a":{"$ref":"#/$defs/A"}}}}});
        let sent = upstream(&proxy, Some(&parameters)).await;
        let found = sent["properties"]["x"].pointer(place);
        assert_eq!(found, Some(&expected), "{} became {sent}", parameters["properties"]["x"]);
    }
}
