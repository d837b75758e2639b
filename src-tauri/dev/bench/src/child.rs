//! Starting the programs that are measured, and making sure that each ends with us.
//!
//! On Unix a server leads a process group, and a guard in that group, a shell that reads a pipe of ours, kills the group
//! when the pipe closes: even when a signal kills us. Elsewhere dropping a program ends it, and nothing else does.

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

/// What our servers print before their address.
pub(crate) const READY: Option<&str> = Some("listening on ");
/// Binding a port takes milliseconds; a machine under load takes longer.
const READY_TIMEOUT: Duration = Duration::from_secs(30);
/// A program that does not end within this after a request to end is killed.
const END_TIMEOUT: Duration = Duration::from_secs(20);

/// The variables that a measured program gets. A person's settings of the proxy, a log level and an HTTP proxy would all
/// change the figures; certificates do too, but a person chooses them for all sides alike.
const INHERITED: &str = "APPDATA CODEX_CA_CERTIFICATE COMSPEC HOME LANG LOCALAPPDATA PATH SSL_CERT_DIR SSL_CERT_FILE \
                         SYSTEMROOT TEMP TMP TMPDIR USERPROFILE";

/// Reads until the pipe closes, then kills the group that it is a member of. Being a member also keeps the group's id
/// from being reused while the guard is there.
#[cfg(unix)]
const GUARD: &str = r#"read -r _; kill -s KILL -- "-$1""#;

/// A server that runs beside us.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Its stdin is the pipe, which closes when this is dropped.
    _guard: Option<Child>,
    /// Kept open: a program may end when nothing reads its stdout.
    _lines: Lines<BufReader<ChildStdout>>,
    name: String,
    /// Where it listens, such as `http://127.0.0.1:4321`.
    pub(crate) address: String,
}

/// The one place where a command is made.
#[expect(clippy::disallowed_methods, reason = "codex-client's commands are part of what is measured")]
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    let inherited = INHERITED.split(' ').filter_map(|name| Some((name, env::var_os(name)?)));
    command.env_clear().envs(inherited).kill_on_drop(true);
    command
}

/// A program that was built together with this one.
pub(crate) fn built(name: &str) -> Result<PathBuf> {
    let path = env::current_exe()?.with_file_name(format!("{name}{}", env::consts::EXE_SUFFIX));
    ensure!(path.is_file(), "{} has not been built: start this as `cargo xtask bench`", path.display());
    Ok(path)
}

impl Server {
    /// Starts a program, and waits for the line that begins so and says where it listens, if it says that.
    pub(crate) async fn start(mut command: Command, ready: Option<&str>) -> Result<Self> {
        let program = Path::new(command.as_std().get_program());
        let name = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().with_context(|| format!("{name} cannot be started"))?;
        let _guard = guard(&child).with_context(|| format!("the guard of {name} cannot be started"))?;
        let mut lines = BufReader::new(child.stdout.take().context("a piped stdout is there")?).lines();
        let mut address = ready.is_none().then(String::new);
        let waiting = async {
            while let (None, Some(ready)) = (&address, ready) {
                let line = lines.next_line().await?;
                let line = line.with_context(|| format!("{name} ended before it was ready"))?;
                address = line.strip_prefix(ready).map(|address| address.trim_end_matches('/').to_owned());
            }
            anyhow::Ok(address.unwrap_or_default())
        };
        let address = timeout(READY_TIMEOUT, waiting)
            .await
            .with_context(|| format!("{name} was not ready in time"))??;
        Ok(Self { child, _guard, _lines: lines, name, address })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().with_context(|| format!("{} has ended", self.name))
    }

    /// Asks it to end, waits until it has, and says how it ended.
    pub(crate) async fn end(mut self) -> Result<ExitStatus> {
        if !signal(self.pid()?, "TERM") {
            self.child.start_kill()?;
        }
        let ended = timeout(END_TIMEOUT, self.child.wait()).await;
        Ok(ended.with_context(|| format!("{} did not end", self.name))??)
    }
}

#[cfg(unix)]
fn guard(leader: &Child) -> Result<Option<Child>> {
    let pid = leader.id().context("it ended at once")?;
    let mut guard = command("/bin/sh");
    guard.args(["-c", GUARD, "bench-guard", &pid.to_string()]).process_group(pid.try_into()?);
    // Dropping it must make it act, not kill it.
    guard.kill_on_drop(false).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(Some(guard.spawn()?))
}

#[cfg(not(unix))]
fn guard(_leader: &Child) -> Result<Option<Child>> {
    Ok(None)
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
        let server = Server::start(shell(script), READY).await.unwrap();
        assert_eq!(server.address, "http://127.0.0.1:1");
        assert!(server.pid().is_ok());
        server.end().await.unwrap();
    }

    #[tokio::test]
    async fn one_that_ends_without_an_address_is_an_error() {
        let error = Server::start(shell("echo nothing"), READY).await.unwrap_err();
        assert_eq!(error.to_string(), "sh ended before it was ready");
    }

    #[tokio::test]
    async fn a_program_gets_no_variable_that_is_not_on_the_list() {
        let script = r#"echo "listening on http://${CARGO_MANIFEST_DIR:-none}"; exec sleep 60"#;
        assert_eq!(Server::start(shell(script), READY).await.unwrap().address, "http://none");
    }

    #[tokio::test]
    async fn dropping_a_server_ends_its_whole_group() {
        let script = "sleep 61 & echo listening on http://x:$!; wait";
        let server = Server::start(shell(script), READY).await.unwrap();
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
