//! The parameters of requests from the server to the client.

use serde_json::{Value, json};

/// The id of the item that a request asks about.
const ITEM: &str = "item_asked";

/// The item that a request asks about, which is announced first.
pub(crate) fn item(method: &str) -> Option<Value> {
    match method {
        "item/commandExecution/requestApproval" => Some(json!({
            "type": "commandExecution", "id": ITEM, "command": "touch x", "cwd": "/", "processId": null,
            "source": "agent", "status": "inProgress", "commandActions": [], "aggregatedOutput": null, "exitCode": null,
            "durationMs": null,
        })),
        "item/fileChange/requestApproval" => Some(json!({
            "type": "fileChange", "id": ITEM, "status": "inProgress",
            "changes": [{"path": "/tmp/x", "kind": {"type": "add"}, "diff": "hello\n"}],
        })),
        _ => None,
    }
}

/// The parameters for a method; an empty object if it is unknown.
pub(crate) fn params(method: &str, thread: &str, turn: &str, now_ms: u64) -> Value {
    let item = ITEM;
    match method {
        "item/commandExecution/requestApproval" => json!({
            "kind": "command", "threadId": thread, "turnId": turn, "itemId": item, "startedAtMs": now_ms,
            "approvalId": null, "environmentId": null, "reason": "needs write access", "command": "touch x",
            "cwd": "/", "commandActions": [{"type": "unknown", "command": "touch x"}],
            "availableDecisions": ["accept", "decline", "cancel"],
        }),
        "item/fileChange/requestApproval" => json!({
            "threadId": thread, "turnId": turn, "itemId": item, "startedAtMs": now_ms, "reason": "needs write access",
            "grantRoot": null,
        }),
        "item/permissions/requestApproval" => json!({
            "threadId": thread, "turnId": turn, "itemId": item, "environmentId": null, "startedAtMs": now_ms,
            "cwd": "/", "reason": "needs the network",
            "permissions": {"network": {"enabled": true}, "fileSystem": {"read": null, "write": ["/tmp"]}},
        }),
        "item/tool/requestUserInput" => json!({
            "threadId": thread, "turnId": turn, "itemId": item, "isBlocking": true, "autoResolutionMs": null,
            "questions": [{"id": "colour", "header": "Colour", "question": "Which colour?", "isOther": false,
                "isSecret": false, "options": [{"label": "Red", "description": "A warm one"},
                    {"label": "Blue", "description": "A cold one"}]}],
        }),
        "mcpServer/elicitation/request" => json!({
            "threadId": thread, "turnId": turn, "serverName": "fake", "mode": "form", "_meta": null,
            "message": "Who are you?", "requestedSchema": {"type": "object", "required": ["name"],
                "properties": {"name": {"type": "string"}}},
        }),
        "item/tool/call" => json!({
            "threadId": thread, "turnId": turn, "callId": "call_fake_1", "namespace": null, "tool": "get_weather",
            "arguments": {"city": "Köln"},
        }),
        "account/chatgptAuthTokens/refresh" => json!({"reason": "unauthorized", "previousAccountId": null}),
        "currentTime/read" => json!({"threadId": thread}),
        "applyPatchApproval" => json!({
            "conversationId": thread, "callId": "call_fake_1", "reason": null, "grantRoot": null,
            "fileChanges": {"/tmp/x": {"type": "add", "content": "hello\n"}},
        }),
        "execCommandApproval" => json!({
            "conversationId": thread, "callId": "call_fake_1", "approvalId": null, "command": ["touch", "x"],
            "cwd": "/", "reason": null, "parsedCmd": [{"type": "unknown", "cmd": "touch x"}],
        }),
        _ => json!({}),
    }
}
