//! Windows: a job object that kills every process in it when our handle closes, however we exit.

use std::io;

use process_wrap::tokio::{ChildWrapper, CommandWrap, CreationFlags, JobObject, KillOnDrop};
use tokio::process::Command;
use windows::Win32::System::Threading::CREATE_NO_WINDOW;

use super::{Streams, piped};

/// A running process and its job.
#[derive(Debug)]
pub(crate) struct Process {
    job: Box<dyn ChildWrapper>,
}

impl Process {
    /// Starts the process in its own job.
    pub(crate) fn start(process: Command) -> io::Result<(Self, Streams)> {
        let mut job = CommandWrap::from(piped(process))
            .wrap(CreationFlags(CREATE_NO_WINDOW))
            .wrap(JobObject)
            .wrap(KillOnDrop)
            .spawn()?;
        let streams = match (job.stdin().take(), job.stdout().take(), job.stderr().take()) {
            (Some(stdin), Some(stdout), Some(stderr)) => Streams { stdin, stdout, stderr },
            _ => return Err(io::Error::other("the process has no pipes")),
        };
        Ok((Self { job }, streams))
    }

    /// Waits until the process has exited. Not the job's own wait, which may be for the others, without a limit.
    pub(crate) async fn wait(&mut self) -> io::Result<std::process::ExitStatus> {
        self.job.inner_mut().wait().await
    }

    /// Kills every process of the job and waits until the process is gone.
    pub(crate) async fn kill(&mut self) {
        let _ = self.job.start_kill();
        let _ = self.wait().await;
    }
}
