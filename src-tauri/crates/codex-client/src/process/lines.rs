//! Runs a program for a while and passes on what it prints, line by line.

use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::mpsc;

use super::{Process, STREAMS_GRACE, Streams, command};
use crate::environment::Environment;

/// The part of a line that is passed on as one; the rest counts as further lines.
const MAX_LINE_BYTES: usize = 1000;

/// Lines read but not passed on yet. When full, the program waits.
const LINES_CAPACITY: usize = 64;

/// A program to run with [`run_lines`] or [`run_program`](super::run_program).
#[derive(Clone, Debug)]
pub struct LineCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its whole environment.
    pub environment: Environment,
    /// Its working folder.
    pub folder: PathBuf,
}

/// Runs a program, and passes on each line of its output and errors; a carriage return ends a line too. Everything it
/// started ends with it, also when this future is dropped.
///
/// # Errors
/// When it cannot be started, or prints nothing for `silence`; it is then killed.
pub async fn run_lines(
    run: &LineCommand,
    silence: Duration,
    mut pass_on: impl FnMut(String),
) -> io::Result<ExitStatus> {
    let mut command = command(&run.program, &run.environment);
    command.args(&run.args).current_dir(&run.folder);
    let (mut process, Streams { stdin, stdout, stderr }) = Process::start(command)?;
    drop(stdin);
    let (sender, mut lines) = mpsc::channel(LINES_CAPACITY);
    let mut reading =
        pin!(async { tokio::join!(read_lines(stdout, sender.clone()), read_lines(stderr, sender.clone())) });
    let (mut all_read, mut status) = (false, None);
    let ended = loop {
        let limit = if status.is_some() { STREAMS_GRACE } else { silence };
        tokio::select! {
            Some(line) = lines.recv() => pass_on(line),
            _ = &mut reading, if !all_read => all_read = true,
            exit = process.wait(), if status.is_none() => match exit {
                Ok(exit) => status = Some(exit),
                Err(error) => break Err(error),
            },
            () = tokio::time::sleep(limit) => break status.ok_or(io::ErrorKind::TimedOut.into()),
        }
        if let Some(status) = status
            && all_read
            && lines.is_empty()
        {
            break Ok(status);
        }
    };
    process.kill().await;
    ended
}

async fn read_lines(mut stream: impl AsyncRead + Unpin, lines: mpsc::Sender<String>) {
    let (mut chunk, mut line) = ([0; 4096], Vec::new());
    while let Ok(count @ 1..) = stream.read(&mut chunk).await {
        for byte in &chunk[..count] {
            let ends = matches!(byte, b'\n' | b'\r');
            if !ends {
                line.push(*byte);
            }
            if (ends && !line.is_empty()) || line.len() == MAX_LINE_BYTES {
                // An error means that the receiver is gone; the program may still print.
                let _ = lines.send(String::from_utf8_lossy(&line).into_owned()).await;
                line.clear();
            }
        }
    }
    if !line.is_empty() {
        let _ = lines.send(String::from_utf8_lossy(&line).into_owned()).await;
    }
}

// Unix only: the programs are scripts of sh.
#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::process::shell;

    async fn lines_of(script: &str) -> (Vec<String>, io::Result<ExitStatus>) {
        let mut lines = Vec::new();
        let ended = run_lines(&shell(script), Duration::from_secs(60), |line| lines.push(line)).await;
        (lines, ended)
    }

    #[tokio::test]
    async fn lines_of_both_streams_are_passed_on_with_the_exit_code() {
        let (lines, ended) = lines_of("printf '10%%\\r20%%\\ndone'; echo wrong >&2; exit 3").await;
        assert_eq!(ended.unwrap().code(), Some(3));
        assert!(
            ["10%", "20%", "done", "wrong"].iter().all(|line| lines.iter().any(|l| l == line)),
            "{lines:?}"
        );
    }

    #[tokio::test]
    async fn a_long_line_is_cut_into_several() {
        let (lines, _) = lines_of("head -c 2500 /dev/zero | tr '\\0' x").await;
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [1000, 1000, 500]);
    }

    #[tokio::test]
    async fn a_program_left_behind_does_not_hold_up_the_end() {
        let (lines, ended) = lines_of("sleep 600 & echo done").await;
        assert!(ended.unwrap().success());
        assert_eq!(lines, ["done"]);
    }

    #[tokio::test]
    async fn a_silent_program_is_killed_at_its_limit() {
        let ended = run_lines(&shell("sleep 600"), Duration::from_millis(200), drop).await;
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
