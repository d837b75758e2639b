//! Whether codex is well: it still answers while a turn is silent, and its memory does not grow without end.
//!
//! A model may think for minutes and a command run for an hour, and a codex that hangs is just as silent. So we call
//! something that it answers at once. The supervisor decides what becomes of one that is not well.

use std::time::Duration;

use serde_json::{Value, json};

use crate::capabilities::PROBE;
use crate::error::CodexError;
use crate::rpc::Connection;

/// Silence within a turn after which codex is pinged. It has `ANSWER_TIMEOUT` to answer.
const PING_AFTER: Duration = Duration::from_secs(20);

/// How often codex's memory is checked, if it has done anything.
pub(crate) const MEMORY_CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// The memory in bytes at which codex is restarted between turns. A healthy one has some 150 MB, and 1.3 MB more a thread.
pub(crate) const MAX_MEMORY: u64 = 2 * 1024 * 1024 * 1024;

/// Pings codex whenever it has been silent for long. Never resolves: a codex that does not answer closes the connection,
/// which ends its turns.
pub(crate) async fn ping_when_idle(rpc: &Connection) {
    loop {
        rpc.idle_for(PING_AFTER).await;
        // No codex knows this method, and every codex says so.
        match rpc.call::<Value>(PROBE, json!({})).await {
            Ok(_) | Err(CodexError::Refused { .. }) => {}
            Err(_) => std::future::pending().await,
        }
    }
}

/// How many bytes codex takes by its own account; `None` for a codex that does not say.
pub(crate) async fn memory(rpc: &Connection) -> Option<u64> {
    let diagnostics: Value = rpc.call("server/diagnostics", json!({})).await.ok()?;
    diagnostics["process"]["residentMemoryBytes"].as_u64()
}
