//! Runs a program in this process's console, and raises console events there. Only Windows has them.
//!
//! A test starts it in a console of its own, which the test could not attach to without unsafe code, and writes a line to stdin for
//! each event. It ends when the program and all that this started have ended; closing stdin or killing it ends them.

#[cfg(windows)]
#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    use process_wrap::tokio::{CommandWrap, JobObject, KillOnDrop};
    use send_ctrlc::Interruptible as _;
    use tokio::io::{AsyncBufReadExt as _, BufReader};
    use tokio::signal::windows::{ctrl_break, ctrl_c};

    let (mut ctrl_c, mut ctrl_break) = (ctrl_c()?, ctrl_break()?);
    let mut words = std::env::args_os().skip(1);
    let mut command = CommandWrap::with_new(words.next().unwrap_or_default(), |command| {
        command.args(words).stdin(std::process::Stdio::null());
    });
    let mut program = command.wrap(KillOnDrop).wrap(JobObject).spawn()?;
    let (pid, mut ended) = (program.id(), program.wait());
    let mut events = BufReader::new(tokio::io::stdin()).lines();
    loop {
        tokio::select! {
            // Not by returning, which would wait for the end of stdin.
            ended = &mut ended => std::process::exit(ended?.code().unwrap_or(1)),
            event = events.next_line() => {
                let raised = match event?.as_deref() {
                    Some("ctrl-c") => EveryProcess.interrupt(),
                    Some("ctrl-break") => EveryProcess.terminate(),
                    Some("kill") => kill(pid).await,
                    _ => std::process::exit(1),
                };
                if let Err(error) = raised {
                    eprintln!("in-console: {error}");
                    std::process::exit(1);
                }
            }
            // They reach this process too.
            _ = ctrl_c.recv() => {}
            _ = ctrl_break.recv() => {}
        }
    }
}

/// Ends the program itself, as a user does who loses patience, but not what it started.
#[cfg(windows)]
#[expect(clippy::disallowed_methods, reason = "it is the program that a user calls")]
async fn kill(pid: Option<u32>) -> std::io::Result<()> {
    let pid = pid.unwrap_or_default().to_string();
    tokio::process::Command::new("taskkill").args(["/F", "/PID", &pid]).output().await.map(drop)
}

/// Every process of this console.
#[cfg(windows)]
struct EveryProcess;

#[cfg(windows)]
impl send_ctrlc::Interruptible for EveryProcess {
    fn pid(&mut self) -> std::io::Result<Option<u32>> {
        Ok(Some(0))
    }
}

#[cfg(not(windows))]
fn main() -> std::process::ExitCode {
    std::process::ExitCode::FAILURE
}
