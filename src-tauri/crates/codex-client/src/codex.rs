//! The shared handle to codex. It chooses how a turn runs: on the session, or through `legacy`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::config::CodexConfig;
use crate::error::CodexError;
use crate::legacy;
use crate::request::{ThreadProfile, TurnRequest};
use crate::session::{
    Model, Session, SessionRequest, Sessions, Supervisor, list_models, start_review, start_turn,
};
use crate::status::{Readiness, Refusal, StartCounts, Status};
use crate::thread::Dialect;
use crate::turn::Turn;

/// Requests queued for the supervisor. When full, callers wait.
const SESSION_REQUESTS_CAPACITY: usize = 256;

/// A handle to codex. Clones share one process.
#[derive(Clone, Debug)]
pub struct Codex {
    session_requests: mpsc::Sender<SessionRequest>,
    /// The configured path, which the supervisor watches.
    path: Arc<watch::Sender<Option<PathBuf>>>,
    status: watch::Receiver<Status>,
    refusal: Refusal,
    sessions: Sessions,
    counts: Arc<Mutex<StartCounts>>,
    /// Limits concurrent `codex exec` processes.
    exec_slots: Arc<Semaphore>,
    /// Cancelled to stop codex for good, even in the middle of a start.
    shutdown: CancellationToken,
}

impl Codex {
    /// Creates a handle; codex is started on first use. Must be called within a tokio runtime, which then runs the
    /// supervisor until [`Codex::shutdown`], or until the last handle is dropped.
    #[must_use]
    pub fn new(config: CodexConfig) -> Self {
        let (session_requests, requests) = mpsc::channel(SESSION_REQUESTS_CAPACITY);
        let (status_sender, status) = watch::channel(Status::Idle);
        let (refusal, sessions) = (Refusal::default(), Sessions::default());
        let (counts, shutdown) = (Arc::default(), CancellationToken::new());
        let exec_slots = Arc::new(Semaphore::new(legacy::MAX_PROCESSES));
        let (path, new_path) = watch::channel(config.search.setting.clone());
        let supervisor = Supervisor::new(
            config,
            new_path,
            status_sender,
            Arc::clone(&refusal),
            Arc::clone(&sessions),
            Arc::clone(&counts),
            shutdown.clone(),
        );
        tokio::spawn(supervisor.run(requests));
        let path = Arc::new(path);
        Self { session_requests, path, status, refusal, sessions, counts, exec_slots, shutdown }
    }

    /// Watches codex's status.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Watches why codex refused to start its latest conversation, although it runs; `None` if it did not.
    #[must_use]
    pub fn refusal(&self) -> watch::Receiver<Option<CodexError>> {
        self.refusal.subscribe()
    }

    /// Ends the turn on `thread`, because codex sent its request to this proxy. Whether there is such a turn.
    #[must_use]
    pub fn end_own_turn(&self, thread: &str) -> bool {
        let live: Vec<Arc<Session>> = self.sessions.lock().iter().filter_map(Weak::upgrade).collect();
        let ended = live.iter().any(|session| session.turns.fail(thread, CodexError::OwnProvider));
        if ended {
            tracing::error!("codex is set up to use this proxy as its own provider");
            self.refusal.send_replace(Some(CodexError::OwnProvider));
        }
        ended
    }

    /// Counts the starts so far, by outcome.
    #[must_use]
    pub fn counts(&self) -> StartCounts {
        *self.counts.lock()
    }

    /// Changes the configured path. A running codex finishes its turns; the next one starts from the new path.
    pub fn set_path(&self, path: Option<&Path>) {
        if self.path.borrow().as_deref() != path {
            self.path.send_replace(path.map(Path::to_owned));
        }
    }

    /// Takes a running codex out of use: it finishes its turns, and the next request starts another.
    pub fn restart(&self) {
        self.path.send_modify(|_| {});
    }

    /// Starts codex if needed, and waits until it is ready.
    ///
    /// # Errors
    /// Whatever keeps codex from starting.
    pub async fn ready(&self) -> Result<(), CodexError> {
        self.session().await.map(|_| ())
    }

    /// Runs a turn. It starts immediately; a later failure arrives as its last event.
    ///
    /// # Errors
    /// Whatever keeps codex from starting.
    pub async fn turn(&self, mut request: TurnRequest) -> Result<Turn, CodexError> {
        let session = self.session().await?;
        let capabilities = session.readiness.capabilities;
        capabilities.check(&request, &session.readiness.version)?;
        if request.profile.image_generation && !session.readiness.may_generate_images() {
            return Err(CodexError::NeedsChatGpt { what: "generate images" });
        }
        // Otherwise everything is declined, as without asking.
        request.profile.ask &= capabilities.ask;
        request.profile.keep = capabilities.keep && request.keeps();
        match (capabilities.threads, capabilities.inject_items) {
            (true, true) => start_turn(&session, request, Dialect::CURRENT).await,
            (true, false) => start_turn(&session, request, legacy::DIALECT).await,
            (false, _) => Ok(legacy::start_turn(&self.exec_slots, &session, request)),
        }
    }

    /// Has codex review what `instructions` describe, in a new thread with this profile. Its last events are
    /// [`TurnEvent::Reviewed`](crate::TurnEvent::Reviewed) and the end.
    ///
    /// # Errors
    /// Whatever keeps codex from starting, or a codex that cannot review.
    pub async fn review(&self, profile: ThreadProfile, instructions: String) -> Result<Turn, CodexError> {
        let session = self.session().await?;
        let Readiness { capabilities, version, .. } = &session.readiness;
        if !capabilities.threads || !capabilities.review {
            let version = version.clone();
            return Err(CodexError::CannotDo { version, what: "review changes", since: "0.120" });
        }
        Ok(start_review(&session, TurnRequest::review(profile), instructions))
    }

    /// Lists codex's models, including hidden ones.
    ///
    /// # Errors
    /// Whatever keeps codex from starting or answering.
    pub async fn models(&self) -> Result<Vec<Model>, CodexError> {
        list_models(&*self.session().await?).await
    }

    /// Counts the cached threads.
    ///
    /// # Errors
    /// Whatever keeps codex from starting.
    pub async fn cached_threads(&self) -> Result<usize, CodexError> {
        Ok(self.session().await?.cache.count())
    }

    /// Stops codex for good. Running turns end with an error. Returns when the process is gone.
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
