//! Installs, checks, tests and builds the window in `ui/`, with the scripts of its `package.json`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::child;
use crate::workspace;

/// Builds the files that the app embeds, installing the npm packages if they changed.
pub(crate) fn build() -> Result<()> {
    install()?;
    script("build")
}

/// Runs the static checks.
pub(crate) fn check() -> Result<()> {
    ["lint", "format:check", "check"].into_iter().try_for_each(script)
}

fn script(name: &str) -> Result<()> {
    let mut npm = child::npm();
    npm.args(["run", "--silent", name]).current_dir(folder()?);
    child::run(&mut npm, child::BUILD_TIMEOUT)
}

pub(crate) fn tests() -> Result<Command> {
    let mut npm = child::npm();
    npm.args(["run", "--silent", "test"]).env("NO_COLOR", "1").current_dir(folder()?);
    Ok(npm)
}

/// Installs the npm packages if they changed.
pub(crate) fn install() -> Result<()> {
    let folder = folder()?;
    let lock = folder.join("package-lock.json");
    let wanted = fs::read_to_string(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    workspace::make_if_changed(&wanted, &folder.join("node_modules"), || {
        let mut npm = child::npm();
        npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder);
        child::run(&mut npm, child::INSTALL_TIMEOUT)
    })
}

fn folder() -> Result<PathBuf> {
    Ok(workspace::root()?.join("ui"))
}
