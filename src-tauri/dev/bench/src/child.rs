//! Starting the programs that are measured, and making sure that each ends with us.
//!
//! On Unix a program leads a group of its own, and a guard in that group, a shell that reads a pipe of ours, kills the
//! group when the pipe closes: even when we are killed by a signal that no code of ours can see. Elsewhere a program is
//! ended by being dropped, and by nothing else.

use std::ffi::OsStr;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// What a server prints before its address.
const READY: &str = "listening on ";
/// Binding a port takes milliseconds; a machine under load takes longer.
const READY_LIMIT: Duration = Duration::from_secs(30);
/// A program that was asked to end and does not is killed.
const END_LIMIT: Duration = Duration::from_secs(15);

/// Reads until the pipe closes, then kills the group that it is a member of. Being a member also keeps the group's id
/// from being given to anyone else while the guard is there.
#[cfg(unix)]
const GUARD: &str = r#"read -r _; kill -s KILL -- "-$1""#;

/// A server that runs beside us.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Its stdin is the pipe, which closes when this is dropped.
    #[cfg(unix)]
    _guard: Child,
    /// Kept open: a program whose stdout has nobody behind it may end.
    _lines: Lines<BufReader<ChildStdout>>,
    name: String,
    /// Where it listens, such as `http://127.0.0.1:4321`.
    pub(crate) address: String,
}

/// The one place where a command is made.
#[expect(
    clippy::disallowed_methods,
    reason = "codex-client, which the others use, is no part of a yardstick"
)]
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.kill_on_drop(true);
    // A level meant for us would make codex and the proxy write logs, and that takes time.
    command.env_remove("RUST_LOG");
    // A machine behind an HTTP proxy would send codex's requests to the sample model through that.
    command.env("NO_PROXY", "127.0.0.1,localhost");
    command
}

impl Server {
    /// Starts a program and waits for the line that says where it listens.
    pub(crate) async fn start(mut command: Command, name: &str) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().with_context(|| format!("{name} cannot be started"))?;
        #[cfg(unix)]
        let guard = guard(&child).with_context(|| format!("the guard of {name} cannot be started"))?;
        let stdout = child.stdout.take().context("a piped stdout is there")?;
        let mut lines = BufReader::new(stdout).lines();
        let address = timeout(READY_LIMIT, ready(&mut lines)).await;
        let address = address
            .with_context(|| format!("{name} was not ready within {READY_LIMIT:?}"))?
            .with_context(|| format!("{name} ended before it was ready"))?;
        Ok(Self {
            child,
            #[cfg(unix)]
            _guard: guard,
            _lines: lines,
            name: name.to_owned(),
            address,
        })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().with_context(|| format!("{} has ended by itself", self.name))
    }

    /// That it has not ended by itself.
    pub(crate) fn runs(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} ended by itself: {status}", self.name),
            None => Ok(()),
        }
    }

    /// Asks it to end, waits until it has, and says how it ended.
    pub(crate) async fn end(mut self) -> Result<ExitStatus> {
        self.runs()?;
        ask_to_end(&mut self.child)?;
        let ended = timeout(END_LIMIT, self.child.wait()).await;
        Ok(ended.with_context(|| format!("{} did not end within {END_LIMIT:?}", self.name))??)
    }
}

async fn ready(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<String> {
    while let Some(line) = lines.next_line().await? {
        if let Some(address) = line.strip_prefix(READY) {
            return Ok(address.trim().trim_end_matches('/').to_owned());
        }
    }
    bail!("it printed no address")
}

#[cfg(unix)]
fn guard(leader: &Child) -> Result<Child> {
    let pid = leader.id().and_then(|pid| i32::try_from(pid).ok()).context("it ended at once")?;
    let mut guard = command("/bin/sh");
    guard.args(["-c", GUARD, "bench-guard", &pid.to_string()]).process_group(pid);
    // It is to act when it is dropped, not to be killed.
    guard.kill_on_drop(false).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(guard.spawn()?)
}

/// Asks a program to end.
#[cfg(unix)]
pub(crate) fn ask_to_end(child: &mut Child) -> Result<()> {
    use rustix::process::{Pid, Signal, kill_process};
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    kill_process(pid.context("it has no process id")?, Signal::TERM)?;
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn ask_to_end(child: &mut Child) -> Result<()> {
    Ok(child.start_kill()?)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut shell = command("/bin/sh");
        shell.args(["-c", script]);
        shell
    }

    #[tokio::test]
    async fn a_server_says_where_it_listens_and_ends_when_it_is_asked() {
        let script = "echo hello; echo listening on http://127.0.0.1:1/; exec sleep 60";
        let server = Server::start(shell(script), "it").await.unwrap();
        assert_eq!(server.address, "http://127.0.0.1:1");
        assert!(server.pid().is_ok());
        server.end().await.unwrap();
    }

    #[tokio::test]
    async fn one_that_ends_without_an_address_is_an_error() {
        let error = Server::start(shell("echo nothing"), "it").await.unwrap_err();
        assert_eq!(error.to_string(), "it ended before it was ready");
    }

    #[tokio::test]
    async fn dropping_a_server_ends_its_whole_group() {
        let script = "sleep 61 & echo listening on http://x:$!; wait";
        let server = Server::start(shell(script), "it").await.unwrap();
        let grandchild: i32 = server.address.rsplit(':').next().unwrap().parse().unwrap();
        let grandchild = rustix::process::Pid::from_raw(grandchild).unwrap();
        drop(server);
        let gone = async {
            while rustix::process::test_kill_process(grandchild).is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(10), gone).await.unwrap();
    }
}
