//! `bench soak`: random clients at the real codex-proxyd with the real codex, on the sample model, while codex is killed and
//! stopped under them.
//!
//! It ends with three questions. Is anything lost: has each answer exactly the text of its script? Is anything leaked: does
//! codex-proxyd hold no more than before? And is each request in its log closed exactly once? The seed decides what each
//! client does, one after the other; what happens at the same time is up to the machine.

mod actions;
mod bad_requests;
mod client;
mod faults;
mod footprint;
mod log;
mod request;
mod slow_clients;

use std::fs::{self, File};
use std::future::pending;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use fastrand::Rng;
use futures_util::future::try_join_all;
use tokio::time::{Instant, sleep, timeout};

use crate::answer::Route;
use crate::child::{READY, Server};
use crate::round_spec::MODEL;
use crate::run::say;
use crate::testbed::Testbed;
use crate::{http, processes};
use client::{Client, KEY, Shared};
use footprint::Footprint;
use log::Log;
use request::AGENT;

/// Clients at once.
const CLIENTS: u32 = 12;
/// Turns at once: fewer than clients, so that some wait for their place, and some hang up while they do.
const MAX_TURNS: u32 = 6;
/// The least and the most that the warm-up takes, and its part of the whole: the request log must have come to its bound.
const WARM_UP: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(60));
const WARM_UP_PART: u32 = 6;
/// How long no client asks before the proxy is looked at: hung-up turns are interrupted, and the allocator gives back.
const QUIET: Duration = Duration::from_secs(4);
const PROGRESS_INTERVAL: Duration = Duration::from_secs(30);
/// Failures after which the clients stop.
const MAX_FAILURES: u64 = 200;

/// Runs it, and says whether all was well.
pub(crate) async fn soak(codex: &Path, minutes: f64, seed: Option<u64>) -> Result<bool> {
    let time = Duration::try_from_secs_f64(minutes * 60.0).context("no such number of minutes")?;
    let seed = seed.unwrap_or_else(|| fastrand::u64(..1_000_000_000));
    say(&format!("a soak of {time:.0?} with --seed {seed}"));
    let testbed = Testbed::start("soak", codex).await?;
    let logs = testbed.folder("logs")?;
    let log = logs.join("codex-proxyd.log");
    let mut command = testbed.proxyd("proxy", KEY, MAX_TURNS)?;
    command.args(["--log-level", "debug"]);
    command.stderr(File::create(&log).with_context(|| format!("{} cannot be made", log.display()))?);
    let proxyd = Server::start(command, READY).await?;

    let shared = Shared { address: proxyd.address.clone(), ..Shared::default() };
    // A kill from outside, or an error here, must not cost the log: it is what says why.
    if let Err(error) = run(&shared, proxyd, seed, time, &log).await {
        shared.tally.borrow_mut().fail_first(format_args!("{error:#}"));
    }
    let (kills, stops) = (shared.faults.kills.borrow().len(), shared.faults.stops.get());
    say(&format!("{}; codex was killed {kills} × and stopped {stops} ×", shared.tally.borrow_mut()));
    let failures = shared.tally.borrow_mut().failures();
    if failures.is_empty() {
        say("nothing lost, nothing leaked, every exchange closed exactly once");
        return Ok(true);
    }
    fs::write(logs.join("failures.txt"), failures.join("\n") + "\n")?;
    failures.iter().for_each(|failure| println!("FAILED {failure}"));
    let kept = testbed.keep("logs", &format!("soak-{seed}"))?;
    println!("the logs are in {}; the same clients again: cargo xtask soak --seed {seed}", kept.display());
    Ok(false)
}

async fn run(shared: &Shared, proxyd: Server, seed: u64, time: Duration, log: &Path) -> Result<()> {
    let pid = proxyd.pid()?;
    ask_both_models(shared, "soak-first").await?;
    let warm_up = (time / WARM_UP_PART).clamp(WARM_UP.0, WARM_UP.1);
    run_clients(shared, "soak-w", seed, warm_up, None).await?;
    sleep(QUIET).await;
    let before = Footprint::of(pid);
    match &before {
        Some(before) => say(&format!("after a warm-up of {warm_up:.0?}: {before}")),
        None => say("what a process holds cannot be read here: leaks are not looked for"),
    }

    run_clients(shared, "soak-c", seed, time, Some(pid)).await?;
    // Whatever was done to codex: the next request to either model works.
    sleep(QUIET).await;
    ask_both_models(shared, "soak-last").await?;
    check_no_turn_is_left(shared).await?;
    if let Some(before) = before {
        let (now, beyond) = Footprint::settled(pid, &before).await;
        if let Some(now) = now {
            say(&format!("at the end: {now}"));
        }
        beyond.iter().for_each(|leak| shared.tally.borrow_mut().fail(leak));
    }
    for held in processes::children_named(pid, "codex").into_iter().filter_map(Footprint::of) {
        say(&format!("a codex of its: {held}"));
    }

    let children = processes::children(pid);
    let status = proxyd.end().await?;
    if !status.success() {
        shared.tally.borrow_mut().fail(format_args!("codex-proxyd ended with {status}"));
    }
    // A zombie has no memory.
    for child in children.into_iter().filter(|child| processes::memory(*child).is_some()) {
        shared.tally.borrow_mut().fail(format_args!("leaked: process {child} has outlived codex-proxyd"));
    }
    let mut read = Log::default();
    String::from_utf8_lossy(&fs::read(log)?).lines().for_each(|line| read.read(line));
    let mut tally = shared.tally.borrow_mut();
    say(&format!(
        "{} requests were sent, {} entries are in the log",
        tally.outcomes.len(),
        read.entries.len()
    ));
    if read.entries.is_empty() {
        tally.fail("the log has no entry: is codex-proxyd another one than this program knows?");
    }
    read.check(&tally.outcomes).iter().for_each(|wrong| tally.fail(wrong));
    Ok(())
}

/// Asks the proxy itself whether any turn still runs or waits, now that no client asks for anything.
async fn check_no_turn_is_left(shared: &Shared) -> Result<()> {
    let text = http::client()?.get(format!("{}/metrics", shared.address)).send().await?.text().await?;
    for name in ["codex_proxy_turns_running", "codex_proxy_turns_waiting"] {
        let found = text.lines().find(|line| line.starts_with(name)).unwrap_or("nothing of it");
        if found != format!("{name} 0") {
            shared.tally.borrow_mut().fail(format_args!("leaked: /metrics says {found}, and not {name} 0"));
        }
    }
    Ok(())
}

/// A request to either kind of model, so that each has a codex.
async fn ask_both_models(shared: &Shared, name: &str) -> Result<()> {
    let mut client = Client::new(shared, Rng::with_seed(0))?;
    for model in [MODEL, AGENT] {
        let wanted = [format!("{name}-{model}")];
        let name = &wanted[0];
        let body = request::opening(Route::CHAT, model, &format!("[[say=\"{name}\"]]"), true, 1);
        let answer = client.ask(name, Route::CHAT, &body, false).await;
        client.check(name, &answer.with_context(|| format!("{name} got no answer"))?, (&wanted, &[]), false);
    }
    Ok(())
}

/// Runs the clients for so long, and kills the codexes of a process meanwhile, if one is named.
async fn run_clients(shared: &Shared, name: &str, seed: u64, time: Duration, pid: Option<u32>) -> Result<()> {
    let begun = Instant::now();
    let mut seeds = Rng::with_seed(seed);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| run_client(shared, seeds.fork(), format!("{name}{number}"), begun + time))
        .collect();
    let clients = try_join_all(clients);
    let faults = async {
        let _elapsed = timeout(time, shared.faults.run(pid, seeds.fork())).await;
        pending::<()>().await;
    };
    let progress = async {
        loop {
            sleep(PROGRESS_INTERVAL).await;
            let held = pid.and_then(Footprint::of).map(|held| format!(" [{held}]")).unwrap_or_default();
            say(&format!("{:.0?} of {time:.0?}: {}{held}", begun.elapsed(), shared.tally.borrow_mut()));
        }
    };
    tokio::select! {
        outcome = clients => outcome.map(drop),
        () = faults => Ok(()),
        () = progress => Ok(()),
    }
}

/// What one client does, one thing after the other.
async fn run_client(shared: &Shared, rng: Rng, name: String, until: Instant) -> Result<()> {
    let mut client = Client::new(shared, rng)?;
    let mut number = 0;
    // A proxy that is gone fails whatever is asked of it, and more of that says nothing.
    while Instant::now() < until && client.shared.tally.borrow_mut().failed < MAX_FAILURES {
        number += 1;
        let name = format!("{name}-{number}");
        match client.rng.u8(..100) {
            0..45 => actions::talk(&mut client, &name).await,
            45..60 => actions::use_tools(&mut client, &name).await,
            60..75 => bad_requests::send(&mut client, &name).await,
            _ => slow_clients::hang_up(&mut client, &name).await,
        }
    }
    Ok(())
}
