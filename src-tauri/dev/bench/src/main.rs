//! `bench`: compares codex-proxyd with a bare app-server client and with `codex exec`, and prints a table.
//!
//! All three use the same codex and the same sample model, and take turns, so that other load on the machine affects them
//! alike. Only failed streams make the exit code nonzero, never a timing. `cargo xtask bench` builds the binaries and installs
//! codex.

mod answer;
mod app;
mod baseline;
mod bursts;
mod child;
mod exec;
mod http;
mod machine;
mod measure;
mod processes;
mod report;
mod round_spec;
mod run;
mod soak;
mod stream;
mod table;
mod testbed;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

/// The variable with codex's path, set by `cargo xtask bench`.
const CODEX: &str = "CODEX_TEST_BIN";

/// Compare codex-proxyd with a bare app-server client and `codex exec`
#[derive(Parser)]
#[command(name = "bench", about, disable_help_subcommand = true, args_conflicts_with_subcommands = true)]
struct Bench {
    #[command(flatten)]
    options: run::Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the baseline client, reading rounds from stdin
    #[command(hide = true)]
    Baseline { codex: PathBuf, home: PathBuf, workspace: PathBuf },
    /// Stress the proxy with random clients while codex is killed, and check for lost answers and leaks
    Soak {
        /// Minutes to run
        #[arg(long, default_value_t = 10.0)]
        minutes: f64,
        /// Seed of the random clients [default: random, printed at the start]
        #[arg(long)]
        seed: Option<u64>,
    },
}

// Single-threaded, as on the baseline's side: a second thread would compete for few cores with what is measured.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let bench = Bench::parse();
    if let Some(Command::Baseline { codex, home, workspace }) = &bench.command {
        let Err(error) = baseline::serve(codex, home, workspace).await else { return Ok(ExitCode::SUCCESS) };
        eprintln!("baseline: {error:#}");
        // Returning would wait for the thread that reads stdin, which cannot be interrupted.
        std::process::exit(1)
    }
    let codex = env::var_os(CODEX).map(PathBuf::from);
    let codex = codex.with_context(|| format!("{CODEX} is not set; run `cargo xtask bench`"))?;
    let passed = tokio::select! {
        passed = run(&bench, &codex) => passed?,
        // Dropping the run ends its programs and removes its folder. The exit code is a shell's for SIGINT.
        _ = tokio::signal::ctrl_c() => return Ok(ExitCode::from(130)),
    };
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns whether no stream failed, or whether the soak passed.
async fn run(Bench { options, command }: &Bench, codex: &Path) -> Result<bool> {
    if let Some(Command::Soak { minutes, seed }) = command {
        return soak::soak(codex, *minutes, *seed).await;
    }
    let table =
        if options.app { app::run(codex, options.quick).await? } else { run::run(codex, options).await? };
    print!("{table}");
    if let Some(file) = &options.json {
        fs::write(file, serde_json::to_string(&table)? + "\n")?;
    }
    Ok(table.failures().is_empty())
}
