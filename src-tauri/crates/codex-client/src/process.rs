//! Starts processes and ensures that they and their children do not outlive us.
//!
//! On Unix the process leads its own group. A guard in that group, a shell that reads a pipe of ours, kills the whole
//! group when the pipe closes: when the handle is dropped, or when we are killed, even by SIGKILL. On Windows a job object
//! does the same. Nothing else in this crate starts a process that outlives one function.

mod stderr;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::ffi::OsStr;
use std::io;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};

use crate::environment::Environment;

pub(crate) use stderr::StderrTail;
#[cfg(unix)]
pub(crate) use unix::Process;
#[cfg(windows)]
pub(crate) use windows::Process;

/// The standard streams of a started process.
#[derive(Debug)]
pub(crate) struct Streams {
    pub(crate) stdin: ChildStdin,
    pub(crate) stdout: ChildStdout,
    pub(crate) stderr: ChildStderr,
}

/// A command with exactly this environment. Clippy forbids creating one elsewhere.
#[expect(clippy::disallowed_methods, reason = "this is the allowed place")]
pub(crate) fn command(program: impl AsRef<OsStr>, environment: &Environment) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(environment.iter());
    // Keeps a console window from flashing up.
    #[cfg(windows)]
    command.creation_flags(::windows::Win32::System::Threading::CREATE_NO_WINDOW.0);
    command
}

/// Runs a command and returns its output.
///
/// # Errors
/// When it cannot be started, or exceeds `timeout` and is killed.
pub(crate) async fn output(mut command: Command, timeout: Duration) -> io::Result<Output> {
    tokio::time::timeout(timeout, command.stdin(Stdio::null()).kill_on_drop(true).output()).await?
}

/// The same command with all three streams piped.
fn piped(mut command: Command) -> Command {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}
