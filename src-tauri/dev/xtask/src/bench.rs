//! `cargo xtask bench`: builds the release binaries and runs the `bench` crate with a real codex.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::child;
use crate::codex;
use crate::system::{self, Need};
use crate::window;
use crate::workspace::{self, Profile};

/// The flag of bench that measures the desktop app, which needs more to build.
const APP: &str = "--app";

pub(crate) fn bench(args: &[OsString]) -> Result<ExitCode> {
    system::ensure(&[Need::CCompiler, Need::Node])?;
    let codex = codex::install(codex::DEFAULT_VERSION)?;
    let mut build = workspace::cargo()?;
    build.args(["build", "--release", "--bins", "-p", "proxyd", "-p", "sample-model", "-p", "bench"]);
    if args.iter().any(|arg| arg == APP) {
        system::ensure(&[Need::Desktop, Need::DesktopTests])?;
        window::build()?;
        build.args(["-p", "codex-proxy"]);
    }
    child::run(&mut build, child::BUILD_TIMEOUT)?;
    let mut bench = Command::new(workspace::built_binary(Profile::Release, "bench")?);
    bench.args(args).env("CODEX_TEST_BIN", codex);
    child::run(&mut bench, child::BUILD_TIMEOUT)?;
    Ok(ExitCode::SUCCESS)
}
