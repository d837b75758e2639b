//! Observed behaviour of codex that the code relies on: these tests notice when codex changes.

use codex_client::{CodexError, Content, Item, Role, ThreadKind, Tool, TurnRequest};
use serde_json::{Value, json};

use crate::support::{Real, real};

const PNG: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
const GIF: &str = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

/// A request with an image.
fn with_image(real: &Real, url: &str) -> TurnRequest {
    let mut request = real.request(ThreadKind::Plain, "");
    let content = vec![
        Content::Text("[[words=1]]".into()),
        Content::Image { url: url.into(), detail: Some("low".into()) },
    ];
    request.items = vec![Item::Message { role: Role::User, content }];
    request
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn tool_schema_keeps_its_types_and_loses_keywords_unknown_to_codex() {
    let real = real().await;
    let mut request = real.request(ThreadKind::Plain, "[[words=1]]");
    let schema = json!({"type":"object","properties":{
        "name":{"type":"string","pattern":"^a","minLength":2,"format":"date","default":"x"},
        "count":{"type":"integer","minimum":1}},"required":["name"],"additionalProperties":false});
    let tool = Tool { name: "f".into(), description: "d".into(), schema: schema.to_string() };
    request.profile.tools = [tool].into();
    real.run(request).await.expect_success();
    let tools = real.model.request(0).unwrap().body()["tools"].clone();
    let expected = json!({"type":"object","properties":{"name":{"type":"string"},"count":{"type":"integer"}},
        "required":["name"],"additionalProperties":false});
    assert_eq!((&tools[0]["parameters"], &tools[0]["strict"]), (&expected, &json!(false)));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn image_is_sent_unchanged_or_as_png_with_original_detail() {
    let real = real().await;
    for (n, url) in [PNG, GIF].into_iter().enumerate() {
        real.run(with_image(&real, url)).await.expect_success();
        let sent: Vec<Value> = real.model.requests()[n].items().cloned().collect();
        let image = &sent[1]["content"][1];
        assert!(image["image_url"].as_str().unwrap().starts_with("data:image/png;base64,"), "{image}");
        assert_eq!(image["detail"], "original");
        assert_eq!(image["image_url"] == url, url == PNG);
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn image_address_is_rejected_and_not_fetched() {
    let real = real().await;
    let url = format!("{}/picture.png", real.model.base_url());
    let output = real.run(with_image(&real, &url)).await;
    assert!(matches!(output.error(), CodexError::Refused { .. }), "{output:?}");
    assert!(real.model.requests().is_empty(), "codex fetched it");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn special_and_reserved_tool_names_are_rejected_but_codexs_own_are_accepted() {
    let real = real().await;
    for (name, accepted) in
        [("a.b", false), ("mcp__a__b", false), ("mcp", false), ("mcp_x", true), ("apply_patch", true)]
    {
        let mut request = real.request(ThreadKind::Plain, "[[words=1]]");
        let schema = json!({"type":"object"}).to_string();
        request.profile.tools = [Tool { name: name.into(), description: String::new(), schema }].into();
        assert_eq!(real.run(request).await.end.unwrap().is_ok(), accepted, "{name}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn unknown_service_tier_is_ignored() {
    let real = real().await;
    let mut request = real.request(ThreadKind::Plain, "[[words=1]]");
    request.profile.service_tier = Some("odd".into());
    real.run(request).await.expect_success();
    assert!(real.model.request(0).unwrap().body()["service_tier"].is_null());
}
