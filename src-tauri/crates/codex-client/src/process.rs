//! Starting codex's process, and making sure that it and everything it starts ends with us.
//!
//! On Unix the process leads a group of its own, and a guard in that group, a shell that reads a pipe of ours, kills the
//! whole group when the pipe closes. The pipe closes when the handle is dropped, and as well when we are killed by a
//! signal that no code of ours can see. On Windows a job object does the same. Nothing else in this crate starts a
//! process that outlives one function.

#[cfg(unix)]
#[path = "process/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "process/windows.rs"]
mod system;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};

use crate::environment::Environment;

pub(crate) use system::Process;

/// What to start.
#[derive(Clone, Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) program: &'a Path,
    pub(crate) args: &'a [&'a str],
    pub(crate) environment: &'a Environment,
    pub(crate) folder: PathBuf,
}

/// The three streams of a started process.
#[derive(Debug)]
pub(crate) struct Streams {
    pub(crate) stdin: ChildStdin,
    pub(crate) stdout: ChildStdout,
    pub(crate) stderr: ChildStderr,
}

impl Launch<'_> {
    /// The command with exactly the given environment and all three streams piped.
    fn command(&self) -> Command {
        let mut command = command(self.program);
        command
            .args(self.args)
            .env_clear()
            .envs(self.environment.iter())
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

/// The one place where a command is made; clippy forbids it everywhere else.
#[expect(clippy::disallowed_methods, reason = "this is the place that the others are sent to")]
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let command = Command::new(program);
    #[cfg(windows)]
    let command = system::without_window(command);
    command
}
