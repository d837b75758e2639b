//! The items of a turn: the model's messages and codex's actions. The app-server and `codex exec` report the same ones, in
//! different spellings.

use serde::Deserialize;
use serde_json::Value;

use crate::event::{ItemEvent, WebSearchAction, WebSearchCall};

/// One item, reported when it starts and when it completes. Each kind uses only some of the fields.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ThreadItem {
    #[serde(rename = "type")]
    pub(crate) kind: ItemKind,
    pub(crate) id: String,
    /// The complete text of a message, or of a reasoning summary, which the app-server only sends as deltas.
    pub(crate) text: String,
    /// The result of a review.
    pub(crate) review: String,
    status: String,
    command: String,
    #[serde(alias = "exit_code")]
    exit_code: Option<i64>,
    duration_ms: Option<u64>,
    changes: Vec<Value>,
    query: String,
    action: Option<WebSearchAction>,
    server: String,
    tool: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ItemKind {
    #[serde(alias = "agent_message")]
    AgentMessage,
    Reasoning,
    #[serde(alias = "command_execution")]
    CommandExecution,
    #[serde(alias = "file_change")]
    FileChange,
    #[serde(alias = "web_search")]
    WebSearch,
    #[serde(alias = "mcp_tool_call")]
    McpToolCall,
    ImageGeneration,
    ExitedReviewMode,
    #[default]
    #[serde(other)]
    Other,
}

impl ThreadItem {
    /// The action to report for this item, if any: a command and a web search twice, anything else once it is `completed`.
    pub(crate) fn action(self, completed: bool) -> Option<ItemEvent> {
        let Self {
            id, status, command, exit_code, duration_ms, changes, query, action, server, tool, ..
        } = self;
        match self.kind {
            ItemKind::CommandExecution => Some(ItemEvent::Command {
                command,
                ended: completed,
                exit_code: exit_code.filter(|_| completed),
                duration_ms: duration_ms.filter(|_| completed),
                declined: status == "declined",
            }),
            ItemKind::WebSearch => {
                Some(ItemEvent::WebSearch(WebSearchCall { id, query, action, ended: completed }))
            }
            _ if !completed => None,
            ItemKind::FileChange => {
                let path = |change: &Value| change["path"].as_str().unwrap_or_default().to_owned();
                let paths = changes.iter().map(path).collect();
                Some(ItemEvent::FileChange { paths, done: !matches!(status.as_str(), "failed" | "declined") })
            }
            ItemKind::McpToolCall => Some(ItemEvent::McpCall { server, tool, failed: status == "failed" }),
            ItemKind::AgentMessage
            | ItemKind::Reasoning
            | ItemKind::ImageGeneration
            | ItemKind::ExitedReviewMode
            | ItemKind::Other => None,
        }
    }
}
