//! `cargo xtask bench`: builds what is measured, in release, and starts the measuring program with a real codex.
//!
//! What is measured, and how it is reported, is the `bench` crate's; nothing of it is known here.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::child;
use crate::codex;
use crate::system::{self, Need};
use crate::window;
use crate::workspace::{self, Profile};

/// Makes the measuring program measure the desktop app, which takes more to build.
const APP: &str = "--app";

pub(crate) fn bench(args: &[OsString]) -> Result<ExitCode> {
    system::ensure(&[Need::CCompiler, Need::Node])?;
    let codex = codex::installed(codex::DEFAULT_VERSION)?;
    let mut build = workspace::cargo()?;
    build.args(["build", "--release", "--bins", "-p", "proxyd", "-p", "sample-model", "-p", "bench"]);
    if args.iter().any(|arg| arg == APP) {
        system::ensure(&[Need::Desktop, Need::DesktopTests])?;
        window::build()?;
        build.args(["-p", "codex-proxy"]);
    }
    child::run(&mut build, child::BUILD_LIMIT)?;
    let mut bench = Command::new(workspace::built(Profile::Release, "bench")?);
    bench.args(args).env("CODEX_TEST_BIN", codex);
    child::run(&mut bench, child::BUILD_LIMIT)?;
    Ok(ExitCode::SUCCESS)
}
