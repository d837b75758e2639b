//! The user's MCP servers that did not start, as codex tells of them.
//!
//! codex starts them with the first agent's thread and goes on without those that fail; one that hangs holds that thread up
//! for a second. Their tools are missing then, so whoever reads the log is told which.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use serde_json::value::RawValue;

/// The notification of how the start of a server goes.
pub(crate) const STARTUP: &str = "mcpServer/startupStatus/updated";

/// The longest part of codex's reason that is kept; servers can print pages.
const LONGEST_REASON: usize = 300;

/// The servers that do not run, with codex's reason.
#[derive(Debug, Default)]
pub(crate) struct Servers(Mutex<BTreeMap<String, String>>);

#[derive(Deserialize)]
struct Startup<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    error: Option<Cow<'a, str>>,
}

impl Servers {
    /// Takes in a notification.
    pub(crate) fn note(&self, params: &RawValue) {
        let Ok(Startup { name, status, error }) = serde_json::from_str(params.get()) else { return };
        let mut failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*status {
            "failed" => {
                let reason: String = error.unwrap_or_default().chars().take(LONGEST_REASON).collect();
                // Each thread tells of it anew.
                if failed.get(&*name) != Some(&reason) {
                    tracing::warn!(server = %name, %reason, "an MCP server of codex did not start; its tools are missing");
                    failed.insert(name.into_owned(), reason);
                }
            }
            "ready" => {
                failed.remove(&*name);
            }
            _ => {}
        }
    }

    /// The names of those that do not run, in alphabetical order.
    pub(crate) fn failed(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_failed_is_named_until_it_runs() {
        let servers = Servers::default();
        let note = |text: &str| servers.note(serde_json::from_str(text).unwrap());
        note(r#"{"name":"a","status":"starting","error":null}"#);
        assert!(servers.failed().is_empty());
        note(r#"{"name":"a","status":"failed","error":"no such \"file\""}"#);
        note(r#"{"name":"b","status":"failed"}"#);
        assert_eq!(servers.failed(), ["a", "b"]);
        note(r#"{"name":"a","status":"ready"}"#);
        note("[]");
        assert_eq!(servers.failed(), ["b"]);
    }
}
