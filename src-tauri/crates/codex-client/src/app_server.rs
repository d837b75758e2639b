//! One `codex app-server` process and the connection to it, before anything is known about it.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;

use tokio::process::ChildStdout;
use tokio_util::task::TaskTracker;

use crate::environment::Environment;
use crate::error::CodexError;
use crate::process::{Process, StderrTail, command};
use crate::rpc::{Connection, Handler, Lines, lines};

/// A started process. Dropping it kills it.
pub(crate) struct AppServer {
    pub(crate) process: Process,
    pub(crate) rpc: Arc<Connection>,
    pub(crate) lines: Lines<ChildStdout>,
    pub(crate) tasks: TaskTracker,
    stderr: StderrTail,
}

impl AppServer {
    /// Starts the codex at `path` in `folder`, with `args` before the subcommand.
    pub(crate) fn start(
        path: &Path,
        environment: &Environment,
        args: &[String],
        folder: &Path,
    ) -> Result<Self, CodexError> {
        // Without it, codex would not start. If this fails, the start says why.
        let _ = std::fs::create_dir_all(folder);
        let mut command = command(path, environment);
        command.args(args).arg("app-server").current_dir(folder);
        let (process, streams) = Process::start(command)
            .map_err(|error| CodexError::StartFailed { reason: format!("{}: {error}", path.display()) })?;
        let tasks = TaskTracker::new();
        let stderr = StderrTail::default();
        tasks.spawn(stderr.clone().read(streams.stderr));
        let rpc = Connection::open(streams.stdin, &tasks);
        Ok(Self { process, rpc, lines: lines(streams.stdout), tasks, stderr })
    }

    /// Runs `work` while codex's messages are read. When its output ends, the connection closes, and `work` fails.
    pub(crate) async fn run<T>(&mut self, handler: &impl Handler, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        tokio::select! {
            biased;
            result = &mut work => result,
            () = self.rpc.read(&mut self.lines, handler) => work.await,
        }
    }

    /// Kills the process, and waits for its tasks.
    pub(crate) async fn stop(mut self) {
        self.end().await;
    }

    /// The same after an error. The last line on stderr explains an exit.
    pub(crate) async fn stop_after(mut self, error: CodexError) -> CodexError {
        self.end().await;
        match error {
            CodexError::Disconnected => CodexError::StartFailed {
                reason: self.stderr.last().unwrap_or_else(|| "it exited without an error message".to_owned()),
            },
            error => error,
        }
    }

    async fn end(&mut self) {
        self.rpc.closed.cancel();
        self.process.kill().await;
        self.tasks.close();
        self.tasks.wait().await;
    }
}
