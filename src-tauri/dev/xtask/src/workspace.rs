//! Finds the workspace root, the target folder and the binaries in it.
//!
//! Never by a compiled-in path: a checkout may be moved after it was built.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

#[derive(Clone, Copy)]
pub(crate) enum Profile {
    Dev,
    Release,
}

/// The workspace root: the nearest ancestor that contains this crate.
pub(crate) fn root() -> Result<PathBuf> {
    // Set by cargo. Without it, the search starts in the current folder.
    let start = match env::var_os("CARGO_MANIFEST_DIR") {
        Some(folder) => PathBuf::from(folder),
        // A test that was cross-compiled for Windows, whose path has no drive, runs without cargo.
        None if cfg!(test) => env::current_exe()?.join(env!("CARGO_MANIFEST_DIR")),
        None => env::current_dir().context("cannot read the current folder")?,
    };
    start
        .ancestors()
        .find(|folder| folder.join("src-tauri/dev/xtask/Cargo.toml").is_file())
        .map(Path::to_path_buf)
        .with_context(|| format!("no checkout of this project at or above {}", start.display()))
}

/// The target folder. xtask writes only below it, so `cargo clean` leaves nothing behind.
pub(crate) fn target() -> Result<PathBuf> {
    let named = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    // Joining an absolute path replaces the root, as in cargo.
    Ok(root()?.join(named.unwrap_or_else(|| PathBuf::from("target"))))
}

/// The packages below `src-tauri/crates`: everything that ships except the desktop shell.
pub(crate) fn product_packages() -> Result<Vec<String>> {
    let folder = root()?.join("src-tauri/crates");
    let mut packages = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        packages.push(entry?.file_name().to_string_lossy().into_owned());
    }
    packages.sort();
    Ok(packages)
}

/// Makes a folder from `wanted`, unless its stamp says that it was last made from the same.
pub(crate) fn make_if_changed(wanted: &str, folder: &Path, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let stamp = folder.join(".made-from");
    if fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == wanted) {
        return Ok(());
    }
    // Without its stamp, an incomplete folder is made again.
    let _absent = fs::remove_file(&stamp);
    make()?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

pub(crate) fn built_binary(profile: Profile, name: &str) -> Result<PathBuf> {
    let folder = match profile {
        Profile::Dev => "debug",
        Profile::Release => "release",
    };
    Ok(target()?.join(folder).join(exe_name(name)))
}

pub(crate) fn exe_name(name: &str) -> String {
    format!("{name}{}", env::consts::EXE_SUFFIX)
}

/// The cargo that started us, so that one toolchain builds everything, run in the workspace root.
pub(crate) fn cargo() -> Result<Command> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What cargo says of xtask's own package. The build script of ring runs again when it changes, and then everything above ring
    // is compiled again.
    let own = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_str().is_some_and(own)) {
        cargo.env_remove(name);
    }
    cargo.current_dir(root()?);
    Ok(cargo)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cargo_that_we_start_builds_the_same_as_one_that_the_user_starts() {
        assert!(env::var_os("CARGO_MANIFEST_DIR").is_some(), "cargo has started this test");
        let cargo = cargo().unwrap();
        let removed: Vec<_> =
            cargo.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        assert!(removed.contains(&"CARGO_MANIFEST_DIR".as_ref()), "{removed:?}");
        assert!(removed.contains(&"CARGO_PKG_NAME".as_ref()), "{removed:?}");
    }
}
