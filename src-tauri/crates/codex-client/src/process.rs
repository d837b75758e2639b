//! Starts processes and ensures that they and their children do not outlive us.
//!
//! On Unix the process leads its own group. A guard in that group, a shell that reads a pipe of ours, kills the whole
//! group when the pipe closes: when the handle is dropped, or when we are killed, even by SIGKILL. On Windows a job object
//! does the same. Every process of this crate is started here.

mod lines;
mod run;
mod stderr;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::ffi::OsStr;
use std::io;
use std::pin::pin;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::environment::{Environment, KEY_VARIABLES};

pub use lines::{LineCommand, run_lines};
pub use run::run_program;
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

/// A command with exactly this environment, but without [`KEY_VARIABLES`]. Clippy forbids creating one elsewhere.
#[expect(clippy::disallowed_methods, reason = "this is the allowed place")]
pub(crate) fn command(program: impl AsRef<OsStr>, environment: &Environment) -> Command {
    let visible = KEY_VARIABLES.iter().fold(environment.clone(), |rest, name| rest.without(name));
    let mut command = Command::new(program);
    command.env_clear().envs(visible.iter());
    // Keeps a console window from flashing up.
    #[cfg(windows)]
    command.creation_flags(::windows::Win32::System::Threading::CREATE_NO_WINDOW.0);
    command
}

/// Maximum output of a command in bytes per stream; the rest is not read. codex's model list has about 750 KB.
const MAX_OUTPUT_BYTES: u64 = 16 * 1024 * 1024;

/// How long a stream may stay open once the command has exited: a program that it left behind may hold it.
const STREAMS_GRACE: Duration = Duration::from_millis(500);

/// Runs a command and returns its output. What it started ends with it.
///
/// # Errors
/// When it cannot be started, or exceeds `limit` and is killed.
pub(crate) async fn output(command: Command, limit: Duration) -> io::Result<Output> {
    let (mut process, Streams { stdin, stdout, stderr }) = Process::start(command)?;
    drop(stdin);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = timeout(limit, async {
        let (mut stdout, mut stderr) = (stdout.take(MAX_OUTPUT_BYTES), stderr.take(MAX_OUTPUT_BYTES));
        let mut streams =
            pin!(async { tokio::join!(stdout.read_to_end(&mut out), stderr.read_to_end(&mut err)) });
        tokio::select! {
            _ = &mut streams => process.wait().await,
            status = process.wait() => {
                let _held_open = timeout(STREAMS_GRACE, streams).await;
                status
            }
        }
    });
    let status = status.await;
    process.kill().await;
    Ok(Output { status: status??, stdout: out, stderr: err })
}

/// The same command with all three streams piped.
fn piped(mut command: Command) -> Command {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// A shell script to run in a test.
#[cfg(all(test, target_os = "linux"))]
fn shell(script: &str) -> LineCommand {
    LineCommand {
        program: "/bin/sh".into(),
        args: vec!["-c".to_owned(), script.to_owned()],
        environment: Environment::default().with("PATH", "/usr/bin:/bin"),
        folder: "/".into(),
    }
}

// Unix only: the programs are scripts of sh, and /proc tells which run.
#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn programs_get_every_variable_but_the_keys_of_clients() {
        let environment = Environment::default()
            .with("PATH", "/usr/bin:/bin")
            .with("API_KEYS", "sk-1")
            .with("CODEX_PROXY_API_KEYS", "sk-2")
            .with("OPENAI_API_KEY", "sk-of-codex");
        let seen = output(command("env", &environment), Duration::from_secs(60)).await.unwrap();
        let seen = String::from_utf8(seen.stdout).unwrap();
        assert!(seen.contains("OPENAI_API_KEY=sk-of-codex"), "{seen}");
        assert!(!seen.contains("sk-1") && !seen.contains("sk-2"), "{seen}");
    }

    /// A shell that starts a child, writes the ids of both to `file`, and sleeps.
    fn family(file: &std::path::Path) -> Command {
        let mut command = command("/bin/sh", &Environment::default().with("PATH", "/usr/bin:/bin"));
        command.args(["-c", "sleep 600 & echo $$ $! > \"$0\"; sleep 600"]).arg(file);
        command
    }

    /// The same, whose child leads another session, as the commands that codex runs do, and has a child too.
    fn family_with_a_session(file: &std::path::Path) -> Command {
        let mut command = command("/bin/sh", &Environment::default().with("PATH", "/usr/bin:/bin"));
        let child = r#"sleep 600 & echo $PPID $$ $! > "$0"; sleep 600"#;
        command.args(["-c", "setsid sh -c \"$1\" \"$0\" & sleep 600"]).arg(file).arg(child);
        command
    }

    /// Waits for the ids, runs `end`, and waits until no process with one of the ids is left.
    async fn expect_end(file: &std::path::Path, end: impl FnOnce()) {
        let ids = loop {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            if text.ends_with('\n') {
                break text;
            }
            tokio::task::yield_now().await;
        };
        end();
        for id in ids.split_whitespace() {
            let stat = format!("/proc/{id}/stat");
            let runs = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
            while runs() {
                tokio::task::yield_now().await;
            }
        }
    }

    #[tokio::test]
    async fn command_that_exceeds_its_limit_ends_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ids");
        let limit = Duration::from_millis(500);
        let result = output(family(&file), limit).await;
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::TimedOut);
        timeout(Duration::from_secs(30), expect_end(&file, || {})).await.unwrap();
    }

    #[tokio::test]
    async fn command_that_is_no_longer_awaited_ends_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ids");
        let running = tokio::spawn(output(family(&file), Duration::from_secs(600)));
        let ended = expect_end(&file, || running.abort());
        timeout(Duration::from_secs(30), ended).await.unwrap();
    }

    #[tokio::test]
    async fn what_a_command_has_started_in_another_session_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ids");
        let limit = Duration::from_millis(500);
        let result = output(family_with_a_session(&file), limit).await;
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::TimedOut);
        timeout(Duration::from_secs(30), expect_end(&file, || {})).await.unwrap();
        std::fs::remove_file(&file).unwrap();
        let running = tokio::spawn(output(family_with_a_session(&file), Duration::from_secs(600)));
        let ended = expect_end(&file, || running.abort());
        timeout(Duration::from_secs(30), ended).await.unwrap();
    }

    #[tokio::test]
    async fn child_left_behind_by_a_command_ends_and_does_not_hold_up_its_output() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ids");
        let mut command = command("/bin/sh", &Environment::default().with("PATH", "/usr/bin:/bin"));
        command.args(["-c", "sleep 600 & echo $! > \"$0\"; echo done"]).arg(&file);
        let result = output(command, Duration::from_secs(600));
        let output = timeout(Duration::from_secs(30), result).await.unwrap().unwrap();
        assert_eq!(output.stdout, b"done\n");
        timeout(Duration::from_secs(30), expect_end(&file, || {})).await.unwrap();
    }
}
