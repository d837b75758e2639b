//! The items of a turn: what the model says, and what codex does. The app-server and `codex exec` tell of the same ones, each
//! in its own spelling.

use serde::Deserialize;

use crate::turn::handle::ItemEvent;

/// One item, when it starts and when it is done.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum ThreadItem {
    /// A message of the model's.
    #[serde(alias = "agent_message")]
    AgentMessage {
        #[serde(default)]
        id: String,
        #[serde(default)]
        text: String,
    },
    /// A summary of the reasoning, which only `codex exec` tells whole.
    Reasoning {
        #[serde(default)]
        text: String,
    },
    #[serde(alias = "command_execution")]
    CommandExecution {
        #[serde(default)]
        command: String,
        #[serde(default, alias = "exit_code")]
        exit_code: Option<i64>,
        #[serde(default)]
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
#[derive(Deserialize)]
pub(crate) struct ChangedFile {
    #[serde(default)]
    path: String,
}

impl ThreadItem {
    /// Whether it is work on this machine, or of a server of the user's, about which codex may be silent until it has ended.
    pub(crate) fn is_own_work(&self) -> bool {
        matches!(self, Self::CommandExecution { .. } | Self::McpToolCall { .. })
    }

    /// What codex did, where the item is something that it did and is told now: a command twice, everything else when it is
    /// `completed`.
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
