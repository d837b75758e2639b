//! Launches a codex: finds it, starts its process, shakes hands.
//!
//! Every step has a timeout, and a failed launch leaves no process behind: dropping its handle kills it.

use std::pin::pin;
use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::Session;
use super::handshake::{HandshakeHandler, handshake};
use crate::config::CodexConfig;
use crate::error::CodexError;
use crate::files::FileStamp;
use crate::home::{self, Prepared};
use crate::process::{Process, StderrTail, command};
use crate::rpc::{Connection, lines};

/// A codex that answers, and its process.
pub(crate) struct Instance {
    pub(crate) process: Process,
    pub(crate) session: Arc<Session>,
    /// The binary as it was before the start.
    binary: Option<FileStamp>,
    pub(crate) started_at: Instant,
    pub(crate) memory_checked_at: Instant,
}

impl Instance {
    /// What has replaced the binary since. A binary that is gone may be in the middle of an update.
    pub(crate) fn update(&self) -> Option<FileStamp> {
        FileStamp::read(&self.session.readiness.path).filter(|now| Some(now) != self.binary.as_ref())
    }

    /// Ends the process and everything that works on the session.
    pub(crate) async fn stop(mut self) {
        self.session.rpc.closed.cancel();
        self.process.kill().await;
        self.session.finished().await;
    }
}

/// Starts codex and waits until it answers.
pub(crate) async fn launch(config: &CodexConfig) -> Result<Instance, CodexError> {
    let found = config.search.run().await?;
    // Before the start, so that a later replacement is noticed.
    let binary = FileStamp::read(&found.path);
    // Our own log level must not make codex write prompts to its stderr.
    let environment = found.environment.clone().without("RUST_LOG");
    let Prepared { environment, args, used } = home::prepare(&config.home, &found, environment).await?;
    let mut command = command(&found.path, &environment);
    command.args(args).arg("app-server").current_dir(&config.folder);
    let (mut process, streams) = Process::start(command)
        .map_err(|error| CodexError::StartFailed { reason: format!("{}: {error}", found.path.display()) })?;
    let tasks = TaskTracker::new();
    let stderr = StderrTail::default();
    tasks.spawn(stderr.clone().read(streams.stderr));
    let rpc = Connection::open(streams.stdin, &tasks);
    let mut lines = lines(streams.stdout);
    let readiness = {
        let mut handshake = pin!(handshake(&rpc, &config.client_version, found.path, used));
        tokio::select! {
            biased;
            readiness = &mut handshake => readiness,
            // The connection ends with the output, and the handshake with the connection.
            () = rpc.read(&mut lines, &HandshakeHandler) => handshake.await,
        }
    };
    match readiness {
        Ok(readiness) => {
            let users_home = found.environment.codex_home();
            let session =
                Session::open(rpc, lines, tasks, readiness, environment, users_home, config.retention);
            let started_at = Instant::now();
            Ok(Instance { process, session, binary, started_at, memory_checked_at: started_at })
        }
        Err(error) => {
            rpc.closed.cancel();
            process.kill().await;
            tasks.close();
            tasks.wait().await;
            // An end says little by itself; what codex wrote last says why.
            let reason = || stderr.last().unwrap_or_else(|| "it ended without a word".to_owned());
            Err(match error {
                CodexError::Disconnected => CodexError::StartFailed { reason: reason() },
                error => error,
            })
        }
    }
}
