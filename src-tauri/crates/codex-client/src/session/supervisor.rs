//! Keeps one codex running: starts it on first use, tells every caller how the start went, and starts it again when it is
//! needed after it has ended.
//!
//! One task owns the process; [`Codex`](crate::Codex) is the shared handle to it. The task ends the process on shutdown, or
//! when the last handle is dropped.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Session;
use super::launch::{Instance, launch};
use super::liveness::{self, MAX_MEMORY, MEMORY_CHECK_INTERVAL};
use crate::config::CodexConfig;
use crate::error::CodexError;
use crate::files::FileStamp;
use crate::home::AuthWatch;
use crate::status::{StartCounts, Status};

/// A codex that lived shorter than this counts as a failed start, and is not started again at once.
const MIN_UPTIME: Duration = Duration::from_secs(10);

/// The pause after the second such failure in a row; it doubles up to [`MAX_BACKOFF`].
const MIN_BACKOFF: Duration = Duration::from_millis(250);

/// The longest pause between two attempts.
const MAX_BACKOFF: Duration = Duration::from_secs(10);

/// How often the sign-in and the binary are checked between turns; each turn checks them too.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// Asks for the live session.
pub(crate) type SessionRequest = oneshot::Sender<Result<Arc<Session>, CodexError>>;

pub(crate) struct Supervisor {
    config: CodexConfig,
    status: watch::Sender<Status>,
    live: Option<Instance>,
    auth: AuthWatch,
    /// An update that did not start, and when it is tried again: it may not be complete yet.
    failed_update: Option<(FileStamp, Instant)>,
    /// Codexes of an earlier sign-in or version that finish their turns.
    retiring: TaskTracker,
    /// Cancelled to end those as well, and a start.
    shutdown: CancellationToken,
    /// Attempts in a row that failed or did not live long.
    failures: u32,
    /// When the next attempt may be made, and why not before.
    backoff: Option<(Instant, CodexError)>,
    counts: Arc<Mutex<StartCounts>>,
}

impl Supervisor {
    /// A supervisor that has not started codex.
    pub(crate) fn new(
        config: CodexConfig,
        status: watch::Sender<Status>,
        counts: Arc<Mutex<StartCounts>>,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            auth: AuthWatch::new(&config.search.environment),
            config,
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

    /// Answers until shutdown, or until the last handle is gone.
    pub(crate) async fn run(mut self, mut requests: mpsc::Receiver<SessionRequest>) {
        let mut checks = interval(CHECK_INTERVAL);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => break,
                request = requests.recv() => match request {
                    Some(reply) => {
                        let _ = reply.send(self.session().await);
                    }
                    None => break,
                },
                // An idle app does not wake up for this.
                _ = checks.tick(), if self.live.is_some() || self.awaits_sign_in() => {
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

    /// The live session, or a new one. Callers meanwhile wait in the queue and get the outcome.
    async fn session(&mut self) -> Result<Arc<Session>, CodexError> {
        if let Some(live) = &self.live {
            let session = Arc::clone(&live.session);
            if session.rpc.closed.is_cancelled() {
                self.reap().await;
            } else if self.auth.changed() {
                tracing::info!("codex's sign-in has changed; restarting it");
                self.retire();
            } else {
                return Ok(self.follow_update().await.unwrap_or(session));
            }
        }
        if let Some((until, error)) = &self.backoff
            && Instant::now() < *until
        {
            return Err(error.clone());
        }
        self.status.send_replace(Status::Starting);
        // A sign-in that is written from here on counts as a change.
        self.auth.changed();
        match self.launch().await {
            Ok(instance) => Ok(self.install(instance)),
            Err(CodexError::ShuttingDown) => Err(CodexError::ShuttingDown),
            Err(error) => {
                self.counts.lock().failed += 1;
                tracing::warn!(%error, "codex could not be started");
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

    /// Starts a codex, unless the shutdown comes first: a codex that does not answer must not hold it up.
    async fn launch(&self) -> Result<Instance, CodexError> {
        let launched = self.shutdown.run_until_cancelled(launch(&self.config)).await;
        launched.unwrap_or(Err(CodexError::ShuttingDown))
    }

    /// Promotes a started process to the current one.
    fn install(&mut self, instance: Instance) -> Arc<Session> {
        let session = Arc::clone(&instance.session);
        let readiness = session.readiness.clone();
        self.counts.lock().started += 1;
        tracing::info!(version = %readiness.version, path = %readiness.path.display(), "codex is ready");
        self.status.send_replace(Status::Ready(readiness));
        self.live = Some(instance);
        session
    }

    /// Starts what has replaced the current binary, and lets the old codex finish its turns. `None` when nothing has, or when
    /// it does not start: then the old one goes on, and the update may not be complete yet.
    async fn follow_update(&mut self) -> Option<Arc<Session>> {
        let update = self.live.as_ref()?.update()?;
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

    /// Restarts codex when another account is signed in (also after a start that only lacked one) or its binary was
    /// replaced, and ends one that has grown too large.
    async fn check_for_changes(&mut self) {
        if self.auth.changed() {
            tracing::info!("codex's sign-in has changed; restarting it");
            self.retire();
            // The status shows the outcome.
            let _ = self.session().await;
        } else if self.is_too_large().await {
            self.retire();
            self.status.send_replace(Status::Idle);
        } else {
            self.follow_update().await;
        }
    }

    /// Whether codex holds more memory than it may. It is asked only when it has done something since the last time.
    async fn is_too_large(&mut self) -> bool {
        let Some(live) = &mut self.live else { return false };
        let rpc = &live.session.rpc;
        if live.memory_checked_at.elapsed() < MEMORY_CHECK_INTERVAL
            || *rpc.last_received.lock() <= live.memory_checked_at
        {
            return false;
        }
        // A codex that does not answer must not hold up the shutdown.
        let memory = self.shutdown.run_until_cancelled(liveness::memory(rpc)).await.flatten();
        live.memory_checked_at = Instant::now();
        let Some(bytes) = memory.filter(|bytes| *bytes > MAX_MEMORY) else { return false };
        let megabytes = bytes / (1024 * 1024);
        tracing::warn!(megabytes, "codex holds too much memory; the next request starts another");
        true
    }

    /// Whether the last start only lacked a sign-in.
    fn awaits_sign_in(&self) -> bool {
        matches!(*self.status.borrow(), Status::Failed(CodexError::NotSignedIn))
    }

    /// Takes the live codex out of use. Its turns finish, and then it ends.
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

    /// Cleans up after a codex that has ended by itself.
    async fn reap(&mut self) {
        let Some(instance) = self.live.take() else { return };
        let started_at = instance.started_at;
        self.counts.lock().ended += 1;
        instance.stop().await;
        if started_at.elapsed() >= MIN_UPTIME {
            self.failures = 0;
        } else {
            self.back_off(CodexError::StartFailed {
                reason: "it ended soon after its start, several times".to_owned(),
            });
        }
        tracing::warn!("codex has ended; the next request starts it again");
        self.status.send_replace(Status::Idle);
    }

    /// Counts a failure. The first one costs no pause, so that the next request recovers from a single crash.
    fn back_off(&mut self, error: CodexError) {
        self.failures += 1;
        if self.failures > 1 {
            let delay = MIN_BACKOFF.saturating_mul(1 << (self.failures - 2).min(10)).min(MAX_BACKOFF);
            self.backoff = Some((Instant::now() + delay, error));
        }
    }
}

/// Resolves when the live codex has ended or its connection is closed; never when there is none.
async fn exited(live: Option<&mut Instance>) {
    let Some(instance) = live else { return std::future::pending().await };
    tokio::select! {
        _ = instance.process.wait() => {}
        () = instance.session.rpc.closed.cancelled() => {}
    }
}
