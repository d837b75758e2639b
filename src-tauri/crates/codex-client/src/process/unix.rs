//! Unix: a process group, and a guard that kills it, and what it has started, when we are gone.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{Streams, command, piped};
use crate::environment::Environment;

/// Reads until the pipe closes, then kills its own group. Being a member also keeps the group's id from being reused.
///
/// codex runs commands in sessions of their own, which a signal to the group does not reach. On Linux, codex has the kernel end
/// them with it; elsewhere nothing does. They are found as children of the leader, which must still be there: it is stopped
/// first, so that it starts no more of them. `set` keeps the child at hand, since variables are global.
const GUARD: &str = r#"tree() {
  kill -s STOP "$1"
  for child in $(/usr/bin/pgrep -P "$1"); do set -- "$1" "$child"; tree "$2"; kill -s KILL "$2"; done
}
read -r _; tree "$1"; kill -s KILL -- "-$1""#;

/// How long the guard may take. After that, the leader is killed without it.
const GUARD_TIMEOUT: Duration = Duration::from_secs(2);

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
        // Killing it on drop would orphan its children before the guard finds them.
        let mut leader = piped(process).process_group(0).kill_on_drop(false).spawn()?;
        match Self::guarded(&mut leader) {
            Ok((guard, streams)) => Ok((Self { leader, guard }, streams)),
            Err(error) => {
                let _ = leader.start_kill();
                Err(error)
            }
        }
    }

    fn guarded(leader: &mut Child) -> io::Result<(Child, Streams)> {
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
        Ok((guard, streams))
    }

    /// Waits until the leader has exited.
    pub(crate) async fn wait(&mut self) -> io::Result<std::process::ExitStatus> {
        self.leader.wait().await
    }

    /// Kills the whole group, and what it has started, and waits until the leader is gone.
    pub(crate) async fn kill(&mut self) {
        drop(self.guard.stdin.take());
        let _ = timeout(GUARD_TIMEOUT, self.guard.wait()).await;
        // If the guard is gone, this still kills the leader.
        let _ = self.leader.start_kill();
        let _ = self.leader.wait().await;
    }
}
