//! `cargo xtask soak`: builds the proxy and runs the soak of the `bench` crate with a real codex.
//!
//! In the dev profile, which panics on integer overflow: nothing here is timed.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::child;
use crate::codex;
use crate::system::{self, Need};
use crate::workspace::{self, Profile};

/// Added to the requested minutes, for the warm-up, the pauses and the check of the log.
const SOAK_OVERHEAD: Duration = Duration::from_secs(10 * 60);

pub(crate) fn soak(minutes: f64, seed: Option<u64>) -> Result<ExitCode> {
    system::ensure(&[Need::CCompiler, Need::Node])?;
    let mut build = workspace::cargo()?;
    build.args(["build", "--bins", "-p", "proxyd", "-p", "sample-model", "-p", "bench"]);
    child::run(&mut build, child::BUILD_TIMEOUT)?;
    run(&codex::install(codex::DEFAULT_VERSION)?, minutes, seed)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs the soak with binaries that are already built.
pub(crate) fn run(codex: &Path, minutes: f64, seed: Option<u64>) -> Result<()> {
    let time = Duration::try_from_secs_f64(minutes * 60.0).context("invalid number of minutes")?;
    let mut bench = Command::new(workspace::built_binary(Profile::Dev, "bench")?);
    bench.args(["soak", "--minutes", &minutes.to_string()]).env("CODEX_TEST_BIN", codex);
    if let Some(seed) = seed {
        bench.args(["--seed", &seed.to_string()]);
    }
    child::run(&mut bench, time + SOAK_OVERHEAD)
}
