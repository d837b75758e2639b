//! Unix: a process group, and a guard that kills it when we are gone.

use std::io;
use std::process::Stdio;

use tokio::process::{Child, Command};

use super::{Streams, command, piped};
use crate::environment::Environment;

/// Reads until the pipe closes, then kills its own group. Being a member also keeps the group's id from being reused.
const GUARD: &str = r#"read -r _; kill -s KILL -- "-$1""#;

/// A running process and the group that it leads.
#[derive(Debug)]
pub(crate) struct Process {
    leader: Child,
    /// Its stdin is the pipe, which closes when the guard is dropped.
    guard: Child,
}

impl Process {
    /// Starts the process and its guard.
    pub(crate) fn start(process: Command) -> io::Result<(Self, Streams)> {
        let mut leader = piped(process).process_group(0).spawn()?;
        let streams = match (leader.stdin.take(), leader.stdout.take(), leader.stderr.take()) {
            (Some(stdin), Some(stdout), Some(stderr)) => Streams { stdin, stdout, stderr },
            _ => return Err(io::Error::other("the process has no pipes")),
        };
        let Some(pid) = leader.id().and_then(|pid| i32::try_from(pid).ok()) else {
            return Err(io::Error::other("the process exited immediately"));
        };
        let guard = command("/bin/sh", &Environment::default())
            .args(["-c", GUARD, "codex-guard", &pid.to_string()])
            .process_group(pid)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok((Self { leader, guard }, streams))
    }

    /// Waits until the leader has exited.
    pub(crate) async fn wait(&mut self) -> io::Result<std::process::ExitStatus> {
        self.leader.wait().await
    }

    /// Kills the whole group and waits until the leader is gone.
    pub(crate) async fn kill(&mut self) {
        drop(self.guard.stdin.take());
        // If the guard is gone, this still kills the leader.
        let _ = self.leader.start_kill();
        let _ = self.leader.wait().await;
        let _ = self.guard.wait().await;
    }
}
