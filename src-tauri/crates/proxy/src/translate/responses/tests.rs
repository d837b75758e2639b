mod conversation;

use serde_json::{Value, json};

use super::*;
use crate::translate::refused;

fn read_with(
    body: &Value,
    before: &[StoredItem],
    find: &dyn Fn(&str) -> Option<StoredItem>,
) -> Result<ParsedRequest, ApiError> {
    let mut body = body.clone();
    body["model"] = "m".into();
    foreign::replace(body.as_object_mut().unwrap());
    let request: ResponsesRequest = serde_json::from_value(body).unwrap();
    let before: Vec<&StoredItem> = before.iter().collect();
    parse(request, &before, find, ReasoningFormat::Think, &mut Ids::new("0a".into()))
}

fn read(body: &Value) -> Result<ParsedRequest, ApiError> {
    read_with(body, &[], &|_| None)
}

fn items(body: &Value) -> Vec<Item> {
    read(body).unwrap().request.items
}

fn message(role: Role, text: &str) -> Item {
    Item::Message { role, content: vec![Content::Text(text.into())] }
}

fn output(call_id: &str, text: &str) -> Item {
    Item::ToolOutput { call_id: call_id.into(), output: vec![Content::Text(text.into())] }
}

fn call(call_id: &str) -> Item {
    Item::ToolCall(codex_client::ToolCall {
        call_id: call_id.into(),
        name: "weather".into(),
        arguments: "{ \"city\":\"K\"}".into(),
    })
}

#[test]
fn instructions_come_first_and_are_not_stored() {
    let stored = |item| StoredItem { id: "msg_1".into(), item: Some(item), json: Bytes::new() };
    let earlier = [stored(message(Role::User, "one")), stored(message(Role::Assistant, "two"))];
    let body = json!({"instructions":"be brief","input":"three"});
    let parsed = read_with(&body, &earlier, &|_| None).unwrap();
    assert_eq!(
        parsed.request.items,
        [
            message(Role::Developer, "be brief"),
            message(Role::User, "one"),
            message(Role::Assistant, "two"),
            message(Role::User, "three"),
        ]
    );
    let stored: Vec<_> = parsed.added.into_iter().map(|stored| (stored.id, stored.item)).collect();
    assert_eq!(stored, [("msg_0a0001".to_owned(), Some(message(Role::User, "three")))]);
    assert_eq!(parsed.options.instructions.as_deref(), Some("be brief"));
    assert!(parsed.store, "stored by default");
}

#[test]
fn functions_are_accepted_and_unsupported_tools_named() {
    let schema = json!({"type":"object","properties":{"city":{"type":"string"}}});
    let parsed = read(&json!({"input":"a","tool_choice":{"type":"function","name":"weather"},"tools":[
        {"type":"function","name":"weather","description":"Tells.","parameters":schema,"strict":true},
        {"type":"function","name":"bare"}
    ]}))
    .unwrap();
    let [weather, bare] = parsed.request.tools.as_slice() else { panic!("two tools") };
    assert_eq!((weather.name.as_str(), weather.description.as_str()), ("weather", "Tells."));
    assert_eq!(weather.parameters, schema);
    assert_eq!(bare.parameters["type"], "object");
    assert_eq!(bare.param, "tools[1]");
    assert_eq!(parsed.request.tool_choice, ToolChoice::Named("weather".into()));
    let echoed = serde_json::to_value(&parsed.options).unwrap();
    assert_eq!(
        echoed["tools"][1],
        json!({"type":"function","name":"bare","description":null,"parameters":null,"strict":null})
    );
    assert_eq!(echoed["tool_choice"], json!({"type":"function","name":"weather"}));

    let function = json!({"type":"function","name":"f"});
    let refused =
        |tools: Value, choice: Value| refused(read(&json!({"input":"a","tools":tools,"tool_choice":choice})));
    for kind in ["file_search", "code_interpreter", "mcp"] {
        let tools = json!([function, { "type": kind }]);
        assert_eq!(refused(tools, json!("auto")), (false, "tools[1].type".to_owned()));
    }
    assert_eq!(refused(json!([{"type":"function"}]), json!("auto")), (true, "tools[0].name".to_owned()));
    assert_eq!(refused(json!([]), json!("required")), (true, "tool_choice".to_owned()));
    let other = json!({"type":"function","name":"g"});
    assert_eq!(refused(json!([function]), other.clone()), (true, "tool_choice".to_owned()));
    let allowed = json!({"type":"allowed_tools","mode":"auto","tools":[other]});
    assert_eq!(refused(json!([function]), allowed), (true, "tool_choice".to_owned()));
    assert_eq!(refused(json!([function]), json!("sometimes")), (true, "tool_choice".to_owned()));
}

#[test]
fn the_text_format_is_passed_on_and_echoed() {
    let schema = json!({"type":"object"});
    let parsed = read(&json!({"input":"a","text":{"verbosity":"low","format":
        {"type":"json_schema","name":"city","strict":true,"schema":schema}}}))
    .unwrap();
    let param = "text.format.schema".to_owned();
    assert_eq!(parsed.request.format, Format::Schema { schema: schema.clone(), strict: true, param });
    assert_eq!(parsed.request.verbosity.as_deref(), Some("low"));
    assert_eq!(
        serde_json::to_value(&parsed.options.text).unwrap(),
        json!({"verbosity":"low","format":{"type":"json_schema","name":"city","strict":true,"schema":schema}})
    );
    let object = read(&json!({"input":"a","text":{"format":{"type":"json_object"}}})).unwrap();
    assert_eq!(object.request.format, Format::JsonObject);
    for (text, param) in [
        (json!({"format":{"type":"json_schema","name":"n","schema":true}}), "text.format.schema"),
        (json!({"format":{"type":"json_schema","schema":{}}}), "text.format.name"),
        (json!({"format":{"type":"xml"}}), "text.format.type"),
    ] {
        assert_eq!(refused(read(&json!({"input":"a","text":text}))), (true, param.to_owned()));
    }
}

#[test]
fn a_summary_is_never_part_of_the_text() {
    let with = |thinking: Value, settings| {
        let body = json!({"model":"m","input":"a","reasoning":thinking});
        let request = serde_json::from_value(body).unwrap();
        let mut ids = Ids::new("0a".into());
        parse(request, &[], &|_| None, settings, &mut ids).map(|read| read.request.reasoning_format.unwrap())
    };
    assert_eq!(with(json!(null), ReasoningFormat::Think), Ok(ReasoningFormat::ReasoningContent));
    assert_eq!(with(json!(null), ReasoningFormat::None), Ok(ReasoningFormat::None));
    assert_eq!(with(json!({"summary":"auto"}), ReasoningFormat::None), Ok(ReasoningFormat::ReasoningContent));
    let odd = with(json!({"summary":"poetic"}), ReasoningFormat::None);
    assert_eq!(refused(odd), (true, "reasoning.summary".to_owned()));
}

#[test]
fn only_values_in_openais_specification_are_echoed() {
    let options = read(&json!({
        "input":"a","temperature":9,"top_p":0.5,"truncation":"odd","service_tier":"mine",
        "reasoning":{"effort":"ultra"},"metadata":{"a":"b"},"max_output_tokens":20
    }))
    .unwrap()
    .options;
    let options = serde_json::to_value(&options).unwrap();
    for (name, expected) in [
        ("temperature", json!(null)),
        ("top_p", json!(0.5)),
        ("truncation", json!(null)),
        ("service_tier", json!(null)),
        ("reasoning", json!({"effort":null,"summary":null})),
        ("metadata", json!({"a":"b"})),
        ("max_output_tokens", json!(20)),
    ] {
        assert_eq!(options[name], expected, "{name}");
    }
}
