//! The user's MCP servers that failed to start.
//!
//! codex starts them with the first agent thread and continues without those that fail; one that hangs delays that thread
//! by a second. Since their tools are missing, turns and the log name them.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::notification::McpServer;

/// Characters of codex's reason to keep; servers can print pages.
const MAX_REASON: usize = 300;

/// The failed servers, with codex's reason.
#[derive(Debug, Default)]
pub(crate) struct McpServers(Mutex<BTreeMap<String, String>>);

impl McpServers {
    pub(crate) fn update(&self, McpServer { name, status, error }: McpServer) {
        let mut failed = self.0.lock();
        match status.as_str() {
            "failed" => {
                let reason: String = error.as_deref().unwrap_or_default().chars().take(MAX_REASON).collect();
                // Every thread reports it again.
                if failed.get(&name) != Some(&reason) {
                    tracing::warn!(server = %name, %reason, "MCP server failed to start; its tools are missing");
                    failed.insert(name, reason);
                }
            }
            "ready" => {
                failed.remove(&name);
            }
            _ => {}
        }
    }

    /// The names of the failed servers, in alphabetical order.
    pub(crate) fn failed(&self) -> Vec<String> {
        self.0.lock().keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_server_is_listed_until_it_is_ready() {
        let servers = McpServers::default();
        let update = |text: &str| servers.update(serde_json::from_str(text).unwrap());
        update(r#"{"name":"a","status":"starting","error":null}"#);
        assert!(servers.failed().is_empty());
        update(r#"{"name":"a","status":"failed","error":"no such \"file\""}"#);
        update(r#"{"name":"b","status":"failed"}"#);
        assert_eq!(servers.failed(), ["a", "b"]);
        update(r#"{"name":"a","status":"ready"}"#);
        assert_eq!(servers.failed(), ["b"]);
        assert!(serde_json::from_str::<McpServer>("[]").is_err());
    }
}
