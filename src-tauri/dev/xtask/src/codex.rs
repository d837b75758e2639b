//! Installs a codex version from npm below `target/codex/VERSION`, and finds its native binary.
//!
//! npm's `codex` is a node script that starts the binary as a second process; tests, bench and the demo want one process.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitCode};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::child;
use crate::system::{self, Need};
use crate::workspace;

/// The version that tests, bench and the demo use. Named only here.
pub(crate) const DEFAULT_VERSION: &str = "0.169.0";

/// How often and how soon to try again where a folder cannot be renamed, ten seconds in all.
const RENAME_ATTEMPTS: u32 = 50;
const RENAME_INTERVAL: Duration = Duration::from_millis(200);

/// The versions every test run covers: the newest, and the newest of each older way of running a turn.
pub(crate) const TESTED_VERSIONS: &[&str] = &[DEFAULT_VERSION, "0.120.0", "0.60.1"];

/// The versions in docs/codex-versions.md, which `test --all-versions` covers.
pub(crate) const ALL_VERSIONS: &[&str] =
    &["0.44.0", "0.60.1", "0.80.0", "0.100.0", "0.120.0", "0.140.0", "0.155.1", DEFAULT_VERSION];

/// Installs these versions and lists them as the tests expect: `VERSION=PATH;VERSION=PATH`.
pub(crate) fn install_all(versions: &[&str]) -> Result<String> {
    let named: Result<Vec<String>> =
        versions.iter().map(|version| Ok(format!("{version}={}", install(version)?.display()))).collect();
    Ok(named?.join(";"))
}

/// Installs a version and prints only its path to stdout, for use in scripts.
pub(crate) fn print_path(version: &str) -> Result<ExitCode> {
    println!("{}", install(version)?.display());
    Ok(ExitCode::SUCCESS)
}

/// Returns the path of a version's native binary, installing it if missing.
pub(crate) fn install(version: &str) -> Result<PathBuf> {
    // The version names a folder whose content must never change: no `latest`, no path, no URL.
    if !version.starts_with(|c: char| c.is_ascii_digit())
        || !version.chars().all(|c| c.is_ascii_alphanumeric() || "-.+".contains(c))
    {
        bail!("'{version}' is not a version such as {DEFAULT_VERSION}");
    }
    let platform = Platform::of(env::consts::OS, env::consts::ARCH).with_context(|| {
        format!("codex is not available for {} on {}", env::consts::OS, env::consts::ARCH)
    })?;
    let cache = workspace::target()?.join("codex");
    let folder = cache.join(version);
    if let Some(binary) = platform.find_binary(&folder) {
        return Ok(binary);
    }
    system::ensure(&[Need::Node])?;
    remove_stale_partials(&cache);

    // Installed beside the folder, then renamed into place, so that an interrupted install is never used.
    let partial = cache.join(format!("{version}.partial-{}", process::id()));
    let made = npm_install(version, &platform, &partial).and_then(|()| {
        // An existing folder has no binary in it, or we would have returned.
        let _absent = fs::remove_dir_all(&folder);
        rename(&partial, &folder).with_context(|| format!("cannot create {}", folder.display()))
    });
    let _moved = fs::remove_dir_all(&partial);
    // Another xtask may have installed the same version meanwhile; use that one.
    match (platform.find_binary(&folder), made) {
        (Some(binary), _) => Ok(binary),
        (None, Err(error)) => Err(error),
        (None, Ok(())) => bail!("no codex {version} in {}", folder.display()),
    }
}

/// Renames a folder. On Windows, a virus scanner may still hold a file in it that was just run.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let mut renamed = fs::rename(from, to);
    for _ in 0..RENAME_ATTEMPTS {
        if !(cfg!(windows)
            && matches!(&renamed, Err(error) if error.kind() == io::ErrorKind::PermissionDenied))
        {
            break;
        }
        thread::sleep(RENAME_INTERVAL);
        renamed = fs::rename(from, to);
    }
    renamed
}

fn npm_install(version: &str, platform: &Platform, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let mut npm = child::npm();
    npm.args(["install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--include=optional"]);
    npm.arg("--prefix").arg(folder).arg(format!("@openai/codex@{version}"));
    child::run_with_stdout_on_stderr(npm.current_dir(folder), child::INSTALL_TIMEOUT)?;
    let binary = platform.find_binary(folder).with_context(|| {
        format!("@openai/codex {version} has no binary for {} in any known layout", platform.package)
    })?;
    // Catches a truncated binary.
    let answer = child::output(Command::new(binary).arg("--version"), child::PROBE_TIMEOUT)?;
    eprintln!("{answer}");
    Ok(())
}

/// Removes what interrupted installs left behind, once it is too old for an install still to be running.
fn remove_stale_partials(cache: &Path) {
    let Ok(entries) = fs::read_dir(cache) else { return };
    for entry in entries.flatten() {
        let partial = entry.file_name().to_string_lossy().contains(".partial-");
        let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|time| time.elapsed().ok());
        if partial && age.is_some_and(|age| age > 2 * child::INSTALL_TIMEOUT) {
            let _best_effort = fs::remove_dir_all(entry.path());
        }
    }
}

/// A system codex is built for, in the two ways the npm packages name it.
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

    /// Where releases have put the binary, newest first.
    fn layouts(&self) -> [String; 3] {
        let Self { package, triple, binary } = self;
        [
            format!("node_modules/@openai/{package}/vendor/{triple}/bin/{binary}"),
            // Up to 0.120.
            format!("node_modules/@openai/{package}/vendor/{triple}/codex/{binary}"),
            // Up to 0.80, one package for all systems.
            format!("node_modules/@openai/codex/vendor/{triple}/codex/{binary}"),
        ]
    }

    fn find_binary(&self, folder: &Path) -> Option<PathBuf> {
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
        assert_eq!(platform.find_binary(&folder), None);
        for layout in layouts {
            let path = folder.join(layout);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
            assert_eq!(platform.find_binary(&folder), Some(path));
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn windows_has_an_exe_and_an_unknown_system_no_platform() {
        let windows = Platform::of("windows", "aarch64").unwrap();
        let newest = "node_modules/@openai/codex-win32-arm64/vendor/aarch64-pc-windows-msvc/bin/codex.exe";
        assert_eq!(windows.layouts()[0], newest);
        assert_eq!(Platform::of("macos", "aarch64").unwrap().package, "codex-darwin-arm64");
        assert_eq!(Platform::of("freebsd", "x86_64"), None);
    }

    #[test]
    fn an_invalid_version_is_rejected_before_npm_runs() {
        for text in ["latest", "", "../0.1", "0.1/../..", "0.1 --global", "^0.1"] {
            assert!(install(text).is_err(), "{text}");
        }
    }
}
