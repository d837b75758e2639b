//! `cargo xtask test`: every check the project has, in one order, and the totals as the last line.
//!
//! A step that fails does not stop the next, because one run should show all there is to mend. No check is defined
//! here: each is a command that anyone can type by hand.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::child;
use crate::clients::Clients;
use crate::codex;
use crate::soak;
use crate::system::{self, Need};
use crate::tidy;
use crate::totals::Totals;
use crate::window;
use crate::workspace;

/// The step whose failures are counted one by one.
const TESTS: &str = "tests";

/// How long random clients are at it: enough for a kill or two.
const SOAK_MINUTES: f64 = 0.3;

/// The same clients each time, so that a run that fails can be told from one that did not.
const SOAK_SEED: u64 = 1;

/// What runs on a bare clone with only Rust and a C compiler: the tests of the product that need no real codex.
pub(crate) fn fast(args: &[OsString]) -> Result<ExitCode> {
    let (mut report, mut totals) = (Report::default(), Totals::default());
    report.step("C compiler", || system::ensure(&[Need::CCompiler]));
    report.step(TESTS, || {
        // Testing sample-model along builds its binaries, with the dependencies that the others use.
        let mut cargo = workspace::cargo()?;
        cargo.args(["test", "--no-fail-fast", "--package", "sample-model"]);
        for package in workspace::product()? {
            cargo.arg("--package").arg(package);
        }
        run_tests(cargo.arg("--").args(args), &mut totals)
    });
    Ok(report.end(totals))
}

/// Everything. `all_versions` drives every codex of docs/codex-versions.md, and not only three of them.
pub(crate) fn test(all_versions: bool) -> Result<ExitCode> {
    let mut report = Report::default();
    let mut window_totals = Totals::default();
    report.step("system packages", || {
        system::ensure(&[Need::CCompiler, Need::Node, Need::Python, Need::Desktop, Need::DesktopTests])
    });
    report.step("rust components", system::ensure_rust_components);
    let clients = Clients::places()?;
    report.step("client packages", || clients.ensure());
    let codex = report.step("codex", || codex::installed(codex::DEFAULT_VERSION));
    let versions = if all_versions { codex::ALL_VERSIONS } else { codex::TESTED_VERSIONS };
    let versions = report.step("older codexes", || codex::named(versions));

    // The window first: the desktop app takes its files in when it is compiled.
    report.step("window", window::build);
    report.step("window checks", window::check);
    report.step("window tests", || run_tests(&mut window::tests()?, &mut window_totals));
    report.step("tidy", tidy::sources);
    report.step("spelling", || clients.check_spelling());
    report.step("format", || cargo(&["fmt", "--all", "--check"], &[]));
    report.step("clippy", || cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[]));
    report.step("documentation", || {
        // Of all packages, so that the features are those of clippy, and what clippy has checked is not checked once more.
        let args = ["doc", "--workspace", "--lib", "--bin", "codex-proxyd", "--no-deps"];
        cargo(&args, &[("RUSTDOCFLAGS", PathBuf::from("-D warnings"))])
    });
    // With all targets, as the tests have it: this adds no more than the programs that have no tests.
    report.step("build", || cargo(&["build", "--workspace", "--all-targets"], &[]));

    let mut totals = Totals::default();
    let bindings = tidy::bindings::folder()?;
    report.step(TESTS, || {
        let mut cargo = workspace::cargo()?;
        cargo.args(["test", "--workspace", "--no-fail-fast"]);
        cargo.env("CLIENTS_PYTHON", &clients.python).env("CLIENTS_NODE_DIR", &clients.node);
        cargo.env(tidy::bindings::EXPORT_DIR, &bindings);
        cargo.envs(codex.as_ref().map(|codex| ("CODEX_TEST_BIN", codex)));
        cargo.envs(versions.map(|versions| ("CODEX_TEST_VERSIONS", versions)));
        run_tests(cargo.args(["--", "--include-ignored"]), &mut totals)
    });
    report.step("bindings", || tidy::bindings::compare(&bindings));
    report.step("soak", || match &codex {
        Some(codex) => soak::with(codex, SOAK_MINUTES, Some(SOAK_SEED)),
        None => bail!("there is no codex"),
    });
    // Failed ones are counted already, as the failed step that they are.
    totals += Totals { failed: 0, ..window_totals };
    Ok(report.end(totals))
}

fn cargo(args: &[&str], env: &[(&str, PathBuf)]) -> Result<()> {
    let mut cargo = workspace::cargo()?;
    cargo.args(args).envs(env.iter().map(|(name, value)| (name, value)));
    child::run(&mut cargo, child::BUILD_LIMIT)
}

/// Runs tests, passes their output through and adds up what they came to.
fn run_tests(cargo: &mut Command, totals: &mut Totals) -> Result<()> {
    let mut stdout = io::stdout();
    let status = child::stream(cargo, child::BUILD_LIMIT, |line| {
        // Our reader may have gone; the tests are run to their end all the same.
        let _unread = stdout.write_all(line).and_then(|()| stdout.flush());
        if let Some(more) = Totals::of_line(&String::from_utf8_lossy(line)) {
            *totals += more;
        }
    })?;
    if !status.success() {
        bail!("the tests ended with {status}");
    }
    Ok(())
}

/// What each step came to, in the order they ran.
#[derive(Default)]
struct Report {
    steps: Vec<Step>,
}

struct Step {
    name: &'static str,
    ok: bool,
    took: Duration,
}

impl Report {
    /// Runs a step, says at once why it failed, and remembers how it went.
    fn step<T>(&mut self, name: &'static str, work: impl FnOnce() -> Result<T>) -> Option<T> {
        eprintln!("\n== {name}");
        let begun = Instant::now();
        let outcome = work();
        self.steps.push(Step { name, ok: outcome.is_ok(), took: begun.elapsed() });
        outcome.inspect_err(|error| eprintln!("{name} failed: {error:#}")).ok()
    }

    fn failed(&self, but_for: &str) -> u64 {
        self.steps.iter().map(|step| u64::from(!step.ok && step.name != but_for)).sum()
    }

    /// Prints all of it with the totals as the last line, where a failed step is one failure.
    fn end(&self, mut totals: Totals) -> ExitCode {
        let colour = io::stdout().is_terminal();
        println!("\n{:<18} {:<8} {:>8}", "step", "result", "seconds");
        for Step { name, ok, took } in &self.steps {
            let (word, code) = if *ok { ("ok", 32) } else { ("failed", 31) };
            let result = if colour { format!("\x1b[{code}m{word:<8}\x1b[0m") } else { format!("{word:<8}") };
            println!("{name:<18} {result} {:>8.1}", took.as_secs_f64());
        }
        // The step with the tests counts as those that failed; if none did, it crashed or did not compile.
        totals.failed += self.failed(if totals.failed > 0 { TESTS } else { "" });
        println!("\n{totals}");
        if totals.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_is_counted_and_the_next_still_runs() {
        let mut report = Report::default();
        assert_eq!(report.step::<()>("first", || bail!("broken")), None);
        assert_eq!(report.step("second", || Ok(7)), Some(7));
        assert_eq!((report.failed(""), report.failed("first")), (1, 0));
    }
}
