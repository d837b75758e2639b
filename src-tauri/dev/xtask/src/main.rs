//! `cargo xtask`: the one way in which people and the build server start, test and measure this project.
//!
//! What must be on the machine is looked for first and installed where it is missing, so that each command works on a
//! fresh checkout. Deliberately not here: anything the product needs while it runs, and any rule of the tests. This
//! crate starts programs, says which ones, and adds up what they answer.

mod bench;
mod bundle;
mod child;
mod clients;
mod codex;
mod demo;
mod package_manager;
mod run;
mod soak;
mod system;
mod test;
mod tidy;
mod totals;
mod vendor;
mod window;
mod workspace;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about, disable_help_subcommand = true)]
struct Xtask {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds the desktop app and opens it; what follows `--` goes to it.
    Run {
        /// The proxy without a window, codex-proxyd, instead.
        #[arg(long)]
        daemon: bool,
        /// Uses a stand-in model and a throw-away codex home: no account is needed and nothing of yours is touched.
        #[arg(long)]
        demo: bool,
        /// Arguments of the program itself.
        #[arg(last = true)]
        args: Vec<OsString>,
    },
    /// Opens the desktop app with a window that follows the sources; what follows `--` goes to the app.
    Dev {
        /// Arguments of the app, such as `--data-dir PATH`.
        #[arg(last = true)]
        args: Vec<OsString>,
    },
    /// Formatting, lints, documentation and every test, with the totals at the end.
    Test {
        /// Only what needs Rust and a C compiler and no more: the product's tests without a real codex.
        #[arg(long, conflicts_with = "all_versions")]
        fast: bool,
        /// Arguments of the test programs, such as `--include-ignored`.
        #[arg(last = true, requires = "fast")]
        args: Vec<OsString>,
        /// Every codex of docs/codex-versions.md, and not only three of them.
        #[arg(long)]
        all_versions: bool,
    },
    /// Import circles, layers and long files.
    Tidy {
        /// Prints how much code there is, and how it hangs together.
        #[arg(long)]
        count: bool,
    },
    /// Packages the desktop app; all arguments go to `tauri build`.
    Bundle {
        /// Such as `--bundles deb,rpm`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Measures the release build; all arguments go to the measuring program.
    Bench {
        /// Arguments of the measuring program.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Random clients, hang-ups and kills of codex: nothing may be lost or leaked.
    Soak {
        /// Minutes that the clients are at it.
        #[arg(long, default_value_t = 10.0)]
        minutes: f64,
        /// What decides who does what; each run names its own.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Installs a codex below the target folder and prints the path of its binary.
    Codex {
        /// The version, as npm names it.
        #[arg(default_value = codex::DEFAULT_VERSION)]
        version: String,
    },
    /// Fetches the scripts and styles of the API pages again, at the versions pinned in the source.
    Vendor,
    /// Stands beside a demo and clears up after it; started by `run --demo` only.
    #[command(hide = true)]
    BesideDemo(demo::sidecar::Beside),
}

fn main() -> ExitCode {
    let outcome = match Xtask::parse().command {
        Command::Run { daemon, demo, args } => run::run(demo, daemon, &args),
        Command::Dev { args } => bundle::dev(&args),
        Command::Test { fast: true, args, .. } => test::fast(&args),
        Command::Test { all_versions, .. } => test::test(all_versions),
        Command::Tidy { count: true } => tidy::count().map(|()| ExitCode::SUCCESS),
        Command::Tidy { count: false } => tidy::tidy().map(|()| ExitCode::SUCCESS),
        Command::Bundle { args } => bundle::bundle(&args).map(|()| ExitCode::SUCCESS),
        Command::Bench { args } => bench::bench(&args),
        Command::Soak { minutes, seed } => soak::soak(minutes, seed),
        Command::Codex { version } => codex::print(&version),
        Command::Vendor => vendor::vendor().map(|()| ExitCode::SUCCESS),
        Command::BesideDemo(beside) => beside.stand().map(|()| ExitCode::SUCCESS),
    };
    report(outcome)
}

/// One line for the failure and one for each cause: a chain is read from the top, and needs no backtrace.
fn report(outcome: Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        for cause in error.chain().skip(1) {
            eprintln!("  because: {cause}");
        }
        ExitCode::FAILURE
    })
}
