//! What must be on the machine before anything of this project can run: looked for by use, installed where missing.
//!
//! The table below names each need once, with its packages for every system that has a package manager we drive. How
//! a package manager is driven stands in `package_manager`. Nothing is ever upgraded that already serves.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::child;
use crate::package_manager::PackageSystem;
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
    /// The window is drawn by the system's web view, and the tray icon by its own library.
    Desktop,
    /// A screen, a session bus, a keychain and a driver for the window, all without a person.
    DesktopTests,
}

/// One need and what answers it on each system.
struct Row {
    need: Need,
    name: &'static str,
    works: fn() -> Result<()>,
    /// For apt, dnf and pacman.
    packages: [&'static str; 3],
    macos: &'static str,
    windows: &'static str,
}

// A new need is a new variant and a row here.
const TABLE: [Row; 5] = [
    Row {
        need: Need::CCompiler,
        name: "a C compiler",
        works: c_compiler_works,
        packages: ["build-essential pkg-config", "gcc gcc-c++ make pkgconf-pkg-config", "base-devel"],
        macos: "xcode-select --install",
        windows: "winget install Microsoft.VisualStudio.2022.BuildTools",
    },
    Row {
        need: Need::Node,
        name: "node 20 or newer, with npm",
        works: node_works,
        packages: ["nodejs npm", "nodejs nodejs-npm", "nodejs npm"],
        macos: "brew install node",
        windows: "winget install OpenJS.NodeJS.LTS",
    },
    Row {
        need: Need::Python,
        name: "Python 3.10 or newer, with venv and pip",
        works: python_works,
        packages: ["python3 python3-venv python3-pip", "python3 python3-pip", "python python-pip"],
        macos: "brew install python",
        windows: "winget install Python.Python.3.13",
    },
    Row {
        need: Need::Desktop,
        name: "WebKitGTK 4.1, Ayatana AppIndicator and librsvg, for building",
        works: desktop_works,
        packages: [
            "libwebkit2gtk-4.1-dev libayatana-appindicator3-dev librsvg2-dev libdbus-1-dev pkg-config",
            "webkit2gtk4.1-devel libayatana-appindicator-gtk3-devel librsvg2-devel dbus-devel",
            "webkit2gtk-4.1 libayatana-appindicator librsvg dbus",
        ],
        macos: "xcode-select --install",
        windows: "winget install Microsoft.EdgeWebView2Runtime",
    },
    Row {
        need: Need::DesktopTests,
        name: "Xvfb, a session bus, gnome-keyring and WebKitWebDriver",
        works: desktop_tests_work,
        packages: [
            "xvfb dbus gnome-keyring webkit2gtk-driver",
            "xorg-x11-server-Xvfb dbus-daemon gnome-keyring webkit2gtk-driver",
            "xorg-server-xvfb dbus gnome-keyring webkitgtk-6.0",
        ],
        macos: "true",
        windows: "rem nothing",
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
    let packages: Vec<&str> = missing.iter().flat_map(|row| row.packages(system)).collect();
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
    fn packages(&self, system: PackageSystem) -> impl Iterator<Item = &'static str> {
        self.packages[system as usize].split_whitespace()
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

fn desktop_works() -> Result<()> {
    if !cfg!(target_os = "linux") {
        // The web view is part of these systems.
        return Ok(());
    }
    let libraries = ["webkit2gtk-4.1", "ayatana-appindicator3-0.1", "librsvg-2.0", "dbus-1"];
    child::answer(Command::new("pkg-config").arg("--exists").args(libraries), child::PROBE_LIMIT).map(|_| ())
}

fn desktop_tests_work() -> Result<()> {
    if !cfg!(target_os = "linux") {
        // The window is driven on Linux only.
        return Ok(());
    }
    for program in ["Xvfb", "dbus-run-session", "gnome-keyring-daemon", "WebKitWebDriver"] {
        let found = std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()));
        if !found {
            bail!("{program} is not there");
        }
    }
    Ok(())
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
        for need in [Need::CCompiler, Need::Node, Need::Python, Need::Desktop, Need::DesktopTests] {
            let rows: Vec<&Row> = TABLE.iter().filter(|row| row.need == need).collect();
            assert_eq!(rows.len(), 1, "{need:?}");
            for system in [PackageSystem::Apt, PackageSystem::Dnf, PackageSystem::Pacman] {
                assert!(rows[0].packages(system).next().is_some(), "{need:?} on {system:?}");
            }
        }
        let all: Vec<&Row> = TABLE.iter().collect();
        assert_eq!(by_hand(&all[1..3], "macos"), "install with: brew install node && brew install python");
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
