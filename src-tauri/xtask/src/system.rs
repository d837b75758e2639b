//! What must be on the machine before anything of this project can run: looked for by use, installed where missing.
//!
//! The table below names each need once, with its packages for every system that has a package manager we drive. How
//! a package manager is driven stands in `package_system`. Nothing is ever upgraded that already serves.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::child;
use crate::package_system::PackageSystem;
use crate::workspace;

/// The oldest node that the interface's tools and codex's installer run on.
const OLDEST_NODE: u32 = 20;

/// Something outside this workspace that a command cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// SQLite and zlib are compiled from C.
    CCompiler,
    /// codex and the JavaScript clients come through npm; node itself runs the latter.
    Node,
    /// The Python client lives in a venv of its own, so pip and venv are meant too.
    Python,
}

/// One need and what answers it on each system.
struct Row {
    need: Need,
    name: &'static str,
    works: fn() -> Result<()>,
    apt: &'static [&'static str],
    dnf: &'static [&'static str],
    pacman: &'static [&'static str],
    macos: &'static str,
    windows: &'static str,
}

// A new need is a new variant and a row here; the desktop app's libraries will come in as such.
const TABLE: [Row; 3] = [
    Row {
        need: Need::CCompiler,
        name: "a C compiler",
        works: c_compiler_works,
        apt: &["build-essential", "pkg-config"],
        dnf: &["gcc", "gcc-c++", "make", "pkgconf-pkg-config"],
        pacman: &["base-devel"],
        macos: "xcode-select --install",
        windows: "winget install Microsoft.VisualStudio.2022.BuildTools",
    },
    Row {
        need: Need::Node,
        name: "node 20 or newer, with npm",
        works: node_works,
        apt: &["nodejs", "npm"],
        dnf: &["nodejs", "nodejs-npm"],
        pacman: &["nodejs", "npm"],
        macos: "brew install node",
        windows: "winget install OpenJS.NodeJS.LTS",
    },
    Row {
        need: Need::Python,
        name: "Python 3.10 or newer, with venv and pip",
        works: python_works,
        apt: &["python3", "python3-venv", "python3-pip"],
        dnf: &["python3", "python3-pip"],
        pacman: &["python", "python-pip"],
        macos: "brew install python",
        windows: "winget install Python.Python.3.13",
    },
];

/// Sees to it that all of these work, installing what is missing where we know how.
pub(crate) fn ensure(needs: &[Need]) -> Result<()> {
    let missing = missing(needs);
    if missing.is_empty() {
        return Ok(());
    }
    let names = names(&missing);
    let Some(system) = PackageSystem::here() else {
        bail!("this needs {names}; {}", by_hand(&missing, std::env::consts::OS));
    };
    eprintln!("missing: {names}");
    let packages: Vec<&str> = missing.iter().flat_map(|row| row.packages(system)).copied().collect();
    system.install(&packages).with_context(|| format!("{names} could not be installed"))?;

    // An old release may carry a version too old, and then only the person can choose where to get a newer one.
    let still: Vec<&Row> = missing.into_iter().filter(|row| (row.works)().is_err()).collect();
    if !still.is_empty() {
        bail!("this system's packages do not give {}; install it from its makers", self::names(&still));
    }
    Ok(())
}

/// rustfmt and clippy belong to the toolchain, so rustup is asked and not the system.
pub(crate) fn ensure_rust_components() -> Result<()> {
    for (command, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if child::answer(workspace::cargo()?.args([command, "--version"]), child::PROBE_LIMIT).is_ok() {
            continue;
        }
        let mut rustup = Command::new("rustup");
        rustup.args(["component", "add", component]).current_dir(workspace::root()?);
        child::run(&mut rustup, child::INSTALL_LIMIT).with_context(|| {
            format!("{component} is missing, and without rustup only your system can install it")
        })?;
    }
    Ok(())
}

/// The Python that works here, under whichever name it goes.
pub(crate) fn python() -> Command {
    Command::new(working_python().unwrap_or("python3"))
}

impl Row {
    fn packages(&self, system: PackageSystem) -> &'static [&'static str] {
        match system {
            PackageSystem::Apt => self.apt,
            PackageSystem::Dnf => self.dnf,
            PackageSystem::Pacman => self.pacman,
        }
    }
}

fn missing(needs: &[Need]) -> Vec<&'static Row> {
    let wanted = TABLE.iter().filter(|row| needs.contains(&row.need));
    wanted.filter(|row| (row.works)().is_err()).collect()
}

fn names(rows: &[&Row]) -> String {
    rows.iter().map(|row| row.name).collect::<Vec<_>>().join("; ")
}

/// What to type where we do not install anything ourselves.
fn by_hand(rows: &[&Row], os: &str) -> String {
    let column =
        |hint: fn(&Row) -> &'static str| rows.iter().map(|row| hint(row)).collect::<Vec<_>>().join(" && ");
    match os {
        "macos" => format!("install with: {}", column(|row| row.macos)),
        "windows" => format!("install with: {}", column(|row| row.windows)),
        _ => "install that with this system's own package manager, which xtask does not know".to_owned(),
    }
}

fn c_compiler_works() -> Result<()> {
    if cfg!(windows) {
        // Rust's own linker on Windows comes with the compiler; without it this program would not have been built.
        return Ok(());
    }
    child::answer(Command::new("cc").arg("--version"), child::PROBE_LIMIT).map(|_| ())
}

fn node_works() -> Result<()> {
    let version = child::answer(Command::new("node").arg("--version"), child::PROBE_LIMIT)?;
    if major(&version).is_none_or(|major| major < OLDEST_NODE) {
        bail!("node {version} is older than {OLDEST_NODE}");
    }
    child::answer(child::npm().arg("--version"), child::PROBE_LIMIT).map(|_| ())
}

/// The first number of a version such as `v20.11.1`.
fn major(version: &str) -> Option<u32> {
    version.trim().trim_start_matches('v').split('.').next()?.parse().ok()
}

fn python_works() -> Result<()> {
    working_python().map(|_| ()).context("no python answers, or none with all its parts")
}

fn working_python() -> Option<&'static str> {
    let names: &[&str] = if cfg!(windows) { &["python", "py"] } else { &["python3"] };
    // Debian gives a Python without the parts a venv is made of, so these are what is asked for.
    let script = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";
    let works =
        |name: &str| child::answer(Command::new(name).args(["-c", script]), child::PROBE_LIMIT).is_ok();
    names.iter().copied().find(|name| works(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_need_has_packages_and_advice_everywhere() {
        for need in [Need::CCompiler, Need::Node, Need::Python] {
            let rows: Vec<&Row> = TABLE.iter().filter(|row| row.need == need).collect();
            assert_eq!(rows.len(), 1, "{need:?}");
            for system in [PackageSystem::Apt, PackageSystem::Dnf, PackageSystem::Pacman] {
                assert!(!rows[0].packages(system).is_empty(), "{need:?} on {system:?}");
            }
        }
        let all: Vec<&Row> = TABLE.iter().collect();
        assert_eq!(by_hand(&all[1..], "macos"), "install with: brew install node && brew install python");
        assert!(by_hand(&all, "windows").contains("winget install"));
        assert!(by_hand(&all, "linux").contains("does not know"));
    }

    #[test]
    fn the_major_version_is_read_as_node_prints_it() {
        assert_eq!(major("v20.11.1\n"), Some(20));
        assert_eq!(major("8.1"), Some(8));
        assert_eq!(major("nightly"), None);
    }
}
