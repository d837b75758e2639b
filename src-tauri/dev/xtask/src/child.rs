//! Runs other programs with a timeout, printing each as a `$ command` line on stderr.
//!
//! No shell is involved, so arguments need no quoting. `run` starts the program that has no timeout, the proxy.

use std::env;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// For `--version` and the like.
pub(crate) const PROBE_TIMEOUT: Duration = Duration::from_secs(30);
/// For downloads: codex is about 300 MB, and some connections are slow.
pub(crate) const INSTALL_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// For a clean build, or a full test run, on a slow machine.
pub(crate) const BUILD_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// Lines read from a child and not yet handled. When full, the child blocks on its pipe; nothing is lost.
const LINE_QUEUE_CAPACITY: usize = 1024;
/// How often to check whether a child has exited: short compared to any build, and no load.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

pub(crate) struct KillOnDrop(pub(crate) Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        // Both fail only if the child has already exited.
        let _exited = self.0.kill();
        let _exited = self.0.wait();
    }
}

/// Whether this is a build server, where no one can answer a prompt.
pub(crate) fn is_ci() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

/// On Windows npm is a script, which must be called by its full name.
pub(crate) fn npm() -> Command {
    Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" })
}

/// Prints a command so that it can be pasted into a shell.
pub(crate) fn print_command(command: &Command) {
    eprintln!("{}", display(command));
}

fn display(command: &Command) -> String {
    let program = Path::new(command.get_program());
    // cargo's full path is noise, and differs on each machine.
    let program = if program.file_stem() == Some(OsStr::new("cargo")) { Path::new("cargo") } else { program };
    let mut line = String::from("$");
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            line.push_str(&format!(" {}={}", name.to_string_lossy(), quote(value)));
        }
    }
    for word in std::iter::once(program.as_os_str()).chain(command.get_args()) {
        line.push(' ');
        line.push_str(&quote(word));
    }
    line
}

fn quote(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,@+\\".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.into_owned() } else { format!("'{word}'") }
}

/// Runs a command, which must succeed.
pub(crate) fn run(command: &mut Command, timeout: Duration) -> Result<()> {
    let mut child = spawn(command)?;
    let status = wait_until(&mut child, Instant::now() + timeout, command)?;
    check_status(status, command)
}

/// Like [`run`], but with the child's output on stderr, for a caller whose own result goes to stdout.
pub(crate) fn run_with_stdout_on_stderr(command: &mut Command, timeout: Duration) -> Result<()> {
    run(command.stdout(io::stderr()), timeout)
}

/// Runs a command, which must succeed, and returns its trimmed stdout.
pub(crate) fn output(command: &mut Command, timeout: Duration) -> Result<String> {
    let mut text = Vec::new();
    let status = stream_lines(command.stderr(Stdio::null()), timeout, |line| text.extend_from_slice(line))?;
    check_status(status, command)?;
    Ok(String::from_utf8_lossy(&text).trim().to_owned())
}

/// Runs a command and passes on each line of its stdout as it arrives, line end included.
pub(crate) fn stream_lines(
    command: &mut Command,
    timeout: Duration,
    mut line: impl FnMut(&[u8]),
) -> Result<ExitStatus> {
    let deadline = Instant::now() + timeout;
    let mut child = spawn(command.stdout(Stdio::piped()))?;
    let stdout = child.0.stdout.take().context("stdout was not piped")?;
    let lines = read_lines(stdout);
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(bytes) => line(&bytes),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => bail!("{} timed out after {timeout:?}", display(command)),
        }
    }
    wait_until(&mut child, deadline, command)
}

/// Reads lines on a separate thread, so that the caller can wait for one with a timeout.
pub(crate) fn read_lines(source: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::sync_channel(LINE_QUEUE_CAPACITY);
    thread::spawn(move || {
        let mut source = BufReader::new(source);
        loop {
            let mut line = Vec::new();
            match source.read_until(b'\n', &mut line) {
                Ok(1..) if sender.send(line).is_ok() => {}
                _ => return,
            }
        }
    });
    receiver
}

fn spawn(command: &mut Command) -> Result<KillOnDrop> {
    print_command(command);
    if is_ci() {
        command.stdin(Stdio::null());
    }
    // Our output must appear before the child's.
    io::stdout().flush()?;
    let child = command.spawn();
    Ok(KillOnDrop(
        child.with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?,
    ))
}

fn wait_until(child: &mut KillOnDrop, deadline: Instant, command: &Command) -> Result<ExitStatus> {
    loop {
        if let Some(status) = child.0.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= deadline {
            bail!("{} timed out and was killed", display(command));
        }
        thread::sleep(POLL_INTERVAL);
    }
}

fn check_status(status: ExitStatus, command: &Command) -> Result<()> {
    if !status.success() {
        bail!("{} failed: {status}", display(command));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_printed_ready_to_paste() {
        let mut command = Command::new("/somewhere/bin/cargo");
        command.env("RUSTDOCFLAGS", "-D warnings").args(["doc", "--no-deps"]);
        assert_eq!(display(&command), "$ RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
    }

    /// Sleeps for a minute.
    fn sleep() -> Command {
        let (program, args): (_, &[&str]) =
            if cfg!(windows) { ("ping", &["-n", "60", "127.0.0.1"]) } else { ("sleep", &["60"]) };
        let mut command = Command::new(program);
        command.args(args).stdout(Stdio::null());
        command
    }

    #[test]
    fn lines_arrive_whole_even_the_last_without_a_line_end() {
        let mut lines = Vec::new();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lines");
        std::fs::write(&file, "one\ntwo").unwrap();
        let mut print = Command::new(if cfg!(windows) { "cmd" } else { "cat" });
        if cfg!(windows) {
            print.args(["/d", "/c", "type"]);
        }
        let status = stream_lines(print.arg(&file), PROBE_TIMEOUT, |line| {
            lines.push(String::from_utf8_lossy(line).into_owned());
        });
        assert!(status.unwrap().success());
        assert_eq!(lines, ["one\n", "two"]);
    }

    #[test]
    fn a_silent_child_is_killed_at_its_timeout() {
        let started = Instant::now();
        let timeout = Duration::from_millis(50);
        assert!(stream_lines(&mut sleep(), timeout, |_| {}).is_err());
        assert!(run(&mut sleep(), timeout).is_err());
        assert!(started.elapsed() < PROBE_TIMEOUT, "waited for a child past its timeout");
    }
}
