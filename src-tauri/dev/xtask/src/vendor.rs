//! `cargo xtask vendor`: fetches the scripts and styles of the API pages from npm and stores them compressed.
//!
//! They are part of the repository so that the pages work on a machine without a network. The pages themselves, and
//! their few lines of start-up script, are written by hand and not touched here.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::child;
use crate::system::{self, Need};
use crate::workspace;

/// An npm package, and which of its files become which of ours.
struct Package {
    name: &'static str,
    version: &'static str,
    assets: &'static [(&'static str, &'static str)],
    licences: &'static [(&'static str, &'static str)],
}

// A newer version is a change here and in the README of the assets; a test compares the two.
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
        // Not 3.x: its bundle holds a client that reports use to its makers' own server.
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
    fs::create_dir_all(&licences).with_context(|| format!("{} cannot be made", licences.display()))?;
    let fetched = workspace::target()?.join("vendor");
    for package in &PACKAGES {
        let unpacked = package.fetch(&fetched)?;
        for (from, to) in package.assets {
            let mut node = Command::new("node");
            node.arg(root.join("src-tauri/dev/xtask/src/compress.js"))
                .arg(unpacked.join(from))
                .arg(assets.join(to));
            child::run(&mut node, child::PROBE_LIMIT)?;
        }
        for (from, to) in package.licences {
            let from = unpacked.join(from);
            fs::copy(&from, licences.join(to))
                .with_context(|| format!("{} cannot be copied", from.display()))?;
        }
    }
    Ok(())
}

impl Package {
    /// Fetches the package alone, without what it depends on, and gives the folder with its files.
    fn fetch(&self, shelf: &Path) -> Result<std::path::PathBuf> {
        let folder = shelf.join(format!("{}-{}", self.name, self.version));
        // What an earlier run left may be half a package.
        let _absent = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let mut npm = child::npm();
        npm.args(["pack", "--silent", &format!("{}@{}", self.name, self.version)]).current_dir(&folder);
        let archive = child::answer(&mut npm, child::INSTALL_LIMIT)?;
        // All three systems have a tar that reads gzip; Windows has had one since 2018.
        let mut tar = Command::new("tar");
        child::run(tar.args(["-xzf", &archive]).current_dir(&folder), child::INSTALL_LIMIT)?;
        Ok(folder.join("package"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_of_the_assets_names_what_is_pinned_and_each_licence_is_there() {
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
