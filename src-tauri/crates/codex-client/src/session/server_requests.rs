//! Our answers to codex's requests.
//!
//! A proxy has no user to approve anything, so we decline every approval and immediately reject unknown requests: codex
//! always continues, and never waits for us.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;

use crate::rpc::Outcome;

/// The request for a tool's output.
pub(crate) const TOOL_CALL: &str = "item/tool/call";

/// The parameters that we read from requests.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RequestParams<'a> {
    // Version 1 of the protocol calls it a conversation.
    #[serde(borrow, alias = "conversationId")]
    pub(crate) thread_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) tool: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) call_id: Option<Cow<'a, str>>,
}

/// The answer to a request.
#[derive(Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) outcome: Outcome,
    /// What it declines, for the request log.
    pub(crate) declined: Option<&'static str>,
}

/// The answer to the request `method`.
pub(crate) fn reply(method: &str) -> Reply {
    let declined = |what, result| Reply { outcome: Ok(result), declined: Some(what) };
    match method {
        "item/commandExecution/requestApproval" => {
            declined("running a command", json!({ "decision": "decline" }))
        }
        "item/fileChange/requestApproval" => declined("changing files", json!({ "decision": "decline" })),
        "item/permissions/requestApproval" => {
            // Grants nothing.
            declined("more permissions", json!({ "permissions": {}, "scope": "turn" }))
        }
        "item/tool/requestUserInput" => declined("a question to the user", json!({ "answers": {} })),
        "mcpServer/elicitation/request" => declined(
            "a question of an MCP server",
            json!({ "action": "decline", "content": null, "_meta": null }),
        ),
        // These two are from version 1 of the protocol. `abort` is the only refusal that every version accepts.
        "applyPatchApproval" => declined("changing files", json!({ "decision": "abort" })),
        "execCommandApproval" => declined("running a command", json!({ "decision": "abort" })),
        TOOL_CALL => Reply {
            outcome: Ok(json!({
                "contentItems": [{ "type": "inputText", "text": "This tool is not available." }],
                "success": false,
            })),
            declined: None,
        },
        _ => Reply { outcome: Err("not supported by this client"), declined: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_approval_is_declined() {
        for method in [
            "item/commandExecution/requestApproval",
            "item/fileChange/requestApproval",
            "item/permissions/requestApproval",
            "item/tool/requestUserInput",
            "mcpServer/elicitation/request",
            "applyPatchApproval",
            "execCommandApproval",
        ] {
            let reply = reply(method);
            assert!(reply.declined.is_some() && reply.outcome.is_ok(), "{method}");
            assert!(!reply.outcome.unwrap().to_string().contains("accept"), "{method}");
        }
    }

    #[test]
    fn unknown_request_is_rejected() {
        assert!(reply("some/thing").outcome.is_err());
    }
}
