//! Expensive schemas: in depth, in time and in memory.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::bounds::{MAX_DEPTH, MAX_PATTERNS, MAX_PROPERTIES, MAX_REFERENCES, MAX_UNEVALUATED, MAX_VALUES};
use super::*;

/// A timeout that only failures reach.
const LONG: Duration = Duration::from_secs(60);

fn format(schema: Value) -> Format {
    Format::Schema { schema, strict: true, param: "schema".to_owned() }
}

fn nested(levels: usize) -> Value {
    (1..levels).fold(json!({}), |schema, _| json!({"not": schema}))
}

/// `count` numbered definitions, each of `schema`.
fn definitions(count: usize, schema: impl Fn(usize) -> Value) -> Value {
    (0..count).map(|number| (number.to_string(), schema(number))).collect::<serde_json::Map<_, _>>().into()
}

fn link(number: usize) -> Value {
    json!({"$ref": format!("#/$defs/{number}")})
}

/// A chain of definitions, each referring to the next by way of `wrap`.
fn chain(links: usize, wrap: impl Fn(Value) -> Value) -> Value {
    let to_next = |number| wrap(if number + 1 == links { json!({}) } else { link(number + 1) });
    json!({"$ref": "#/$defs/0", "$defs": definitions(links, to_next)})
}

/// Runs a job on a thread with this stack size.
fn on_stack<T: Send + 'static>(
    stack: usize,
    job: impl FnOnce() -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    thread::Builder::new().stack_size(stack).spawn(job).unwrap()
}

/// Builds a schema with a given count, the bound, and the expected error.
type Case<'a> = (&'a dyn Fn(usize) -> Value, usize, &'a str);

#[test]
fn schemas_beyond_a_bound_are_rejected_and_the_bound_is_named() {
    let properties = |count| json!({"properties": definitions(count, |_| json!({}))});
    let references = |count| json!({"allOf": vec![json!({"$ref": "#/$defs/a"}); count], "$defs": {"a": {}}});
    let patterns =
        |count: usize| json!({"pattern": "a", "patternProperties": definitions(count - 1, |_| json!({}))});
    let values = |count: usize| json!({"enum": (0..count - 2).collect::<Vec<_>>()});
    let unevaluated = |count| json!({"anyOf": vec![json!({"unevaluatedProperties": false}); count]});
    let cases: [Case<'_>; 6] = [
        (&unevaluated, MAX_UNEVALUATED, "more than 10 unevaluated keywords"),
        (&nested, MAX_DEPTH, "more than 64 levels"),
        (&properties, MAX_PROPERTIES, "more than 5000 properties"),
        (&references, MAX_REFERENCES, "more than 1000 references"),
        (&patterns, MAX_PATTERNS, "more than 100 patterns"),
        (&values, MAX_VALUES, "more than 50000 values"),
    ];
    for (schema, bound, expected) in cases {
        let tools = |count| [tool("t", schema(count), "tools[0]")];
        assert_eq!(check_sizes(&[], &format(schema(bound))), Ok(()), "{expected}");
        assert_eq!(check_sizes(&tools(bound), &format(schema(bound))), Ok(()), "{expected}");
        let (param, message) = refused(check_sizes(&[], &format(schema(bound + 1))));
        assert!(param == "schema" && message.contains(expected), "{param}: {message}");
        let (param, message) = refused(check_sizes(&tools(bound + 1), &Format::Text));
        assert!(param == "tools[0].parameters" && message.contains(expected), "{param}: {message}");
    }
}

#[test]
fn bounds_apply_to_all_tools_together() {
    let patterns = |name: &str, param: &str| {
        tool(name, json!({"patternProperties": definitions(60, |_| json!({}))}), param)
    };
    let tools = [patterns("a", "tools[0]"), patterns("b", "tools[1]")];
    assert_eq!(check_sizes(&tools[..1], &Format::Text), Ok(()));
    assert_eq!(refused(check_sizes(&tools, &Format::Text)).0, "tools[1].parameters");
}

#[test]
fn the_bound_on_unevaluated_keywords_applies_per_tool() {
    let tools: Vec<_> = (0..2 * MAX_UNEVALUATED)
        .map(|number| tool(&format!("t{number}"), json!({"unevaluatedProperties": false}), "tools[0]"))
        .collect();
    assert_eq!(check_tools(&tools), Ok(()));
}

#[test]
fn examples_and_defaults_may_contain_references_constants_may_not() {
    let holds = |keyword: &str| json!({"properties": {"a": {keyword: [{"$ref": "#/no/such"}]}}});
    for keyword in ["examples", "default"] {
        assert!(compile_format(&holds(keyword), true, "schema").is_ok(), "{keyword}");
    }
    let (_, message) = refused(compile_format(&holds("enum"), true, "schema"));
    assert!(message.contains("a constant cannot hold a reference"), "{message}");
}

#[test]
fn properties_named_like_keywords_are_not_counted() {
    let named = definitions(MAX_REFERENCES + 1, |_| json!({"properties": {"$ref": {}, "pattern": {}}}));
    assert_eq!(check_sizes(&[], &format(json!({"properties": named}))), Ok(()));
}

#[test]
fn a_pattern_that_takes_too_much_memory_is_rejected_even_after_a_lookahead() {
    for pattern in ["\\p{L}{200}", "^(?=a)\\p{L}{200}", "(?<=a)\\p{L}{200}"] {
        let schema = json!({"properties": {"a": {"pattern": pattern}}});
        let (_, message) = refused(compile_format(&schema, true, "schema"));
        assert!(message.contains("takes too much memory"), "{message}");
    }
    let usual = [
        "^(?=.*\\d)(?!x)[a-z\\d]{8,64}$",
        "^[\\p{L} '-]{1,20}$",
        "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
    ];
    for pattern in usual {
        assert!(compile_format(&json!({"pattern": pattern}), true, "schema").is_ok(), "{pattern}");
    }
}

#[test]
fn the_maximum_references_fit_in_a_quarter_of_the_stack() {
    let ways: [fn(Value) -> Value; 4] = [
        |inner| json!({"allOf": [inner, {"minProperties": 0}]}),
        |inner| json!({"anyOf": [{"type": "null"}, inner]}),
        |inner| json!({"if": true, "then": inner}),
        |inner| json!({"not": {"not": inner}}),
    ];
    for way in ways {
        let schema = chain(MAX_REFERENCES - 1, move |next| way(way(way(next))));
        on_stack(STACK / 4, move || {
            let check = check(&schema);
            assert_eq!(check.check("{}"), Ok(()));
            drop(check);
        })
        .join()
        .unwrap();
    }
}

#[test]
fn a_validation_that_needs_too_much_stack_is_an_error() {
    let around = |next| json!({"properties": {"a": {"allOf": [next]}}});
    let mut schema = chain(MAX_REFERENCES - 1, around);
    schema["$defs"][(MAX_REFERENCES - 2).to_string()] = link(0);
    let check = on_stack(STACK, move || check(&schema)).join().unwrap();
    assert_eq!(check.check("{\"a\":{\"a\":{}}}"), Ok(()));
    let deep = format!("{}{{}}{}", "{\"a\":".repeat(120), "}".repeat(120));
    assert!(check.check(&deep).unwrap_err().contains("too deep"));
}

#[test]
fn an_endless_validation_can_be_cancelled() {
    let twice = |next: Value| json!({"allOf": [next, next]});
    let either = |next: Value| json!({"anyOf": [{"not": next}, {"allOf": [next, next]}]});
    let mut seen = chain(64, twice);
    seen["unevaluatedProperties"] = false.into();
    let below = json!({"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}});
    for (name, schema) in
        [("twice", chain(64, twice)), ("either", chain(64, either)), ("seen", seen), ("below", below)]
    {
        let stop = CancellationToken::new();
        let (sender, receiver) = channel();
        let answer = format!("{}{{}}{}", "{\"a\":".repeat(60), "}".repeat(60));
        let stopped = stop.clone();
        let run = on_stack(STACK, move || {
            let result = OutputCheck::new(&schema, &stopped).and_then(|check| check.check(&answer));
            sender.send(result).unwrap();
        });
        let first = receiver.recv_timeout(Duration::from_millis(100));
        assert_eq!(first, Err(RecvTimeoutError::Timeout), "{name}");
        stop.cancel();
        assert_eq!(receiver.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected), "{name}");
        assert_eq!(run.join().unwrap_err().downcast_ref(), Some(&"stopped"), "{name}");
    }
}
