//! The process that stands beside a demo: it owns the stand-in model, and clears up when the program has ended.
//!
//! It is a process of its own because the demo's first process becomes the program, and because whatever ends the
//! program (Ctrl-C, a signal, a crash) must leave neither the stand-in nor the folder behind. It sits in its own
//! process group, so that Ctrl-C does not take it before the program is done.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{READY, address, piped};
use crate::child::{self, Ended};
use crate::workspace::{self, Profile};

/// How often the folder's removal is tried again while a codex that was cut off still writes into it.
const REMOVAL_ATTEMPTS: u32 = 20;
const BREATH: Duration = Duration::from_millis(200);

/// What this process is told on its command line.
#[derive(clap::Args)]
pub(crate) struct Beside {
    /// The process whose end is waited for.
    #[arg(long)]
    parent: u32,
    /// The folder to take away then.
    #[arg(long)]
    folder: PathBuf,
}

/// Starts this very program in the role below.
pub(super) fn start(folder: &Path) -> Result<Child> {
    let mut command = piped(env::current_exe().context("xtask cannot find itself")?);
    command.arg("beside-demo").arg("--parent").arg(process::id().to_string()).arg("--folder").arg(folder);
    in_own_group(&mut command);
    command.spawn().context("the process beside the demo cannot be started")
}

impl Beside {
    /// Runs the stand-in until the parent is gone, then clears up.
    pub(crate) fn stand(&self) -> Result<()> {
        let outcome = self.run_model();
        for _ in 0..REMOVAL_ATTEMPTS {
            if fs::remove_dir_all(&self.folder).is_ok() || !self.folder.exists() {
                break;
            }
            thread::sleep(BREATH);
        }
        outcome
    }

    fn run_model(&self) -> Result<()> {
        let mut command = Command::new(workspace::built(Profile::Dev, "sample-model")?);
        command.args(["--port", "0"]).stdin(Stdio::null()).stdout(Stdio::piped());
        child::announce(&command);
        let mut model = Ended(command.spawn().context("the stand-in model cannot be started")?);
        let lines = child::read_lines(model.0.stdout.take().context("a piped stdout is there")?);
        let address = address(&lines)?;
        let mut stdout = io::stdout();
        writeln!(stdout, "{READY}{address}")
            .and_then(|()| stdout.flush())
            .context("nobody waits for the model")?;
        // Whatever else it prints is read and dropped, because a full pipe would stop it.
        thread::spawn(move || lines.into_iter().for_each(drop));
        self.wait_for_parent()
    }

    #[cfg(unix)]
    fn wait_for_parent(&self) -> Result<()> {
        // A process whose parent has ended is given another one. The parent keeps its id when it becomes the program.
        while std::os::unix::process::parent_id() == self.parent {
            thread::sleep(BREATH);
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn wait_for_parent(&self) -> Result<()> {
        // The parent holds the other end of our stdin, and says nothing: reading ends when the parent does.
        io::copy(&mut io::stdin(), &mut io::sink())
            .map(|_| ())
            .context("the wait for the parent was cut short")
    }
}

#[cfg(unix)]
fn in_own_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(windows)]
fn in_own_group(command: &mut Command) {
    /// Windows' name for a process that Ctrl-C in the console does not reach.
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
    std::os::windows::process::CommandExt::creation_flags(command, CREATE_NEW_PROCESS_GROUP);
}
