//! Keeps one codex process: starts it on first use, shakes hands, tells everybody who waits how it went, and starts it
//! again when it is needed after it has ended.
//!
//! One task owns the process; [`Codex`](crate::Codex) is the handle to it that everybody holds. The task ends the process
//! when it is told to, or when the last handle is dropped.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::codex::{Ask, CodexConfig, Counters, Status};
use crate::error::CodexError;
use crate::files::stamp::{Binary, Identity};
use crate::home::auth_watch::SignIn;
use crate::process::Process;
use crate::rpc::connection::Connection;
use crate::session::launch::{self, Started};
use crate::session::liveness::{MOST_MEMORY, WEIGHINGS};

/// A codex that lived shorter than this counts as having failed to start well, and is not started again at once.
const WELL_AFTER: Duration = Duration::from_secs(10);

/// The pause after the first such failure; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How often the sign-in and the binary are looked at while nobody asks; each turn looks by itself.
const LOOKS: Duration = Duration::from_secs(2);

/// A codex that runs.
struct Live {
    process: Process,
    connection: Arc<Connection>,
    since: Instant,
    binary: Binary,
    /// When its memory was last looked at.
    weighed: Instant,
}

pub(crate) struct Supervisor {
    config: CodexConfig,
    tell: watch::Sender<Status>,
    live: Option<Live>,
    sign_in: SignIn,
    /// An update that did not start, and when it is tried again: it may not be all there yet.
    not_yet: Option<(Identity, Instant)>,
    /// Codexes of an earlier sign-in or version that finish their turns.
    retiring: TaskTracker,
    /// Cancelled to end those as well, and a start.
    ending: CancellationToken,
    /// How many attempts in a row have failed or did not live long.
    failures: u32,
    not_before: Option<Instant>,
    last_error: Option<CodexError>,
    counters: Arc<Counters>,
}

impl Supervisor {
    /// A supervisor that has not started codex.
    pub(crate) fn new(
        config: CodexConfig,
        tell: watch::Sender<Status>,
        counters: Arc<Counters>,
        ending: CancellationToken,
    ) -> Self {
        Self {
            sign_in: SignIn::of(&config.search.environment),
            config,
            tell,
            live: None,
            not_yet: None,
            retiring: TaskTracker::new(),
            ending,
            failures: 0,
            not_before: None,
            last_error: None,
            counters,
        }
    }

    /// Answers what is asked, until it is told to end or nobody can ask any more.
    pub(crate) async fn run(mut self, mut asked: mpsc::Receiver<Ask>) {
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
        match self.start().await {
            Ok(started) => Ok(self.take(started)),
            Err(CodexError::ShuttingDown) => Err(CodexError::ShuttingDown),
            Err(error) => {
                self.counters.failed.fetch_add(1, Ordering::Relaxed);
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

    /// Starts a codex, unless all ends meanwhile: one that does not answer must not hold up the end.
    async fn start(&self) -> Result<Started, CodexError> {
        tokio::select! {
            biased;
            () = self.ending.cancelled() => Err(CodexError::ShuttingDown),
            started = launch::start(&self.config) => started,
        }
    }

    /// Makes a codex that answers the live one.
    fn take(&mut self, started: Started) -> Arc<Connection> {
        let Started { process, connection, readiness, binary } = started;
        self.counters.started.fetch_add(1, Ordering::Relaxed);
        tracing::info!(version = %readiness.version, path = %readiness.path.display(), "codex is ready");
        self.tell.send_replace(Status::Ready(readiness));
        let since = Instant::now();
        self.live =
            Some(Live { process, connection: Arc::clone(&connection), since, binary, weighed: since });
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
        match self.start().await {
            Ok(started) => {
                self.not_yet = None;
                self.retire();
                Some(self.take(started))
            }
            Err(error) => {
                self.counters.failed.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%error, "the changed codex does not start; the one from before is used");
                self.not_yet = Some((update, Instant::now() + LONGEST_PAUSE));
                None
            }
        }
    }

    /// Starts codex anew when somebody else is signed in, one that runs and one that only waited for a sign-in, or when
    /// its binary is another, and ends one that has grown too large.
    async fn look_around(&mut self) {
        if self.sign_in.changed() {
            tracing::info!("the sign-in of codex has changed; it is started anew");
            self.retire();
            // Whoever shows the status reads the outcome there.
            let _ = self.connect().await;
        } else if self.is_too_large().await {
            self.retire();
            self.tell.send_replace(Status::Idle);
        } else {
            self.follow_update().await;
        }
    }

    /// Whether codex holds more memory than it may. It is asked only when it has done something since.
    async fn is_too_large(&mut self) -> bool {
        let Some(live) = &mut self.live else { return false };
        if live.weighed.elapsed() < WEIGHINGS || !live.connection.spoke_since(live.weighed) {
            return false;
        }
        // One that does not answer must not hold up the end.
        let memory = tokio::select! {
            memory = live.connection.memory() => memory,
            () = self.ending.cancelled() => None,
        };
        live.weighed = Instant::now();
        let too_large = memory.is_some_and(|bytes| bytes > MOST_MEMORY);
        if too_large {
            let megabytes = memory.unwrap_or_default() / (1024 * 1024);
            tracing::warn!(megabytes, "codex holds too much memory; the next request starts another");
        }
        too_large
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
        self.counters.ended.fetch_add(1, Ordering::Relaxed);
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
