//! Strategies for lines that resemble codex's output, and for arbitrary lines.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::THREAD;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "", "t", "c", "f", "completed", "failed", "interrupted", "{\"error\":{\"message\":\"x\"}}", "unexpected status é",
            "last status: 99999", "{", "image content omitted because it could not be processed", "contextWindowExceeded",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(json!(u64::MAX)),
    ]
}

/// Any JSON, with known and unknown field names.
pub(super) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number(),
        text().prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..6).prop_map(object),
        ]
    })
}

fn object(fields: Vec<(String, Value)>) -> Value {
    Value::Object(fields.into_iter().collect())
}

fn name() -> impl Strategy<Value = String> {
    const NAMES: &[&str] = &[
        "threadId",
        "conversationId",
        "itemId",
        "delta",
        "item",
        "turn",
        "usage",
        "tokenUsage",
        "error",
        "willRetry",
        "toModel",
        "rateLimits",
        "primary",
        "secondary",
        "usedPercent",
        "resetsAt",
        "status",
        "message",
        "codexErrorInfo",
        "httpStatusCode",
        "last",
        "total",
        "inputTokens",
        "cachedInputTokens",
        "outputTokens",
        "reasoningOutputTokens",
        "type",
        "id",
        "text",
        "name",
        "arguments",
        "call_id",
        "callId",
        "tool",
        "command",
        "exitCode",
        "durationMs",
        "changes",
        "path",
        "query",
        "server",
        "item_id",
        "thread_id",
        "input_tokens",
        "output_tokens",
    ];
    prop_oneof![8 => prop::sample::select(NAMES).prop_map(str::to_owned), 1 => any::<String>()]
}

/// A usage object with arbitrary numbers.
fn usage() -> impl Strategy<Value = Value> {
    let number = || prop_oneof![Just(u64::MAX), any::<u64>()];
    (number(), number(), number(), number()).prop_map(|(input, cached, output, reasoning)| {
        json!({
            "inputTokens": input, "cachedInputTokens": cached, "outputTokens": output, "reasoningOutputTokens": reasoning,
            "totalTokens": input,
        })
    })
}

/// Parameters of a notification for the turn, with up to two fields replaced.
fn turn_params() -> impl Strategy<Value = Value> {
    let item = (prop::sample::select(ITEMS), text(), text(), value()).prop_map(|(kind, id, text, other)| {
        json!({
            "type": kind, "id": id, "text": text, "command": text, "name": "f", "call_id": "c", "arguments": text,
            "exitCode": other, "changes": other, "output": other,
        })
    });
    let fields = prop::collection::vec((name(), value()), 0..3);
    (text(), text(), item, usage(), any::<bool>(), fields).prop_map(|(id, delta, item, usage, retry, fields)| {
        let mut params = json!({
            "threadId": THREAD, "itemId": id, "delta": delta, "item": item, "usage": usage, "willRetry": retry,
            "tokenUsage": {"last": usage, "total": usage}, "toModel": delta, "tool": "f", "callId": "c",
            "turn": {"status": id, "error": {"message": delta, "codexErrorInfo": {"other": {"httpStatusCode": 400}}}},
            "error": {"message": delta, "codexErrorInfo": id},
        });
        for (name, value) in fields {
            params[name] = value;
        }
        params
    })
}

const ITEMS: &[&str] = &[
    "agentMessage",
    "agent_message",
    "reasoning",
    "commandExecution",
    "fileChange",
    "webSearch",
    "mcpToolCall",
    "function_call",
    "function_call_output",
    "message",
    "other",
];

/// Methods that do not end the turn, and unknown methods.
fn method() -> impl Strategy<Value = String> {
    const METHODS: &[&str] = &[
        "item/agentMessage/delta",
        "item/reasoning/summaryTextDelta",
        "item/reasoning/summaryPartAdded",
        "item/started",
        "item/completed",
        "rawResponseItem/completed",
        "rawResponse/completed",
        "thread/tokenUsage/updated",
        "model/rerouted",
        "error",
        "account/rateLimits/updated",
        "item/tool/call",
        "mcpServer/startupStatus/updated",
        "item/commandExecution/requestApproval",
        "turn/started",
    ];
    prop_oneof![12 => prop::sample::select(METHODS).prop_map(str::to_owned), 1 => any::<String>()]
}

/// A line that resembles the protocol. Its id never matches our requests, which have the ids 1 and 2.
fn near_line() -> impl Strategy<Value = Vec<u8>> {
    let id = prop_oneof![
        (3..u64::MAX).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
        Just(Value::Null),
        Just(json!(-1)),
        Just(json!([1]))
    ];
    let params = prop_oneof![4 => turn_params(), 1 => value()];
    let message = (
        prop::option::of(id),
        prop::option::of(method()),
        prop::option::of(params),
        prop::option::of(value()),
    );
    message.prop_map(|(id, method, params, result)| {
        let mut line = serde_json::Map::new();
        for (name, field) in [
            ("id", id),
            ("method", method.map(Value::from)),
            ("params", params),
            ("result", result.clone()),
            ("error", result),
        ] {
            if let Some(field) = field {
                line.insert(name.to_owned(), field);
            }
        }
        Value::Object(line).to_string().into_bytes()
    })
}

/// An arbitrary line: a near-protocol line, possibly corrupted or truncated, or random bytes.
pub(super) fn line() -> impl Strategy<Value = Vec<u8>> {
    let changed =
        (near_line(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut line, at, byte)| {
            let at = at.index(line.len());
            line[at] = byte;
            line
        });
    let cut = (near_line(), any::<prop::sample::Index>()).prop_map(|(mut line, at)| {
        line.truncate(at.index(line.len()));
        line
    });
    let deep = (1..100_000_usize, prop::sample::select(vec!['[', '{', '"'])).prop_map(|(depth, sign)| {
        format!("{{\"method\":\"error\",\"params\":{}", String::from(sign).repeat(depth)).into_bytes()
    });
    prop_oneof![6 => near_line(), 2 => changed, 1 => cut, 1 => prop::collection::vec(any::<u8>(), 0..200), 1 => deep]
}

/// A line that resembles the output of `codex exec --json`.
pub(super) fn exec_line() -> impl Strategy<Value = Vec<u8>> {
    const KINDS: &[&str] = &[
        "thread.started",
        "turn.started",
        "item.started",
        "item.completed",
        "error",
        "turn.completed",
        "turn.failed",
        "other",
    ];
    let near = (prop::sample::select(KINDS), text(), prop::sample::select(ITEMS), usage(), value()).prop_map(
        |(kind, text, item, usage, other)| {
            let line = json!({
                "type": kind, "thread_id": text, "message": text, "error": {"message": text}, "usage": usage,
                "item": {"type": item, "id": text, "text": text, "command": text, "changes": other, "exit_code": other},
            });
            line.to_string().into_bytes()
        },
    );
    prop_oneof![3 => near, 1 => line()]
}
