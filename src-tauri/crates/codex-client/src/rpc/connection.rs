//! One live conversation with one codex process: requests out, answers and notifications in.
//!
//! A connection is made of two halves of a byte stream and knows no process, so a test can hold the other ends. When the
//! reading half ends, every waiter and every running turn is told, and the connection stays closed for good; the
//! supervisor makes a new one.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::codec::{AnyDelimiterCodec, FramedRead};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::capabilities::Capabilities;
use crate::error::CodexError;
use crate::item::RateLimits;
use crate::legacy::exec::Exec;
use crate::legacy::session_file::SessionFiles;
use crate::rpc::pending::Pending;
use crate::rpc::wire::{self, Incoming};
use crate::session::mcp_servers::{self, Servers};
use crate::session::server_requests;
use crate::thread::cache::{Keeping, Kept};
use crate::thread::prewarm::Ahead;
use crate::turn::reader::Params;
use crate::turn::registry::Routes;

/// The longest line that is read. A longer one ends the connection, and the log says so; no message of codex comes near it.
pub(crate) const MAX_LINE: usize = 64 * 1024 * 1024;

/// Lines waiting to be written. When codex reads none for so long that it is full, callers wait, each to its own limit.
const OUTGOING_LINES: usize = 256;

/// How long codex may be silent while a request waits that it answers in milliseconds when it is well.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// How many times its limit a request waits for a codex that is busy and not silent.
const PATIENCE: u32 = 6;

/// Turns that are being started at once; more only wait for each other within codex. A turn that is given up while it
/// waits here never reaches codex.
const STARTS: usize = 8;

/// How long a retired connection waits for turns of those who were given it before.
const LAST_TURNS: Duration = Duration::from_secs(1);

/// How long an interrupted turn may take to say so.
pub(crate) const TURN_ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// A live connection. It is shared by the supervisor and by every turn that runs on it.
#[derive(Debug)]
pub(crate) struct Connection {
    outgoing: mpsc::Sender<Vec<u8>>,
    pending: Pending,
    pub(crate) routes: Routes,
    pub(crate) ahead: Ahead,
    pub(crate) kept: Kept,
    limits: Mutex<RateLimits>,
    pub(crate) servers: Servers,
    /// The user's home of codex, where it is known.
    pub(crate) users_home: OnceLock<PathBuf>,
    /// What this codex can do; set once it is known.
    capabilities: OnceLock<Capabilities>,
    /// How turns are run where the app-server has none.
    exec: OnceLock<Exec>,
    /// The session files of threads that codex would not leave unwritten.
    pub(crate) sessions: SessionFiles,
    /// When codex last said anything.
    heard: Mutex<Instant>,
    /// Places for turns that are being started.
    pub(crate) starts: Semaphore,
    /// Cancelled when codex's stdout has ended.
    pub(crate) closed: CancellationToken,
    /// Cancelled when no further turn is to go on here; those that run finish.
    pub(crate) retired: CancellationToken,
    /// The tasks of turns among the others.
    pub(crate) turns: TaskTracker,
    /// Every task that works on this connection.
    pub(crate) tasks: TaskTracker,
}

impl Connection {
    /// Starts the tasks that read from `stdout` and write to `stdin`.
    pub(crate) fn open(
        stdin: impl AsyncWrite + Send + Unpin + 'static,
        stdout: impl AsyncRead + Send + Unpin + 'static,
        keeping: Keeping,
    ) -> Arc<Self> {
        let (outgoing, lines) = mpsc::channel(OUTGOING_LINES);
        let (ahead, wanted) = Ahead::new();
        let connection = Arc::new(Self {
            outgoing,
            pending: Pending::default(),
            routes: Routes::default(),
            ahead,
            kept: Kept::new(keeping),
            limits: Mutex::default(),
            servers: Servers::default(),
            users_home: OnceLock::new(),
            capabilities: OnceLock::new(),
            exec: OnceLock::new(),
            sessions: SessionFiles::default(),
            heard: Mutex::new(Instant::now()),
            starts: Semaphore::new(STARTS),
            closed: CancellationToken::new(),
            retired: CancellationToken::new(),
            turns: TaskTracker::new(),
            tasks: TaskTracker::new(),
        });
        connection.tasks.spawn(write(stdin, lines, connection.closed.clone()));
        connection.tasks.spawn(read(Arc::clone(&connection), stdout));
        connection.tasks.spawn(crate::thread::prewarm::tend(Arc::clone(&connection), wanted));
        connection
    }

    /// Notes what this codex can do, once.
    pub(crate) fn know(&self, capabilities: Capabilities, exec: Option<Exec>) {
        if capabilities.whole_responses {
            self.routes.expect_whole_responses();
        }
        let _ = self.capabilities.set(capabilities);
        if let Some(exec) = exec {
            let _ = self.exec.set(exec);
        }
    }

    /// What this codex can do; nothing while it is not known.
    pub(crate) fn can(&self) -> Capabilities {
        self.capabilities.get().copied().unwrap_or_default()
    }

    /// How turns are run; `None` when the app-server runs them.
    pub(crate) fn exec(&self) -> Option<&Exec> {
        self.exec.get()
    }

    /// Calls a method that codex answers at once.
    pub(crate) async fn call<R: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<R, CodexError> {
        self.call_within(ANSWER_LIMIT, method, params).await
    }

    /// Calls a method with a limit of its own.
    pub(crate) async fn call_within<R: DeserializeOwned>(
        &self,
        limit: Duration,
        method: &'static str,
        params: Value,
    ) -> Result<R, CodexError> {
        let refused = |message: String| CodexError::Refused { method, message };
        let mut waiting = self.pending.register().ok_or(CodexError::Disconnected)?;
        let line = wire::request(waiting.id, method, params).map_err(|error| refused(error.to_string()))?;
        let answer = async {
            self.outgoing.send(line).await.map_err(|_| CodexError::Disconnected)?;
            waiting.answer().await.ok_or(CodexError::Disconnected)
        };
        let answer = tokio::select! {
            answer = answer => answer?,
            () = self.silent_for(limit) => {
                // It hangs. Whoever else waits for it hears so now, and the supervisor ends it.
                tracing::warn!(method, "codex does not answer; it is given up");
                self.closed.cancel();
                return Err(CodexError::NoAnswer { method, limit });
            }
            // It works on something else, so the others shall have it; but this one has waited long enough.
            () = tokio::time::sleep(limit * PATIENCE) => {
                return Err(CodexError::NoAnswer { method, limit: limit * PATIENCE });
            }
        };
        let result = answer.map_err(|error| refused(error.message))?;
        serde_json::from_str(result.get()).map_err(|error| refused(error.to_string()))
    }

    /// Resolves when codex has said nothing at all for so long, from now on.
    pub(crate) async fn silent_for(&self, limit: Duration) {
        let mut since = Instant::now();
        loop {
            tokio::time::sleep_until(since + limit).await;
            let heard = self.last_heard();
            if heard <= since {
                return;
            }
            since = heard;
        }
    }

    /// When codex last said anything.
    pub(crate) fn last_heard(&self) -> Instant {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells codex something that needs no answer.
    pub(crate) async fn notify(&self, method: &'static str) -> Result<(), CodexError> {
        self.outgoing.send(wire::notification(method)).await.map_err(|_| CodexError::Disconnected)
    }

    /// Answers a request of codex.
    pub(crate) async fn answer(&self, id: &Value, outcome: Result<&Value, &str>) {
        if let Ok(line) = wire::answer(id, outcome) {
            // Waits when the queue is full: codex reads, or the connection ends and with it the queue.
            let _ = self.outgoing.send(line).await;
        }
    }

    /// The account's limits as last heard.
    pub(crate) fn limits(&self) -> RateLimits {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether codex is still there.
    pub(crate) fn is_open(&self) -> bool {
        !self.closed.is_cancelled()
    }

    /// Gives up the threads that only wait, and resolves when the turns that run have ended.
    pub(crate) async fn retire(&self) {
        self.retired.cancel();
        self.turns.close();
        loop {
            self.turns.wait().await;
            // Somebody may have been given this connection just before, and start a turn now.
            tokio::time::sleep(LAST_TURNS).await;
            if self.turns.is_empty() {
                return;
            }
        }
    }

    async fn handle(&self, line: &[u8]) {
        match Incoming::parse(line) {
            Some(Incoming::Answer { id, outcome }) => {
                if !self.pending.complete(id, outcome.map(ToOwned::to_owned)) {
                    tracing::debug!(id, "codex answered a request that nobody waits for");
                }
            }
            Some(Incoming::Notification { method, params: Some(params) })
                if method == mcp_servers::STARTUP =>
            {
                self.servers.note(params);
            }
            Some(Incoming::Notification { method, params }) => {
                if let Some(params) =
                    params.and_then(|raw| serde_json::from_str::<Params<'_>>(raw.get()).ok())
                {
                    self.note(&method, params);
                }
            }
            Some(Incoming::Request { id, method, params }) => {
                let id = match &*method {
                    // Answered by the turn's task, once the client has brought the tool's output.
                    "item/tool/call" => match self.routes.wait_for_tool(params, id) {
                        Ok(()) => return,
                        Err(id) => id,
                    },
                    _ => id,
                };
                let reply = server_requests::reply(&method);
                if let (Some(what), Some(params)) = (reply.declined, params) {
                    self.routes.declined(params, what);
                }
                self.answer(&id, reply.outcome.as_ref().map_err(|message| *message)).await;
            }
            None => {
                tracing::warn!(bytes = line.len(), "codex wrote a line that is no message; it was skipped");
            }
        }
    }

    fn note(&self, method: &str, mut params: Params<'_>) {
        if let Some(limits) = params.rate_limits.take() {
            // Updates are sparse: a window that is not named has not changed.
            let mut known = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
            known.primary = limits.primary.or_else(|| known.primary.take());
            known.secondary = limits.secondary.or_else(|| known.secondary.take());
            return;
        }
        self.routes.note(method, params, || self.limits());
    }
}

async fn write(
    mut stdin: impl AsyncWrite + Unpin,
    mut lines: mpsc::Receiver<Vec<u8>>,
    closed: CancellationToken,
) {
    loop {
        let line = tokio::select! {
            line = lines.recv() => line,
            () = closed.cancelled() => None,
        };
        let Some(mut line) = line else { break };
        line.push(b'\n');
        let written = tokio::select! {
            written = async { stdin.write_all(&line).await?; stdin.flush().await } => written,
            () = closed.cancelled() => break,
        };
        if let Err(error) = written {
            // The reading half ends as well and tells everybody; there is nothing to do here.
            tracing::debug!(%error, "codex's stdin is closed");
            break;
        }
    }
}

async fn read(connection: Arc<Connection>, stdout: impl AsyncRead + Unpin) {
    let codec = AnyDelimiterCodec::new_with_max_length(b"\n".to_vec(), b"\n".to_vec(), MAX_LINE);
    let mut lines = FramedRead::new(stdout, codec);
    loop {
        let line = tokio::select! {
            line = lines.next() => line,
            // The supervisor closes a connection whose process it has ended.
            () = connection.closed.cancelled() => None,
        };
        match line {
            Some(Ok(line)) if line.iter().all(u8::is_ascii_whitespace) => {}
            Some(Ok(line)) => {
                *connection.heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
                connection.handle(&line).await;
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "codex's output could not be read");
                break;
            }
            None => break,
        }
    }
    connection.closed.cancel();
    connection.pending.close();
    connection.routes.close();
    connection.tasks.close();
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
