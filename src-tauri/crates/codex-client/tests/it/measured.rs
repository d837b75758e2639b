//! What codex does to what we give it, as ARCHITECTURE.md says it was measured: a codex that does otherwise is to be noticed.

use codex_client::{CodexError, Content, Item, Role, ThreadKind, Tool, TurnRequest};
use serde_json::{Value, json};

use crate::support::{Real, real};

const PNG: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
const GIF: &str = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

/// A question with a picture.
fn with_picture(real: &Real, url: &str) -> TurnRequest {
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
async fn a_tools_schema_keeps_its_types_and_loses_the_keywords_that_codex_does_not_know() {
    let real = real().await;
    let mut request = real.request(ThreadKind::Plain, "[[words=1]]");
    let schema = json!({"type":"object","properties":{
        "name":{"type":"string","pattern":"^a","minLength":2,"format":"date","default":"x"},
        "count":{"type":"integer","minimum":1}},"required":["name"],"additionalProperties":false});
    let tool = Tool { name: "f".into(), description: "d".into(), schema: schema.to_string() };
    request.profile.tools = [tool].into();
    real.run(request).await.expect_success();
    let tools = real.model.request(0).unwrap().body()["tools"].clone();
    let kept = json!({"type":"object","properties":{"name":{"type":"string"},"count":{"type":"integer"}},
        "required":["name"],"additionalProperties":false});
    assert_eq!((&tools[0]["parameters"], &tools[0]["strict"]), (&kept, &json!(false)));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_picture_is_sent_as_it_is_or_as_a_png_and_always_with_its_original_detail() {
    let real = real().await;
    for (n, url) in [PNG, GIF].into_iter().enumerate() {
        real.run(with_picture(&real, url)).await.expect_success();
        let sent: Vec<Value> = real.model.requests()[n].items().cloned().collect();
        let picture = &sent[1]["content"][1];
        assert!(picture["image_url"].as_str().unwrap().starts_with("data:image/png;base64,"), "{picture}");
        assert_eq!(picture["detail"], "original");
        assert_eq!(picture["image_url"] == url, url == PNG);
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_address_of_a_picture_is_refused_and_nothing_is_fetched() {
    let real = real().await;
    let url = format!("{}/picture.png", real.model.base_url());
    let output = real.run(with_picture(&real, &url)).await;
    assert!(matches!(output.error(), CodexError::Refused { .. }), "{output:?}");
    assert!(real.model.requests().is_empty(), "codex has looked for it");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn names_that_are_not_plain_or_are_reserved_are_refused_and_a_name_of_codexs_own_is_not() {
    let real = real().await;
    for (name, taken) in
        [("a.b", false), ("mcp__a__b", false), ("mcp", false), ("mcp_x", true), ("apply_patch", true)]
    {
        let mut request = real.request(ThreadKind::Plain, "[[words=1]]");
        let schema = json!({"type":"object"}).to_string();
        request.profile.tools = [Tool { name: name.into(), description: String::new(), schema }].into();
        assert_eq!(real.run(request).await.end.unwrap().is_ok(), taken, "{name}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_service_tier_that_codex_does_not_know_is_passed_over() {
    let real = real().await;
    let mut request = real.request(ThreadKind::Plain, "[[words=1]]");
    request.profile.service_tier = Some("odd".into());
    real.run(request).await.expect_success();
    assert!(real.model.request(0).unwrap().body()["service_tier"].is_null());
}
