//! The types that the window shares with Rust: those in `ui/src/bindings` are what the tests of today's code write.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::entries;
use crate::child;
use crate::workspace;

/// Names to ts-rs the folder it writes to.
pub(crate) const EXPORT_DIR: &str = "TS_RS_EXPORT_DIR";

/// An empty folder for the tests to write to.
pub(crate) fn folder() -> Result<PathBuf> {
    let folder = workspace::target()?.join("bindings");
    let _absent = fs::remove_dir_all(&folder);
    Ok(folder)
}

/// Runs the tests that write them, and compares.
pub(super) fn check() -> Result<()> {
    let folder = folder()?;
    let mut cargo = workspace::cargo()?;
    cargo.args(["test", "--quiet", "--lib"]).env(EXPORT_DIR, &folder);
    for package in workspace::product()? {
        let manifest = workspace::root()?.join("src-tauri/crates").join(&package).join("Cargo.toml");
        if fs::read_to_string(manifest)?.contains("ts-rs") {
            cargo.args(["--package", &package]);
        }
    }
    child::run(cargo.arg("export_bindings"), child::BUILD_LIMIT)?;
    compare(&folder)
}

/// Fails, naming the files, if the committed ones are not what tests have written to this folder.
pub(crate) fn compare(written: &Path) -> Result<()> {
    differing(written, &workspace::root()?.join("ui/src/bindings"))
}

pub(super) fn differing(written: &Path, committed: &Path) -> Result<()> {
    let (written, committed) = (contents(written)?, contents(committed)?);
    let names: BTreeSet<_> = written.keys().chain(committed.keys()).collect();
    let differing: Vec<_> =
        names.into_iter().filter(|name| written.get(*name) != committed.get(*name)).collect();
    if !differing.is_empty() {
        bail!("ui/src/bindings is not what Rust says: {differing:?}; `cargo test export_bindings` writes it");
    }
    Ok(())
}

fn contents(folder: &Path) -> Result<BTreeMap<OsString, String>> {
    let named = |path: PathBuf| Some((path.file_name()?.to_owned(), path));
    entries(folder)?
        .into_iter()
        .filter_map(named)
        .map(|(name, path)| Ok((name, fs::read_to_string(path)?)))
        .collect()
}
