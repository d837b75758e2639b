//! The window's own part: its packages from npm, its checks and tests, and the files that the app is built with.
//!
//! What is in the window stands in `ui/`; each step here is a script of its `package.json`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::child;
use crate::workspace;

/// Builds the window's files, installing its packages when they have changed.
pub(crate) fn build() -> Result<()> {
    install()?;
    script("build")
}

/// What reads the window's sources and runs nothing of them.
pub(crate) fn check() -> Result<()> {
    ["lint", "format:check", "check"].into_iter().try_for_each(script)
}

/// Runs a script of the window's.
fn script(name: &str) -> Result<()> {
    let mut npm = child::npm();
    npm.args(["run", "--silent", name]).current_dir(folder()?);
    child::run(&mut npm, child::BUILD_LIMIT)
}

/// The window's tests.
pub(crate) fn tests() -> Result<Command> {
    let mut npm = child::npm();
    npm.args(["run", "--silent", "test"]).env("NO_COLOR", "1").current_dir(folder()?);
    Ok(npm)
}

/// Installs its packages when they have changed.
pub(crate) fn install() -> Result<()> {
    let folder = folder()?;
    let lock = folder.join("package-lock.json");
    let wanted = fs::read_to_string(&lock).with_context(|| format!("{} cannot be read", lock.display()))?;
    workspace::make_from(&wanted, &folder.join("node_modules"), || {
        let mut npm = child::npm();
        npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder);
        child::run(&mut npm, child::INSTALL_LIMIT)
    })
}

fn folder() -> Result<PathBuf> {
    Ok(workspace::root()?.join("ui"))
}
