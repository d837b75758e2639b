//! `bench`: measures codex-proxyd against a bare app-server client and against `codex exec`, and prints one table.
//!
//! All three talk to the same codex and the same sample model, in one process tree and in turns, so that whatever else
//! the machine does hits them alike. A timing is never an assertion here: only a stream that failed makes the exit code
//! differ from 0. Building what is measured and finding a codex is the work of `cargo xtask bench`.

mod answer;
mod app;
mod baseline;
mod child;
mod exec;
mod http;
mod measure;
mod processes;
mod report;
mod round_spec;
mod run;
mod soak;
mod stream;
mod table;
mod testbed;

use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

/// Names the codex that is measured with; `cargo xtask bench` sets it.
const CODEX: &str = "CODEX_TEST_BIN";

/// Measures codex-proxyd, a bare app-server client and `codex exec` on the sample model.
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
    /// The baseline, in a separate process so that its time and memory can be read like the proxy's.
    #[command(hide = true)]
    Baseline { codex: PathBuf, home: PathBuf, workspace: PathBuf },
    /// Random clients, hang-ups and kills for some minutes: is anything lost or leaked?
    Soak {
        /// Minutes that the clients are at it
        #[arg(long, default_value_t = 10.0)]
        minutes: f64,
        /// What decides who does what [default: another one each time]
        #[arg(long)]
        seed: Option<u64>,
    },
}

// One thread on either measuring side: a second one would take time from what is measured, on a machine with few cores.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let bench = Bench::parse();
    if let Some(Command::Baseline { codex, home, workspace }) = &bench.command {
        let Err(error) = baseline::serve(codex, home, workspace).await else { return Ok(ExitCode::SUCCESS) };
        eprintln!("baseline: {error:#}");
        // Returning would wait for stdin, which is read on a thread that nothing can interrupt.
        std::process::exit(1)
    }
    let codex = env::var_os(CODEX).map(PathBuf::from);
    let codex =
        codex.with_context(|| format!("no codex is named in {CODEX}: start this as `cargo xtask bench`"))?;
    let options = &bench.options;
    let is_well = if let Some(Command::Soak { minutes, seed }) = bench.command {
        soak::soak(&codex, minutes, seed).await?
    } else {
        let table = if options.app {
            app::run(&codex, options.quick).await?
        } else {
            run::run(&codex, options).await?
        };
        print!("{table}");
        if let Some(file) = &options.json {
            fs::write(file, serde_json::to_string(&table)? + "\n")?;
        }
        table.failures().is_empty()
    };
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
