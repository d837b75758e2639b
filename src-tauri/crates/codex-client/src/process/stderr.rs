//! The last line of a process's stderr, which explains why it exited.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::ChildStderr;

/// The part of a line to keep; the rest counts as further lines.
const MAX_LINE_BYTES: u64 = 1000;

/// The last non-blank line so far. Clones share it. It explains an error and is never logged: it may be the output of a
/// command.
#[derive(Clone, Debug, Default)]
pub(crate) struct StderrTail(Arc<Mutex<Option<String>>>);

impl StderrTail {
    /// Reads `stderr` to its end, so that the process never blocks on it.
    pub(crate) async fn read(self, stderr: ChildStderr) {
        let mut stderr = BufReader::new(stderr);
        let mut line = Vec::new();
        while let Ok(1..) = (&mut stderr).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await {
            let text = String::from_utf8_lossy(&line).trim().to_owned();
            if !text.is_empty() {
                *self.0.lock() = Some(text);
            }
            line.clear();
        }
    }

    /// The last non-blank line so far.
    pub(crate) fn last(&self) -> Option<String> {
        self.0.lock().clone()
    }
}
