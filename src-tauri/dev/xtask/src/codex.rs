//! Gets a codex of a given version from npm, below `target/codex/VERSION`, and finds the native binary in it.
//!
//! npm's own `codex` is a script that needs node and starts the binary as a second process. Tests, measurements and
//! the demo want the one process. Not here: finding the codex that a user has installed, which is the proxy's task.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::child;
use crate::system::{self, Need};
use crate::workspace;

/// The codex that tests, measurements and the demo use. It is named here and nowhere else.
pub(crate) const DEFAULT_VERSION: &str = "0.169.0";

/// The versions that every run of the tests drives: the newest, and the newest of each older way of running a turn.
pub(crate) const TESTED_VERSIONS: &[&str] = &[DEFAULT_VERSION, "0.120.0", "0.60.1"];

/// The versions of docs/codex-versions.md, which `test --all-versions` drives.
pub(crate) const ALL_VERSIONS: &[&str] =
    &["0.44.0", "0.60.1", "0.80.0", "0.100.0", "0.120.0", "0.140.0", "0.155.1", DEFAULT_VERSION];

/// Installs these versions and names them as the tests take them: `VERSION=PATH;VERSION=PATH`.
pub(crate) fn named(versions: &[&str]) -> Result<String> {
    let named: Result<Vec<String>> =
        versions.iter().map(|version| Ok(format!("{version}={}", installed(version)?.display()))).collect();
    Ok(named?.join(";"))
}

/// Installs that version and prints its path as the only line on stdout, so that a script can take it.
pub(crate) fn print(version: &str) -> Result<ExitCode> {
    println!("{}", installed(version)?.display());
    Ok(ExitCode::SUCCESS)
}

/// The native binary of that version, installed now if it is not there yet.
pub(crate) fn installed(version: &str) -> Result<PathBuf> {
    // The version becomes the name of a folder, and the folder must stay true: no `latest`, no path, no address.
    if !version.starts_with(|c: char| c.is_ascii_digit())
        || !version.chars().all(|c| c.is_ascii_alphanumeric() || "-.+".contains(c))
    {
        bail!("'{version}' is not a version such as {DEFAULT_VERSION}");
    }
    let platform = Platform::of(env::consts::OS, env::consts::ARCH)
        .with_context(|| format!("codex is not made for {} on {}", env::consts::OS, env::consts::ARCH))?;
    let shelf = workspace::target()?.join("codex");
    let folder = shelf.join(version);
    if let Some(binary) = platform.binary_in(&folder) {
        return Ok(binary);
    }
    system::ensure(&[Need::Node])?;
    sweep(&shelf);

    // Made whole beside its place and then moved there: what an interruption leaves is never taken for a codex.
    let partial = shelf.join(format!("{version}.partial-{}", process::id()));
    let made = install(version, &platform, &partial).and_then(|()| {
        // A folder in the way holds no binary, or we would not be here.
        let _absent = fs::remove_dir_all(&folder);
        fs::rename(&partial, &folder).with_context(|| format!("{} cannot be put in place", folder.display()))
    });
    let _moved = fs::remove_dir_all(&partial);
    // Another xtask may have been faster, and then its codex is as good as ours.
    match (platform.binary_in(&folder), made) {
        (Some(binary), _) => Ok(binary),
        (None, Err(error)) => Err(error),
        (None, Ok(())) => bail!("codex {version} is not in {}", folder.display()),
    }
}

fn install(version: &str, platform: &Platform, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let mut npm = child::npm();
    npm.args(["install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--include=optional"]);
    npm.arg("--prefix").arg(folder).arg(format!("@openai/codex@{version}"));
    child::run_aside(npm.current_dir(folder), child::INSTALL_LIMIT)?;
    let binary = platform.binary_in(folder).with_context(|| {
        format!(
            "npm's @openai/codex {version} holds no binary for {} where any version known to us has it",
            platform.package
        )
    })?;
    // A binary that starts is a whole one.
    let answer = child::answer(Command::new(binary).arg("--version"), child::PROBE_LIMIT)?;
    eprintln!("{answer}");
    Ok(())
}

/// Takes away what interrupted installs have left: after this long, nobody is still at work in it.
fn sweep(shelf: &Path) {
    let Ok(entries) = fs::read_dir(shelf) else { return };
    for entry in entries.flatten() {
        let partial = entry.file_name().to_string_lossy().contains(".partial-");
        let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|time| time.elapsed().ok());
        if partial && age.is_some_and(|age| age > 2 * child::INSTALL_LIMIT) {
            let _best_effort = fs::remove_dir_all(entry.path());
        }
    }
}

/// A system that codex is made for, in the two ways npm's packages name it.
#[derive(Debug, PartialEq, Eq)]
struct Platform {
    package: &'static str,
    triple: &'static str,
    binary: &'static str,
}

impl Platform {
    fn of(os: &str, arch: &str) -> Option<Self> {
        let (package, triple) = match (os, arch) {
            ("linux", "x86_64") => ("codex-linux-x64", "x86_64-unknown-linux-musl"),
            ("linux", "aarch64") => ("codex-linux-arm64", "aarch64-unknown-linux-musl"),
            ("macos", "x86_64") => ("codex-darwin-x64", "x86_64-apple-darwin"),
            ("macos", "aarch64") => ("codex-darwin-arm64", "aarch64-apple-darwin"),
            ("windows", "x86_64") => ("codex-win32-x64", "x86_64-pc-windows-msvc"),
            ("windows", "aarch64") => ("codex-win32-arm64", "aarch64-pc-windows-msvc"),
            _ => return None,
        };
        Some(Self { package, triple, binary: if os == "windows" { "codex.exe" } else { "codex" } })
    }

    /// Every place the binary has had, newest first.
    fn layouts(&self) -> [String; 3] {
        let Self { package, triple, binary } = self;
        [
            format!("node_modules/@openai/{package}/vendor/{triple}/bin/{binary}"),
            // Up to 0.120.
            format!("node_modules/@openai/{package}/vendor/{triple}/codex/{binary}"),
            // Up to 0.80 one package held the binaries of all systems.
            format!("node_modules/@openai/codex/vendor/{triple}/codex/{binary}"),
        ]
    }

    fn binary_in(&self, folder: &Path) -> Option<PathBuf> {
        self.layouts().iter().map(|layout| folder.join(layout)).find(|path| path.is_file())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_is_found_and_the_newest_wins() {
        let folder = workspace::target().unwrap().join(format!("codex-layouts-{}", process::id()));
        let platform = Platform::of("linux", "x86_64").unwrap();
        let layouts = [
            "node_modules/@openai/codex/vendor/x86_64-unknown-linux-musl/codex/codex",
            "node_modules/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/codex/codex",
            "node_modules/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex",
        ];
        assert_eq!(platform.binary_in(&folder), None);
        for layout in layouts {
            let path = folder.join(layout);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
            assert_eq!(platform.binary_in(&folder), Some(path));
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn windows_has_its_own_file_name_and_an_unknown_system_none() {
        let windows = Platform::of("windows", "aarch64").unwrap();
        let newest = "node_modules/@openai/codex-win32-arm64/vendor/aarch64-pc-windows-msvc/bin/codex.exe";
        assert_eq!(windows.layouts()[0], newest);
        assert_eq!(Platform::of("macos", "aarch64").unwrap().package, "codex-darwin-arm64");
        assert_eq!(Platform::of("freebsd", "x86_64"), None);
    }

    #[test]
    fn what_is_not_a_version_is_refused_before_npm_hears_of_it() {
        for text in ["latest", "", "../0.1", "0.1/../..", "0.1 --global", "^0.1"] {
            assert!(installed(text).is_err(), "{text}");
        }
    }
}
