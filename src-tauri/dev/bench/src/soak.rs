//! `bench soak`: random clients against the real codex-proxyd and the real codex, on the sample model, while codex is killed and
//! stopped under them.
//!
//! It ends with three questions. Is anything lost: has each answer exactly the text that the model was told to say? Is anything
//! leaked: does codex-proxyd hold no more than before? And is each request in its log closed exactly once? The seed decides what
//! each client does, one after the other; what happens at the same time is the machine's affair.

mod answer;
mod ask;
mod deeds;
mod dice;
mod faults;
mod footprint;
mod log;
mod rude;
mod tally;
mod world;
mod wrong;

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep};

use crate::bare::MODEL;
use crate::child::{self, Server};
use crate::folder::Folder;
use crate::processes;
use crate::proxyd;
use crate::run::{built, say};
use ask::{AGENT, Route, Wish};
use dice::Dice;
use footprint::Footprint;
use log::Log;
use world::{KEY, Reader, World};

/// Clients at once.
const CLIENTS: u64 = 12;
/// Turns at once: fewer than clients, so that some wait for their place, and some hang up while they do.
const TURNS: &str = "6";
/// The least and the most that the warm-up takes, and its part of the whole: the request log must have come to its bound.
const WARM_UP: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(60));
const WARM_UP_PART: u32 = 6;
/// How long nobody asks anything before the proxy is looked at: hung-up turns are interrupted, and the allocator gives back.
const QUIET: Duration = Duration::from_secs(4);
const PROGRESS: Duration = Duration::from_secs(30);
/// Failures after which the clients stop.
const HOPELESS: u64 = 200;
/// The streams of dice that are no client's.
const FAULTS: u64 = u64::MAX;

/// How long, and with which dice.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Minutes that the clients are at it
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// What decides who does what [default: another one each time]
    #[arg(long)]
    seed: Option<u64>,
}

/// Runs it, and says whether all was well.
pub(crate) async fn soak(codex: &Path, options: &Options) -> Result<bool> {
    let time = Duration::try_from_secs_f64(options.minutes * 60.0).context("no such number of minutes")?;
    let seed = options.seed.unwrap_or_else(|| RandomState::new().hash_one(0) % 1_000_000_000);
    say(&format!("a soak of {time:.0?} with --seed {seed}"));
    let folder = Folder::make(&format!("{}-soak", std::process::id()))?;
    let codex = &fs::canonicalize(codex).with_context(|| format!("no codex is at {}", codex.display()))?;
    let mut model = child::command(built("sample-model")?);
    model.args(["--host", "127.0.0.1", "--port", "0"]);
    let model = Server::start(model, "sample-model").await?;
    let home = folder.codex_home("home", &format!("{}/v1", model.address))?;
    let (data, logs) = (folder.room("data")?, folder.room("logs")?);
    let log = logs.join("codex-proxyd.log");
    let mut command = proxyd::command(&built("codex-proxyd")?, codex, &home, &data, None);
    command.args(["--log-level", "debug"]).env("API_KEYS", KEY).env("MAX_TURNS", TURNS);
    command.stderr(File::create(&log).with_context(|| format!("{} cannot be made", log.display()))?);
    let proxyd = Server::start(command, "codex-proxyd").await?;

    let world = Arc::new(World::new(proxyd.address.clone()));
    // A kill from outside, or an error here, must not cost the log: it is what says why.
    let outcome = run(&world, proxyd, seed, time, &log).await;
    if let Err(error) = &outcome {
        world.tally().fail_first(format_args!("{error:#}"));
    }
    let (told, summary) = {
        let tally = world.tally();
        (tally.told(), tally.to_string())
    };
    let (kills, stops) = world.faults.counts();
    say(&format!("{summary}; codex was killed {kills} × and stopped {stops} ×"));
    model.end().await?;
    if told.is_empty() {
        say("nothing lost, nothing leaked, every exchange closed exactly once");
        return Ok(true);
    }
    fs::write(logs.join("failures.txt"), told.join("\n") + "\n")?;
    told.iter().for_each(|failure| println!("FAILED {failure}"));
    let kept = folder.keep("logs", &format!("soak-{seed}"))?;
    println!("the logs are in {}; the same clients again: cargo xtask soak --seed {seed}", kept.display());
    Ok(false)
}

async fn run(world: &Arc<World>, mut proxyd: Server, seed: u64, time: Duration, log: &Path) -> Result<()> {
    let pid = proxyd.pid()?;
    both_kinds(world, "soak-first").await?;
    let warm_up = (time / WARM_UP_PART).clamp(WARM_UP.0, WARM_UP.1);
    clients(world, "soak-w", seed, warm_up, None).await?;
    sleep(QUIET).await;
    let before = Footprint::of(pid);
    match &before {
        Some(before) => say(&format!("after a warm-up of {warm_up:.0?}: {before}")),
        None => say("what a process holds cannot be read here: leaks are not looked for"),
    }

    clients(world, "soak-c", seed, time, Some(pid)).await?;
    proxyd.runs()?;
    // Whatever was done to codex: the next request of either kind works.
    sleep(QUIET).await;
    both_kinds(world, "soak-last").await?;
    nothing_runs(world).await?;
    if let Some(before) = before {
        let (now, beyond) = Footprint::settled(pid, &before).await;
        if let Some(now) = now {
            say(&format!("at the end: {now}"));
        }
        beyond.iter().for_each(|leak| world.tally().fail(leak));
    }
    for codex in processes::children_named(pid, "codex") {
        if let Some(of) = Footprint::of(codex) {
            say(&format!("a codex of its: {of}"));
        }
    }

    let children = processes::children(pid);
    let status = proxyd.end().await?;
    if !status.success() {
        world.tally().fail(format_args!("codex-proxyd ended with {status}"));
    }
    for child in children.into_iter().filter(|child| processes::is_there(*child)) {
        world.tally().fail(format_args!("leaked: process {child} has outlived codex-proxyd"));
    }
    check_log(world, log)
}

/// Asks the proxy itself whether any turn is left that runs or waits, now that nobody asks for anything.
async fn nothing_runs(world: &World) -> Result<()> {
    let text = World::client()?.get(format!("{}/metrics", world.address)).send().await?.text().await?;
    for what in ["codex_proxy_turns_running 0", "codex_proxy_turns_waiting 0"] {
        if !text.lines().any(|line| line == what) {
            let name = what.trim_end_matches(" 0");
            let found = text.lines().find(|line| line.starts_with(name)).unwrap_or("nothing of it");
            world.tally().fail(format_args!("leaked: /metrics says {found}, and not {what}"));
        }
    }
    Ok(())
}

/// A request of either kind of model, so that each has a codex.
async fn both_kinds(world: &World, name: &str) -> Result<()> {
    let http = World::client()?;
    for model in [MODEL, AGENT] {
        let name = format!("{name}-{model}");
        let wish = Wish::draw(name.clone(), &mut Dice::new(0, 0));
        let body = ask::opening(Route::Chat, model, &wish.prompt(), true, 1);
        match world.ask(&http, &name, Route::Chat, &body, Reader::Quick).await {
            Some(answer) => world.judge(&name, &answer, &[wish.answer()], &[], false),
            None => bail!("{name} got no answer"),
        };
    }
    Ok(())
}

/// Has the clients at it for so long, and codex killed meanwhile where that is wanted.
async fn clients(
    world: &Arc<World>,
    name: &str,
    seed: u64,
    time: Duration,
    killed: Option<u32>,
) -> Result<()> {
    let begun = Instant::now();
    let mut running = JoinSet::new();
    for client in 0..CLIENTS {
        let (world, http) = (Arc::clone(world), World::client()?);
        let (name, dice) = (format!("{name}{client}"), Dice::new(seed, client));
        running.spawn(async move { client_of(&world, &http, &name, dice, begun + time).await });
    }
    let dice = Dice::new(seed, FAULTS);
    let faults = async {
        if let Some(proxyd) = killed {
            let _ = tokio::time::timeout(time, world.faults.go_on(proxyd, dice)).await;
        }
        std::future::pending::<()>().await;
    };
    let progress = async {
        let mut ticks = interval(PROGRESS);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let held = killed.and_then(Footprint::of).map(|held| format!(" [{held}]")).unwrap_or_default();
            say(&format!("{:.0?} of {time:.0?}: {}{held}", begun.elapsed(), world.tally()));
        }
    };
    tokio::select! {
        () = async { while running.join_next().await.is_some() {} } => {}
        () = faults => {}
        () = progress => {}
    }
    Ok(())
}

/// What one client does, one thing after the other.
async fn client_of(world: &World, http: &reqwest::Client, name: &str, mut dice: Dice, until: Instant) {
    let mut deed = 0;
    // A proxy that is gone fails whatever is asked of it, and more of that says nothing.
    while Instant::now() < until && world.tally().failed < HOPELESS {
        deed += 1;
        let name = format!("{name}-{deed}");
        match dice.between(0, 99) {
            0..45 => deeds::talk(world, http, &name, &mut dice).await,
            45..60 => deeds::use_tools(world, http, &name, &mut dice).await,
            60..75 => wrong::ask_wrongly(world, http, &name, &mut dice).await,
            _ => rude::hang_up(world, &name, &mut dice).await,
        }
    }
}

fn check_log(world: &World, log: &Path) -> Result<()> {
    let text = fs::read(log).with_context(|| format!("{} cannot be read", log.display()))?;
    let mut read = Log::default();
    String::from_utf8_lossy(&text).lines().for_each(|line| read.line(line));
    let mut tally = world.tally();
    let wrong = read.wrong(&tally.fates);
    say(&format!("{} requests were sent, {} entries are in the log", tally.fates.len(), read.entries()));
    if read.entries() == 0 {
        tally.fail("the log tells of no entry: is codex-proxyd another one than this program knows?");
    }
    wrong.iter().for_each(|wrong| tally.fail(wrong));
    Ok(())
}
