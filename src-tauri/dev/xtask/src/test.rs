//! `cargo xtask test`: runs every check of the project, with the totals as the last line.
//!
//! A failed step does not stop the next, so that one run shows everything to fix. Each step is a command that can also be run
//! by hand.

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

/// The step whose failed tests are counted individually.
const TESTS: &str = "tests";

/// Long enough for codex to be killed once or twice.
const SOAK_MINUTES: f64 = 0.3;

/// Fixed, so that runs can be compared.
const SOAK_SEED: u64 = 1;

/// Runs the product's tests that need no real codex, with only Rust and a C compiler.
pub(crate) fn fast(args: &[OsString]) -> Result<ExitCode> {
    let (mut report, mut totals) = (Report::default(), Totals::default());
    report.step("C compiler", || system::ensure(&[Need::CCompiler]));
    report.step(TESTS, || {
        // Including sample-model builds its binaries, with the features that the other packages enable.
        let mut cargo = workspace::cargo()?;
        cargo.args(["test", "--no-fail-fast", "--package", "sample-model"]);
        for package in workspace::product_packages()? {
            cargo.arg("--package").arg(package);
        }
        run_tests(cargo.arg("--").args(args), &mut totals)
    });
    Ok(report.finish(totals))
}

/// Runs every check. `all_versions` tests with every codex in docs/codex-versions.md instead of three.
pub(crate) fn test(all_versions: bool) -> Result<ExitCode> {
    let mut report = Report::default();
    let mut window_totals = Totals::default();
    report.step("system packages", || {
        system::ensure(&[Need::CCompiler, Need::Node, Need::Python, Need::Desktop, Need::DesktopTests])
    });
    report.step("rust components", system::ensure_rust_components);
    let clients = Clients::paths()?;
    report.step("client packages", || clients.ensure());
    let codex = report.step("codex", || codex::install(codex::DEFAULT_VERSION));
    let versions = if all_versions { codex::ALL_VERSIONS } else { codex::TESTED_VERSIONS };
    let versions = report.step("older versions", || codex::install_all(versions));

    // First, since the desktop app embeds the window's files at compile time.
    report.step("window", window::build);
    report.step("window checks", window::check);
    report.step("window tests", || run_tests(&mut window::tests()?, &mut window_totals));
    report.step("tidy", tidy::sources);
    report.step("spelling", || clients.check_spelling());
    report.step("format", || cargo(&["fmt", "--all", "--check"], &[]));
    report.step("clippy", || cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[]));
    report.step("documentation", || {
        // The whole workspace, for the same features as clippy, so that nothing is checked twice.
        let args = ["doc", "--workspace", "--lib", "--bin", "codex-proxyd", "--no-deps"];
        cargo(&args, &[("RUSTDOCFLAGS", PathBuf::from("-D warnings"))])
    });
    // All targets, like the tests: this only adds the binaries without tests.
    report.step("build", || {
        let all = ["build", "--workspace", "--all-targets", "--exclude", "xtask"];
        // Windows does not replace the file of a running program, such as this one.
        cargo(if cfg!(windows) { &all } else { &all[..3] }, &[])
    });

    let mut totals = Totals::default();
    let bindings = tidy::bindings::empty_export_dir()?;
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
        Some(codex) => soak::run(codex, SOAK_MINUTES, Some(SOAK_SEED)),
        None => bail!("codex is not installed"),
    });
    // Its failures are counted already, as a failed step.
    totals += Totals { failed: 0, ..window_totals };
    Ok(report.finish(totals))
}

fn cargo(args: &[&str], env: &[(&str, PathBuf)]) -> Result<()> {
    let mut cargo = workspace::cargo()?;
    cargo.args(args).envs(env.iter().map(|(name, value)| (name, value)));
    child::run(&mut cargo, child::BUILD_TIMEOUT)
}

/// Runs tests, passing their output through, and adds up the results.
fn run_tests(cargo: &mut Command, totals: &mut Totals) -> Result<()> {
    let mut stdout = io::stdout();
    let status = child::stream_lines(cargo, child::BUILD_TIMEOUT, |line| {
        // Finish the tests even if stdout is closed.
        let _unread = stdout.write_all(line).and_then(|()| stdout.flush());
        if let Some(more) = Totals::parse_line(&String::from_utf8_lossy(line)) {
            *totals += more;
        }
    })?;
    if !status.success() {
        bail!("the tests failed: {status}");
    }
    Ok(())
}

#[derive(Default)]
struct Report {
    steps: Vec<Step>,
}

struct Step {
    name: &'static str,
    ok: bool,
    elapsed: Duration,
}

impl Report {
    /// Runs a step, prints its error if it fails, and records the result.
    fn step<T>(&mut self, name: &'static str, work: impl FnOnce() -> Result<T>) -> Option<T> {
        eprintln!("\n== {name}");
        let started = Instant::now();
        let outcome = work();
        self.steps.push(Step { name, ok: outcome.is_ok(), elapsed: started.elapsed() });
        outcome.inspect_err(|error| eprintln!("{name} failed: {error:#}")).ok()
    }

    fn failed(&self, except: &str) -> u64 {
        self.steps.iter().map(|step| u64::from(!step.ok && step.name != except)).sum()
    }

    /// Prints the steps, then the totals as the last line. A failed step counts as one failure.
    fn finish(&self, mut totals: Totals) -> ExitCode {
        let colour = io::stdout().is_terminal();
        println!("\n{:<18} {:<8} {:>8}", "step", "result", "seconds");
        for Step { name, ok, elapsed } in &self.steps {
            let (word, code) = if *ok { ("ok", 32) } else { ("failed", 31) };
            let result = if colour { format!("\x1b[{code}m{word:<8}\x1b[0m") } else { format!("{word:<8}") };
            println!("{name:<18} {result} {:>8.1}", elapsed.as_secs_f64());
        }
        // Failed tests stand for their step. Without any, the step crashed or did not compile, and counts itself.
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
