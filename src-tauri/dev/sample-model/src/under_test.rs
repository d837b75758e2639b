//! Finds the programs that tests and bench drive.

use std::env;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable with the path of the codex binary to test with.
pub const CODEX_TEST_BIN: &str = "CODEX_TEST_BIN";

/// The real codex to test with: `CODEX_TEST_BIN`, or the newest that `cargo xtask codex` has installed.
///
/// Without either, returns a path that does not exist and says what to do, since most tests never start codex.
#[must_use]
pub fn codex_under_test() -> PathBuf {
    if let Some(named) = env::var_os(CODEX_TEST_BIN) {
        return PathBuf::from(named);
    }
    let fetched = workspace().join("target").join("codex");
    fetched_codex(&fetched).unwrap_or_else(|| fetched.join("missing, run cargo xtask codex"))
}

/// The `fake-codex` binary of the running test's build.
#[must_use]
pub fn fake_codex() -> PathBuf {
    built("fake-codex")
}

/// The `sample-mcp` binary of the running test's build.
#[must_use]
pub fn sample_mcp() -> PathBuf {
    built("sample-mcp")
}

/// The absolute form of a path that cargo compiled into a test.
///
/// Cross-compiled for Windows, such a path has no drive and slashes: it is on the drive of the running test.
#[must_use]
pub fn absolute(compiled: &str) -> PathBuf {
    let path = env::current_exe().unwrap_or_default().join(compiled);
    std::path::absolute(&path).unwrap_or(path)
}

/// A binary of the running test's build.
#[must_use]
#[expect(clippy::panic, reason = "a test that lacks the binary cannot go on, and the text says what to do")]
pub fn built(name: &str) -> PathBuf {
    let name = format!("{name}{}", env::consts::EXE_SUFFIX);
    // A test runs in target/debug/deps, bench in target/release.
    let running = env::current_exe().unwrap_or_default();
    let found = running.ancestors().skip(1).take(2).map(|dir| dir.join(&name)).find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!("no {name} beside {}: run `cargo build -p sample-model`", running.display())
    })
}

/// Holds the port that codex's sign-in in the browser needs, for as long as the file is kept.
///
/// codex always listens on port 1455 for the browser, and a second codex ends the sign-in of the first one.
pub fn sign_in_port() -> io::Result<File> {
    let file = File::create(env::temp_dir().join("codex-proxy-test-sign-in.lock"))?;
    file.lock()?;
    Ok(file)
}

/// Whether a process with this id runs. One that has ended and was not waited for does not.
#[cfg(unix)]
#[must_use]
pub fn is_running(id: &str) -> bool {
    let state = if cfg!(target_os = "linux") {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // The name before it may contain anything.
        stat.rsplit_once(") ").map(|(_, state)| state.to_owned())
    } else {
        let ps = std::process::Command::new("ps").args(["-o", "stat=", "-p", id]).output();
        ps.ok().map(|ps| String::from_utf8_lossy(&ps.stdout).trim().to_owned())
    };
    state.is_some_and(|state| !state.is_empty() && !state.starts_with('Z'))
}

/// Whether the test runs under Wine, which lacks parts of Windows.
#[must_use]
pub fn is_wine() -> bool {
    cfg!(windows)
        && env::var_os("SystemRoot")
            .is_some_and(|folder| Path::new(&folder).join("system32/winecfg.exe").exists())
}

/// Reports the running test as excluded, on stderr even if it passes.
pub fn report_excluded(reason: &str) {
    report_excluded_where("under Wine", reason);
}

/// The same for another condition.
pub fn report_excluded_where(condition: &str, reason: &str) {
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    // Not `eprintln`, which is only shown of failed tests.
    let _ = writeln!(io::stderr(), "excluded {condition}: {test}: {reason}");
}

/// Ends the test that it stands in on Windows, with the reason.
#[macro_export]
macro_rules! not_on_windows {
    ($reason:literal) => {
        if cfg!(windows) {
            $crate::under_test::report_excluded_where("on Windows", $reason);
            return;
        }
    };
}

/// Whether this is Windows and git, which does not come with it, is not installed. Elsewhere a missing git fails the tests.
#[must_use]
pub fn is_windows_without_git() -> bool {
    cfg!(windows) && Command::new("git").arg("--version").output().is_err()
}

/// Ends the test that it stands in on a Windows without git, and reports it.
#[macro_export]
macro_rules! needs_git {
    () => {
        if $crate::under_test::is_windows_without_git() {
            $crate::under_test::report_excluded_where("without git", "git for Windows is not installed");
            return;
        }
    };
}

/// Ends the test that it stands in under Wine, with the reason. The test still runs on Windows.
#[macro_export]
macro_rules! not_under_wine {
    ($reason:literal) => {
        if $crate::under_test::is_wine() {
            $crate::under_test::report_excluded($reason);
            return;
        }
    };
}

fn workspace() -> PathBuf {
    absolute(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3).map(Path::to_path_buf).unwrap_or_default()
}

/// The newest `*/node_modules/@openai/codex-*/vendor/*/bin/codex` below `dir`.
fn fetched_codex(dir: &Path) -> Option<PathBuf> {
    let binary = format!("codex{}", env::consts::EXE_SUFFIX);
    let mut versions = folders(dir);
    versions.sort_by_key(|path| version_of(path));
    versions.into_iter().rev().find_map(|version| {
        let packages = folders(&version.join("node_modules").join("@openai"));
        let systems = packages.iter().flat_map(|package| folders(&package.join("vendor")));
        systems.map(|system| system.join("bin").join(&binary)).find(|path| path.is_file())
    })
}

fn folders(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect()
}

/// The numbers in a folder name, so that 0.169.0 sorts after 0.80.0.
fn version_of(path: &Path) -> Vec<u64> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_process_runs_until_it_is_killed_though_nothing_has_waited_for_it() {
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let id = child.id().to_string();
        assert!(is_running(&id));
        child.kill().unwrap();
        while is_running(&id) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(!is_running(&id));
    }

    #[test]
    fn the_newest_version_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let binary = format!("codex{}", env::consts::EXE_SUFFIX);
        for version in ["0.80.0", "0.169.0"] {
            let bin = dir.path().join(version).join("node_modules/@openai/codex-linux-x64/vendor/x/bin");
            fs::create_dir_all(&bin).unwrap();
            fs::write(bin.join(&binary), "").unwrap();
        }
        assert!(fetched_codex(dir.path()).unwrap().starts_with(dir.path().join("0.169.0")));
        assert_eq!(fetched_codex(&dir.path().join("none")), None);
    }
}
