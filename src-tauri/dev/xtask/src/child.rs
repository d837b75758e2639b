//! Running other programs: each is announced as a `$ command` line on stderr, and none is waited for without an end.
//!
//! There is no shell in between, so no argument is ever quoted or expanded. What runs until a person ends it (the
//! proxy itself) is not started from here but in `run`.

use std::env;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// For asking a program its version, and the like.
pub(crate) const PROBE_LIMIT: Duration = Duration::from_secs(30);
/// For what comes over the network: a codex is about 300 MB, and some lines are slow.
pub(crate) const INSTALL_LIMIT: Duration = Duration::from_secs(30 * 60);
/// For a build from nothing, or a whole test run, on a slow machine.
pub(crate) const BUILD_LIMIT: Duration = Duration::from_secs(60 * 60);

/// Lines read from a child and not yet handled. When it is full the child waits, and nothing is lost.
const LINES_WAITING: usize = 1024;
/// How often a child without output is asked whether it has ended: short beside any build, and no load.
const POLL: Duration = Duration::from_millis(20);

/// A child that is ended when this value goes, whichever way that happens.
pub(crate) struct Ended(pub(crate) Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // Both fail only for a child that is already gone, which is what is wanted.
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// True where nobody can be asked anything.
pub(crate) fn unattended() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

/// npm, whose file on Windows is a script that must be called by its whole name.
pub(crate) fn npm() -> Command {
    Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" })
}

/// Announces a command, in a form a person can paste.
pub(crate) fn announce(command: &Command) {
    eprintln!("{}", shown(command));
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    // The toolchain's whole path to cargo says nothing to a reader, and differs on each machine.
    let program = if program.file_stem() == Some(OsStr::new("cargo")) { Path::new("cargo") } else { program };
    let mut line = String::from("$");
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            line.push_str(&format!(" {}={}", name.to_string_lossy(), quoted(value)));
        }
    }
    for word in std::iter::once(program.as_os_str()).chain(command.get_args()) {
        line.push(' ');
        line.push_str(&quoted(word));
    }
    line
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,@+\\".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.into_owned() } else { format!("'{word}'") }
}

/// Runs a command to its end and wants it to succeed.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Result<()> {
    let mut child = start(command)?;
    let status = ended_within(&mut child, Instant::now() + limit, command)?;
    succeeded(status, command)
}

/// Runs a command with its output on our stderr, for when stdout belongs to the answer.
pub(crate) fn run_aside(command: &mut Command, limit: Duration) -> Result<()> {
    run(command.stdout(io::stderr()), limit)
}

/// Runs a command that must succeed, and gives what it printed, without the white space around it.
pub(crate) fn answer(command: &mut Command, limit: Duration) -> Result<String> {
    let mut text = Vec::new();
    let status = stream(command.stderr(Stdio::null()), limit, |line| text.extend_from_slice(line))?;
    succeeded(status, command)?;
    Ok(String::from_utf8_lossy(&text).trim().to_owned())
}

/// Runs a command and hands over each line of its stdout as it comes, line end included.
pub(crate) fn stream(
    command: &mut Command,
    limit: Duration,
    mut line: impl FnMut(&[u8]),
) -> Result<ExitStatus> {
    let deadline = Instant::now() + limit;
    let mut child = start(command.stdout(Stdio::piped()))?;
    let stdout = child.0.stdout.take().context("a piped stdout is there")?;
    let lines = read_lines(stdout);
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(bytes) => line(&bytes),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => bail!("{} took longer than {limit:?}", shown(command)),
        }
    }
    ended_within(&mut child, deadline, command)
}

/// Reads lines on a thread of their own, so that waiting for one can have an end.
pub(crate) fn read_lines(source: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::sync_channel(LINES_WAITING);
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

fn start(command: &mut Command) -> Result<Ended> {
    announce(command);
    if unattended() {
        command.stdin(Stdio::null());
    }
    // What we printed must stand above what the child prints.
    io::stdout().flush()?;
    let child = command.spawn();
    Ok(Ended(
        child.with_context(|| format!("{} cannot be started", command.get_program().to_string_lossy()))?,
    ))
}

fn ended_within(child: &mut Ended, deadline: Instant, command: &Command) -> Result<ExitStatus> {
    loop {
        if let Some(status) = child.0.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= deadline {
            bail!("{} took too long and was ended", shown(command));
        }
        thread::sleep(POLL);
    }
}

fn succeeded(status: ExitStatus, command: &Command) -> Result<()> {
    if !status.success() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_it_could_be_pasted() {
        let mut command = Command::new("/somewhere/bin/cargo");
        command.env("RUSTDOCFLAGS", "-D warnings").args(["doc", "--no-deps"]);
        assert_eq!(shown(&command), "$ RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
    }

    #[cfg(unix)]
    #[test]
    fn lines_arrive_whole_and_the_last_needs_no_line_end() {
        let mut lines = Vec::new();
        let status = stream(Command::new("printf").arg("one\ntwo"), PROBE_LIMIT, |line| {
            lines.push(String::from_utf8_lossy(line).into_owned());
        });
        assert!(status.unwrap().success());
        assert_eq!(lines, ["one\n", "two"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_child_that_says_nothing_is_ended_at_its_limit() {
        let begun = Instant::now();
        let limit = Duration::from_millis(50);
        assert!(stream(Command::new("sleep").arg("60"), limit, |_| {}).is_err());
        assert!(run(Command::new("sleep").arg("60"), limit).is_err());
        assert!(begun.elapsed() < PROBE_LIMIT, "a child was waited for beyond its limit");
    }
}
