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
use crate::window;
use crate::workspace::{self, Profile};

/// A program that can be run: its package and its binary.
struct Program {
    package: &'static str,
    binary: &'static str,
}

const DESKTOP: Program = Program { package: "codex-proxy", binary: "codex-proxy" };
const DAEMON: Program = Program { package: "proxyd", binary: "codex-proxyd" };

pub(crate) fn run(demo: bool, daemon: bool, args: &[OsString]) -> Result<ExitCode> {
    let Program { package, binary } = if daemon { DAEMON } else { DESKTOP };
    if daemon {
        system::ensure(&[Need::CCompiler])?;
    } else {
        system::ensure(&[Need::CCompiler, Need::Node, Need::Desktop])?;
        window::build()?;
    }
    // Built for development: ready seconds after an edit, and shared with the tests. The program waits for a model
    // nearly all its time, so a release build would make it later to start and no faster to use.
    let mut build = workspace::cargo()?;
    build.args(["build", "--bins", "--package", package]);
    if demo {
        build.args(["--package", "sample-model"]);
    }
    child::run(&mut build, child::BUILD_LIMIT)?;

    let mut program = Command::new(workspace::built(Profile::Dev, binary)?);
    // Held until the program has ended, where this process lives that long.
    let _beside = if demo { Some(Demo::prepare(&mut program, args, !daemon)?) } else { None };
    if demo && !daemon {
        // Nothing of a demo is to stay, and the keychain would keep its keys.
        program.arg("--keys-in-memory");
    }
    program.args(args);
    child::announce(&program);
    become_program(program, binary)
}

#[cfg(unix)]
pub(crate) fn become_program(mut program: Command, binary: &str) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    // Comes back only when the program could not be started.
    Err(program.exec()).with_context(|| format!("{binary} cannot be started"))
}

#[cfg(not(unix))]
pub(crate) fn become_program(mut program: Command, binary: &str) -> Result<ExitCode> {
    let child = program.spawn().with_context(|| format!("{binary} cannot be started"))?;
    let mut child = child::Ended(child);
    // The one wait without a limit: the program runs until the person ends it.
    let status = child.0.wait()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(if status.success() { ExitCode::SUCCESS } else { code.map_or(ExitCode::FAILURE, ExitCode::from) })
}
