//! Checks for the system packages that a command needs, and installs the missing ones.
//!
//! What works already is never upgraded.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::child;
use crate::package_manager::PackageManager;
use crate::workspace;

/// The oldest node that the UI's tools and codex's installer support.
const MIN_NODE_VERSION: u32 = 20;

/// Something outside this workspace that a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Compiles SQLite and zlib.
    CCompiler,
    /// Installs codex and runs the JavaScript clients.
    Node,
    /// With pip and venv, for the Python clients.
    Python,
    /// The web view and the tray icon library.
    Desktop,
    /// A headless screen, session bus, keychain and WebDriver.
    DesktopTests,
}

struct Requirement {
    need: Need,
    name: &'static str,
    check: fn() -> Result<()>,
    /// For apt, dnf and pacman.
    packages: [&'static str; 3],
    macos: &'static str,
    windows: &'static str,
}

const REQUIREMENTS: [Requirement; 5] = [
    Requirement {
        need: Need::CCompiler,
        name: "a C compiler",
        check: check_c_compiler,
        packages: ["build-essential pkg-config", "gcc gcc-c++ make pkgconf-pkg-config", "base-devel"],
        macos: "xcode-select --install",
        windows: "winget install Microsoft.VisualStudio.2022.BuildTools",
    },
    Requirement {
        need: Need::Node,
        name: "node 20 or newer, with npm",
        check: check_node,
        packages: ["nodejs npm", "nodejs nodejs-npm", "nodejs npm"],
        macos: "brew install node",
        windows: "winget install OpenJS.NodeJS.LTS",
    },
    Requirement {
        need: Need::Python,
        name: "Python 3.10 or newer, with venv and pip",
        check: check_python,
        packages: ["python3 python3-venv python3-pip", "python3 python3-pip", "python python-pip"],
        macos: "brew install python",
        windows: "winget install Python.Python.3.13",
    },
    Requirement {
        need: Need::Desktop,
        name: "WebKitGTK 4.1, Ayatana AppIndicator and librsvg, for building",
        check: check_desktop,
        packages: [
            "libwebkit2gtk-4.1-dev libayatana-appindicator3-dev librsvg2-dev libdbus-1-dev pkg-config",
            "webkit2gtk4.1-devel libayatana-appindicator-gtk3-devel librsvg2-devel dbus-devel",
            "webkit2gtk-4.1 libayatana-appindicator librsvg dbus",
        ],
        macos: "xcode-select --install",
        windows: "winget install Microsoft.EdgeWebView2Runtime",
    },
    Requirement {
        need: Need::DesktopTests,
        name: "Xvfb, a session bus, gnome-keyring and WebKitWebDriver",
        check: check_desktop_tests,
        packages: [
            "xvfb dbus gnome-keyring webkit2gtk-driver",
            "xorg-x11-server-Xvfb dbus-daemon gnome-keyring webkit2gtk-driver",
            "xorg-server-xvfb dbus gnome-keyring webkitgtk-6.0",
        ],
        macos: "true",
        windows: "rem nothing",
    },
];

/// Installs whichever of these is missing, where we know how.
pub(crate) fn ensure(needs: &[Need]) -> Result<()> {
    let missing = missing(needs);
    if missing.is_empty() {
        return Ok(());
    }
    let names = names(&missing);
    let Some(system) = PackageManager::detect() else {
        bail!("this needs {names}; {}", install_hint(&missing, std::env::consts::OS));
    };
    eprintln!("missing: {names}");
    let packages: Vec<&str> = missing.iter().flat_map(|row| row.packages(system)).collect();
    system.install(&packages).with_context(|| format!("cannot install {names}"))?;

    // An old release may package too old a version; the user must choose where to get a newer one.
    let still_missing: Vec<&Requirement> = missing.into_iter().filter(|row| (row.check)().is_err()).collect();
    if !still_missing.is_empty() {
        bail!(
            "this system has no recent enough package of {}; install it from upstream",
            self::names(&still_missing)
        );
    }
    Ok(())
}

/// Installs rustfmt and clippy, which come with the toolchain, through rustup.
pub(crate) fn ensure_rust_components() -> Result<()> {
    for (command, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if child::output(workspace::cargo()?.args([command, "--version"]), child::PROBE_TIMEOUT).is_ok() {
            continue;
        }
        let mut rustup = Command::new("rustup");
        rustup.args(["component", "add", component]).current_dir(workspace::root()?);
        child::run(&mut rustup, child::INSTALL_TIMEOUT).with_context(|| {
            format!("{component} is missing; without rustup, install it with your package manager")
        })?;
    }
    Ok(())
}

pub(crate) fn python() -> Command {
    Command::new(find_python().unwrap_or("python3"))
}

impl Requirement {
    fn packages(&self, manager: PackageManager) -> impl Iterator<Item = &'static str> {
        self.packages[manager as usize].split_whitespace()
    }
}

fn missing(needs: &[Need]) -> Vec<&'static Requirement> {
    let wanted = REQUIREMENTS.iter().filter(|row| needs.contains(&row.need));
    wanted.filter(|row| (row.check)().is_err()).collect()
}

fn names(rows: &[&Requirement]) -> String {
    rows.iter().map(|row| row.name).collect::<Vec<_>>().join("; ")
}

/// What to type where we install nothing ourselves.
fn install_hint(rows: &[&Requirement], os: &str) -> String {
    let column = |hint: fn(&Requirement) -> &'static str, then: &str| {
        rows.iter().map(|row| hint(row)).collect::<Vec<_>>().join(then)
    };
    match os {
        "macos" => format!("install with: {}", column(|row| row.macos, " && ")),
        // Windows PowerShell has no `&&`, and the command prompt no `;`.
        "windows" => format!("install with:\n{}", column(|row| row.windows, "\n")),
        _ => "install it with this system's package manager, which xtask does not know".to_owned(),
    }
}

fn check_c_compiler() -> Result<()> {
    if cfg!(windows) {
        // The linker that Rust needs on Windows comes with the compiler, and this program has been linked.
        return Ok(());
    }
    child::output(Command::new("cc").arg("--version"), child::PROBE_TIMEOUT).map(|_| ())
}

fn check_node() -> Result<()> {
    let version = child::output(Command::new("node").arg("--version"), child::PROBE_TIMEOUT)?;
    if major_version(&version).is_none_or(|major| major < MIN_NODE_VERSION) {
        bail!("node {version} is older than {MIN_NODE_VERSION}");
    }
    child::output(child::npm().arg("--version"), child::PROBE_TIMEOUT).map(|_| ())
}

fn major_version(version: &str) -> Option<u32> {
    version.trim().trim_start_matches('v').split('.').next()?.parse().ok()
}

fn check_desktop() -> Result<()> {
    if !cfg!(target_os = "linux") {
        // These systems include a web view.
        return Ok(());
    }
    let libraries = ["webkit2gtk-4.1", "ayatana-appindicator3-0.1", "librsvg-2.0", "dbus-1"];
    child::output(Command::new("pkg-config").arg("--exists").args(libraries), child::PROBE_TIMEOUT)
        .map(|_| ())
}

fn check_desktop_tests() -> Result<()> {
    if !cfg!(target_os = "linux") {
        // The tests drive the window on Linux only.
        return Ok(());
    }
    for program in ["Xvfb", "dbus-run-session", "gnome-keyring-daemon", "WebKitWebDriver"] {
        let found = std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()));
        if !found {
            bail!("{program} is not in PATH");
        }
    }
    Ok(())
}

fn check_python() -> Result<()> {
    find_python().map(|_| ()).context("no working Python with venv and ensurepip")
}

fn find_python() -> Option<&'static str> {
    let names: &[&str] = if cfg!(windows) { &["python", "py"] } else { &["python3"] };
    // Debian packages Python without venv's parts, so check for those.
    let script = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";
    let works =
        |name: &str| child::output(Command::new(name).args(["-c", script]), child::PROBE_TIMEOUT).is_ok();
    names.iter().copied().find(|name| works(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_need_has_packages_and_advice_everywhere() {
        for need in [Need::CCompiler, Need::Node, Need::Python, Need::Desktop, Need::DesktopTests] {
            let rows: Vec<&Requirement> = REQUIREMENTS.iter().filter(|row| row.need == need).collect();
            assert_eq!(rows.len(), 1, "{need:?}");
            for system in [PackageManager::Apt, PackageManager::Dnf, PackageManager::Pacman] {
                assert!(rows[0].packages(system).next().is_some(), "{need:?} on {system:?}");
            }
        }
        let all: Vec<&Requirement> = REQUIREMENTS.iter().collect();
        assert_eq!(
            install_hint(&all[1..3], "macos"),
            "install with: brew install node && brew install python"
        );
        assert_eq!(
            install_hint(&all[1..3], "windows"),
            "install with:\nwinget install OpenJS.NodeJS.LTS\nwinget install Python.Python.3.13"
        );
        assert!(install_hint(&all, "linux").contains("does not know"));
    }

    #[test]
    fn the_major_version_of_nodes_output_is_parsed() {
        assert_eq!(major_version("v20.11.1\n"), Some(20));
        assert_eq!(major_version("8.1"), Some(8));
        assert_eq!(major_version("nightly"), None);
    }
}
