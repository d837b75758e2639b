//! `cargo xtask vendor`: fetches the scripts and styles of the API pages from npm and stores them compressed.
//!
//! They are in the repository so that the pages work offline.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::child;
use crate::system::{self, Need};
use crate::workspace;

/// An npm package, with pairs of its files and ours.
struct Package {
    name: &'static str,
    version: &'static str,
    assets: &'static [(&'static str, &'static str)],
    licences: &'static [(&'static str, &'static str)],
}

// To update a version, change it here and in the README of the assets; a test compares the two.
const PACKAGES: [Package; 2] = [
    Package {
        name: "swagger-ui-dist",
        version: "5.35.0",
        assets: &[
            ("swagger-ui-bundle.js", "swagger-ui-bundle.js.gz"),
            ("swagger-ui.css", "swagger-ui.css.gz"),
        ],
        licences: &[
            ("LICENSE", "swagger-ui.LICENSE.txt"),
            ("NOTICE", "swagger-ui.NOTICE.txt"),
            ("swagger-ui-bundle.js.LICENSE.txt", "swagger-ui-bundle.js.LICENSE.txt"),
        ],
    },
    Package {
        name: "redoc",
        // Not 3.x: its bundle sends usage data to its vendor.
        version: "2.5.4",
        assets: &[("bundles/redoc.standalone.js", "redoc.standalone.js.gz")],
        licences: &[
            ("LICENSE", "redoc.LICENSE.txt"),
            ("bundles/redoc.standalone.js.LICENSE.txt", "redoc.standalone.js.LICENSE.txt"),
        ],
    },
];

pub(crate) fn vendor() -> Result<()> {
    system::ensure(&[Need::Node])?;
    let root = workspace::root()?;
    let assets = root.join("src-tauri/crates/proxy/assets");
    let licences = assets.join("licences");
    fs::create_dir_all(&licences).with_context(|| format!("cannot create {}", licences.display()))?;
    let fetched = workspace::target()?.join("vendor");
    for package in &PACKAGES {
        let unpacked = package.fetch(&fetched)?;
        for (from, to) in package.assets {
            let mut node = Command::new("node");
            node.arg(root.join("src-tauri/dev/xtask/src/compress.js"))
                .arg(unpacked.join(from))
                .arg(assets.join(to));
            child::run(&mut node, child::PROBE_TIMEOUT)?;
        }
        for (from, to) in package.licences {
            let from = unpacked.join(from);
            fs::copy(&from, licences.join(to)).with_context(|| format!("cannot copy {}", from.display()))?;
        }
    }
    Ok(())
}

impl Package {
    /// Fetches the package without its dependencies, and returns the folder with its files.
    fn fetch(&self, parent: &Path) -> Result<std::path::PathBuf> {
        let folder = parent.join(format!("{}-{}", self.name, self.version));
        // An interrupted run may have left half a package.
        let _absent = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let mut npm = child::npm();
        npm.args(["pack", "--silent", &format!("{}@{}", self.name, self.version)]).current_dir(&folder);
        let archive = child::output(&mut npm, child::INSTALL_TIMEOUT)?;
        // All three systems have a tar that supports gzip; Windows since 2018.
        let mut tar = Command::new("tar");
        child::run(tar.args(["-xzf", &archive]).current_dir(&folder), child::INSTALL_TIMEOUT)?;
        Ok(folder.join("package"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_assets_readme_lists_the_pinned_versions_and_every_file_exists() {
        let assets = workspace::root().unwrap().join("src-tauri/crates/proxy/assets");
        let readme = fs::read_to_string(assets.join("README.md")).unwrap();
        for package in &PACKAGES {
            let row = format!("| {} | {} |", package.name, package.version);
            assert!(readme.contains(&row), "no row '{row}' in the README of the assets");
            for (_, asset) in package.assets {
                assert!(assets.join(asset).is_file(), "{asset} is missing: cargo xtask vendor");
            }
            for (_, licence) in package.licences {
                assert!(
                    assets.join("licences").join(licence).is_file(),
                    "{licence} is missing: cargo xtask vendor"
                );
            }
        }
    }
}
