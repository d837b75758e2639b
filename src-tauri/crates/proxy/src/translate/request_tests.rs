use serde_json::{Value, json};

use super::*;

fn read(body: &Value) -> Result<AnswerRequest, ApiError> {
    let mut whole = json!({ "model": "m", "messages": [{"role":"user","content":"hi"}] });
    for (name, value) in body.as_object().unwrap() {
        whole[name] = value.clone();
    }
    parse(serde_json::from_value(whole).unwrap())
}

fn items_of(messages: &Value) -> Result<Vec<Item>, ApiError> {
    read(&json!({ "messages": messages })).map(|request| request.items)
}

fn message(role: Speaker, text: &str) -> Item {
    Item::Message { role, content: vec![Content::Text(text.into())] }
}

fn param<T: std::fmt::Debug>(outcome: Result<T, ApiError>) -> String {
    crate::translate::refused(outcome).1
}

#[test]
fn messages_keep_their_order_and_roles() {
    let items = items_of(&json!([
        {"role":"system","content":"be brief"},
        {"role":"user","content":"one"},
        {"role":"assistant","content":"two"},
        {"role":"system","content":"be kind"},
        {"role":"developer","content":"be true"},
        {"role":"user","content":[{"type":"text","text":"three"},{"type":"text","text":"four"}]}
    ]))
    .unwrap();
    let last = vec![Content::Text("three".into()), Content::Text("four".into())];
    assert_eq!(
        items,
        [
            message(Speaker::Developer, "be brief"),
            message(Speaker::User, "one"),
            message(Speaker::Assistant, "two"),
            message(Speaker::Developer, "be kind"),
            message(Speaker::Developer, "be true"),
            Item::Message { role: Speaker::User, content: last },
        ]
    );
}

#[test]
fn calls_and_outputs_are_passed_verbatim() {
    let items = items_of(&json!([
        {"role":"user","content":"weather?"},
        {"role":"assistant","content":null,"tool_calls":[
            {"id":"c1","type":"function","function":{"name":"weather","arguments":"{ \"city\":\"K\"}"}}
        ]},
        {"role":"tool","tool_call_id":"c1","content":"rain"}
    ]))
    .unwrap();
    let call =
        ToolCall { call_id: "c1".into(), name: "weather".into(), arguments: "{ \"city\":\"K\"}".into() };
    let output = vec![Content::Text("rain".into())];
    assert_eq!(items[1..], [Item::ToolCall(call), Item::ToolOutput { call_id: "c1".into(), output }]);
}

#[test]
fn a_legacy_call_is_paired_with_its_output_without_an_id() {
    let body = json!({
        "functions":[{"name":"f","parameters":{"type":"object"}}],
        "function_call":{"name":"f"},
        "messages":[
            {"role":"user","content":"x"},
            {"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},
            {"role":"function","name":"f","content":"done"}
        ]
    });
    let request = read(&body).unwrap();
    let [_, Item::ToolCall(call), Item::ToolOutput { call_id, .. }] = request.items.as_slice() else {
        panic!("{:?}", request.items)
    };
    assert_eq!(&call.call_id, call_id);
    assert_eq!(request.tool_choice, ToolChoice::Named("f".into()));
    assert_eq!(request.tools[0].param, "functions[0]");
    assert!(!request.parallel_tool_calls, "the legacy form allows one call");
}

#[test]
fn unpaired_calls_and_outputs_are_rejected() {
    let call = json!({"role":"assistant","tool_calls":[
        {"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},
        {"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]});
    let output = json!({"role":"tool","tool_call_id":"a","content":"x"});
    let user = json!({"role":"user","content":"x"});
    assert_eq!(param(items_of(&json!([user, output]))), "messages[1].tool_call_id");
    assert_eq!(param(items_of(&json!([user, call, output]))), "messages[1].tool_calls");
    assert_eq!(param(items_of(&json!([user, call, output, user]))), "messages[1].tool_calls");
    let other = json!({"role":"tool","tool_call_id":"b","content":"x"});
    assert!(items_of(&json!([user, call, other, output, user])).is_ok(), "in any order");
}

#[test]
fn errors_name_the_path() {
    for (messages, path) in [
        (json!([]), "messages"),
        (json!([{"role":"user"}]), "messages[0].content"),
        (json!([{"role":"user","content":"a"},{"role":"tool","content":"b"}]), "messages[1].tool_call_id"),
        (json!([{"role":"user","content":[{"type":"text"}]}]), "messages[0].content[0]"),
        (json!([{"role":"user","content":[{"type":"hologram"}]}]), "messages[0].content[0]"),
        (json!([{"role":"user","content":[{"type":"input_audio"}]}]), "messages[0].content[0]"),
        (json!([{"role":"user","content":[{"type":"image_url"}]}]), "messages[0].content[0]"),
        (
            json!([{"role":"user","content":[{"type":"image_url","image_url":{"url":"ftp://x/y.png"}}]}]),
            "messages[0].content[0].image_url.url",
        ),
        (
            json!([{"role":"system","content":[{"type":"image_url","image_url":"data:image/png;base64,"}]}]),
            "messages[0].content[0]",
        ),
        (
            json!([{"role":"assistant","tool_calls":[{"id":"a","type":"custom"}]}]),
            "messages[0].tool_calls[0].function",
        ),
    ] {
        assert_eq!(param(items_of(&messages)), path, "{messages}");
    }
}

#[test]
fn response_formats_are_parsed_and_unknown_ones_rejected() {
    let form = |format: Value| read(&json!({ "response_format": format })).map(|request| request.format);
    assert_eq!(form(json!({"type":"text"})), Ok(Format::Text));
    assert_eq!(form(json!({"type":"json_object"})), Ok(Format::JsonObject));
    let schema =
        json!({"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"type":"object"}}});
    let param_of_schema = "response_format.json_schema.schema".to_owned();
    assert_eq!(
        form(schema),
        Ok(Format::Schema { schema: json!({"type":"object"}), strict: true, param: param_of_schema.clone() })
    );
    let odd = json!({"type":"json_schema","json_schema":{"name":"n","schema":true}});
    assert_eq!(param(form(odd)), param_of_schema);
    assert_eq!(param(form(json!({"type":"json_schema"}))), "response_format.json_schema");
    assert_eq!(param(form(json!({"type":"xml"}))), "response_format.type");
}

#[test]
fn parameters_are_parsed_in_all_their_forms() {
    let request = read(&json!({
        "stop":"x","max_tokens":7,"n":3,"verbosity":"low","service_tier":"flex","reasoning_format":"raw"
    }))
    .unwrap();
    assert_eq!((request.stop, request.max_tokens, request.n), (vec!["x".to_owned()], Some(7), 3));
    assert_eq!((request.verbosity.as_deref(), request.service_tier.as_deref()), (Some("low"), Some("flex")));
    assert_eq!(request.reasoning_format, Some(ReasoningFormat::Think));
    let request = read(
        &json!({"stop":["a","","b"],"max_completion_tokens":5,"max_tokens":7,"include_reasoning":false}),
    );
    let request = request.unwrap();
    assert_eq!((request.stop, request.max_tokens), (vec!["a".to_owned(), "b".to_owned()], Some(5)));
    assert_eq!(request.reasoning_format, Some(ReasoningFormat::None));
    assert_eq!(read(&json!({"service_tier":"auto"})).unwrap().service_tier, None);
    assert_eq!(param(read(&json!({"reasoning_format":"loud"}))), "reasoning_format");
}
