//! `cargo xtask licences`: lists the packages in the app with their licences, for Settings › About.
//!
//! Without versions, so that an update alone changes nothing.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::child;
use crate::workspace;

/// The programs of npm packages that the API pages embed.
const EMBEDDED: [(&str, &str); 2] = [("redoc", "MIT"), ("swagger-ui-dist", "Apache-2.0")];

pub(crate) fn licences() -> Result<()> {
    let root = workspace::root()?;
    let mut tree = workspace::cargo()?;
    let format = ["--edges", "normal", "--target", "all", "--prefix", "none", "--format", "{p}\t{l}"];
    tree.args(["tree", "--package", "codex-proxy"]).args(format);
    let text = child::output(&mut tree, child::BUILD_TIMEOUT)?;
    let mut packages: BTreeMap<String, String> = text
        .lines()
        // Our own have a path.
        .filter(|line| !line.contains(" (/") && !line.contains(":\\"))
        .filter_map(|line| line.split_once('\t'))
        .map(|(package, licence)| (name(package), licence.trim_end_matches(" (*)").to_owned()))
        .collect();
    packages.extend(EMBEDDED.map(|(name, licence)| (name.to_owned(), licence.to_owned())));
    packages.extend(of_window()?);
    let lines: Vec<String> = packages
        .into_iter()
        .map(|(name, licence)| format!("  [{}, {}]", Value::from(name), Value::from(licence)))
        .collect();
    // As prettier formats it.
    let json = format!("[\n{}\n]\n", lines.join(",\n"));
    let path = root.join("ui/src/lib/third-party.json");
    fs::write(&path, json).with_context(|| format!("cannot write {}", path.display()))
}

/// `tokio v1.50.0` as `tokio`.
fn name(package: &str) -> String {
    package.split(' ').next().unwrap_or(package).to_owned()
}

/// The packages in the window's code: svelte, which is compiled into it, and the runtime dependencies with theirs.
fn of_window() -> Result<Vec<(String, String)>> {
    let path = workspace::root()?.join("ui/package-lock.json");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let lock: Value = serde_json::from_str(&text)?;
    let packages = lock["packages"].as_object().context("no packages in the lock file")?;
    let shipped = packages.iter().filter_map(|(path, package)| {
        let name = path.rsplit_once("node_modules/")?.1;
        let is_shipped = name == "svelte" || package["dev"].as_bool() != Some(true);
        is_shipped
            .then(|| (name.to_owned(), package["license"].as_str().unwrap_or("see its package").to_owned()))
    });
    Ok(shipped.collect())
}
