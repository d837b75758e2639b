//! The app-server's JSON-RPC over lines: our requests and their responses, and a handler for codex's own requests and
//! notifications. Threads and turns are unknown here.
//!
//! A connection runs over the two halves of any byte stream, so tests can hold the other ends. When the reading half ends,
//! every pending request fails, and the connection stays closed.

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
pub(crate) use wire::{request, response};

/// Messages queued for writing. When full because codex reads slowly, callers wait, up to their own timeouts.
const OUTGOING_CAPACITY: usize = 256;

/// How long codex may be silent while a request is pending. A healthy one responds in milliseconds.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(20);

/// How many times its timeout a request waits while codex is busy rather than silent.
const BUSY_FACTOR: u32 = 6;

/// A live connection.
#[derive(Debug)]
pub(crate) struct Connection {
    outgoing: mpsc::Sender<Value>,
    pending: Pending,
    /// When codex last sent a line.
    pub(crate) last_received: Mutex<Instant>,
    /// Cancelled to close the connection; its reader and writer end.
    pub(crate) closed: CancellationToken,
}

/// Handles codex's own requests and notifications. The connection's reader calls it, so it must not block.
pub(crate) trait Handler: Sync {
    fn notification(&self, _method: &str, _params: Option<&RawValue>) {}

    /// The response to a request; `None` when [`Connection::respond`] sends it later.
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

    /// Reads codex's lines until they end, which closes the connection.
    pub(crate) async fn read(&self, lines: &mut Lines<impl AsyncRead + Unpin>, handler: &impl Handler) {
        loop {
            match self.closed.run_until_cancelled(lines.next()).await.flatten() {
                Some(Ok(line)) if line.iter().all(u8::is_ascii_whitespace) => {}
                Some(Ok(line)) => {
                    *self.last_received.lock() = Instant::now();
                    self.handle(&line, handler).await;
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "cannot read codex's output; closing connection");
                    break;
                }
                None => break,
            }
        }
        self.closed.cancel();
    }

    async fn handle(&self, line: &[u8], handler: &impl Handler) {
        match Incoming::parse(line) {
            Some(Incoming::Response { id, outcome }) => {
                if !self.pending.complete(id, outcome.map(ToOwned::to_owned)) {
                    tracing::debug!(id, "codex responded to a request that is no longer pending");
                }
            }
            Some(Incoming::Notification { method, params }) => handler.notification(&method, params),
            Some(Incoming::Request { id, method, params }) => {
                if let Some(outcome) = handler.request(&id, &method, params) {
                    self.respond(&id, outcome).await;
                }
            }
            None => tracing::warn!(bytes = line.len(), "codex wrote an invalid message; skipped"),
        }
    }

    /// Calls a method to which codex responds immediately.
    pub(crate) async fn call<R: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<R, CodexError> {
        self.call_within(RESPONSE_TIMEOUT, method, params).await
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
        let response = async {
            self.send(wire::request(request.id, method, params)).await?;
            (&mut request.response).await.map_err(|_| CodexError::Disconnected)
        };
        let response = tokio::select! {
            biased;
            response = response => response?,
            () = self.closed.cancelled() => return Err(CodexError::Disconnected),
            () = self.idle_for(timeout) => {
                // It hangs. Closing fails the other requests too, and the supervisor kills the process.
                tracing::warn!(method, "codex is unresponsive; closing connection");
                self.closed.cancel();
                return Err(CodexError::NoAnswer { method, limit: timeout });
            }
            // It is busy with something else: only this request fails.
            () = tokio::time::sleep(timeout * BUSY_FACTOR) => {
                return Err(CodexError::NoAnswer { method, limit: timeout * BUSY_FACTOR });
            }
        };
        let result = response.map_err(refused)?;
        serde_json::from_str(result.get()).map_err(|error| refused(error.to_string()))
    }

    /// Resolves when codex has sent nothing for `timeout`, starting now.
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

    /// Responds to one of codex's requests.
    pub(crate) async fn respond(&self, id: &Value, outcome: Outcome) {
        // Waits while the queue is full, until codex reads or the connection closes.
        let _ = self.send(wire::response(id, outcome)).await;
    }

    /// Sends a message without waiting for a response.
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
        // The reading half ends too, which fails the pending requests.
        tracing::debug!(%error, "codex's stdin is closed");
    }
}

#[cfg(test)]
mod tests;
