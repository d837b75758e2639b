//! `cargo xtask bundle` and `dev`: packages of the desktop app for this system, and its window while it is worked on.
//!
//! What is in a package stands in `tauri.conf.json`; the Tauri CLI makes it. The CLI is fetched when it is needed and is no
//! package of the window's: its parts for other systems cannot be had from every registry, and a lock file must name them all.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::child;
use crate::run;
use crate::system::{self, Need};
use crate::window;
use crate::workspace;

/// The Tauri CLI, as an npm package.
const TAURI_CLI: &str = "--package=@tauri-apps/cli@2.12.5";

/// What is made when nothing else is asked for: what can be made on that system without anything to download.
const USUAL: &str = if cfg!(target_os = "macos") {
    "dmg"
} else if cfg!(windows) {
    "nsis"
} else {
    "deb"
};

pub(crate) fn bundle(args: &[OsString]) -> Result<()> {
    let mut tauri = tauri("build")?;
    if args.is_empty() {
        tauri.args(["--bundles", USUAL]);
    } else {
        tauri.args(args);
    }
    child::run(&mut tauri, child::BUILD_LIMIT)
}

/// The real window on vite's server: it follows each saved file, and the app is built again when Rust changes.
pub(crate) fn dev(args: &[OsString]) -> Result<ExitCode> {
    let mut tauri = tauri("dev")?;
    // The first of the two ends the arguments for tauri, and the second those for cargo.
    tauri.args(["--", "--"]).args(args);
    child::announce(&tauri);
    run::become_program(tauri, "npm")
}

/// A command of the Tauri CLI, with what it needs to build the app.
fn tauri(command: &str) -> Result<Command> {
    system::ensure(&[Need::CCompiler, Need::Node, Need::Desktop])?;
    window::install()?;
    let mut npm = child::npm();
    npm.args(["exec", "--yes", TAURI_CLI, "--", "tauri", command]).current_dir(workspace::root()?);
    Ok(npm)
}
