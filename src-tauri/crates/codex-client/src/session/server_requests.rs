//! Our answers to codex's requests.
//!
//! Unless the user is asked (see `questions`), we decline every approval, and we immediately reject unknown requests: codex
//! always continues, and never waits for us.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};

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

/// The requests that ask the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Approval {
    Command,
    FileChange,
    Permissions,
    Input,
    Elicitation,
}

impl Approval {
    /// The approval that the request `method` asks for, if it does.
    pub(crate) fn of(method: &str) -> Option<Self> {
        match method {
            "item/commandExecution/requestApproval" => Some(Self::Command),
            "item/fileChange/requestApproval" => Some(Self::FileChange),
            "item/permissions/requestApproval" => Some(Self::Permissions),
            "item/tool/requestUserInput" => Some(Self::Input),
            "mcpServer/elicitation/request" => Some(Self::Elicitation),
            _ => None,
        }
    }

    /// What it asks for, in a few words.
    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::Command => "running a command",
            Self::FileChange => "changing files",
            Self::Permissions => "more permissions",
            Self::Input => "a question to the user",
            Self::Elicitation => "a question of an MCP server",
        }
    }
}

/// The answer that declines.
pub(crate) fn declined(approval: Approval) -> Value {
    match approval {
        Approval::Command | Approval::FileChange => json!({ "decision": "decline" }),
        // Grants nothing.
        Approval::Permissions => json!({ "permissions": {}, "scope": "turn" }),
        Approval::Input => json!({ "answers": {} }),
        Approval::Elicitation => json!({ "action": "decline", "content": null, "_meta": null }),
    }
}

/// The answer to the request `method` that is not passed on to the user.
pub(crate) fn reply(method: &str) -> Reply {
    if let Some(approval) = Approval::of(method) {
        return Reply { outcome: Ok(declined(approval)), declined: Some(approval.what()) };
    }
    // These two are from version 1 of the protocol. `abort` is the only refusal that every version accepts.
    let abort = |approval: Approval| Reply {
        outcome: Ok(json!({ "decision": "abort" })),
        declined: Some(approval.what()),
    };
    match method {
        "applyPatchApproval" => abort(Approval::FileChange),
        "execCommandApproval" => abort(Approval::Command),
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
