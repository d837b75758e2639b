//! The user's MCP servers that did not start.
//!
//! codex starts them with the first agent thread and continues without those that fail; one that hangs delays that thread
//! by a second. Their tools are missing then, so turns and the log name them.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::notification::McpServer;

/// The longest part of codex's reason that is kept; servers can print pages.
const MAX_REASON: usize = 300;

/// The servers that do not run, with codex's reason.
#[derive(Debug, Default)]
pub(crate) struct McpServers(Mutex<BTreeMap<String, String>>);

impl McpServers {
    pub(crate) fn update(&self, McpServer { name, status, error }: McpServer) {
        let mut failed = self.0.lock();
        match status.as_str() {
            "failed" => {
                let reason: String = error.as_deref().unwrap_or_default().chars().take(MAX_REASON).collect();
                // Each thread reports it again.
                if failed.get(&name) != Some(&reason) {
                    tracing::warn!(server = %name, %reason, "an MCP server of codex did not start; its tools are missing");
                    failed.insert(name, reason);
                }
            }
            "ready" => {
                failed.remove(&name);
            }
            _ => {}
        }
    }

    /// The names of those that do not run, in alphabetical order.
    pub(crate) fn failed(&self) -> Vec<String> {
        self.0.lock().keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_failed_is_named_until_it_runs() {
        let servers = McpServers::default();
        let note = |text: &str| servers.update(serde_json::from_str(text).unwrap());
        note(r#"{"name":"a","status":"starting","error":null}"#);
        assert!(servers.failed().is_empty());
        note(r#"{"name":"a","status":"failed","error":"no such \"file\""}"#);
        note(r#"{"name":"b","status":"failed"}"#);
        assert_eq!(servers.failed(), ["a", "b"]);
        note(r#"{"name":"a","status":"ready"}"#);
        assert_eq!(servers.failed(), ["b"]);
        assert!(serde_json::from_str::<McpServer>("[]").is_err());
    }
}
