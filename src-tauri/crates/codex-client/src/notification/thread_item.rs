//! The items of a turn: what the model says, and what codex does. The app-server and `codex exec` have the same ones, each
//! in its own spelling.

use serde::Deserialize;

use crate::event::ItemEvent;

/// One item, when it starts and when it is done.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum ThreadItem {
    /// A message of the model.
    #[serde(alias = "agent_message")]
    AgentMessage {
        #[serde(default)]
        id: String,
        #[serde(default)]
        text: String,
    },
    /// A summary of the reasoning, whole only in `codex exec`.
    Reasoning {
        #[serde(default)]
        text: String,
    },
    #[serde(alias = "command_execution")]
    CommandExecution {
        #[serde(default)]
        command: String,
        #[serde(alias = "exit_code")]
        exit_code: Option<i64>,
        duration_ms: Option<u64>,
        #[serde(default)]
        status: String,
    },
    #[serde(alias = "file_change")]
    FileChange {
        #[serde(default)]
        changes: Vec<ChangedFile>,
        #[serde(default)]
        status: String,
    },
    #[serde(alias = "web_search")]
    WebSearch {
        #[serde(default)]
        query: String,
    },
    #[serde(alias = "mcp_tool_call")]
    McpToolCall {
        #[serde(default)]
        server: String,
        #[serde(default)]
        tool: String,
        #[serde(default)]
        status: String,
    },
    #[serde(other)]
    Other,
}

/// A file of a change.
#[derive(Debug, Deserialize)]
pub(crate) struct ChangedFile {
    #[serde(default)]
    path: String,
}

impl ThreadItem {
    /// Whether codex may be silent until it has ended: a command, or a call of an MCP server.
    pub(crate) fn is_own_work(&self) -> bool {
        matches!(self, Self::CommandExecution { .. } | Self::McpToolCall { .. })
    }

    /// The action that the item is, if it is one to report now: a command twice, anything else once it is `completed`.
    pub(crate) fn work(self, completed: bool) -> Option<ItemEvent> {
        match self {
            Self::CommandExecution { command, exit_code, duration_ms, status } => Some(ItemEvent::Command {
                command,
                ended: completed,
                exit_code: exit_code.filter(|_| completed),
                duration_ms: duration_ms.filter(|_| completed),
                declined: status == "declined",
            }),
            _ if !completed => None,
            Self::FileChange { changes, status } => {
                let paths = changes.into_iter().map(|change| change.path).collect();
                let done = !matches!(status.as_str(), "failed" | "declined");
                Some(ItemEvent::FileChange { paths, done })
            }
            Self::WebSearch { query } => Some(ItemEvent::WebSearch { query }),
            Self::McpToolCall { server, tool, status } => {
                Some(ItemEvent::McpCall { server, tool, failed: status == "failed" })
            }
            Self::AgentMessage { .. } | Self::Reasoning { .. } | Self::Other => None,
        }
    }
}
