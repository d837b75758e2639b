use serde_json::json;

use super::*;

fn read(messages: &Value) -> Result<Conversation, Refusal> {
    let request: ChatRequest = serde_json::from_value(json!({ "model": "m", "messages": messages })).unwrap();
    conversation(&request)
}

fn says(role: Speaker, text: &str) -> Item {
    Item::Message { role, content: vec![Content::Text(text.into())] }
}

#[test]
fn every_message_keeps_its_place_and_its_role() {
    let conversation = read(&json!([
        {"role":"system","content":"be brief"},
        {"role":"user","content":"one"},
        {"role":"assistant","content":"two"},
        {"role":"system","content":"be kind"},
        {"role":"developer","content":"be true"},
        {"role":"user","content":[{"type":"text","text":"three"},{"type":"text","text":"four"}]}
    ]))
    .unwrap();
    assert_eq!(
        conversation.history,
        [
            says(Speaker::Developer, "be brief"),
            says(Speaker::User, "one"),
            says(Speaker::Assistant, "two"),
            says(Speaker::Developer, "be kind"),
            says(Speaker::Developer, "be true"),
        ]
    );
    assert_eq!(conversation.input, [Content::Text("three".into()), Content::Text("four".into())]);
}

#[test]
fn a_conversation_that_ends_in_a_tools_answer_has_no_input_of_its_own() {
    let conversation = read(&json!([
        {"role":"user","content":"weather?"},
        {"role":"assistant","content":null,"tool_calls":[
            {"id":"c1","type":"function","function":{"name":"weather","arguments":"{ \"city\":\"K\"}"}}
        ]},
        {"role":"tool","tool_call_id":"c1","content":"rain"}
    ]))
    .unwrap();
    assert!(conversation.input.is_empty());
    assert_eq!(
        conversation.history[1..],
        [
            Item::ToolCall(ToolCall {
                call_id: "c1".into(),
                name: "weather".into(),
                arguments: "{ \"city\":\"K\"}".into()
            }),
            Item::ToolOutput { call_id: "c1".into(), output: vec![Content::Text("rain".into())] },
        ]
    );
}

#[test]
fn an_assistants_message_may_be_last() {
    let conversation =
        read(&json!([{"role":"user","content":"a"},{"role":"assistant","content":"b"}])).unwrap();
    assert_eq!(conversation.history.len(), 2);
    assert!(conversation.input.is_empty());
}

#[test]
fn what_is_wrong_is_named_by_its_path() {
    for (messages, param) in [
        (json!([]), "messages"),
        (json!([{"role":"user"}]), "messages[0].content"),
        (json!([{"role":"user","content":"a"},{"role":"tool","content":"b"}]), "messages[1].tool_call_id"),
        (json!([{"role":"user","content":[{"type":"text"}]}]), "messages[0].content[0]"),
        (json!([{"role":"user","content":[{"type":"hologram"}]}]), "messages[0].content[0]"),
    ] {
        match read(&messages) {
            Err(Refusal::Invalid { param: named, .. }) => assert_eq!(named, param),
            other => panic!("{messages}: {other:?}"),
        }
    }
    assert!(matches!(
        read(&json!([{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}])),
        Err(Refusal::Unsupported { .. })
    ));
}

#[test]
fn a_schema_is_passed_on_and_just_any_json_is_not_promised() {
    let schema = |format: Value| output_schema(Some(&serde_json::from_value(format).unwrap()));
    assert_eq!(schema(json!({"type":"text"})), Ok(None));
    assert_eq!(
        schema(json!({"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}})),
        Ok(Some(json!({"type":"object"})))
    );
    assert!(matches!(schema(json!({"type":"json_schema"})), Err(Refusal::Invalid { .. })));
    assert!(matches!(schema(json!({"type":"json_object"})), Err(Refusal::Unsupported { .. })));
    assert!(matches!(schema(json!({"type":"xml"})), Err(Refusal::Invalid { .. })));
}

#[test]
fn an_effort_is_checked_only_where_codex_names_some() {
    let known = ["low".to_owned(), "high".to_owned()];
    assert_eq!(check_effort(None, "m", &known), Ok(()));
    assert_eq!(check_effort(Some("high"), "m", &known), Ok(()));
    assert_eq!(check_effort(Some("odd"), "m", &[]), Ok(()));
    let refused = check_effort(Some("odd"), "m", &known).unwrap_err();
    assert_eq!(refused.to_string(), "The model m knows these efforts: low, high.");
}
