//! The shared handle to codex. It chooses how a turn is run: on the session, or the way an older codex needs.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::config::CodexConfig;
use crate::error::CodexError;
use crate::legacy;
use crate::request::TurnRequest;
use crate::session::{Model, Session, SessionRequest, Supervisor, list_models, start_turn};
use crate::status::{StartCounts, Status};
use crate::thread::Dialect;
use crate::turn::Turn;

/// Questions waiting for the supervisor. When full, callers wait for room.
const SESSION_REQUESTS_CAPACITY: usize = 256;

/// A handle to codex. Clones share one process.
#[derive(Clone, Debug)]
pub struct Codex {
    session_requests: mpsc::Sender<SessionRequest>,
    status: watch::Receiver<Status>,
    counts: Arc<Mutex<StartCounts>>,
    /// Limits the processes of `codex exec`.
    exec_slots: Arc<Semaphore>,
    /// Cancelled to end codex for good, in the middle of a start too.
    shutdown: CancellationToken,
}

impl Codex {
    /// A handle to a codex that is started on first use. Must be called within a tokio runtime, which then runs the
    /// supervisor until [`Codex::shutdown`], or until the last handle is gone.
    #[must_use]
    pub fn new(config: CodexConfig) -> Self {
        let (session_requests, requests) = mpsc::channel(SESSION_REQUESTS_CAPACITY);
        let (status_sender, status) = watch::channel(Status::Idle);
        let (counts, shutdown) = (Arc::default(), CancellationToken::new());
        let exec_slots = Arc::new(Semaphore::new(legacy::MAX_PROCESSES));
        let supervisor = Supervisor::new(config, status_sender, Arc::clone(&counts), shutdown.clone());
        tokio::spawn(supervisor.run(requests));
        Self { session_requests, status, counts, exec_slots, shutdown }
    }

    /// How codex is, and every change of it.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// How often it was started so far, and what came of it.
    #[must_use]
    pub fn counts(&self) -> StartCounts {
        *self.counts.lock()
    }

    /// Starts codex if it does not run, and waits until it answers.
    ///
    /// # Errors
    /// Whatever keeps it from answering.
    pub async fn ready(&self) -> Result<(), CodexError> {
        self.session().await.map(|_| ())
    }

    /// Runs a turn. It begins at once; what goes wrong on the way comes as its last event.
    ///
    /// # Errors
    /// Whatever keeps codex from starting.
    pub async fn turn(&self, request: TurnRequest) -> Result<Turn, CodexError> {
        let session = self.session().await?;
        let capabilities = session.readiness.capabilities;
        capabilities.check(&request, &session.readiness.version)?;
        Ok(match (capabilities.threads, capabilities.inject_items) {
            (true, true) => start_turn(&session, request, Dialect::CURRENT),
            (true, false) => start_turn(&session, request, legacy::DIALECT),
            (false, _) => legacy::start_turn(&self.exec_slots, &session, request),
        })
    }

    /// codex's own list of models, the hidden ones included.
    ///
    /// # Errors
    /// Whatever keeps codex from starting or answering.
    pub async fn models(&self) -> Result<Vec<Model>, CodexError> {
        list_models(&*self.session().await?).await
    }

    /// How many threads are cached for conversations to continue in.
    ///
    /// # Errors
    /// Whatever keeps codex from starting.
    pub async fn cached_threads(&self) -> Result<usize, CodexError> {
        Ok(self.session().await?.cache.count())
    }

    /// Ends codex for good. Turns that still run end with an error. Returns when the process is gone.
    pub async fn shutdown(&self) {
        self.shutdown.cancel();
        let _stopped = self.status().wait_for(|status| matches!(status, Status::Stopped)).await.is_ok();
    }

    async fn session(&self) -> Result<Arc<Session>, CodexError> {
        let (reply, answer) = oneshot::channel();
        self.session_requests.send(reply).await.map_err(|_| CodexError::ShuttingDown)?;
        answer.await.map_err(|_| CodexError::ShuttingDown)?
    }
}
