//! A second process of the demo: it owns the sample model, and cleans up once the program has exited.
//!
//! The demo's first process execs the program, and however that ends (Ctrl-C, a signal, a crash), neither the sample model nor
//! the folder may stay. The sidecar runs in its own process group, so that Ctrl-C does not stop it before the program.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{READY_PREFIX, read_address};
use crate::child::{self, KillOnDrop};
use crate::workspace::{self, Profile};

/// A killed codex may still be writing into the folder when it is first removed. On Windows, the parent ends at Ctrl-C, and the
/// program a while later.
const REMOVAL_ATTEMPTS: u32 = if cfg!(windows) { 150 } else { 20 };
const POLL_INTERVAL: Duration = Duration::from_millis(200);

#[derive(clap::Args)]
pub(crate) struct Sidecar {
    /// Process to wait for
    #[arg(long)]
    parent: u32,
    /// Folder to remove afterwards
    #[arg(long)]
    folder: PathBuf,
}

/// Runs this executable again, as the sidecar.
pub(super) fn start(folder: &Path) -> Result<Child> {
    let mut command = Command::new(env::current_exe().context("cannot find the xtask executable")?);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.arg("demo-sidecar").arg("--parent").arg(process::id().to_string()).arg("--folder").arg(folder);
    in_new_process_group(&mut command);
    command.spawn().context("cannot start the demo's sidecar")
}

impl Sidecar {
    /// Runs the sample model until the parent exits, then cleans up.
    pub(crate) fn run(&self) -> Result<()> {
        let outcome = self.run_model();
        for _ in 0..REMOVAL_ATTEMPTS {
            if fs::remove_dir_all(&self.folder).is_ok() || !self.folder.exists() {
                break;
            }
            thread::sleep(POLL_INTERVAL);
        }
        outcome
    }

    fn run_model(&self) -> Result<()> {
        let mut command = Command::new(workspace::built_binary(Profile::Dev, "sample-model")?);
        command.args(["--port", "0"]).stdin(Stdio::null()).stdout(Stdio::piped());
        child::print_command(&command);
        let mut model = KillOnDrop(command.spawn().context("cannot start the sample model")?);
        let lines = child::read_lines(model.0.stdout.take().context("stdout was not piped")?);
        let address = read_address(&lines)?;
        let mut stdout = io::stdout();
        writeln!(stdout, "{READY_PREFIX}{address}")
            .and_then(|()| stdout.flush())
            .context("the demo does not read the sidecar's output")?;
        // Drain the rest of its output, since a full pipe would block it.
        thread::spawn(move || lines.into_iter().for_each(drop));
        self.wait_for_parent()
    }

    #[cfg(unix)]
    fn wait_for_parent(&self) -> Result<()> {
        // An orphaned process gets another parent. Exec keeps the parent's id.
        while std::os::unix::process::parent_id() == self.parent {
            thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn wait_for_parent(&self) -> Result<()> {
        // The parent holds the other end of our stdin and never writes, so the read ends when the parent exits.
        io::copy(&mut io::stdin(), &mut io::sink()).map(|_| ()).context("cannot wait for the parent")
    }
}

#[cfg(unix)]
fn in_new_process_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(windows)]
fn in_new_process_group(command: &mut Command) {
    /// Keeps Ctrl-C in the console from reaching the process.
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
    std::os::windows::process::CommandExt::creation_flags(command, CREATE_NEW_PROCESS_GROUP);
}
