//! Whether codex is well: that it still answers while a turn is silent, and that its memory does not grow without end.
//!
//! A model may think for minutes, and a command of codex's may run for an hour; a codex that is stopped or stuck looks the
//! same from its silence. So it is asked something that it answers at once. Deliberately not here: what is done about one
//! that is not well, which is the supervisor's business.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::capabilities::UNKNOWN;
use crate::error::CodexError;
use crate::rpc::connection::Connection;

/// Silence within a turn after which codex is asked for a sign of life. It has [`ANSWER_LIMIT`] to give one.
///
/// [`ANSWER_LIMIT`]: crate::rpc::connection::ANSWER_LIMIT
const SILENCE: Duration = Duration::from_secs(20);

/// How often codex's memory is looked at, if it has done anything.
pub(crate) const WEIGHINGS: Duration = Duration::from_secs(60);

/// The memory with which codex is started anew between turns, in bytes. A healthy one has some 150 MB, and 1.3 MB more a thread.
pub(crate) const MOST_MEMORY: u64 = 2 * 1024 * 1024 * 1024;

/// The answer to `server/diagnostics`, as far as it is read.
#[derive(Deserialize)]
struct Diagnostics {
    process: Process,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Process {
    resident_memory_bytes: Option<u64>,
}

impl Connection {
    /// Asks codex for a sign of life whenever it has been silent for long. Never resolves: a codex that gives none is given
    /// up, and whoever waits for it hears so by the end of the connection.
    pub(crate) async fn keep_asking(&self) {
        loop {
            self.silent_for(SILENCE).await;
            // No codex knows this method, and every codex says so.
            match self.call::<Value>(UNKNOWN, json!({})).await {
                Ok(_) | Err(CodexError::Refused { .. }) => {}
                Err(_) => std::future::pending().await,
            }
        }
    }

    /// How many bytes codex takes, as it says itself; `None` for one that does not.
    pub(crate) async fn memory(&self) -> Option<u64> {
        let diagnostics: Diagnostics = self.call("server/diagnostics", json!({})).await.ok()?;
        diagnostics.process.resident_memory_bytes
    }

    /// Whether codex has said anything since.
    pub(crate) fn spoke_since(&self, since: Instant) -> bool {
        self.last_heard() > since
    }
}
