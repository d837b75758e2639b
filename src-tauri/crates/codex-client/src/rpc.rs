//! JSON-RPC over lines, as the app-server speaks it: requests out, answers in, and a handler for what the other side sends on
//! its own. Knows no thread and no turn.
//!
//! A connection runs over two halves of a byte stream and knows no process, so a test can hold the other ends. When the
//! reading half ends, every pending request fails, and the connection stays closed.

mod pending;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::CodexError;
use pending::Pending;
pub(crate) use wire::{Incoming, Lines, Outcome, lines};
#[cfg(test)]
pub(crate) use wire::{answer, request};

/// Messages waiting to be written. When codex reads so slowly that it is full, callers wait, each to its own timeout.
const OUTGOING_CAPACITY: usize = 256;

/// How long codex may be silent while a request waits that it answers in milliseconds when it is well.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// How many times its timeout a request waits for a codex that is busy and not silent.
const BUSY_FACTOR: u32 = 6;

/// A live connection.
#[derive(Debug)]
pub(crate) struct Connection {
    outgoing: mpsc::Sender<Value>,
    pending: Pending,
    /// When codex last said anything.
    pub(crate) last_received: Mutex<Instant>,
    /// Cancelled to close the connection; its reader and writer end.
    pub(crate) closed: CancellationToken,
}

/// Takes what codex sends on its own. The connection's reader calls it, so it never waits.
pub(crate) trait Handler: Sync {
    fn notification(&self, _method: &str, _params: Option<&RawValue>) {}

    /// The answer to a request; `None` when [`Connection::answer`] brings it later.
    fn request(&self, id: &Value, method: &str, params: Option<&RawValue>) -> Option<Outcome>;
}

impl Connection {
    /// Opens a connection whose task in `tasks` writes to `stdin`.
    pub(crate) fn open(stdin: impl AsyncWrite + Send + Unpin + 'static, tasks: &TaskTracker) -> Arc<Self> {
        let (outgoing, messages) = mpsc::channel(OUTGOING_CAPACITY);
        let closed = CancellationToken::new();
        tasks.spawn(write(stdin, messages, closed.clone()));
        let last_received = Mutex::new(Instant::now());
        Arc::new(Self { outgoing, pending: Pending::default(), last_received, closed })
    }

    /// Reads codex's lines to their end, which closes the connection.
    pub(crate) async fn read(&self, lines: &mut Lines<impl AsyncRead + Unpin>, handler: &impl Handler) {
        loop {
            match self.closed.run_until_cancelled(lines.next()).await.flatten() {
                Some(Ok(line)) if line.iter().all(u8::is_ascii_whitespace) => {}
                Some(Ok(line)) => {
                    *self.last_received.lock() = Instant::now();
                    self.handle(&line, handler).await;
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "codex's output could not be read");
                    break;
                }
                None => break,
            }
        }
        self.closed.cancel();
    }

    async fn handle(&self, line: &[u8], handler: &impl Handler) {
        match Incoming::parse(line) {
            Some(Incoming::Answer { id, outcome }) => {
                if !self.pending.complete(id, outcome.map(ToOwned::to_owned)) {
                    tracing::debug!(id, "codex answered a request that is no longer pending");
                }
            }
            Some(Incoming::Notification { method, params }) => handler.notification(&method, params),
            Some(Incoming::Request { id, method, params }) => {
                if let Some(outcome) = handler.request(&id, &method, params) {
                    self.answer(&id, outcome).await;
                }
            }
            None => tracing::warn!(bytes = line.len(), "codex wrote a line that is no message; skipped"),
        }
    }

    /// Calls a method that codex answers at once.
    pub(crate) async fn call<R: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<R, CodexError> {
        self.call_within(ANSWER_TIMEOUT, method, params).await
    }

    /// Calls a method that may take longer.
    pub(crate) async fn call_within<R: DeserializeOwned>(
        &self,
        timeout: Duration,
        method: &'static str,
        params: Value,
    ) -> Result<R, CodexError> {
        let refused = |message: String| CodexError::Refused { method, message };
        let mut request = self.pending.register();
        let answer = async {
            self.send(wire::request(request.id, method, params)).await?;
            (&mut request.answer).await.map_err(|_| CodexError::Disconnected)
        };
        let answer = tokio::select! {
            biased;
            answer = answer => answer?,
            () = self.closed.cancelled() => return Err(CodexError::Disconnected),
            () = self.idle_for(timeout) => {
                // It hangs. Closing fails the other requests too, and the supervisor ends the process.
                tracing::warn!(method, "codex is unresponsive; closing connection");
                self.closed.cancel();
                return Err(CodexError::NoAnswer { method, limit: timeout });
            }
            // It works on something else, so the other requests stay; but this one has waited long enough.
            () = tokio::time::sleep(timeout * BUSY_FACTOR) => {
                return Err(CodexError::NoAnswer { method, limit: timeout * BUSY_FACTOR });
            }
        };
        let result = answer.map_err(refused)?;
        serde_json::from_str(result.get()).map_err(|error| refused(error.to_string()))
    }

    /// Resolves when codex has said nothing at all for this long, from now on.
    pub(crate) async fn idle_for(&self, timeout: Duration) {
        let mut since = Instant::now();
        loop {
            tokio::time::sleep_until(since + timeout).await;
            let last_received = *self.last_received.lock();
            if last_received <= since {
                return;
            }
            since = last_received;
        }
    }

    /// Answers a request of codex.
    pub(crate) async fn answer(&self, id: &Value, outcome: Outcome) {
        // Waits when the queue is full: codex reads, or the connection closes and with it the queue.
        let _ = self.send(wire::answer(id, outcome)).await;
    }

    /// Sends a message that codex need not answer.
    pub(crate) async fn send(&self, message: Value) -> Result<(), CodexError> {
        self.outgoing.send(message).await.map_err(|_| CodexError::Disconnected)
    }
}

async fn write(
    mut stdin: impl AsyncWrite + Unpin,
    mut messages: mpsc::Receiver<Value>,
    closed: CancellationToken,
) {
    let write_all = async {
        while let Some(message) = messages.recv().await {
            stdin.write_all(format!("{message}\n").as_bytes()).await?;
            stdin.flush().await?;
        }
        Ok::<(), std::io::Error>(())
    };
    if let Some(Err(error)) = closed.run_until_cancelled(write_all).await {
        // The reading half ends as well and fails what is pending.
        tracing::debug!(%error, "codex's stdin is closed");
    }
}

#[cfg(test)]
mod tests;
