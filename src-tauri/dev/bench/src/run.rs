//! One run: starts what is measured, measures it scenario by scenario, and clears up.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::available_parallelism;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, Result};
use clap::Args;
use tokio::time::{Instant, sleep};

use crate::baseline::Baseline;
use crate::child::{READY, Server};
use crate::exec::Exec;
use crate::http::{Http, KEY};
use crate::measure::{Entrant, Measured, Side, measure};
use crate::processes::memory;
use crate::report::{self, DENSE_STREAMS, EIGHT, SETTLED_AFTER, SideMemory};
use crate::round_spec::{Ask, PACE, PAUSE, WORDS};
use crate::stream::since;
use crate::table::{Section, Table};
use crate::testbed::Testbed;

/// Turns at once, so that no stream of any scenario waits for its place.
const MAX_TURNS: u32 = DENSE_STREAMS as u32;
/// Runs of `codex exec`, at most: one takes longer than ten streams.
const MAX_EXECS: u32 = 5;

/// How much is measured.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Streams measured one after the other, on each side [default: 20, with --quick 5]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Fewer rounds: a look, not a measurement
    #[arg(long)]
    pub(crate) quick: bool,
    /// Measures the desktop app instead: its start, its memory and wake-ups, and what it adds to a request
    #[arg(long, conflicts_with_all = ["rounds", "json"])]
    pub(crate) app: bool,
    /// Writes the raw numbers to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// Starts a codex-proxyd with a separate codex.
pub(crate) async fn start_proxyd(testbed: &Testbed, name: &str) -> Result<Side> {
    let mut command = testbed.proxyd(name, KEY, MAX_TURNS)?;
    command.args(["--log-level", "warn"]);
    let server = Server::start(command, READY).await?;
    Ok(Side::Proxyd(Http::new(&server.address)?, Box::new(server)))
}

/// Measures everything. What runs is ended and what was written is removed, also when something fails.
pub(crate) async fn run(codex: &Path, options: &Options) -> Result<Table> {
    let load = load_average();
    let rounds = options.rounds.unwrap_or(if options.quick { 5 } else { 20 });
    let few = |few: u32, many: u32| if options.quick { few } else { many };
    let testbed = Testbed::start("bench", codex).await?;
    let begun = Instant::now();
    let mut proxyd = start_proxyd(&testbed, "proxy").await?;
    let ready_after = since(begun);
    // With its first request the proxy writes the list of models that its codex has; the baseline's has the same.
    proxyd.answer(&Ask::paced(1)).await?;
    let models = testbed.path("proxy-data").join("codex-home").join("models.json");
    let mut baseline = start_baseline(&testbed, "baseline", &models).await?;
    let mut prewarmed = start_baseline(&testbed, "prewarmed", &models).await?;
    let (home, workspace) = (testbed.codex_home("exec-home", None)?, testbed.folder("exec-workspace")?);
    let mut exec = Side::Exec(Exec { codex: testbed.codex.clone(), home, workspace, resident: Vec::new() });
    let mut table = Table { columns: ["baseline", "codex-proxyd", "codex exec"], ..Table::default() };

    for (turn, ask) in [("first", Ask::echo()), ("second", Ask::echo().second_turn("echo", false))] {
        let received = [baseline.answer(&ask).await?, proxyd.answer(&ask).await?];
        table.notes.push(compare(turn, received));
    }
    say(&format!("one stream, {rounds} rounds"));
    let one = |_| Ask::paced(1);
    let mut entrants = [
        Entrant(&mut baseline, &one, 1),
        Entrant(&mut proxyd, &one, 1),
        // With a separate codex: one that serves twice as often would be the quicker for it.
        Entrant(&mut prewarmed, &|_| Ask::prewarmed(), 1),
        Entrant(&mut exec, &one, every(rounds)),
    ];
    table.sections.push(report::single(measure((2, rounds), PAUSE, &mut entrants).await?));

    say(&format!("second turns, {rounds} rounds"));
    // These two are asked for first turns as often as the others, and have a codex each for the same reason as above.
    let mut new = start_proxyd(&testbed, "new-thread").await?;
    let talk = |round| Ask::paced(1).second_turn(round, false);
    let edit = |round| Ask::paced(1).second_turn(round, true);
    let mut entrants = [
        Entrant(&mut baseline, &talk, 1),
        Entrant(&mut proxyd, &talk, 1),
        Entrant(&mut prewarmed, &edit, 1),
        Entrant(&mut new, &edit, 1),
    ];
    table.sections.push(report::second_turns(measure((2, rounds), PAUSE, &mut entrants).await?));
    // They have no part in the rest, and would only take memory.
    let mut ends = vec![prewarmed.end().await, new.end().await];

    for streams in [8, 32] {
        say(&format!("{streams} streams at once"));
        // The round that is not counted opens the connections.
        let ask = |_| Ask::paced(streams);
        let mut entrants = [Entrant(&mut baseline, &ask, 1), Entrant(&mut proxyd, &ask, 1)];
        let measured = measure((1, few(2, 5)), PAUSE, &mut entrants).await?;
        table.sections.push(report::at_once(streams, measured));
    }
    let memories = [memories(&baseline), memories(&proxyd)];
    let resident = if let Side::Exec(exec) = exec { exec.resident } else { Vec::new() };
    let processes = report::processes(memories, resident, ready_after);
    ends.extend([baseline.end().await, proxyd.end().await]);

    say("codex-proxyd alone");
    let mut alone = start_proxyd(&testbed, "alone").await?;
    let section = measure_alone(&mut alone, few(300, 1_000), few(5, 25), few(2, 5)).await?;
    table.sections.extend([section, processes]);
    ends.extend([alone.end().await]);
    table.head = head(&testbed.codex, [load, load_average()])?;
    // The numbers are there; a program that does not end as it should is named beside them.
    table.errors = ends.into_iter().filter_map(Result::err).map(|error| format!("{error:#}")).collect();
    Ok(table)
}

/// Measures a proxy that has done nothing yet, without another side: its goals are ratios between its own numbers, or to its
/// codex's.
async fn measure_alone(side: &mut Side, requests: u32, eights: u32, denses: u32) -> Result<Section> {
    let (mut in_a_row, mut memory) = (Measured::default(), [[None; 2]; 2]);
    let parts = [(0, SETTLED_AFTER), (SETTLED_AFTER, requests - SETTLED_AFTER)];
    for ((from, rounds), memory) in parts.into_iter().zip(&mut memory) {
        let short = |round| Ask::short(from + round);
        for part in measure((0, rounds), Duration::ZERO, &mut [Entrant(side, &short, 1)]).await? {
            in_a_row.rounds.extend(part.rounds);
        }
        sleep(PAUSE).await;
        *memory = memories(side);
    }
    let (eight, dense) = (|_| Ask::paced(EIGHT), |_| Ask::dense(DENSE_STREAMS));
    let mut measured = vec![in_a_row];
    measured.extend(measure((1, eights), PAUSE, &mut [Entrant(side, &eight, 1)]).await?);
    measured.extend(measure((1, denses), PAUSE, &mut [Entrant(side, &dense, 1)]).await?);
    Ok(report::alone(memory, measured))
}

async fn start_baseline(testbed: &Testbed, name: &str, models: &Path) -> Result<Side> {
    let home = testbed.codex_home(&format!("{name}-home"), Some(models))?;
    let workspace = testbed.folder(&format!("{name}-workspace"))?;
    Ok(Side::Baseline(Box::new(Baseline::start(&testbed.codex, &home, &workspace).await?)))
}

fn memories(side: &Side) -> SideMemory {
    side.pids().map(|pid| pid.and_then(memory))
}

/// `codex exec` runs in every so many rounds, so that its runs are spread over the whole time.
fn every(rounds: u32) -> u32 {
    rounds / rounds.div_ceil(4).min(MAX_EXECS)
}

/// Whether the model received the same in a turn from the baseline and from codex-proxyd, as the model echoes it.
fn compare(turn: &str, [baseline, proxyd]: [String; 2]) -> String {
    let (does, what) = match baseline == proxyd {
        true => ("receives", String::new()),
        false => ("does NOT receive", format!("\n  baseline:     {baseline}\n  codex-proxyd: {proxyd}")),
    };
    format!("In a {turn} turn the model {does} the same from the baseline and from codex-proxyd.{what}")
}

fn head(codex: &Path, load: [Option<String>; 2]) -> Result<Vec<String>> {
    let version = Command::new(codex).arg("--version").output().context("codex cannot be started")?;
    let version = String::from_utf8_lossy(&version.stdout);
    let cpus = available_parallelism().map_or(0, usize::from);
    let [before, after] = load.map(|load| load.unwrap_or_else(|| "unknown".to_owned()));
    let (system, pace) = (format!("{} {}", env::consts::OS, env::consts::ARCH), PACE.as_millis());
    Ok(vec![
        format!("{} on {system}, {cpus} CPUs, load {before} before and {after} after", version.trim()),
        format!("{WORDS} words {pace} ms apart; times from the request on"),
    ])
}

/// The average number of programs that wanted a CPU in the last minute.
fn load_average() -> Option<String> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next().map(str::to_owned)
}

/// Says on stderr what goes on; the table alone goes to stdout.
pub(crate) fn say(what: &str) {
    eprintln!("bench: {what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runs_of_exec_are_spread_over_the_rounds() {
        for (rounds, expected) in [(20, 5), (5, 2), (1, 1), (100, 5)] {
            let due: Vec<u32> = (1..=rounds).filter(|round| round % every(rounds) == 0).collect();
            assert_eq!(due.len(), expected, "{rounds}: {due:?}");
        }
    }

    #[test]
    fn a_model_that_receives_different_things_is_named() {
        let texts = |proxyd: &str| ["{}".to_owned(), proxyd.to_owned()];
        assert!(compare("first", texts("{}")).starts_with("In a first turn the model receives the same"));
        let other = compare("second", texts("[]"));
        assert!(other.starts_with("In a second turn the model does NOT receive the same"), "{other}");
        assert!(other.ends_with("codex-proxyd: []"), "{other}");
    }
}
