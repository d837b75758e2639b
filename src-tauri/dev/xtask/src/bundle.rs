//! `cargo xtask bundle`: packages of the desktop app for the system that it runs on.
//!
//! What is in a package stands in `tauri.conf.json`; the Tauri CLI makes it. The CLI is fetched when it is needed and is no
//! package of the window's: its parts for other systems cannot be had from every registry, and a lock file must name them all.

use std::ffi::OsString;

use anyhow::Result;

use crate::child;
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
    system::ensure(&[Need::CCompiler, Need::Node, Need::Desktop])?;
    window::install()?;
    let mut npm = child::npm();
    npm.args(["exec", "--yes", TAURI_CLI, "--", "tauri", "build"]).current_dir(workspace::root()?);
    if args.is_empty() {
        npm.args(["--bundles", USUAL]);
    } else {
        npm.args(args);
    }
    child::run(&mut npm, child::BUILD_LIMIT)
}
