//! `bench soak`: random clients of codex-proxyd, with the real codex and the sample model, while codex is killed and stopped, and
//! its network is down for a while.
//!
//! Some clients ask for approvals, which two terminals answer. It checks that every answer has exactly the expected text, that codex-proxyd leaks nothing, and that its log closes each
//! request exactly once. The seed determines each client's sequence of actions, but not how the clients interleave.

mod actions;
mod approvals;
mod asking;
mod background;
mod bad_requests;
mod client;
mod faults;
mod footprint;
mod log;
mod pictures;
mod request;
mod slow_clients;
mod websocket;

use std::fs::{self, File};
use std::future::pending;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use fastrand::Rng;
use futures_util::future::try_join_all;
use tokio::time::{Instant, sleep, timeout};

use crate::answer::Route;
use crate::child::{READY_PREFIX, Server};
use crate::machine::progress;
use crate::round_spec::MODEL;
use crate::testbed::{Provider, Testbed};
use crate::{http, processes};
use client::{Client, KEY, Shared};
use footprint::Footprint;
use log::Log;
use request::AGENT;

/// The folder that codex works in.
const WORK: &str = "work";
/// Concurrent clients.
const CLIENTS: u32 = 12;
/// Concurrent turns: fewer than clients, so that some are queued, and some disconnect while queued.
const MAX_TURNS: u32 = 6;
/// Bounds of the warm-up, and its fraction of the whole: the request log must reach its capacity.
const WARM_UP_RANGE: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(60));
const WARM_UP_DIVISOR: u32 = 6;
/// Idle time before the proxy is measured, for abandoned turns to be interrupted and the allocator to return memory.
const QUIET_TIME: Duration = Duration::from_secs(4);
const PROGRESS_INTERVAL: Duration = Duration::from_secs(30);
/// A shorter soak does not wait for requests to fail without a network, which takes half a minute.
const MIN_TIME_WITH_DEAD_NETWORK: Duration = Duration::from_secs(60);
/// The clients stop after this many failures.
const MAX_FAILURES: u64 = 200;

/// Runs a soak, and returns whether it passed.
pub(crate) async fn soak(codex: &Path, minutes: f64, seed: Option<u64>) -> Result<bool> {
    let time = Duration::try_from_secs_f64(minutes * 60.0).context("invalid number of minutes")?;
    let seed = seed.unwrap_or_else(|| fastrand::u64(..1_000_000_000));
    progress(&format!("soak of {time:.0?} with --seed {seed}"));
    let testbed = Testbed::start("soak", codex).await?;
    let logs = testbed.folder("logs")?;
    let log = logs.join("codex-proxyd.log");
    let mut command = testbed.proxyd("proxy", Provider::ChatGpt, KEY, MAX_TURNS)?;
    command.args(["--log-level", "debug", "--ask", "on", "--ask-limit", approvals::LIMIT_MINUTES]);
    let work = testbed.folder(WORK)?;
    command.arg("--workspace").arg(&work);
    command.stderr(File::create(&log).with_context(|| format!("cannot create {}", log.display()))?);
    let proxyd = Server::start(command, READY_PREFIX).await?;

    let shared = Shared { address: proxyd.address.clone(), ..Shared::default() };
    // Keep going: the log, saved below, explains the error.
    let data = testbed.path("proxy-data");
    let terminals = approvals::attend(&shared.approvals, &data, Rng::with_seed(seed));
    let ran = tokio::select! {
        ran = run(&shared, &testbed, proxyd, seed, time, &log) => ran,
        Err(error) = terminals => Err(error.context("a terminal")),
    };
    if let Err(error) = ran {
        shared.tally.borrow_mut().fail_first(format_args!("{error:#}"));
    }
    let faults = &shared.faults;
    let (kills, stops, outages) = (faults.kills.borrow().len(), faults.stops.get(), faults.outages.get());
    let faults = format!("codex killed {kills} times, stopped {stops} times, network down {outages} times");
    progress(&format!("{}; {faults}", shared.tally.borrow_mut()));
    let failures = shared.tally.borrow_mut().failures();
    if failures.is_empty() {
        progress("passed: nothing lost or leaked, every request closed exactly once");
        return Ok(true);
    }
    fs::write(logs.join("failures.txt"), failures.join("\n") + "\n")?;
    failures.iter().for_each(|failure| println!("FAILED {failure}"));
    let kept = testbed.keep_folder("logs", &format!("soak-{seed}"))?;
    println!("the logs are in {}; to repeat: cargo xtask soak --seed {seed}", kept.display());
    Ok(false)
}

async fn run(
    shared: &Shared,
    testbed: &Testbed,
    proxyd: Server,
    seed: u64,
    time: Duration,
    log: &Path,
) -> Result<()> {
    let pid = proxyd.pid()?;
    ask_both_models(shared, "soak-first").await?;
    let warm_up = (time / WARM_UP_DIVISOR).clamp(WARM_UP_RANGE.0, WARM_UP_RANGE.1);
    run_clients(shared, testbed, "soak-w", seed, warm_up, None).await?;
    sleep(QUIET_TIME).await;
    let before = Footprint::read(pid);
    match &before {
        Some(before) => progress(&format!("after a warm-up of {warm_up:.0?}: {before}")),
        None => progress("leaks cannot be checked on this system"),
    }

    run_clients(shared, testbed, "soak-c", seed, time, Some(pid)).await?;
    testbed.restore_network().await?;
    if time >= MIN_TIME_WITH_DEAD_NETWORK {
        progress("the network is down");
        testbed.cut_network();
        meet_dead_network(shared).await?;
        testbed.restore_network().await?;
    }
    // Whatever happened to codex, the next request to either model must work.
    sleep(QUIET_TIME).await;
    ask_both_models(shared, "soak-last").await?;
    if time >= MIN_TIME_WITH_DEAD_NETWORK {
        background::follow_long(&mut Client::new(shared, Rng::with_seed(seed))?, "soak-long").await;
    }
    check_no_turns_left(shared).await?;
    if let Some(before) = before {
        let (now, leaks) = Footprint::wait_until_settled(pid, &before).await;
        if let Some(now) = now {
            progress(&format!("at the end: {now}"));
        }
        leaks.iter().for_each(|leak| shared.tally.borrow_mut().fail(leak));
    }
    for held in processes::children_named(pid, "codex").into_iter().filter_map(Footprint::read) {
        progress(&format!("a codex process: {held}"));
    }

    let children = processes::descendants(pid);
    let status = proxyd.shutdown().await?;
    if !status.success() {
        shared.tally.borrow_mut().fail(format_args!("codex-proxyd failed: {status}"));
    }
    // Ignores zombies, which have no memory.
    for child in children.into_iter().filter(|child| processes::memory(*child).is_some()) {
        shared.tally.borrow_mut().fail(format_args!("leaked: process {child} outlived codex-proxyd"));
    }
    if let Some(left) = pictures::left_in(&testbed.path("proxy-data")) {
        shared.tally.borrow_mut().fail(left);
    }
    let mut read = Log::default();
    String::from_utf8_lossy(&fs::read(log)?).lines().for_each(|line| read.read(line));
    let mut tally = shared.tally.borrow_mut();
    let approvals = shared.approvals.count();
    progress(&format!(
        "{} requests sent, {approvals} of them with approvals, {} entries logged",
        tally.outcomes.len(),
        read.entries.len()
    ));
    let problems = shared.approvals.check(&testbed.path(WORK), &read.questions, &tally.outcomes);
    problems.iter().for_each(|problem| tally.fail(problem));
    if read.entries.is_empty() {
        tally.fail("no entries found in the log: has its format changed?");
    }
    read.check(&tally.outcomes).iter().for_each(|problem| tally.fail(problem));
    Ok(())
}

/// Checks, in the proxy's own metrics, that no turn is running or queued.
async fn check_no_turns_left(shared: &Shared) -> Result<()> {
    let text = http::client()?.get(format!("{}/metrics", shared.address)).send().await?.text().await?;
    for name in ["codex_proxy_turns_running", "codex_proxy_turns_waiting"] {
        let found = text.lines().find(|line| line.starts_with(name)).unwrap_or("nothing");
        if found != format!("{name} 0") {
            shared.tally.borrow_mut().fail(format_args!("leaked: /metrics has {found}, expected {name} 0"));
        }
    }
    Ok(())
}

/// Sends requests while upstream cannot be reached, which must end with that error.
async fn meet_dead_network(shared: &Shared) -> Result<()> {
    let requests = [Route::CHAT, Route::RESPONSES, Route::COMPLETIONS]
        .into_iter()
        .flat_map(|route| [false, true].map(|streamed| (route, streamed)));
    let requests = requests.enumerate().map(async |(number, (route, streamed))| {
        let mut client = Client::new(shared, Rng::with_seed(0))?;
        actions::meet_dead_network(&mut client, &format!("soak-d{number}"), route, streamed).await;
        anyhow::Ok(())
    });
    try_join_all(requests).await.map(drop)
}

/// Sends a request to each kind of model, so that each has a codex.
async fn ask_both_models(shared: &Shared, name: &str) -> Result<()> {
    let mut client = Client::new(shared, Rng::with_seed(0))?;
    for model in [MODEL, AGENT] {
        let wanted = [format!("{name}-{model}")];
        let name = &wanted[0];
        let body = request::opening(Route::CHAT, model, &format!("[[say=\"{name}\"]]"), true, 1);
        let answer = client.ask(name, Route::CHAT, &body, false).await;
        client.check(name, &answer.with_context(|| format!("no answer to {name}"))?, (&wanted, &[]), false);
    }
    Ok(())
}

/// Runs the clients for this time, meanwhile killing codex children of `pid`, if given.
async fn run_clients(
    shared: &Shared,
    testbed: &Testbed,
    name: &str,
    seed: u64,
    time: Duration,
    pid: Option<u32>,
) -> Result<()> {
    let started = Instant::now();
    let mut seeds = Rng::with_seed(seed);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| run_client(shared, seeds.fork(), format!("{name}{number}"), started + time))
        .collect();
    let clients = try_join_all(clients);
    let faults = async {
        if let Ok(ended) = timeout(time, shared.faults.run(pid, testbed, seeds.fork())).await {
            ended?;
        }
        testbed.restore_network().await?;
        pending::<Result<()>>().await
    };
    let progress = async {
        loop {
            sleep(PROGRESS_INTERVAL).await;
            let held = pid.and_then(Footprint::read).map(|held| format!(" [{held}]")).unwrap_or_default();
            let (elapsed, tally) = (started.elapsed(), shared.tally.borrow_mut());
            progress(&format!("{elapsed:.0?} of {time:.0?}: {tally}{held}"));
        }
    };
    tokio::select! {
        outcome = clients => outcome.map(drop),
        failed = faults => failed,
        () = progress => Ok(()),
    }
}

async fn run_client(shared: &Shared, rng: Rng, name: String, until: Instant) -> Result<()> {
    let mut client = Client::new(shared, rng)?;
    let mut number = 0;
    // Once the proxy is gone everything fails, so more failures tell nothing new.
    while Instant::now() < until && client.shared.tally.borrow_mut().failed < MAX_FAILURES {
        number += 1;
        let name = format!("{name}-{number}");
        match client.rng.u8(..100) {
            0..5 => asking::ask(&mut client, &name).await,
            5..10 => pictures::generate(&mut client, &name).await,
            10..16 => background::follow(&mut client, &name).await,
            16..37 => actions::talk(&mut client, &name).await,
            37..45 => actions::survive_break(&mut client, &name).await,
            45..60 => actions::use_tools(&mut client, &name).await,
            60..70 => bad_requests::send(&mut client, &name).await,
            70..82 => websocket::converse(&mut client, &name).await,
            _ => slow_clients::hang_up(&mut client, &name).await,
        }
    }
    Ok(())
}
