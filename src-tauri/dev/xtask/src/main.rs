//! `cargo xtask`: runs, tests, measures and packages this project, for people and the build server alike.
//!
//! Each command first installs what the machine lacks, so that it works on a fresh checkout. The tests themselves live in
//! their crates; this one only runs programs, prints their command lines and adds up results.

mod bench;
mod bundle;
mod child;
mod clients;
mod codex;
mod demo;
#[cfg(test)]
mod icons;
mod licences;
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

/// Run, test, measure and package this project
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about, disable_help_subcommand = true)]
struct Xtask {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build and open the desktop app
    Run {
        /// Run the daemon codex-proxyd instead
        #[arg(long)]
        daemon: bool,
        /// Use a sample model and a temporary codex home; needs no account and touches none of your files
        #[arg(long)]
        demo: bool,
        /// Arguments for the program
        #[arg(last = true)]
        args: Vec<OsString>,
    },
    /// Open the desktop app with a window that reloads when you save
    Dev {
        /// Arguments for the app, such as `--data-dir PATH`
        #[arg(last = true)]
        args: Vec<OsString>,
    },
    /// Run every check: formatting, lints, documentation and tests
    Test {
        /// Run only the product's tests without a real codex; needs just Rust and a C compiler
        #[arg(long, conflicts_with = "all_versions")]
        fast: bool,
        /// Arguments for the test binaries, such as `--include-ignored`
        #[arg(last = true, requires = "fast")]
        args: Vec<OsString>,
        /// Test with every codex version in docs/codex-versions.md, not just three
        #[arg(long)]
        all_versions: bool,
    },
    /// Check for import cycles, layer violations, long files and outdated bindings
    Tidy {
        /// Print lines of code per crate and the number of import cycles instead
        #[arg(long)]
        count: bool,
    },
    /// Package the desktop app
    Bundle {
        /// Arguments for `tauri build`, such as `--bundles deb,rpm`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Benchmark the release build
    Bench {
        /// Arguments for the benchmark, such as `--quick` or `--help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Stress the proxy with random clients while codex is killed, and check for lost answers and leaks
    Soak {
        /// Minutes to run
        #[arg(long, default_value_t = 10.0)]
        minutes: f64,
        /// Seed of the random clients [default: random, printed at the start]
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Drive current releases of other programs against the daemon and a sample model, and write the table in docs/clients.md
    Clients {
        /// Only clients whose name contains one of these, without writing the table
        names: Vec<String>,
    },
    /// Install codex below the target folder and print the path of its binary
    Codex {
        /// Version on npm
        #[arg(default_value = codex::DEFAULT_VERSION)]
        version: String,
    },
    /// Fetch the pinned scripts and styles of the API pages
    Vendor,
    /// List the packages in the app with their licences
    Licences,
    /// Run the sample model of a demo and clean up after it; started by `run --demo`
    #[command(hide = true)]
    DemoSidecar(demo::sidecar::Sidecar),
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
        Command::Clients { names } => clients::drive(&names),
        Command::Codex { version } => codex::print_path(&version),
        Command::Vendor => vendor::vendor().map(|()| ExitCode::SUCCESS),
        Command::Licences => licences::licences().map(|()| ExitCode::SUCCESS),
        Command::DemoSidecar(sidecar) => sidecar.run().map(|()| ExitCode::SUCCESS),
    };
    report(outcome)
}

/// Prints the error and each of its causes on a line.
fn report(outcome: Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        for cause in error.chain().skip(1) {
            eprintln!("  caused by: {cause}");
        }
        ExitCode::FAILURE
    })
}
