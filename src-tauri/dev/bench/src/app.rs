//! `bench --app`: measures the desktop app on a virtual screen: its startup, its footprint with the window closed, and its
//! overhead per request compared to codex-proxyd.
//!
//! Linux only, since it reads /proc and drives X11.

mod session;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep, timeout};

use crate::child::{Server, built_binary};
use crate::http::Http;
use crate::machine::progress;
use crate::measure::{Entrant, Side, measure};
use crate::processes;
use crate::report::{self, median};
use crate::round_spec::{PAUSE, RoundSpec};
use crate::stream::micros_since;
use crate::table::{Goal, MEGABYTES, MILLIS, RATE, Row, Section, Table};
use crate::testbed::{Provider, Testbed};
use session::{Session, window};

/// For starting the app, and for opening or closing its window: seconds on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The precision of a measured startup.
const CHECK_INTERVAL: Duration = Duration::from_millis(1);
const WAKE_UP_COUNT_TIME: Duration = Duration::from_secs(20);
/// Lets memory settle before it is read.
const SETTLE_TIME: Duration = Duration::from_secs(3);
/// The app and codex-proxyd share their code, so this is the measuring error.
const MAX_APP_RATIO: f64 = 1.05;

/// Runs all measurements. Programs are ended and files removed even on failure.
pub(crate) async fn run(codex: &Path, quick: bool) -> Result<Table> {
    if !cfg!(target_os = "linux") {
        bail!("the desktop app can be measured on Linux only");
    }
    let few = |few: u32, many: u32| if quick { few } else { many };
    let testbed = Testbed::start("app", codex).await?;
    // Pages of a just-linked binary that are not on disk yet would count as dirty.
    std::fs::File::open(built_binary("codex-proxy")?)?.sync_all()?;
    let session = Session::start(&testbed).await?;

    let has_window = || window::find(&session.display).is_ok_and(|found| found.is_some());

    let starts = async |args: &[&str], times| {
        let mut all = Vec::new();
        for _ in 0..times {
            let (app, took) = start(&session, args).await?;
            all.push(took);
            app.shutdown().await?;
        }
        anyhow::Ok(all)
    };

    progress("starts in the tray");
    let hidden_starts = starts(&["--hidden"], few(3, 10)).await?;
    progress("window open and closed");
    let (app, _) = start(&session, &["--hidden"]).await?;
    wait_until("codex to exit", async || pids(&app).count() == 1).await?;
    sleep(SETTLE_TIME).await;
    let hidden = memory(&app);
    app.shutdown().await?;
    let mut shown_starts = starts(&[], few(1, 4)).await?;
    let (app, took) = start(&session, &[]).await?;
    shown_starts.push(took);
    wait_until("the window to open", async || has_window()).await?;
    sleep(SETTLE_TIME).await;
    let open = memory(&app);
    window::close(&session.display)?;
    wait_until("the window to close", async || !has_window()).await?;
    sleep(SETTLE_TIME).await;
    let closed = memory(&app);
    let (before, started) = (context_switches(&app), Instant::now());
    sleep(WAKE_UP_COUNT_TIME).await;
    let switched = before.zip(context_switches(&app)).map(|(before, now)| now.saturating_sub(before) as f64);
    let wake_ups = switched.map(|switched| switched / started.elapsed().as_secs_f64());

    progress("requests");
    let mut proxyd = Side::proxyd(&testbed, "proxyd", Provider::Http).await?;
    let mut through_app = Side::App(Http::new(&session.address())?, app.pid()?);
    let spec = |_| RoundSpec::paced(1);
    let mut entrants = [Entrant(&mut proxyd, &spec, 1), Entrant(&mut through_app, &spec, 1)];
    let measured = measure((2, few(5, 20)), PAUSE, &mut entrants).await?;
    drop(through_app);
    app.shutdown().await?;
    proxyd.shutdown().await?;

    let row = |what: &str, value| Row::alone(what, MILLIS, value);
    let worst = |times: &[u64]| times.iter().max().map(|time| *time as f64);
    let median = |times: &[u64]| median(times.iter().copied());
    let (in_tray, with_window) = (hidden_starts.len(), shown_starts.len());
    let title = format!("start to /health, {in_tray} in the tray, {with_window} with the window");
    let rows = vec![
        row("in the tray, median", median(&hidden_starts)).goal(Goal::AtMost(500_000.0)),
        row("in the tray, worst", worst(&hidden_starts)),
        row("with the window, median", median(&shown_starts)).goal(Goal::AtMost(500_000.0)),
        row("with the window, worst", worst(&shown_starts)),
    ];
    let all_starts = Section { title, rows, ..Section::default() };

    let states = [("never opened", hidden), ("closed again", closed), ("open", open)];
    let dirty = states.map(|(state, [dirty, _])| {
        let goal = (state != "open").then_some(Goal::AtMost(50_000_000.0));
        Row::alone(format!("private, window {state}"), MEGABYTES, dirty).goal(goal)
    });
    let share =
        states.map(|(state, [_, share])| Row::alone(format!("PSS, window {state}"), MEGABYTES, share));
    let wake_ups = Row::alone("wake-ups per second, window closed", RATE, wake_ups);
    let rows = dirty.into_iter().chain(share).chain([wake_ups.goal(Goal::AtMost(2.0))]);
    let title = "memory of the app and its web view".to_owned();
    let footprint = Section { title, rows: rows.collect(), ..Section::default() };

    let both = [measured.first(), measured.get(1), None];
    let goal = Goal::RatioAtMost(MAX_APP_RATIO);
    let rows = vec![
        report::row("first token, median", MILLIS, both, |side| side.first_token(0.5)).goal(goal),
        report::row("total time, median", MILLIS, both, |side| side.total_time(0.5)).goal(goal),
    ];
    let requests =
        Section { title: format!("one stream, {} rounds", few(5, 20)), rows, measured, ..Section::default() };
    let columns = ["codex-proxyd", "app", ""];
    Ok(Table { columns, sections: vec![all_starts, footprint, requests], ..Table::default() })
}

/// Starts the app. Returns the microseconds until `/health` answered.
async fn start(session: &Session, args: &[&str]) -> Result<(Server, u64)> {
    let started = Instant::now();
    let app = session.app(args).await?;
    wait_until("/health to answer", async || session.is_healthy().await).await?;
    Ok((app, micros_since(started)))
}

async fn wait_until(what: &str, mut is_so: impl AsyncFnMut() -> bool) -> Result<()> {
    let waiting = async {
        while !is_so().await {
            sleep(CHECK_INTERVAL).await;
        }
    };
    timeout(TIMEOUT, waiting).await.with_context(|| format!("timed out waiting for {what}"))
}

/// Private memory and PSS of the app and its web view. Codex must not be running.
fn memory(app: &Server) -> [Option<f64>; 2] {
    ["Private_Dirty", "Pss"].map(|name| processes::smaps_rollup(pids(app), name).map(|bytes| bytes as f64))
}

/// Context switches of the app and what is left of its web view.
fn context_switches(app: &Server) -> Option<u64> {
    pids(app).map(processes::context_switches).sum()
}

fn pids(app: &Server) -> impl Iterator<Item = u32> {
    app.pid().into_iter().flat_map(|pid| std::iter::once(pid).chain(processes::descendants(pid)))
}
