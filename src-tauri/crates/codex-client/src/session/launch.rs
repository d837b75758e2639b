//! Launches codex: finds the binary, starts the process, performs the handshake.
//!
//! Every step has a timeout, and a failed launch leaves no process behind: dropping the handle kills it.

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

/// A launched codex: its process and session.
pub(crate) struct Instance {
    pub(crate) process: Process,
    pub(crate) session: Arc<Session>,
    /// The stamp of the binary before the start.
    binary: Option<FileStamp>,
    pub(crate) started_at: Instant,
    pub(crate) memory_checked_at: Instant,
}

impl Instance {
    /// The stamp of the binary if it has been replaced. A missing binary may be in the middle of an update.
    pub(crate) fn update(&self) -> Option<FileStamp> {
        FileStamp::read(&self.session.readiness.path).filter(|now| Some(now) != self.binary.as_ref())
    }

    /// Kills the process and waits for the session's tasks.
    pub(crate) async fn stop(mut self) {
        self.session.rpc.closed.cancel();
        self.process.kill().await;
        self.session.finished().await;
    }
}

/// Starts codex and waits until it is ready.
pub(crate) async fn launch(config: &CodexConfig) -> Result<Instance, CodexError> {
    let found = config.search.run().await?;
    // Read before the start, so that a later replacement is detected.
    let binary = FileStamp::read(&found.path);
    // Our log level must not make codex write prompts to its stderr.
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
            // When the output ends, the connection closes, and the handshake fails.
            () = rpc.read(&mut lines, &HandshakeHandler) => handshake.await,
        }
    };
    match readiness {
        Ok(readiness) => {
            let user_home = found.environment.codex_home();
            let session =
                Session::open(rpc, lines, tasks, readiness, environment, user_home, config.retention);
            let started_at = Instant::now();
            Ok(Instance { process, session, binary, started_at, memory_checked_at: started_at })
        }
        Err(error) => {
            rpc.closed.cancel();
            process.kill().await;
            tasks.close();
            tasks.wait().await;
            // The last line on stderr explains an exit.
            let reason = || stderr.last().unwrap_or_else(|| "it exited without an error message".to_owned());
            Err(match error {
                CodexError::Disconnected => CodexError::StartFailed { reason: reason() },
                error => error,
            })
        }
    }
}
