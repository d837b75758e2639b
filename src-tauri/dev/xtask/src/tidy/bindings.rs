//! Checks that the TypeScript types in `ui/src/bindings` are the ones that the Rust tests generate.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::entries;
use crate::child;
use crate::workspace;

/// The variable with ts-rs's output folder.
pub(crate) const EXPORT_DIR: &str = "TS_RS_EXPORT_DIR";

/// Empties the folder for the tests to write to.
pub(crate) fn empty_export_dir() -> Result<PathBuf> {
    let folder = workspace::target()?.join("bindings");
    let _absent = fs::remove_dir_all(&folder);
    Ok(folder)
}

/// Runs the tests that generate the bindings, and compares.
pub(super) fn check() -> Result<()> {
    let folder = empty_export_dir()?;
    let mut cargo = workspace::cargo()?;
    cargo.args(["test", "--quiet", "--lib"]).env(EXPORT_DIR, &folder);
    for package in workspace::product_packages()? {
        let manifest = workspace::root()?.join("src-tauri/crates").join(&package).join("Cargo.toml");
        if fs::read_to_string(manifest)?.contains("ts-rs") {
            cargo.args(["--package", &package]);
        }
    }
    child::run(cargo.arg("export_bindings"), child::BUILD_TIMEOUT)?;
    compare(&folder)
}

/// Fails, naming the files, if the committed bindings differ from those in this folder.
pub(crate) fn compare(written: &Path) -> Result<()> {
    check_same(written, &workspace::root()?.join("ui/src/bindings"))
}

pub(super) fn check_same(written: &Path, committed: &Path) -> Result<()> {
    let (written, committed) = (contents(written)?, contents(committed)?);
    let names: BTreeSet<_> = written.keys().chain(committed.keys()).collect();
    let differing: Vec<_> =
        names.into_iter().filter(|name| written.get(*name) != committed.get(*name)).collect();
    if !differing.is_empty() {
        bail!("ui/src/bindings is outdated: {differing:?}; run `cargo test export_bindings`");
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
