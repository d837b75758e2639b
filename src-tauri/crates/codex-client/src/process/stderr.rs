//! The last lines of a process's stderr, which explain why it ended.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::ChildStderr;

/// Lines that are kept.
const MAX_LINES: usize = 5;

/// The longest part of a line that is kept; the rest counts as further lines.
const MAX_LINE_BYTES: u64 = 1000;

/// The last lines so far. Clones share them. They explain an error and are never logged: later lines can hold what a
/// command printed.
#[derive(Clone, Debug, Default)]
pub(crate) struct StderrTail(Arc<Mutex<VecDeque<String>>>);

impl StderrTail {
    /// Reads `stderr` to its end, so that the process never blocks on it.
    pub(crate) async fn read(self, stderr: ChildStderr) {
        let mut stderr = BufReader::new(stderr);
        loop {
            let mut line = Vec::new();
            match (&mut stderr).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {
                    let mut lines = self.0.lock();
                    if lines.len() == MAX_LINES {
                        lines.pop_front();
                    }
                    lines.push_back(String::from_utf8_lossy(&line).trim().to_owned());
                }
            }
        }
    }

    /// The last line that is not blank.
    pub(crate) fn last(&self) -> Option<String> {
        self.0.lock().iter().rev().find(|line| !line.is_empty()).cloned()
    }
}
