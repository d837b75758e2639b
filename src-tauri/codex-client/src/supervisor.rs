//! Keeps one codex process: starts it on first use, shakes hands, tells everybody who waits how it went, and starts it
//! again when it is needed after it has ended.
//!
//! One task owns the process; [`Codex`] is the handle to it that everybody holds. The task ends the process when it is
//! told to, or when the last handle is dropped.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::binary::{Binary, Identity};
use crate::capabilities::Capabilities;
use crate::connection::Connection;
use crate::error::CodexError;
use crate::home::{Home, HomeUsed};
use crate::kept::Keeping;
use crate::locate::Search;
use crate::process::Process;
use crate::protocol::{Account, Model, ModelPage, RateLimits};
use crate::sign_in::SignIn;
use crate::start::{self, Started};
use crate::turn::{Turn, TurnRequest};

/// Questions waiting for the supervisor. When it is full, askers wait for room.
const ASKS: usize = 256;

/// A codex that lived shorter than this counts as having failed to start well, and is not started again at once.
const WELL_AFTER: Duration = Duration::from_secs(10);

/// The pause after the first such failure; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Pages of the model list that are read at most; codex has one.
const MODEL_PAGES: usize = 10;

/// How often the sign-in and the binary are looked at while nobody asks; each turn looks by itself.
const LOOKS: Duration = Duration::from_secs(2);

/// How long a codex that is only looked at may take to tell its models.
const PROBED_MODELS_LIMIT: Duration = Duration::from_secs(5);

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

/// A handle to codex. Clones share one process.
#[derive(Clone, Debug)]
pub struct Codex {
    asks: mpsc::Sender<Ask>,
    status: watch::Receiver<Status>,
}

/// What can be asked of the supervisor.
#[derive(Debug)]
enum Ask {
    Connect(oneshot::Sender<Result<Arc<Connection>, CodexError>>),
    Shutdown(oneshot::Sender<()>),
}

/// A codex that was started to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// What it is and can do.
    pub readiness: Readiness,
    /// Its models; none when it did not tell them soon.
    pub models: Vec<Model>,
}

/// Starts codex, asks it what it is, what it can do and which models it has, and ends it again: how things stand, without
/// keeping a process.
///
/// # Errors
/// Whatever keeps it from answering.
pub async fn probe(config: &CodexConfig) -> Result<Probed, CodexError> {
    let Started { mut process, connection, readiness, .. } = start::start(config).await?;
    // A codex that looks for its models in the network may have to wait for it; they are no reason to call it not ready.
    let models = match timeout(PROBED_MODELS_LIMIT, list_models(&connection)).await {
        Ok(Ok(models)) => models,
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    connection.closed.cancel();
    process.kill().await;
    connection.tasks.wait().await;
    Ok(Probed { readiness, models })
}

async fn list_models(connection: &Connection) -> Result<Vec<Model>, CodexError> {
    let mut models = Vec::new();
    if !connection.can().model_list {
        return Ok(models);
    }
    let mut cursor: Option<String> = None;
    for _ in 0..MODEL_PAGES {
        let params = match &cursor {
            Some(cursor) => serde_json::json!({ "cursor": cursor }),
            None => serde_json::json!({}),
        };
        let page: ModelPage = connection.call("model/list", params).await?;
        models.extend(page.data);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    Ok(models)
}

impl Codex {
    /// A handle to a codex that is started on first use. Must be called within a tokio runtime, which then runs the
    /// supervisor until [`Codex::shutdown`], or until the last handle is gone.
    #[must_use]
    pub fn new(config: CodexConfig) -> Self {
        let (asks, asked) = mpsc::channel(ASKS);
        let (tell, status) = watch::channel(Status::Idle);
        let supervisor = Supervisor {
            sign_in: SignIn::of(&config.search.environment),
            config,
            tell,
            live: None,
            not_yet: None,
            retiring: TaskTracker::new(),
            ending: CancellationToken::new(),
            failures: 0,
            not_before: None,
            last_error: None,
        };
        tokio::spawn(supervisor.run(asked));
        Self { asks, status }
    }

    /// How codex is, and every change of it.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
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

/// A codex that runs.
struct Live {
    process: Process,
    connection: Arc<Connection>,
    since: Instant,
    binary: Binary,
}

struct Supervisor {
    config: CodexConfig,
    tell: watch::Sender<Status>,
    live: Option<Live>,
    sign_in: SignIn,
    /// An update that did not start, and when it is tried again: it may not be all there yet.
    not_yet: Option<(Identity, Instant)>,
    /// Codexes of an earlier sign-in or version that finish their turns.
    retiring: TaskTracker,
    /// Cancelled to end those as well.
    ending: CancellationToken,
    /// How many attempts in a row have failed or did not live long.
    failures: u32,
    not_before: Option<Instant>,
    last_error: Option<CodexError>,
}

impl Supervisor {
    async fn run(mut self, mut asked: mpsc::Receiver<Ask>) {
        let mut looks = interval(LOOKS);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let ask = tokio::select! {
                biased;
                ask = asked.recv() => ask,
                // An app that nobody uses shall not wake up for nothing.
                _ = looks.tick(), if self.live.is_some() || self.waits_for_sign_in() => {
                    self.look_around().await;
                    continue;
                }
                () = gone(self.live.as_mut()) => {
                    self.bury().await;
                    continue;
                }
            };
            match ask {
                Some(Ask::Connect(reply)) => {
                    let outcome = self.connect().await;
                    let _ = reply.send(outcome);
                }
                Some(Ask::Shutdown(done)) => {
                    self.end().await;
                    let _ = done.send(());
                    return;
                }
                None => {
                    self.end().await;
                    return;
                }
            }
        }
    }

    /// The live connection, or a new one. Whoever asks meanwhile waits in the queue and finds the outcome.
    async fn connect(&mut self) -> Result<Arc<Connection>, CodexError> {
        if let Some(live) = &self.live {
            let connection = Arc::clone(&live.connection);
            if !connection.is_open() {
                self.bury().await;
            } else if self.sign_in.changed() {
                tracing::info!("the sign-in of codex has changed; it is started anew");
                self.retire();
            } else {
                return Ok(self.follow_update().await.unwrap_or(connection));
            }
        }
        if let (Some(not_before), Some(error)) = (self.not_before, &self.last_error)
            && Instant::now() < not_before
        {
            return Err(error.clone());
        }
        self.tell.send_replace(Status::Starting);
        // What is written from here on is noticed as a change.
        self.sign_in.changed();
        match start::start(&self.config).await {
            Ok(started) => Ok(self.take(started)),
            Err(error) => {
                tracing::warn!(%error, "codex could not be started");
                if matches!(
                    error,
                    CodexError::StartFailed { .. } | CodexError::NoAnswer { .. } | CodexError::Disconnected
                ) {
                    self.fail(error.clone());
                }
                self.tell.send_replace(Status::Failed(error.clone()));
                Err(error)
            }
        }
    }

    /// Makes a codex that answers the live one.
    fn take(&mut self, started: Started) -> Arc<Connection> {
        let Started { process, connection, readiness, binary } = started;
        tracing::info!(version = %readiness.version, path = %readiness.path.display(), "codex is ready");
        self.tell.send_replace(Status::Ready(readiness));
        let since = Instant::now();
        self.live = Some(Live { process, connection: Arc::clone(&connection), since, binary });
        connection
    }

    /// Starts what has taken the place of the live codex's binary, and lets the old one finish its turns. `None` when
    /// nothing has, or when it does not start: the old one is still good then, and an update may not be all there yet.
    async fn follow_update(&mut self) -> Option<Arc<Connection>> {
        let update = self.live.as_ref()?.binary.replacement()?;
        let waits = |(tried, until): &(Identity, Instant)| *tried == update && Instant::now() < *until;
        if self.not_yet.as_ref().is_some_and(waits) {
            return None;
        }
        tracing::info!("the binary of codex has changed; it is started anew");
        match start::start(&self.config).await {
            Ok(started) => {
                self.not_yet = None;
                self.retire();
                Some(self.take(started))
            }
            Err(error) => {
                tracing::warn!(%error, "the changed codex does not start; the one from before is used");
                self.not_yet = Some((update, Instant::now() + LONGEST_PAUSE));
                None
            }
        }
    }

    /// Starts codex anew when somebody else is signed in, one that runs and one that only waited for a sign-in, or when
    /// its binary is another.
    async fn look_around(&mut self) {
        if self.sign_in.changed() {
            tracing::info!("the sign-in of codex has changed; it is started anew");
            self.retire();
            // Whoever shows the status reads the outcome there.
            let _ = self.connect().await;
        } else {
            self.follow_update().await;
        }
    }

    /// Whether the last start failed only because nobody is signed in.
    fn waits_for_sign_in(&self) -> bool {
        matches!(*self.tell.borrow(), Status::Failed(CodexError::NotSignedIn))
    }

    /// Takes the live codex out of use. Its turns finish, and then it ends.
    fn retire(&mut self) {
        let Some(Live { mut process, connection, .. }) = self.live.take() else { return };
        let ending = self.ending.clone();
        self.retiring.spawn(async move {
            tokio::select! {
                () = connection.retire() => {}
                () = connection.closed.cancelled() => {}
                () = ending.cancelled() => {}
            }
            connection.closed.cancel();
            process.kill().await;
            connection.tasks.wait().await;
        });
    }

    /// Clears away a codex that has ended by itself.
    async fn bury(&mut self) {
        let Some(mut live) = self.live.take() else { return };
        live.connection.closed.cancel();
        live.process.kill().await;
        live.connection.tasks.wait().await;
        if live.since.elapsed() >= WELL_AFTER {
            self.failures = 0;
        } else {
            self.fail(CodexError::StartFailed {
                reason: "it ended soon after its start, several times".to_owned(),
            });
        }
        tracing::warn!("codex has ended; the next request starts it again");
        self.tell.send_replace(Status::Idle);
    }

    /// Counts a failure. The first one costs no pause, so that a single crash is over with the next request.
    fn fail(&mut self, error: CodexError) {
        self.failures += 1;
        if self.failures > 1 {
            let pause = FIRST_PAUSE.saturating_mul(1 << (self.failures - 2).min(10)).min(LONGEST_PAUSE);
            self.not_before = Some(Instant::now() + pause);
        }
        self.last_error = Some(error);
    }

    async fn end(&mut self) {
        self.ending.cancel();
        self.retiring.close();
        if let Some(mut live) = self.live.take() {
            live.connection.closed.cancel();
            live.process.kill().await;
            live.connection.tasks.wait().await;
        }
        self.retiring.wait().await;
        self.tell.send_replace(Status::Stopped);
    }
}

/// Resolves when the live codex has ended or its connection is closed; never when there is none.
async fn gone(live: Option<&mut Live>) {
    match live {
        Some(live) => {
            tokio::select! {
                _ = live.process.wait() => {}
                () = live.connection.closed.cancelled() => {}
            }
        }
        None => std::future::pending().await,
    }
}
