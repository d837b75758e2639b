//! `cargo xtask soak`: builds the proxy and what drives it, and has random clients at it with a real codex.
//!
//! What they do, and what must hold in the end, is the `bench` crate's; nothing of it is known here. The build is the
//! development one: it stops at an overflow that a release would pass over, and nothing here is timed.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::child;
use crate::codex;
use crate::system::{self, Need};
use crate::workspace::{self, Profile};

/// What the warm-up, the quiet in between and the look at the log may take beside the minutes that are asked for.
const BESIDE: Duration = Duration::from_secs(10 * 60);

pub(crate) fn soak(minutes: f64, seed: Option<u64>) -> Result<ExitCode> {
    system::ensure(&[Need::CCompiler, Need::Node])?;
    let mut build = workspace::cargo()?;
    build.args(["build", "--bins", "-p", "proxyd", "-p", "sample-model", "-p", "bench"]);
    child::run(&mut build, child::BUILD_LIMIT)?;
    with(&codex::installed(codex::DEFAULT_VERSION)?, minutes, seed)?;
    Ok(ExitCode::SUCCESS)
}

/// With this codex, and with programs that are built.
pub(crate) fn with(codex: &Path, minutes: f64, seed: Option<u64>) -> Result<()> {
    let time = Duration::try_from_secs_f64(minutes * 60.0).context("no such number of minutes")?;
    let mut bench = Command::new(workspace::built(Profile::Dev, "bench")?);
    bench.args(["soak", "--minutes", &minutes.to_string()]).env("CODEX_TEST_BIN", codex);
    if let Some(seed) = seed {
        bench.args(["--seed", &seed.to_string()]);
    }
    child::run(&mut bench, time + BESIDE)
}
