use super::*;
use crate::translate::refused;

fn responses(tools: Value) -> Result<OfferedTools, ApiError> {
    let mut offered = OfferedTools::default();
    for (index, tool) in serde_json::from_value::<Vec<Tool>>(tools).unwrap().into_iter().enumerate() {
        offered.add(tool, &format!("tools[{index}]"))?;
    }
    Ok(offered)
}

fn chat(tools: Value) -> Result<OfferedTools, ApiError> {
    let mut offered = OfferedTools::default();
    offered.add_chat(serde_json::from_value(tools).unwrap())?;
    Ok(offered)
}

#[test]
fn a_function_without_parameters_has_no_arguments() {
    for (offered, param) in [
        (chat(json!([{"type":"function","function":{"name":"f"}}])), "tools[0].function"),
        (responses(json!([{"type":"function","name":"f"}])), "tools[0]"),
    ] {
        let tools = offered.unwrap().tools;
        assert_eq!((tools[0].name.as_str(), tools[0].param.as_str()), ("f", param));
        assert_eq!(tools[0].parameters, json!({"type":"object","properties":{}}));
    }
}

#[test]
fn a_custom_tool_is_a_function_with_one_text_and_its_format_is_described() {
    let lark = json!({"type":"grammar","syntax":"lark","definition":"start: \"a\""});
    let nested = json!({"type":"grammar","grammar":{"syntax":"lark","definition":"start: \"a\""}});
    let regex = json!({"type":"grammar","syntax":"regex","definition":"a+"});
    let described = "D.\n\nThe input is plain text that must match this";
    for (format, description) in [
        (json!(null), "D.\n\nThe input is plain text.".to_owned()),
        (json!({"type":"text"}), "D.\n\nThe input is plain text.".to_owned()),
        (lark, format!("{described} Lark grammar:\nstart: \"a\"")),
        (nested, format!("{described} Lark grammar:\nstart: \"a\"")),
        (regex, format!("{described} regular expression:\na+")),
    ] {
        let tool = json!({"name":"c","description":"D.","format":format});
        let mut flat = tool.clone();
        flat["type"] = "custom".into();
        for offered in [chat(json!([{"type":"custom","custom":tool}])), responses(json!([flat]))] {
            let tool = &offered.unwrap().tools[0];
            assert!(tool.is_custom);
            assert_eq!(tool.description, description);
            assert_eq!(tool.parameters["properties"], json!({"input":{"type":"string"}}));
        }
    }
}

#[test]
fn a_namespace_is_its_tools() {
    let offered = responses(json!([{"type":"namespace","name":"mcp__git__","description":"Git.","tools":[
        {"type":"function","name":"log","parameters":{"type":"object"}},{"type":"custom","name":"run"}]}]));
    let tools = offered.unwrap().tools;
    let names: Vec<_> = tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["mcp__git__log", "mcp__git__run"]);
    assert_eq!(tools[1].namespaced, Some(("mcp__git__".to_owned(), "run".to_owned())));
    assert_eq!((tools[1].is_custom, tools[1].param.as_str()), (true, "tools[0].tools[1]"));
}

#[test]
fn later_tools_replace_earlier_ones_of_the_same_name() {
    let mut offered =
        responses(json!([{"type":"function","name":"a"},{"type":"function","name":"b"}])).unwrap();
    let later = json!([{"type":"function","name":"a","description":"new"},{"type":"tool_search"}]);
    offered.add_later(serde_json::from_value(later).unwrap(), "input[1]").unwrap();
    let tools: Vec<_> = offered.tools.iter().map(|tool| (&*tool.name, &*tool.description)).collect();
    assert_eq!(tools, [("b", ""), ("a", "new")]);
    assert_eq!(offered.ignored, ["tool_search"]);
}

#[test]
fn the_options_of_a_web_search_are_passed_on_or_ignored_by_name() {
    let location = |of: Value| json!({"type":"approximate","city":of["city"],"approximate":of["nested"]});
    for kind in ["web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11"]
    {
        for user_location in [location(json!({"city":"Köln"})), location(json!({"nested":{"city":"Köln"}}))]
        {
            let mut user_location = user_location;
            user_location.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            let tool = json!([{"type":kind,"search_context_size":"low","user_location":user_location,
                "filters":{"allowed_domains":["a.org"],"blocked_domains":["b.org"]},
                "external_web_access":false,"search_content_types":["image"],"max_uses":null}]);
            for offered in [chat(tool.clone()), responses(tool)] {
                let offered = offered.unwrap();
                let search = offered.web_search.unwrap();
                assert_eq!(search.context_size.as_deref(), Some("low"));
                assert_eq!(search.location.unwrap().city.as_deref(), Some("Köln"));
                assert_eq!((search.allowed_domains, search.cached_only), (vec!["a.org".to_owned()], true));
                let mut ignored = offered.ignored;
                ignored.sort();
                assert_eq!(
                    ignored,
                    ["web_search.filters.blocked_domains", "web_search.search_content_types"]
                );
            }
        }
    }
}

#[test]
fn an_unsupported_or_incomplete_tool_is_named_by_its_path() {
    for kind in ["file_search", "code_interpreter", "mcp", "computer_use_preview", "odd"] {
        let tools = json!([{"type":"web_search"},{"type":kind}]);
        for offered in [chat(tools.clone()), responses(tools)] {
            assert_eq!(refused(offered), (false, "tools[1].type".to_owned()));
        }
    }
    for (tool, param) in [
        (json!({"type":"function"}), "tools[0].name"),
        (json!({"type":"custom","name":""}), "tools[0].name"),
        (json!({"type":"custom","name":"c","format":{"type":"grammar"}}), "tools[0].format"),
        (json!({"type":"namespace","name":"n"}), "tools[0].tools"),
        (json!({"type":"namespace","name":"n","tools":[{"type":"function"}]}), "tools[0].tools[0].name"),
        (json!({"type":"web_search","search_context_size":"huge"}), "tools[0].search_context_size"),
        (json!({"type":"web_search","user_location":"here"}), "tools[0].user_location"),
    ] {
        assert_eq!(refused(responses(json!([tool]))), (true, param.to_owned()));
    }
    for (tool, param) in
        [(json!({"type":"function"}), "tools[0].function"), (json!({"type":"custom"}), "tools[0].custom")]
    {
        assert_eq!(refused(chat(json!([tool]))), (true, param.to_owned()));
    }
    assert!(!refused(chat(json!([{"type":"namespace"}]))).0);
}
