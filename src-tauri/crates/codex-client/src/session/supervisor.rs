//! Keeps one codex running: starts it on first use, reports the outcome to every caller, and restarts it when it is needed
//! again after an exit.
//!
//! One task owns the process; [`Codex`](crate::Codex) is the shared handle to it. The task stops the process on shutdown,
//! or when the last handle is dropped.

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Session;
use super::launch::{Instance, launch};
use super::limits;
use super::liveness::{self, MAX_MEMORY, MEMORY_CHECK_INTERVAL};
use crate::config::CodexConfig;
use crate::error::CodexError;
use crate::files::FileStamp;
use crate::home::HomeWatch;
use crate::status::{Refusal, StartCounts, Status};

/// An exit before this counts as a failed start, so the restart is delayed.
const MIN_UPTIME: Duration = Duration::from_secs(10);

/// The delay after the second such failure in a row; it doubles up to [`MAX_BACKOFF`].
const MIN_BACKOFF: Duration = Duration::from_millis(250);

/// The longest delay between two attempts.
const MAX_BACKOFF: Duration = Duration::from_secs(10);

/// How often the sign-in, the configuration and the binary are checked between turns; every turn checks them too.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// How long a process that starts after the last refresh of the model list goes without one.
const MODELS_REFRESH_INTERVAL: Duration = Duration::from_secs(600);

/// A request for the live session.
pub(crate) type SessionRequest = oneshot::Sender<Result<Arc<Session>, CodexError>>;

/// The sessions that have turns. Only the supervisor keeps them alive.
pub(crate) type Sessions = Arc<Mutex<Vec<Weak<Session>>>>;

pub(crate) struct Supervisor {
    config: CodexConfig,
    new_path: watch::Receiver<Option<PathBuf>>,
    status: watch::Sender<Status>,
    live: Option<Instance>,
    /// The sessions of the live and the retiring processes.
    sessions: Sessions,
    refusal: Refusal,
    home: HomeWatch,
    /// When the model list was last refreshed.
    models_refreshed_at: Option<Instant>,
    /// An update that failed to start, and when to retry it: the installation may be incomplete.
    failed_update: Option<(FileStamp, Instant)>,
    /// Retired instances finishing their turns.
    retiring: TaskTracker,
    /// Cancelled to stop those too, and to abort a start.
    shutdown: CancellationToken,
    /// Consecutive failed starts and early exits.
    failures: u32,
    /// When the next attempt is allowed, and the error to report until then.
    backoff: Option<(Instant, CodexError)>,
    counts: Arc<Mutex<StartCounts>>,
}

impl Supervisor {
    /// Creates a supervisor; codex is not started yet.
    pub(crate) fn new(
        config: CodexConfig,
        new_path: watch::Receiver<Option<PathBuf>>,
        status: watch::Sender<Status>,
        refusal: Refusal,
        sessions: Sessions,
        counts: Arc<Mutex<StartCounts>>,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            home: HomeWatch::new(&config.search.environment, &config.home),
            refusal,
            sessions,
            models_refreshed_at: None,
            config,
            new_path,
            status,
            live: None,
            failed_update: None,
            retiring: TaskTracker::new(),
            shutdown,
            failures: 0,
            backoff: None,
            counts,
        }
    }

    /// Serves requests until shutdown, or until the last handle is dropped.
    pub(crate) async fn run(mut self, mut requests: mpsc::Receiver<SessionRequest>) {
        let mut checks = interval(CHECK_INTERVAL);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => break,
                Ok(()) = self.new_path.changed() => self.apply_path(),
                request = requests.recv() => match request {
                    Some(reply) => {
                        let _ = reply.send(self.session().await);
                    }
                    None => break,
                },
                // Does not wake an idle app.
                _ = checks.tick(), if self.live.is_some() || self.awaits_change() => {
                    self.check_for_changes().await;
                }
                () = exited(self.live.as_mut()) => self.reap().await,
            }
        }
        self.shutdown.cancel();
        self.retiring.close();
        if let Some(live) = self.live.take() {
            live.stop().await;
        }
        self.retiring.wait().await;
        self.status.send_replace(Status::Stopped);
    }

    /// The live session, or a new one. Meanwhile other callers wait in the queue.
    async fn session(&mut self) -> Result<Arc<Session>, CodexError> {
        if let Some(live) = &self.live {
            let session = Arc::clone(&live.session);
            if session.rpc.closed.is_cancelled() {
                self.reap().await;
            } else if let Some(what) = self.home.changed() {
                tracing::info!("codex's {what} has changed; restarting it");
                self.retire();
            } else {
                return Ok(self.apply_update().await.unwrap_or(session));
            }
        }
        if let Some((until, error)) = &self.backoff
            && Instant::now() < *until
        {
            return Err(error.clone());
        }
        self.status.send_replace(Status::Starting);
        // From here on, a newly written sign-in or configuration counts as a change.
        self.home.changed();
        match self.launch().await {
            Ok(instance) => Ok(self.install(instance)),
            Err(CodexError::ShuttingDown) => Err(CodexError::ShuttingDown),
            Err(error) => {
                self.counts.lock().failed += 1;
                tracing::warn!(%error, "codex failed to start");
                if matches!(
                    error,
                    CodexError::StartFailed { .. } | CodexError::NoAnswer { .. } | CodexError::Disconnected
                ) {
                    self.back_off(error.clone());
                }
                self.status.send_replace(Status::Failed(error.clone()));
                Err(error)
            }
        }
    }

    /// Launches codex, unless shutdown comes first: an unresponsive codex must not delay it.
    async fn launch(&self) -> Result<Instance, CodexError> {
        let launched = self.shutdown.run_until_cancelled(launch(&self.config, &self.refusal)).await;
        launched.unwrap_or(Err(CodexError::ShuttingDown))
    }

    /// Promotes a started process to the current one.
    fn install(&mut self, mut instance: Instance) -> Arc<Session> {
        let session = Arc::clone(&instance.session);
        let mut sessions = self.sessions.lock();
        sessions.retain(|session| session.strong_count() > 0);
        sessions.push(Arc::downgrade(&session));
        drop(sessions);
        self.refusal.send_replace(None);
        self.refresh_models(&mut instance);
        session.tasks.spawn(limits::follow(Arc::clone(&session)));
        let readiness = session.readiness.clone();
        self.counts.lock().started += 1;
        tracing::info!(version = %readiness.version, path = %readiness.path.display(), "codex is ready");
        self.status.send_replace(Status::Ready(readiness));
        self.live = Some(instance);
        session
    }

    /// Asks codex for its current models, for the next start. Rarely, since a new list restarts codex.
    fn refresh_models(&mut self, instance: &mut Instance) {
        let due = self.models_refreshed_at.is_none_or(|at| at.elapsed() >= MODELS_REFRESH_INTERVAL);
        let Some(models) = instance.models.take().filter(|_| due) else { return };
        self.models_refreshed_at = Some(Instant::now());
        let (session, outdated) = (Arc::clone(&instance.session), instance.models_outdated.clone());
        instance.session.tasks.spawn(async move {
            if session.rpc.closed.run_until_cancelled(models.refresh()).await == Some(true) {
                outdated.cancel();
            }
        });
    }

    /// Starts codex again when its binary or its model list was replaced, and lets the old process finish its turns. `None`
    /// when both are unchanged or the new process fails to start; then the old one stays, as the update may be incomplete.
    async fn apply_update(&mut self) -> Option<Arc<Session>> {
        let live = self.live.as_mut()?;
        let update = match live.update() {
            Some(update) => update,
            None if live.models_outdated.is_cancelled() => {
                live.models_outdated = CancellationToken::new();
                tracing::info!("codex has a new model list; restarting it");
                let instance = self.launch().await.ok()?;
                self.retire();
                return Some(self.install(instance));
            }
            None => return None,
        };
        if let Some((failed, retry_at)) = &self.failed_update
            && *failed == update
            && Instant::now() < *retry_at
        {
            return None;
        }
        tracing::info!("codex's binary has changed; restarting it");
        match self.launch().await {
            Ok(instance) => {
                self.failed_update = None;
                self.retire();
                Some(self.install(instance))
            }
            Err(error) => {
                self.counts.lock().failed += 1;
                tracing::warn!(%error, "updated codex failed to start; keeping the previous one");
                self.failed_update = Some((update, Instant::now() + MAX_BACKOFF));
                None
            }
        }
    }

    /// Uses the path from the next start on. It may be the same, to restart codex.
    fn apply_path(&mut self) {
        let path = self.new_path.borrow_and_update();
        if self.config.search.setting == *path {
            tracing::info!("restarting codex");
        } else {
            tracing::info!("codex's path has changed");
            self.config.search.setting.clone_from(&path);
        }
        drop(path);
        (self.failures, self.backoff, self.failed_update) = (0, None, None);
        self.retire();
        self.status.send_replace(Status::Idle);
    }

    /// Restarts codex when the account or the configuration has changed or the binary was replaced, and retires one that
    /// uses too much memory.
    async fn check_for_changes(&mut self) {
        if let Some(what) = self.home.changed() {
            tracing::info!("codex's {what} has changed; restarting it");
            self.retire();
            // The status shows the outcome.
            let _ = self.session().await;
        } else if self.is_too_large().await {
            self.retire();
            self.status.send_replace(Status::Idle);
        } else {
            self.apply_update().await;
        }
    }

    /// Whether codex uses too much memory. Only checked if it has been active since the last check.
    async fn is_too_large(&mut self) -> bool {
        let Some(live) = &mut self.live else { return false };
        let rpc = &live.session.rpc;
        if live.memory_checked_at.elapsed() < MEMORY_CHECK_INTERVAL
            || *rpc.last_received.lock() <= live.memory_checked_at
        {
            return false;
        }
        // An unresponsive codex must not delay shutdown.
        let memory = self.shutdown.run_until_cancelled(liveness::memory(rpc)).await.flatten();
        live.memory_checked_at = Instant::now();
        let Some(bytes) = memory.filter(|bytes| *bytes > MAX_MEMORY) else { return false };
        let megabytes = bytes / (1024 * 1024);
        tracing::warn!(megabytes, "codex uses too much memory; the next request restarts it");
        true
    }

    /// Whether the last start failed for a reason that a change of the sign-in or the configuration removes.
    fn awaits_change(&self) -> bool {
        matches!(
            *self.status.borrow(),
            Status::Failed(CodexError::NotSignedIn | CodexError::BadConfig { .. } | CodexError::OwnProvider)
        )
    }

    /// Takes the live instance out of use. It stops once its turns have finished.
    fn retire(&mut self) {
        let Some(instance) = self.live.take() else { return };
        let shutdown = self.shutdown.clone();
        self.retiring.spawn(async move {
            tokio::select! {
                () = instance.session.retire() => {}
                () = instance.session.rpc.closed.cancelled() => {}
                () = shutdown.cancelled() => {}
            }
            instance.stop().await;
        });
    }

    /// Cleans up after codex has exited.
    async fn reap(&mut self) {
        let Some(instance) = self.live.take() else { return };
        let started_at = instance.started_at;
        self.counts.lock().ended += 1;
        instance.stop().await;
        if started_at.elapsed() >= MIN_UPTIME {
            self.failures = 0;
        } else {
            self.back_off(CodexError::StartFailed {
                reason: "it exited shortly after starting, several times".to_owned(),
            });
        }
        tracing::warn!("codex exited; the next request restarts it");
        self.status.send_replace(Status::Idle);
    }

    /// Records a failure. The first one causes no delay, so that the next request recovers from a single crash.
    fn back_off(&mut self, error: CodexError) {
        self.failures += 1;
        if self.failures > 1 {
            let delay = MIN_BACKOFF.saturating_mul(1 << (self.failures - 2).min(10)).min(MAX_BACKOFF);
            self.backoff = Some((Instant::now() + delay, error));
        }
    }
}

/// Resolves when the live codex has exited or its connection has closed; never when there is none.
async fn exited(live: Option<&mut Instance>) {
    let Some(instance) = live else { return std::future::pending().await };
    tokio::select! {
        _ = instance.process.wait() => {}
        () = instance.session.rpc.closed.cancelled() => {}
    }
}
