//! Where things are: the root of the checkout, the target folder, and what cargo puts into it.
//!
//! Nothing is found by a path compiled in: a checkout may be moved after it was built.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// Which of cargo's two output folders a binary is taken from.
#[derive(Clone, Copy)]
pub(crate) enum Profile {
    Dev,
    Release,
}

/// The folder that holds the workspace's Cargo.toml: the nearest one above that also holds this crate.
pub(crate) fn root() -> Result<PathBuf> {
    // Cargo names this crate's folder to what it starts; without cargo, the search begins where the person stands.
    let start = match env::var_os("CARGO_MANIFEST_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => env::current_dir().context("the current folder cannot be read")?,
    };
    start
        .ancestors()
        .find(|folder| folder.join("src-tauri/dev/xtask/Cargo.toml").is_file())
        .map(Path::to_path_buf)
        .with_context(|| format!("no checkout of this project at or above {}", start.display()))
}

/// The folder cargo builds into. Everything xtask makes goes below it, so `cargo clean` leaves nothing behind.
pub(crate) fn target() -> Result<PathBuf> {
    let named = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    // Joining an absolute path replaces the root, which is what cargo does with it too.
    Ok(root()?.join(named.unwrap_or_else(|| PathBuf::from("target"))))
}

/// The packages below `src-tauri/crates`: all that ships but the desktop shell.
pub(crate) fn product() -> Result<Vec<String>> {
    let shelf = root()?.join("src-tauri/crates");
    let mut packages = Vec::new();
    for entry in fs::read_dir(&shelf).with_context(|| format!("{} cannot be read", shelf.display()))? {
        packages.push(entry?.file_name().to_string_lossy().into_owned());
    }
    packages.sort();
    Ok(packages)
}

/// Makes a folder from `wanted`, unless the stamp in it says that it was made from the very same.
pub(crate) fn make_from(wanted: &str, folder: &Path, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let stamp = folder.join(".made-from");
    if fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == wanted) {
        return Ok(());
    }
    // Without its stamp the folder counts as not made, until all of it is there.
    let _absent = fs::remove_file(&stamp);
    make()?;
    fs::write(&stamp, wanted).with_context(|| format!("{} cannot be written", stamp.display()))
}

/// The path of a program that cargo has built.
pub(crate) fn built(profile: Profile, name: &str) -> Result<PathBuf> {
    let folder = match profile {
        Profile::Dev => "debug",
        Profile::Release => "release",
    };
    Ok(target()?.join(folder).join(executable(name)))
}

/// The name of a program's file on this system.
pub(crate) fn executable(name: &str) -> String {
    format!("{name}{}", env::consts::EXE_SUFFIX)
}

/// The cargo that started us, so that one toolchain builds everything, at the root of the workspace.
pub(crate) fn cargo() -> Result<Command> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()?);
    Ok(cargo)
}
