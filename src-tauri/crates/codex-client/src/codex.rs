//! The handle to codex that everybody holds: how it is set up, how it is, and what can be asked of it.
//!
//! Behind it is the supervisor's task, which owns the process.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::capabilities::Capabilities;
use crate::error::CodexError;
use crate::home::{Home, HomeUsed};
use crate::install::locate::Search;
use crate::item::{Account, Model, RateLimits};
use crate::rpc::connection::Connection;
use crate::session::models::list_models;
use crate::session::supervisor::Supervisor;
use crate::thread::cache::Keeping;
use crate::turn::handle::{Turn, TurnRequest};

/// Questions waiting for the supervisor. When it is full, askers wait for room.
const ASKS: usize = 256;

/// How codex is to be found and started.
#[derive(Clone, Debug)]
pub struct CodexConfig {
    /// Where to look, and the environment to start it with. `CODEX_HOME` in it is the user's home of codex.
    pub search: Search,
    /// Which home it gets.
    pub home: Home,
    /// The folder that the process is started in; it must exist.
    pub folder: PathBuf,
    /// Our version, which codex passes on upstream.
    pub client_version: String,
    /// How many threads are kept after their answer, and for how long.
    pub keeping: Keeping,
}

/// How codex is, for people to see.
#[derive(Clone, Debug, Default)]
pub enum Status {
    /// It has not been needed yet, or has ended and is not needed now.
    #[default]
    Idle,
    /// It is being started.
    Starting,
    /// It answers.
    Ready(Readiness),
    /// The last attempt to start it failed.
    Failed(CodexError),
    /// It was stopped for good.
    Stopped,
}

/// What is known of a codex that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The binary.
    pub path: PathBuf,
    /// Its version, as it names itself.
    pub version: String,
    /// What it can do.
    pub capabilities: Capabilities,
    /// The account that it works with; `None` when this codex does not say.
    pub account: Option<Account>,
    /// Which home it has.
    pub home: HomeUsed,
}

/// How often codex was started, and what came of it, since the handle was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Starts that went well.
    pub started: u64,
    /// Starts that failed.
    pub failed: u64,
    /// Times that it ended by itself.
    pub ended: u64,
}

/// The same while it is counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) started: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) ended: AtomicU64,
}

/// A handle to codex. Clones share one process.
#[derive(Clone, Debug)]
pub struct Codex {
    asks: mpsc::Sender<Ask>,
    status: watch::Receiver<Status>,
    counters: Arc<Counters>,
    /// Cancelled to end codex for good, in the middle of a start too.
    ending: CancellationToken,
}

/// What can be asked of the supervisor.
#[derive(Debug)]
pub(crate) enum Ask {
    Connect(oneshot::Sender<Result<Arc<Connection>, CodexError>>),
    Shutdown(oneshot::Sender<()>),
}

impl Codex {
    /// A handle to a codex that is started on first use. Must be called within a tokio runtime, which then runs the
    /// supervisor until [`Codex::shutdown`], or until the last handle is gone.
    #[must_use]
    pub fn new(config: CodexConfig) -> Self {
        let (asks, asked) = mpsc::channel(ASKS);
        let (tell, status) = watch::channel(Status::Idle);
        let (counters, ending) = (Arc::default(), CancellationToken::new());
        let supervisor = Supervisor::new(config, tell, Arc::clone(&counters), ending.clone());
        tokio::spawn(supervisor.run(asked));
        Self { asks, status, counters, ending }
    }

    /// How codex is, and every change of it.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// How often it was started so far, and what came of it.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counters { started, failed, ended } = &*self.counters;
        Counts { started: read(started), failed: read(failed), ended: read(ended) }
    }

    /// Starts codex if it does not run, and waits until it answers.
    ///
    /// # Errors
    /// Whatever keeps it from answering.
    pub async fn ready(&self) -> Result<(), CodexError> {
        self.connection().await.map(|_| ())
    }

    /// Runs a turn. It begins at once; what goes wrong on the way comes as its last event.
    ///
    /// # Errors
    /// Whatever keeps codex from starting.
    pub async fn turn(&self, request: TurnRequest) -> Result<Turn, CodexError> {
        let connection = self.connection().await?;
        if let Status::Ready(readiness) = &*self.status.borrow() {
            readiness.capabilities.check(&request, &readiness.version)?;
        }
        Ok(Turn::start(&connection, request))
    }

    /// codex's own list of models, the hidden ones included.
    ///
    /// # Errors
    /// Whatever keeps codex from starting or answering.
    pub async fn models(&self) -> Result<Vec<Model>, CodexError> {
        let connection = self.connection().await?;
        list_models(&connection).await
    }

    /// The account's limits as codex last heard them; empty when codex does not run.
    ///
    /// # Errors
    /// Whatever keeps codex from starting.
    pub async fn rate_limits(&self) -> Result<RateLimits, CodexError> {
        Ok(self.connection().await?.limits())
    }

    /// How many threads are kept for conversations to go on in.
    ///
    /// # Errors
    /// Whatever keeps codex from starting.
    pub async fn kept_threads(&self) -> Result<usize, CodexError> {
        Ok(self.connection().await?.kept.count())
    }

    /// Ends codex for good. Turns that still run are told that it is gone. Returns when the process is.
    pub async fn shutdown(&self) {
        self.ending.cancel();
        let (done, ended) = oneshot::channel();
        if self.asks.send(Ask::Shutdown(done)).await.is_ok() {
            let _ = ended.await;
        }
    }

    async fn connection(&self) -> Result<Arc<Connection>, CodexError> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(Ask::Connect(reply)).await.map_err(|_| CodexError::ShuttingDown)?;
        answer.await.map_err(|_| CodexError::ShuttingDown)?
    }
}
