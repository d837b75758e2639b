//! Checks that codex is healthy: it still responds during a silent turn, and its memory use is bounded.
//!
//! A model may think for minutes and a command may run for an hour; a codex that hangs is just as silent. So we ping it.
//! The supervisor decides what to do with an unhealthy one.

use std::time::Duration;

use serde_json::{Value, json};

use crate::capabilities::PROBE;
use crate::error::CodexError;
use crate::rpc::Connection;

/// How long codex may be silent during a turn before it is pinged. It has `RESPONSE_TIMEOUT` to respond.
const PING_AFTER: Duration = Duration::from_secs(20);

/// How often codex's memory is checked, if it has been active.
pub(crate) const MEMORY_CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// The memory in bytes above which codex is restarted between turns. Normal is about 150 MB, plus 1.3 MB per thread.
pub(crate) const MAX_MEMORY: u64 = 2 * 1024 * 1024 * 1024;

/// Pings codex whenever it has been silent for too long. Never resolves: if codex does not respond, the connection closes,
/// which ends its turns.
pub(crate) async fn ping_when_idle(rpc: &Connection) {
    loop {
        rpc.idle_for(PING_AFTER).await;
        // Every codex immediately rejects this unknown method.
        match rpc.call::<Value>(PROBE, json!({})).await {
            Ok(_) | Err(CodexError::Refused { .. }) => {}
            Err(_) => std::future::pending().await,
        }
    }
}

/// The memory use in bytes that codex reports, if it does.
pub(crate) async fn memory(rpc: &Connection) -> Option<u64> {
    let diagnostics: Value = rpc.call("server/diagnostics", json!({})).await.ok()?;
    diagnostics["process"]["residentMemoryBytes"].as_u64()
}
