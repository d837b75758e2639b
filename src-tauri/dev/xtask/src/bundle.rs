//! `cargo xtask bundle` and `dev`: run the Tauri CLI to package the desktop app, or to develop its window.
//!
//! The CLI is fetched on demand instead of being a dependency of `ui/`: a lock file would have to name its packages for every
//! system, and not every registry has them all.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::child;
use crate::licences;
use crate::run;
use crate::system::{self, Need};
use crate::window;
use crate::workspace;

const TAURI_CLI: &str = "--package=@tauri-apps/cli@2.12.5";

/// The default bundle: the one the system can build without downloading more tools, except on Windows, where the CLI fetches NSIS.
const DEFAULT_BUNDLE: &str = if cfg!(target_os = "macos") {
    "dmg"
} else if cfg!(windows) {
    "nsis"
} else {
    "deb"
};

pub(crate) fn bundle(args: &[OsString]) -> Result<()> {
    let mut tauri = tauri("build")?;
    licences::licences()?;
    if args.is_empty() {
        tauri.args(["--bundles", DEFAULT_BUNDLE]);
    } else {
        tauri.args(args);
    }
    child::run(&mut tauri, child::BUILD_TIMEOUT)
}

/// Runs the app on vite's dev server: the window reloads on save, and the app is rebuilt when Rust changes.
pub(crate) fn dev(args: &[OsString]) -> Result<ExitCode> {
    let mut tauri = tauri("dev")?;
    // The first `--` ends the arguments for tauri, the second those for cargo.
    tauri.args(["--", "--"]).args(args);
    child::print_command(&tauri);
    run::exec(tauri, "npm")
}

/// A Tauri CLI command, after installing what it needs to build the app.
fn tauri(command: &str) -> Result<Command> {
    system::ensure(&[Need::CCompiler, Need::Node, Need::Desktop])?;
    window::install()?;
    let mut npm = child::npm();
    npm.args(["exec", "--yes", TAURI_CLI, "--", "tauri", command]).current_dir(workspace::root()?);
    Ok(npm)
}
