use serde_json::json;

use super::*;
use crate::translate::refused;

fn tools(names: &[&str]) -> Vec<ClientTool> {
    names.iter().map(|name| ClientTool { name: (*name).to_owned(), ..ClientTool::default() }).collect()
}

#[test]
fn a_choice_is_parsed_in_every_form() {
    let read = |value: Value| choice(Some(&value), "tool_choice", &mut Vec::new());
    assert_eq!(choice(None, "x", &mut Vec::new()), Ok(ToolChoice::Auto));
    assert_eq!(read(json!("auto")), Ok(ToolChoice::Auto));
    assert_eq!(read(json!("none")), Ok(ToolChoice::None));
    assert_eq!(read(json!("required")), Ok(ToolChoice::Required));
    let named = Ok(ToolChoice::Named("f".into()));
    assert_eq!(read(json!({"type":"function","function":{"name":"f"}})), named);
    assert_eq!(read(json!({"type":"function","name":"f"})), named);
    assert_eq!(read(json!({"name":"f"})), named);
    assert_eq!(read(json!({"type":"custom","custom":{"name":"f"}})), named);
    assert_eq!(read(json!({"type":"custom","name":"f"})), named);
    assert!(refused(read(json!("perhaps"))).0);
    assert!(refused(read(json!(3))).0);
    let allowed = json!({"mode":"required","tools":[{"type":"function","name":"f"}]});
    assert_eq!(read(json!({"type":"allowed_tools","allowed_tools":allowed})), Ok(ToolChoice::Required));
    assert_eq!(read(json!({"type":"allowed_tools","tools":[]})), Ok(ToolChoice::Auto));
}

#[test]
fn a_choice_of_web_search_is_ignored_by_name() {
    let mut ignored = Vec::new();
    let search = json!({"type":"web_search_preview"});
    assert_eq!(choice(Some(&search), "tool_choice", &mut ignored), Ok(ToolChoice::Auto));
    assert_eq!(ignored, ["tool_choice"]);
}

#[test]
fn a_required_tool_must_exist() {
    let check = |names: &[&str], choice: ToolChoice| check_choice(&tools(names), &choice, "tool_choice");
    assert!(check(&["f"], ToolChoice::Named("f".into())).is_ok());
    assert!(check(&["f"], ToolChoice::Named("g".into())).is_err());
    assert!(check(&[], ToolChoice::Required).is_err());
    assert!(check(&[], ToolChoice::Auto).is_ok());
}
