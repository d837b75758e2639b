//! The window's own part: its packages from npm, its checks and tests, and the files that the app is built with.
//!
//! What is in the window stands in `ui/`; each step here is a script of its `package.json`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::child;
use crate::totals::Totals;
use crate::workspace;

/// Written last, with the lock file that was installed.
const STAMP: &str = "node_modules/.made-from";

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

/// Runs the window's tests and adds up what they came to.
pub(crate) fn test(totals: &mut Totals) -> Result<()> {
    let mut npm = child::npm();
    npm.args(["run", "--silent", "test"]).env("NO_COLOR", "1").current_dir(folder()?);
    let status = child::stream(&mut npm, child::BUILD_LIMIT, |line| {
        let line = String::from_utf8_lossy(line);
        print!("{line}");
        if let Some(more) = Totals::of_vitest_line(&line) {
            *totals += more;
        }
    })?;
    if !status.success() {
        bail!("the window's tests ended with {status}");
    }
    Ok(())
}

/// Installs its packages when they have changed.
pub(crate) fn install() -> Result<()> {
    let folder = folder()?;
    let lock = folder.join("package-lock.json");
    let wanted = fs::read_to_string(&lock).with_context(|| format!("{} cannot be read", lock.display()))?;
    let stamp = folder.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == wanted) {
        return Ok(());
    }
    let mut npm = child::npm();
    npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder);
    child::run(&mut npm, child::INSTALL_LIMIT)?;
    fs::write(&stamp, wanted).with_context(|| format!("{} cannot be written", stamp.display()))
}

fn folder() -> Result<PathBuf> {
    Ok(workspace::root()?.join("ui"))
}
