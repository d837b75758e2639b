//! `cargo xtask run`: builds the program and becomes it.
//!
//! On Unix this process is replaced by the program, so that Ctrl-C, a signal and the exit status reach and leave it with
//! nobody in between. Elsewhere it waits for the program, which gets Ctrl-C from the same console. What a demo needs
//! besides the program is in `demo`.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::child;
use crate::demo::Demo;
use crate::system::{self, Need};
use crate::workspace::{self, Profile};

// The program is named here and nowhere else; the desktop app takes its place by changing these two lines.
const PACKAGE: &str = "proxy";
const BINARY: &str = "codex-proxyd";

pub(crate) fn run(demo: bool, args: &[OsString]) -> Result<ExitCode> {
    system::ensure(&[Need::CCompiler])?;
    // Built for development: ready seconds after an edit, and shared with the tests. The program waits for a model
    // nearly all its time, so a release build would make it later to start and no faster to use.
    let mut build = workspace::cargo()?;
    build.args(["build", "--bins", "--package", PACKAGE]);
    if demo {
        build.args(["--package", "sample-model"]);
    }
    child::run(&mut build, child::BUILD_LIMIT)?;

    let mut program = Command::new(workspace::built(Profile::Dev, BINARY)?);
    // Held until the program has ended, where this process lives that long.
    let _beside = if demo { Some(Demo::prepare(&mut program, args)?) } else { None };
    program.args(args);
    child::announce(&program);
    become_program(program)
}

#[cfg(unix)]
fn become_program(mut program: Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    // Comes back only when the program could not be started.
    Err(program.exec()).with_context(|| format!("{BINARY} cannot be started"))
}

#[cfg(not(unix))]
fn become_program(mut program: Command) -> Result<ExitCode> {
    let child = program.spawn().with_context(|| format!("{BINARY} cannot be started"))?;
    let mut child = child::Ended(child);
    // The one wait without a limit: the program runs until the person ends it.
    let status = child.0.wait()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(if status.success() { ExitCode::SUCCESS } else { code.map_or(ExitCode::FAILURE, ExitCode::from) })
}
