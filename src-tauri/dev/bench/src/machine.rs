//! What a table says about the machine, and the progress until then.

use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;
use std::{env, fs};

use anyhow::{Context, Result};

use crate::round_spec::{PACE, WORDS};

/// The first lines of a table. `load` is the load average before and after.
pub(crate) fn head(codex: &Path, load: [Option<String>; 2]) -> Result<Vec<String>> {
    let version = Command::new(codex).arg("--version").output().context("cannot start codex")?;
    let version = String::from_utf8_lossy(&version.stdout);
    let cpus = available_parallelism().map_or(0, usize::from);
    let [before, after] = load.map(|load| load.unwrap_or_else(|| "unknown".to_owned()));
    let (system, pace) = (format!("{} {}", env::consts::OS, env::consts::ARCH), PACE.as_millis());
    Ok(vec![
        format!("{} on {system}, {cpus} CPUs, load {before} before and {after} after", version.trim()),
        format!("{WORDS} words {pace} ms apart; times since the request"),
    ])
}

/// The load average of the last minute.
pub(crate) fn load_average() -> Option<String> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next().map(str::to_owned)
}

/// Prints progress to stderr, since stdout is for the table.
pub(crate) fn progress(what: &str) {
    eprintln!("bench: {what}");
}
