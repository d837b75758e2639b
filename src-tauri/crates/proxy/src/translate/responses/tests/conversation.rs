//! Parsing of input items.

use serde_json::{Value, json};

use super::*;

#[test]
fn a_string_is_a_user_message() {
    assert_eq!(items(&json!({"input":"hi"})), [message(Role::User, "hi")]);
}

#[test]
fn messages_are_parsed_in_both_forms_and_keep_their_order() {
    let input = json!([
        {"role":"system","content":"be brief"},
        {"type":"message","role":"user","content":[{"type":"input_text","text":"one"}]},
        {"type":"message","role":"assistant","id":"msg_x","status":"completed","content":[
            {"type":"output_text","text":"two","annotations":[]},{"type":"refusal","refusal":"no"}]},
        {"role":"developer","content":[{"type":"input_text","text":"be kind"}]},
        {"role":"user","content":[
            {"type":"input_text","text":"look"},
            {"type":"input_image","image_url":"data:image/gif;base64,R0lGODdh","detail":"low"}]}
    ]);
    assert_eq!(
        items(&json!({ "input": input })),
        [
            message(Role::Developer, "be brief"),
            message(Role::User, "one"),
            Item::Message {
                role: Role::Assistant,
                content: vec![Content::Text("two".into()), Content::Text("no".into())]
            },
            message(Role::Developer, "be kind"),
            Item::Message {
                role: Role::User,
                content: vec![
                    Content::Text("look".into()),
                    Content::Image {
                        url: "data:image/gif;base64,R0lGODdh".into(),
                        detail: Some("low".into())
                    }
                ]
            },
        ]
    );
}

#[test]
fn calls_and_outputs_are_items_and_reasoning_is_dropped() {
    let input = json!([
        {"role":"user","content":"weather?"},
        {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"x"},
        {"type":"function_call","id":"fc_1","call_id":"c1","name":"weather","arguments":"{ \"city\":\"K\"}"},
        {"type":"function_call","call_id":"c2","name":"weather","arguments":"{ \"city\":\"K\"}"},
        {"type":"function_call_output","call_id":"c2","output":"rain"},
        {"type":"function_call_output","call_id":"c1","output":[{"type":"input_text","text":"sun"}]}
    ]);
    assert_eq!(
        items(&json!({ "input": input })),
        [message(Role::User, "weather?"), call("c1"), call("c2"), output("c2", "rain"), output("c1", "sun")]
    );
}

#[test]
fn calls_and_outputs_must_be_paired() {
    let stored = |item| StoredItem { id: "fc_1".into(), item: Some(item), json: Bytes::new() };
    let before = [stored(message(Role::User, "a")), stored(call("c1")), stored(call("c2"))];
    let answer = |call_id: &str| json!({"type":"function_call_output","call_id":call_id,"output":"rain"});
    let after = |input: Value| read_with(&json!({ "input": input }), &before, &|_| None);
    assert_eq!(after(json!([answer("c2"), answer("c1")])).unwrap().request.items.len(), 5);
    assert_eq!(refused(after(json!([answer("c1")]))), (true, "input".to_owned()));
    let stray = json!([answer("c1"), answer("c3")]);
    assert_eq!(refused(after(stray)), (true, "input[1].call_id".to_owned()));
}

#[test]
fn text_split_by_reasoning_is_one_message() {
    let assistant = |text: &str| json!({"role":"assistant","content":text});
    let thinks = json!({"type":"reasoning","id":"rs_1","summary":[]});
    let input = json!([assistant("a"), thinks, assistant("b"), assistant("c")]);
    let content = ["a", "b"].map(|text| Content::Text(text.into())).to_vec();
    assert_eq!(
        items(&json!({ "input": input })),
        [Item::Message { role: Role::Assistant, content }, message(Role::Assistant, "c")]
    );
}

#[test]
fn a_reference_resolves_to_the_stored_item() {
    let find = |id: &str| match id {
        "fc_1" => Some(StoredItem { id: id.into(), item: Some(call("c1")), json: Bytes::new() }),
        "rs_1" => Some(StoredItem { id: id.into(), item: None, json: Bytes::new() }),
        _ => None,
    };
    let input = json!([{"type":"item_reference","id":"rs_1"},{"id":"fc_1"},
        {"type":"function_call_output","call_id":"c1","output":"rain"}]);
    let parsed = read_with(&json!({ "input": input }), &[], &find).unwrap();
    assert_eq!(parsed.request.items[0], call("c1"));
    assert_eq!(parsed.added[1].id, "fc_1");
    let unknown = json!({"input":[{"role":"user","content":"a"},{"type":"item_reference","id":"x"}]});
    let forgotten = message(Role::Assistant, "[an earlier message, no longer stored]");
    assert_eq!(read_with(&unknown, &[], &find).unwrap().request.items[1], forgotten);
}

#[test]
fn errors_name_the_path() {
    let user = |part: Value| json!([{ "role": "user", "content": [part] }]);
    for (input, param) in [
        (json!([]), "input"),
        (json!([{"content":"a"}]), "input[0].role"),
        (json!([{"role":"tool","content":"a"}]), "input[0].role"),
        (json!([{"role":"user"}]), "input[0].content"),
        (user(json!({"type":"input_text"})), "input[0].content[0]"),
        (user(json!({"type":"hologram"})), "input[0].content[0]"),
        (
            json!([{"role":"assistant","content":[{"type":"input_image","image_url":"data:image/gif;base64,R0lGODdh"}]}]),
            "input[0].content[0]",
        ),
        (json!([{"type":"function_call","call_id":"c"}]), "input[0].name"),
        (json!([{"type":"function_call_output","output":"a"}]), "input[0].call_id"),
        (json!([{"type":"function_call_output","call_id":"c"}]), "input[0].output"),
        (json!([{"type":"item_reference"}]), "input[0].id"),
        (
            user(json!({"type":"input_image","image_url":"ftp://example.com/a.png"})),
            "input[0].content[0].image_url",
        ),
        (
            user(json!({"type":"input_image","image_url":"data:image/gif;base64,R0lGODdh","detail":"huge"})),
            "input[0].content[0].detail",
        ),
    ] {
        assert_eq!(refused(read(&json!({ "input": input }))), (true, param.to_owned()), "{input}");
    }
    for (input, param) in [
        (user(json!({"type":"input_file","file_id":"f"})), "input[0].content[0]"),
        (user(json!({"type":"input_image","file_id":"f"})), "input[0].content[0].image_url"),
    ] {
        assert_eq!(refused(read(&json!({ "input": input }))), (false, param.to_owned()), "{input}");
    }
}

#[test]
fn output_items_become_conversation_items() {
    let output = [
        OutputItem::Reasoning { id: "rs_1".into(), summary: Vec::new() },
        OutputItem::FunctionCall {
            namespace: None,
            id: "fc_1".into(),
            status: crate::openai::responses::item::ItemStatus::Completed,
            call_id: "c1".into(),
            name: "weather".into(),
            arguments: "{ \"city\":\"K\"}".into(),
        },
    ];
    let stored = output_items(&output);
    let stored: Vec<_> = stored.iter().map(from_stored).map(|stored| (stored.id, stored.item)).collect();
    assert_eq!(stored, [("rs_1".to_owned(), None), ("fc_1".to_owned(), Some(call("c1")))]);
}
