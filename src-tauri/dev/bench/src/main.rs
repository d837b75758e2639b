//! `bench`: measures codex-proxyd against a bare app-server client and against `codex exec`, and prints one table.
//!
//! All three talk to the same codex and the same sample model, in one process tree and in turns, so that whatever else
//! the machine does hits them alike. A timing is never an assertion here: only a stream that failed makes the exit code
//! differ from 0. Deliberately not here: building what is measured and finding a codex, which `cargo xtask bench` does,
//! and anything of codex-client, because a yardstick made of the product would bend with it.

mod bare;
mod child;
mod client;
mod desktop;
mod exec;
mod folder;
mod load;
mod metrics;
mod plan;
mod processes;
mod proxyd;
mod report;
mod results;
mod rows;
mod run;
mod script;
mod sides;
mod soak;
mod sse;
mod stream;
mod table;
mod yardstick;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

/// Names the codex that is measured with; `cargo xtask bench` sets it.
const CODEX: &str = "CODEX_TEST_BIN";

/// What a shell reports for a program that was ended by Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Measures codex-proxyd, a bare app-server client and `codex exec` on the sample model.
#[derive(Parser)]
#[command(name = "bench", about, disable_help_subcommand = true, args_conflicts_with_subcommands = true)]
struct Bench {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

/// How much is measured.
#[derive(Args, Clone, Debug)]
struct Options {
    /// Streams measured one after the other, on each side [default: 20, with --quick 5]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Fewer rounds: a look, not a measurement
    #[arg(long)]
    quick: bool,
    /// Measures the desktop app instead: its start, its memory and wake-ups, and what it adds to a request
    #[arg(long, conflicts_with_all = ["rounds", "json"])]
    app: bool,
    /// Writes the raw numbers to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// The yardstick, in a process of its own so that its time and memory can be read like the proxy's.
    #[command(hide = true)]
    BareClient(bare::Start),
    /// Random clients, hang-ups and kills for some minutes: is anything lost or leaked?
    Soak(soak::Options),
}

fn main() -> ExitCode {
    match start(Bench::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

// One thread on either measuring side: a second one would take time from what is measured, on a machine with few cores.
#[tokio::main(flavor = "current_thread")]
async fn start(bench: Bench) -> Result<ExitCode> {
    match bench.command {
        Some(Command::BareClient(start)) => {
            let Err(error) = bare::serve(&start).await else { return Ok(ExitCode::SUCCESS) };
            eprintln!("bare client: {error:#}");
            // Returning would wait for stdin, which is read on a thread that nothing can interrupt.
            std::process::exit(1)
        }
        command => {
            // Whatever runs is ended by being dropped, so an interruption clears up like any other end.
            tokio::select! {
                outcome = work(&bench.options, command) => outcome,
                outcome = interrupted() => {
                    outcome.context("signals cannot be listened for")?;
                    Ok(ExitCode::from(INTERRUPTED))
                }
            }
        }
    }
}

async fn work(options: &Options, command: Option<Command>) -> Result<ExitCode> {
    let codex = env::var_os(CODEX)
        .map(PathBuf::from)
        .with_context(|| format!("no codex is named in {CODEX}: start this as `cargo xtask bench`"))?;
    let is_well = match command {
        Some(Command::Soak(options)) => soak::soak(&codex, &options).await?,
        _ if options.app => {
            let report = desktop::Report::of(&desktop::run(&codex, options.quick).await?);
            print!("{report}");
            report.is_whole
        }
        _ => {
            let results = run::run(&codex, &plan::Plan::new(options.rounds, options.quick)).await?;
            let report = report::Report::of(&results);
            print!("{report}");
            if let Some(file) = &options.json {
                results::write(file, &results, &report)?;
            }
            results.failures().is_empty()
        }
    };
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(unix)]
async fn interrupted() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        outcome = tokio::signal::ctrl_c() => outcome,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn interrupted() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
