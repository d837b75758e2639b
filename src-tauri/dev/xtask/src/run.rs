//! `cargo xtask run`: builds the program and execs it.
//!
//! On Unix the program replaces this process, so that signals and the exit status pass through. Elsewhere this process waits
//! for the program, which gets Ctrl-C from the same console.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::child;
use crate::demo::Demo;
use crate::system::{self, Need};
use crate::window;
use crate::workspace::{self, Profile};

pub(crate) fn run(demo: bool, daemon: bool, args: &[OsString]) -> Result<ExitCode> {
    let (package, binary) = if daemon { ("proxyd", "codex-proxyd") } else { ("codex-proxy", "codex-proxy") };
    if daemon {
        system::ensure(&[Need::CCompiler])?;
    } else {
        system::ensure(&[Need::CCompiler, Need::Node, Need::Desktop])?;
        window::build()?;
    }
    // The dev profile builds in seconds and is shared with the tests. The program mostly waits for a model, so a release
    // build would not be noticeably faster.
    let mut build = workspace::cargo()?;
    build.args(["build", "--bins", "--package", package]);
    if demo {
        build.args(["--package", "sample-model"]);
    }
    child::run(&mut build, child::BUILD_TIMEOUT)?;

    let mut program = Command::new(workspace::built_binary(Profile::Dev, binary)?);
    // Must live as long as this process.
    let demo = if demo { Some(Demo::prepare(&mut program, args, !daemon)?) } else { None };
    if let Some(demo) = &demo {
        println!("\nWhen it is listening, try it from another terminal:\n\n{}\n", demo.example);
    }
    if demo.is_some() && !daemon {
        // A demo must leave nothing behind, and the keychain would keep its keys.
        program.arg("--keys-in-memory");
    }
    program.args(args);
    child::print_command(&program);
    exec(program, binary)
}

#[cfg(unix)]
pub(crate) fn exec(mut program: Command, binary: &str) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    // Returns only on failure.
    Err(program.exec()).with_context(|| format!("cannot start {binary}"))
}

#[cfg(not(unix))]
pub(crate) fn exec(mut program: Command, binary: &str) -> Result<ExitCode> {
    let child = program.spawn().with_context(|| format!("cannot start {binary}"))?;
    let mut child = child::KillOnDrop(child);
    // The only wait without a timeout: the program runs until the user ends it.
    let status = child.0.wait()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(if status.success() { ExitCode::SUCCESS } else { code.map_or(ExitCode::FAILURE, ExitCode::from) })
}
