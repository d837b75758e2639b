//! What to start, and the command for it.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};

use crate::environment::Environment;

/// What to start.
#[derive(Clone, Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) program: &'a Path,
    pub(crate) args: &'a [String],
    pub(crate) environment: &'a Environment,
    pub(crate) folder: &'a Path,
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
    pub(super) fn command(&self) -> Command {
        let mut command = command(self.program);
        command
            .args(self.args)
            .env_clear()
            .envs(self.environment.iter())
            .current_dir(self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

/// Runs a command to its end, with exactly the given environment, and returns what it printed.
///
/// # Errors
/// When it cannot be started or takes longer than `timeout`; then it is killed.
pub(crate) async fn output(
    mut command: Command,
    environment: &Environment,
    timeout: Duration,
) -> io::Result<Output> {
    command.env_clear().envs(environment.iter()).stdin(Stdio::null()).kill_on_drop(true);
    tokio::time::timeout(timeout, command.output()).await?
}

/// Makes every command of this crate; clippy forbids it elsewhere.
#[expect(clippy::disallowed_methods, reason = "this is the place that the others are sent to")]
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    #[cfg_attr(not(windows), expect(unused_mut, reason = "only Windows changes it"))]
    let mut command = Command::new(program);
    // Keeps a console window from flashing up beside the desktop app.
    #[cfg(windows)]
    command.creation_flags(windows::Win32::System::Threading::CREATE_NO_WINDOW.0);
    command
}
