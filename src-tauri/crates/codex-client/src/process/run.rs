//! Runs a program to its end with an input, and passes on what it prints in pieces of bytes.

use std::io;
use std::ops::ControlFlow;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::{LineCommand, Process, Streams, command};

/// Bytes of its errors that are kept; the rest is read and dropped.
const MAX_STDERR_BYTES: usize = 16 * 1024;

/// Runs a program with `input` on its stdin, and passes on its output in pieces. Everything it started ends with it, also when
/// this future is dropped. Returns its exit status and what it printed to stderr.
///
/// # Errors
/// When it cannot be started, exceeds `limit` ([`io::ErrorKind::TimedOut`]), or `pass_on` breaks off
/// ([`io::ErrorKind::FileTooLarge`]); it is then killed.
pub async fn run_program(
    run: &LineCommand,
    input: &[u8],
    limit: Duration,
    mut pass_on: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> io::Result<(ExitStatus, String)> {
    let mut command = command(&run.program, &run.environment);
    command.args(&run.args).current_dir(&run.folder);
    let (mut process, Streams { mut stdin, mut stdout, mut stderr }) = Process::start(command)?;
    let mut errors = Vec::new();
    let write = async {
        // A program that stops reading says why in its exit status.
        let _closed = stdin.write_all(input).await;
        drop(stdin);
        Ok::<_, io::Error>(())
    };
    let read = async {
        let mut chunk = vec![0; 64 * 1024];
        while let count @ 1.. = stdout.read(&mut chunk).await? {
            if pass_on(&chunk[..count]).is_break() {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
        }
        Ok(())
    };
    let read_errors = async {
        let mut chunk = [0; 4096];
        while let count @ 1.. = stderr.read(&mut chunk).await? {
            errors.extend(chunk[..count].iter().take(MAX_STDERR_BYTES.saturating_sub(errors.len())));
        }
        Ok(())
    };
    let ended = timeout(limit, async {
        tokio::try_join!(write, read, read_errors)?;
        process.wait().await
    });
    let ended = ended.await;
    process.kill().await;
    Ok((ended??, String::from_utf8_lossy(&errors).into_owned()))
}

// Unix only: the programs are scripts of sh.
#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::process::shell;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn input_is_passed_while_output_and_errors_are_read() {
        let input = vec![b'x'; 1024 * 1024];
        let mut output = Vec::new();
        let run = shell("cat; head -c 1000000 /dev/zero >&2; echo end >&2; exit 3");
        let ended = run_program(&run, &input, LONG, |piece| {
            output.extend_from_slice(piece);
            ControlFlow::Continue(())
        });
        let (status, errors) = ended.await.unwrap();
        assert_eq!((status.code(), output.len(), errors.len()), (Some(3), input.len(), MAX_STDERR_BYTES));
        assert!(output == input);
    }

    #[tokio::test]
    async fn program_ends_at_its_limit_or_when_its_output_is_too_long() {
        let none = |_: &[u8]| ControlFlow::Continue(());
        let late = run_program(&shell("sleep 600"), b"", Duration::from_millis(200), none).await;
        assert_eq!(late.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let long = run_program(&shell("cat /dev/zero"), b"", LONG, |_| ControlFlow::Break(())).await;
        assert_eq!(long.unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
