use proptest::prelude::*;
use serde_json::json;

use super::*;

fn tool(name: &str, parameters: Value, param: &str) -> ClientTool {
    ClientTool { name: name.to_owned(), parameters, param: param.to_owned(), ..ClientTool::default() }
}

/// The parameter and message of the error.
fn refused<T>(result: Result<T, ApiError>) -> (String, String) {
    match result.err() {
        Some(error) if error.code() == "invalid_request" => {
            (error.body().error.param.unwrap(), error.message().to_owned())
        }
        other => panic!("{other:?}"),
    }
}

/// Checks the tools' sizes, then compiles them.
fn check_tools(tools: &[ClientTool]) -> Result<(), ApiError> {
    check_sizes(tools, &Format::Text)?;
    prepare_tools(&mut tools.to_vec(), &CancellationToken::new()).map(drop)
}

fn compile_format(schema: &Value, strict: bool, param: &str) -> Result<CompiledFormat, ApiError> {
    let format = Format::Schema { schema: schema.clone(), strict, param: param.to_owned() };
    CompiledFormat::new(&format, &CancellationToken::new())
}

fn check(schema: &Value) -> OutputCheck {
    OutputCheck::new(schema, &CancellationToken::new()).unwrap()
}

fn upstream(schema: &Value) -> Option<Value> {
    let compile_format = compile_format(schema, false, "schema").unwrap();
    assert_eq!(compile_format.note.is_some(), compile_format.upstream.is_none());
    compile_format.upstream
}

#[test]
fn common_tool_schemas_are_accepted() {
    let tools = [
        tool("empty", json!({}), "tools[0]"),
        tool("bare", json!({"type": "object"}), "tools[1]"),
        tool(
            "open",
            json!({"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":true}),
            "tools[2]",
        ),
        tool("tuple", json!({"type":"object","properties":{"a":{"items":[{"type":"string"}]}}}), "tools[3]"),
        tool(
            "old",
            json!({"type":"object","properties":{"a":{"minimum":1,"exclusiveMinimum":true}}}),
            "tools[4]",
        ),
        tool(
            "own",
            json!({"$schema":"http://json-schema.org/draft-07/schema#","$ref":"#/definitions/a","definitions":{"a":{"type":"object"}}}),
            "tools[5]",
        ),
        tool("dangling", json!({"properties":{"a":{"$ref":"#/components/schemas/B"}}}), "tools[6]"),
        tool("nullable", json!({"type":["object","null"]}), "tools[7]"),
        tool("look", json!({"properties":{"a":{"type":"string","pattern":"^(?!x)\\d+$"}}}), "tools[8]"),
    ];
    assert_eq!(check_tools(&tools), Ok(()));
}

#[test]
fn an_invalid_tool_schema_is_named_with_the_problem() {
    for (schema, expected) in [
        (json!([]), "must be an object"),
        (json!({"type": "string"}), "type must be \"object\""),
        (json!({"type": "object", "properties": {"city": {"type": "text"}}}), "at /properties/city/type"),
        (json!({"type": "object", "required": "city"}), "at /required"),
        (json!({"$ref": "https://example.com/schema.json"}), "https://example.com/schema.json"),
        (json!({"$ref": "file:///etc/passwd"}), "file:///etc/passwd"),
        (json!({"properties": {"a": {"type": "string", "pattern": "["}}}), "at /properties/a/pattern"),
    ] {
        let (param, message) = refused(check_tools(&[tool("get_weather", schema, "tools[2].function")]));
        assert_eq!(param, "tools[2].function.parameters");
        assert!(message.contains("\"get_weather\""), "{message}");
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains(".."), "{message}");
    }
}

#[test]
fn the_parameter_is_named_as_in_the_route() {
    let wrong = |param| [tool("t", json!(1), param)];
    assert_eq!(refused(check_tools(&wrong("functions[0]"))).0, "functions[0].parameters");
    assert_eq!(refused(check_tools(&wrong("tools[2]"))).0, "tools[2].parameters");
}

#[test]
fn duplicate_tool_names_are_rejected() {
    let tools = [tool("twin", json!({}), "tools[0].function"), tool("twin", json!({}), "tools[1].function")];
    let (param, message) = refused(check_tools(&tools));
    assert_eq!(param, "tools[1].function.name");
    assert!(message.contains("\"twin\""), "{message}");
}

#[test]
fn a_strict_schema_is_passed_on_unchanged() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    assert_eq!(compile_format(&schema, true, "p").unwrap().upstream, Some(schema));
}

#[test]
fn an_invalid_schema_is_rejected_strict_or_not() {
    for strict in [true, false] {
        for schema in [json!("text"), json!(true), json!({"type": "nothing"})] {
            assert_eq!(
                refused(compile_format(&schema, strict, "text.format.schema")).0,
                "text.format.schema"
            );
        }
    }
}

#[test]
fn a_schema_valid_in_strict_mode_is_passed_on() {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "description": "A step.",
        "properties": {
            "kind": {"type": "string", "enum": ["a", "b"]},
            "next": {"anyOf": [{"$ref": "#/$defs/step"}, {"type": "null"}]},
            "tags": {"type": ["array", "null"], "items": {"type": "string", "pattern": "^a"}, "maxItems": 3},
            "nothing": {"type": "object", "properties": {}, "required": [], "additionalProperties": false},
        },
        "required": ["tags", "kind", "next", "nothing"],
        "additionalProperties": false,
        "$defs": {"step": {
            "type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"],
            "additionalProperties": false,
        }},
    });
    assert_eq!(upstream(&schema), Some(schema));
}

#[test]
fn open_objects_with_all_properties_required_are_closed() {
    let schema = json!({
        "type": "object",
        "properties": {
            "a": {"type": "object", "properties": {"b": {"type": "string", "default": "x"}}, "required": ["b"]},
            "c": {"$ref": "#/definitions/d", "description": "lost beside a reference"},
        },
        "required": ["a", "c"],
        "definitions": {"d": {"type": "object", "additionalProperties": false}},
    });
    assert_eq!(
        upstream(&schema),
        Some(json!({
            "type": "object",
            "properties": {
                "a": {"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"],
                    "additionalProperties": false},
                "c": {"$ref": "#/definitions/d"},
            },
            "required": ["a", "c"],
            "additionalProperties": false,
            "definitions": {"d": {
                "type": "object", "properties": {}, "required": [], "additionalProperties": false,
            }},
        }))
    );
}

#[test]
fn schemas_strict_mode_cannot_express_go_into_the_prompt() {
    let nested = (0..12).fold(json!({"type": "string"}), |items, _| json!({"type": "array", "items": items}));
    let property = |schema: Value| json!({"type":"object","properties":{"a":schema},"required":["a"],"additionalProperties":false});
    for schema in [
        json!({}),
        json!({"type": "array", "items": {"type": "string"}}),
        json!({"anyOf": [{"type": "object", "properties": {}, "additionalProperties": false}]}),
        json!({"type": "object"}),
        json!({"type": "object", "properties": {"a": {"type": "string"}}}),
        json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"],
            "additionalProperties": true}),
        json!({"type": "object", "additionalProperties": {"type": "string"}}),
        property(json!(true)),
        property(json!({})),
        property(json!({"type": "array"})),
        property(json!({"type": "string", "minLength": 1})),
        property(json!({"type": "string", "format": "uri"})),
        property(json!({"oneOf": [{"type": "string"}]})),
        property(json!({"type": "string", "not": {"const": "x"}})),
        property(json!({"enum": [{"b": 1}], "type": "object"})),
        property(nested),
        property(json!({"type": "integer", "enum": (0..1001).collect::<Vec<_>>()})),
    ] {
        let compile_format = compile_format(&schema, false, "p").unwrap();
        assert_eq!(compile_format.upstream, None, "{schema}");
        assert!(compile_format.note.unwrap().contains(&schema.to_string()), "{schema}");
    }
}

#[test]
fn an_answer_is_validated_and_errors_do_not_quote_it() {
    let schema = json!({
        "type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": {"type": "boolean"},
    });
    let check = check(&schema);
    assert_eq!(check.check("{\"n\": 1, \"other\": true}\n"), Ok(()));
    for answer in ["", "{\"n\": 1", "secret", "{\"n\":1} secret"] {
        assert_eq!(check.check(answer), Err("the answer is not JSON".to_owned()), "{answer}");
    }
    let wrong = check.check("{\"n\": \"secret\"}").unwrap_err();
    assert_eq!(wrong, "the answer does not match the schema at /properties/n/type");
    let wrong = check.check("{\"secret\": 1}").unwrap_err();
    assert_eq!(wrong, "the answer does not match the schema at /additionalProperties/type");
}

#[test]
fn formats_are_not_validated() {
    let schema = json!({"$schema": "http://json-schema.org/draft-07/schema#", "format": "email"});
    assert_eq!(check(&schema).check("\"not an address\""), Ok(()));
}

/// Small schemas, most of them almost strict.
fn some_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({"type": "string"})),
        Just(json!({"type": "integer", "minimum": 1, "default": 2})),
        Just(json!({"type": ["string", "null"], "enum": ["x", null]})),
        Just(json!({"type": "object"})),
        Just(json!({"$ref": "#"})),
        Just(json!(true)),
    ];
    leaf.prop_recursive(3, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|items| json!({"type": "array", "items": items})),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|branches| json!({"anyOf": branches})),
            (prop::collection::btree_map("[ab]", inner, 0..3), any::<[bool; 4]>()).prop_map(object),
        ]
    })
}

/// An object with parts omitted according to the flags.
fn object(
    (properties, [open, explicit, some, typed]): (std::collections::BTreeMap<String, Value>, [bool; 4]),
) -> Value {
    let required: Vec<_> = properties.keys().skip(usize::from(some && open)).cloned().collect();
    let mut schema = json!({"properties": properties, "required": required});
    if typed || !open {
        schema["type"] = "object".into();
    }
    if explicit {
        schema["additionalProperties"] = (open && typed).into();
    }
    schema
}

fn some_value() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![Just(json!(1)), Just(json!("x")), Just(json!("y")), Just(json!(null)), Just(json!({}))];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[ab]", inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn answers_valid_against_the_narrowed_schema_are_valid_against_the_original(
        properties in prop::collection::btree_map("[ab]", some_schema(), 1..3),
        values in prop::collection::vec(some_value(), 1..20),
    ) {
        let schema = object((properties, [false; 4]));
        if let Some(narrowed) = upstream_or_none(&schema) {
            let before = check(&schema);
            let after = check(&narrowed);
            prop_assert_eq!(upstream(&narrowed), Some(narrowed.clone()));
            for value in values {
                let answer = value.to_string();
                if after.check(&answer).is_ok() {
                    prop_assert_eq!(before.check(&answer), Ok(()), "{} became {}", schema, narrowed);
                }
            }
        }
    }
}

fn upstream_or_none(schema: &Value) -> Option<Value> {
    compile_format(schema, false, "p").ok()?.upstream
}

#[path = "schema_tests/hostile.rs"]
mod hostile;
