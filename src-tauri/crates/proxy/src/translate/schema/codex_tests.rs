use super::*;

fn property(schema: &Value) -> Value {
    readable(&json!({"type":"object","properties":{"x":schema}}))["properties"]["x"].take()
}

#[test]
fn what_codex_reads_is_unchanged() {
    let schema = json!({"type":"object","description":"d","properties":{
        "a":{"type":"string","enum":["b"],"description":"d","format":"date","default":"b"},
        "c":{"type":"array","items":{"type":["integer","null"]}},
        "d":{"description":"d","anyOf":[{"type":"string"},{"type":"null"}]},
        "e":{"type":"object","properties":{},"additionalProperties":false,"required":[]}
    },"required":["a"],"additionalProperties":false});
    assert_eq!(readable(&schema), schema);
    assert_eq!(readable(&schema).to_string(), schema.to_string(), "in the same order");
}

#[test]
fn merged_schemas_have_the_properties_of_all() {
    let base = json!({"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]});
    let with = |keyword: &str| {
        readable(&json!({"$defs":{"Base":base},keyword:[
            {"$ref":"#/$defs/Base"},{"properties":{"b":{"type":"string"}},"required":["a","b"]}]}))
    };
    let properties = json!({"a":{"type":"integer"},"b":{"type":"string"}});
    let all = with("allOf");
    assert_eq!((&all["properties"], &all["required"]), (&properties, &json!(["a", "b"])));
    let any = with("oneOf");
    assert_eq!((&any["properties"], &any["required"]), (&properties, &json!(["a"])));
    assert!(any.get("oneOf").is_none() && any.get("$defs").is_none(), "{any}");
}

#[test]
fn a_recursive_schema_keeps_its_references() {
    let tree =
        json!({"type":"object","properties":{"children":{"type":"array","items":{"$ref":"#/$defs/Tree"}}}});
    let schema = json!({"type":"object","properties":{"x":{"$ref":"#/$defs/Tree"}},"$defs":{"Tree":tree}});
    assert_eq!(
        readable(&schema),
        json!({"type":"object","properties":{"x":{"$ref":"#/$defs/Tree"}},"$defs":{"Tree":tree}})
    );
    // Itself, and a loop without an end.
    assert_eq!(readable(&json!({"properties":{"x":{"$ref":"#"}}}))["properties"]["x"]["type"], "object");
    let schema = json!({"properties":{"x":{"$ref":"#/$defs/A"}},"$defs":{"A":{"$ref":"#/$defs/B"},"B":{"$ref":"#/$defs/A"}}});
    assert_eq!(readable(&schema)["properties"]["x"]["$ref"], "#/$defs/A");
}

#[test]
fn references_are_kept_where_replacing_them_makes_the_schema_too_large_for_codex() {
    let definition = json!({"type":"string","description":"a".repeat(500)});
    let with = |count: usize| {
        let properties: Map<String, Value> =
            (0..count).map(|n| (format!("p{n}"), json!({"$ref":"#/$defs/A"}))).collect();
        readable(&json!({"type":"object","properties":properties,"$defs":{"A":definition}}))
    };
    assert_eq!(with(2)["properties"]["p1"], definition);
    assert_eq!(with(40)["properties"]["p1"]["$ref"], "#/$defs/A");
    // Then codex drops the definition too.
    assert_eq!(with(400)["properties"]["p1"], definition);
}

#[test]
fn a_tuples_items_are_described_in_order() {
    let items = json!([{"type":"string","title":"Name"},{"type":"integer"},{"const":true}]);
    for schema in
        [json!({"type":"array","items":items}), json!({"prefixItems":items,"items":{"type":"integer"}})]
    {
        assert_eq!(
            property(&schema),
            json!({"type":"array","description":"The items in order: Name, integer, any.","items":{"anyOf":[
                {"type":"string","title":"Name"},{"type":"integer"},{"enum":[true],"type":"boolean"}]}})
        );
    }
}

#[test]
fn rewriting_is_bounded() {
    let doubling: Map<String, Value> = (0..60)
        .map(|n| {
            let next = json!({"$ref":format!("#/$defs/d{}", n + 1)});
            (format!("d{n}"), json!({"type":"object","properties":{"a":next,"b":next}}))
        })
        .collect();
    let merged: Map<String, Value> = (0..30)
        .map(|n| {
            let next = json!({"$ref":format!("#/$defs/d{}", n + 1)});
            (format!("d{n}"), json!({"allOf":[next,next,next,next]}))
        })
        .collect();
    for definitions in [doubling, merged] {
        let schema = json!({"properties":{"x":{"$ref":"#/$defs/d0"}},"$defs":definitions});
        assert!(flat::size(&readable(&schema)) < 10 * MAX_READ);
    }
    let many: Vec<Value> = (0..20_000).map(|n| json!({"const":n})).collect();
    assert_eq!(property(&json!({"oneOf":many}))["anyOf"].as_array().unwrap().len(), 20_000);
}
