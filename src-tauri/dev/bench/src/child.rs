//! Starts the measured programs, and makes sure that none outlives us.
//!
//! On Unix each server leads a process group with a guard in it: a shell that reads a pipe from us and kills the group when the
//! pipe closes, even if we are killed. Elsewhere a program is killed only when dropped.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::processes::signal;

/// Precedes the address on the line that our servers print when ready.
pub(crate) const READY_PREFIX: Option<&str> = Some("listening on ");
/// Binding a port takes milliseconds, or longer under load.
const READY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a program may take to exit after SIGTERM, before it is killed.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(20);

/// The variables that measured programs inherit. The user's settings of the proxy, log levels and HTTP proxy would change the
/// results; certificates do too, but apply to all sides alike.
const ENV_ALLOWLIST: &str = "APPDATA CODEX_CA_CERTIFICATE COMSPEC HOME LANG LOCALAPPDATA PATH SSL_CERT_DIR SSL_CERT_FILE \
                         SYSTEMROOT TEMP TMP TMPDIR USERPROFILE";

/// Reads until the pipe closes, then kills its own process group. Its membership keeps the group id from being reused.
#[cfg(unix)]
const GUARD_SCRIPT: &str = r#"read -r _; kill -s KILL -- "-$1""#;

#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Kills the process group when its stdin is closed by the drop.
    _guard: Option<Child>,
    /// Kept open, since a program may exit when its stdout is closed.
    _lines: Lines<BufReader<ChildStdout>>,
    name: String,
    /// Such as `http://127.0.0.1:4321`.
    pub(crate) address: String,
}

/// A command with only the inherited variables above, killed on drop.
#[expect(clippy::disallowed_methods, reason = "codex-client's commands are themselves measured")]
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    let inherited = ENV_ALLOWLIST.split(' ').filter_map(|name| Some((name, env::var_os(name)?)));
    command.env_clear().envs(inherited).kill_on_drop(true);
    command
}

/// The path of another binary of this build.
pub(crate) fn built_binary(name: &str) -> Result<PathBuf> {
    let path = env::current_exe()?.with_file_name(format!("{name}{}", env::consts::EXE_SUFFIX));
    ensure!(path.is_file(), "{} is missing; run `cargo xtask bench`", path.display());
    Ok(path)
}

impl Server {
    /// Starts a program, and waits for the line with this prefix, whose rest is its address. Without a prefix it does not wait.
    pub(crate) async fn start(mut command: Command, ready: Option<&str>) -> Result<Self> {
        let program = Path::new(command.as_std().get_program());
        let name = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let _guard = guard(&child).with_context(|| format!("cannot start the guard of {name}"))?;
        let mut lines = BufReader::new(child.stdout.take().context("stdout was not piped")?).lines();
        let mut address = ready.is_none().then(String::new);
        let waiting = async {
            while let (None, Some(ready)) = (&address, ready) {
                let line = lines.next_line().await?;
                let line = line.with_context(|| format!("{name} exited before it was ready"))?;
                address = line.strip_prefix(ready).map(|address| address.trim_end_matches('/').to_owned());
            }
            anyhow::Ok(address.unwrap_or_default())
        };
        let address = timeout(READY_TIMEOUT, waiting)
            .await
            .with_context(|| format!("{name} was not ready in time"))??;
        Ok(Self { child, _guard, _lines: lines, name, address })
    }

    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().with_context(|| format!("{} exited", self.name))
    }

    /// Sends SIGTERM, or kills where there are no signals, and waits for the exit.
    pub(crate) async fn shutdown(mut self) -> Result<ExitStatus> {
        if !signal(self.pid()?, "TERM") {
            self.child.start_kill()?;
        }
        let ended = timeout(SHUTDOWN_TIMEOUT, self.child.wait()).await;
        Ok(ended.with_context(|| format!("{} did not exit", self.name))??)
    }
}

#[cfg(unix)]
fn guard(leader: &Child) -> Result<Option<Child>> {
    let pid = leader.id().context("it exited immediately")?;
    let mut guard = command("/bin/sh");
    guard.args(["-c", GUARD_SCRIPT, "bench-guard", &pid.to_string()]).process_group(pid.try_into()?);
    // Dropping the guard must close its stdin, not kill it.
    guard.kill_on_drop(false).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(Some(guard.spawn()?))
}

#[cfg(not(unix))]
fn guard(_leader: &Child) -> Result<Option<Child>> {
    Ok(None)
}

// Unix only: the servers are scripts of its shell, in its process groups.
#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut shell = command("/bin/sh");
        shell.args(["-c", script]);
        shell
    }

    #[tokio::test]
    async fn a_server_prints_its_address_and_exits_on_request() {
        let script = "echo hello; echo listening on http://127.0.0.1:1/; exec sleep 60";
        let server = Server::start(shell(script), READY_PREFIX).await.unwrap();
        assert_eq!(server.address, "http://127.0.0.1:1");
        assert!(server.pid().is_ok());
        server.shutdown().await.unwrap();
    }

    #[tokio::test]
    async fn exiting_without_an_address_is_an_error() {
        let error = Server::start(shell("echo nothing"), READY_PREFIX).await.unwrap_err();
        assert_eq!(error.to_string(), "sh exited before it was ready");
    }

    #[tokio::test]
    async fn only_listed_variables_are_inherited() {
        let script = r#"echo "listening on http://${CARGO_MANIFEST_DIR:-none}"; exec sleep 60"#;
        assert_eq!(Server::start(shell(script), READY_PREFIX).await.unwrap().address, "http://none");
    }

    #[tokio::test]
    async fn dropping_a_server_kills_its_process_group() {
        let script = "sleep 61 & echo listening on http://x:$!; wait";
        let server = Server::start(shell(script), READY_PREFIX).await.unwrap();
        let grandchild: u32 = server.address.rsplit(':').next().unwrap().parse().unwrap();
        assert!(signal(grandchild, "0"));
        drop(server);
        let gone = async {
            while signal(grandchild, "0") {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(10), gone).await.unwrap();
    }
}
