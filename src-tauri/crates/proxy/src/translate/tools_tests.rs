use super::*;
use crate::translate::refused;

fn tools(names: &[&str]) -> Vec<ClientTool> {
    let tools = names.iter().map(|name| json!({"type":"function","function":{"name":name}}));
    from_tools(serde_json::from_value(tools.collect()).unwrap()).unwrap()
}

#[test]
fn a_tool_without_parameters_has_an_empty_schema() {
    let tools = tools(&["f"]);
    assert_eq!((tools[0].name.as_str(), tools[0].param.as_str()), ("f", "tools[0].function"));
    assert_eq!(tools[0].parameters, json!({"type":"object","properties":{}}));
}

#[test]
fn a_tool_that_is_not_a_function_is_named_by_its_path() {
    let tools = json!([{"type":"function","function":{"name":"f"}},{"type":"web_search"}]);
    let outcome = refused(from_tools(serde_json::from_value(tools).unwrap()));
    assert_eq!(outcome, (false, "tools[1].type".to_owned()));
}

#[test]
fn a_choice_is_parsed_in_every_form() {
    let read = |value: Value| choice(Some(&value), "tool_choice");
    assert_eq!(choice(None, "x"), Ok(ToolChoice::Auto));
    assert_eq!(read(json!("auto")), Ok(ToolChoice::Auto));
    assert_eq!(read(json!("none")), Ok(ToolChoice::None));
    assert_eq!(read(json!("required")), Ok(ToolChoice::Required));
    let named = Ok(ToolChoice::Named("f".into()));
    assert_eq!(read(json!({"type":"function","function":{"name":"f"}})), named);
    assert_eq!(read(json!({"type":"function","name":"f"})), named);
    assert_eq!(read(json!({"name":"f"})), named);
    assert!(refused(read(json!("perhaps"))).0);
    assert!(refused(read(json!(3))).0);
    assert!(!refused(read(json!({"type":"allowed_tools"}))).0);
}

#[test]
fn a_required_tool_must_exist() {
    let check = |names: &[&str], choice: ToolChoice| check_choice(&tools(names), &choice, "tool_choice");
    assert!(check(&["f"], ToolChoice::Named("f".into())).is_ok());
    assert!(check(&["f"], ToolChoice::Named("g".into())).is_err());
    assert!(check(&[], ToolChoice::Required).is_err());
    assert!(check(&[], ToolChoice::Auto).is_ok());
}
