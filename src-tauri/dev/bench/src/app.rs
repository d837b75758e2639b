//! `bench --app`: the desktop app on a virtual screen: how soon it answers, what it takes while its window is closed, and
//! what it adds to a request, beside codex-proxyd.
//!
//! On Linux only, where the system tells all of that.

mod session;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep, timeout};

use crate::child::{Server, built};
use crate::http::Http;
use crate::measure::{Entrant, Side, measure};
use crate::processes;
use crate::report::{self, median};
use crate::round_spec::{Ask, PAUSE};
use crate::run::{say, start_proxyd};
use crate::stream::since;
use crate::table::{Goal, MEGABYTES, MILLIS, RATE, Row, Section, Table};
use crate::testbed::Testbed;
use session::{Session, window};

/// Starting, opening and closing take seconds on a machine that is busy.
const TIMEOUT: Duration = Duration::from_secs(30);
/// A start is measured no more exactly than this.
const CHECK_INTERVAL: Duration = Duration::from_millis(1);
/// How long wake-ups are counted.
const COUNTED: Duration = Duration::from_secs(20);
/// What a window leaves behind settles before anything is read.
const SETTLE_TIME: Duration = Duration::from_secs(3);
/// A request through the app, to one through codex-proxyd. They are the same code; this is what a run is off by.
const MAX_RATIO: f64 = 1.05;

/// Measures it all. What runs is ended and what was written is removed, also when something fails.
pub(crate) async fn run(codex: &Path, quick: bool) -> Result<Table> {
    if !cfg!(target_os = "linux") {
        bail!("the desktop app is measured on Linux only");
    }
    let few = |few: u32, many: u32| if quick { few } else { many };
    let testbed = Testbed::start("app", codex).await?;
    // Pages of a program that was linked a moment ago and is not on the disk yet would count as written to by it.
    std::fs::File::open(built("codex-proxy")?)?.sync_all()?;
    let session = Session::start(&testbed).await?;

    let has_window = || window::find(&session.display).is_ok_and(|found| found.is_some());

    let starts = async |args: &[&str], times| {
        let mut all = Vec::new();
        for _ in 0..times {
            let (app, took) = start(&session, args).await?;
            all.push(took);
            app.end().await?;
        }
        anyhow::Ok(all)
    };

    say("starts in the tray");
    let hidden_starts = starts(&["--hidden"], few(3, 10)).await?;
    say("the window open, and closed");
    let (app, _) = start(&session, &["--hidden"]).await?;
    wait_until("codex is gone", async || pids(&app).count() == 1).await?;
    sleep(SETTLE_TIME).await;
    let hidden = memory(&app);
    app.end().await?;
    let mut shown_starts = starts(&[], few(1, 4)).await?;
    let (app, took) = start(&session, &[]).await?;
    shown_starts.push(took);
    wait_until("the window is there", async || has_window()).await?;
    sleep(SETTLE_TIME).await;
    let open = memory(&app);
    window::close(&session.display)?;
    wait_until("the window is gone", async || !has_window()).await?;
    sleep(SETTLE_TIME).await;
    let closed = memory(&app);
    let (before, begun) = (switches(&app), Instant::now());
    sleep(COUNTED).await;
    let switched = before.zip(switches(&app)).map(|(before, now)| now.saturating_sub(before) as f64);
    let wake_ups = switched.map(|switched| switched / begun.elapsed().as_secs_f64());

    say("requests");
    let mut proxyd = start_proxyd(&testbed, "proxyd").await?;
    let mut through_app = Side::App(Http::new(&session.address())?, app.pid()?);
    let ask = |_| Ask::paced(1);
    let mut entrants = [Entrant(&mut proxyd, &ask, 1), Entrant(&mut through_app, &ask, 1)];
    let measured = measure((2, few(5, 20)), PAUSE, &mut entrants).await?;
    drop(through_app);
    app.end().await?;
    proxyd.end().await?;

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
    let all_starts = Section { title, rows, measured: Vec::new() };

    let states = [("never opened", hidden), ("closed again", closed), ("open", open)];
    let dirty = states.map(|(state, [dirty, _])| {
        let goal = (state != "open").then_some(Goal::AtMost(50_000_000.0));
        Row::alone(format!("private, window {state}"), MEGABYTES, dirty).goal(goal)
    });
    let share =
        states.map(|(state, [_, share])| Row::alone(format!("PSS, window {state}"), MEGABYTES, share));
    let wake_ups = Row::alone("wake-ups a second, window closed", RATE, wake_ups);
    let rows = dirty.into_iter().chain(share).chain([wake_ups.goal(Goal::AtMost(2.0))]);
    let title = "memory, our processes and the web view's".to_owned();
    let footprint = Section { title, rows: rows.collect(), measured: Vec::new() };

    let both = [measured.first(), measured.get(1), None];
    let goal = Goal::RatioAtMost(MAX_RATIO);
    let rows = vec![
        report::row("first token, median", MILLIS, both, |side| side.first(0.5)).goal(goal),
        report::row("whole time, median", MILLIS, both, |side| side.whole_time(0.5)).goal(goal),
    ];
    let requests = Section { title: format!("one stream, {} rounds", few(5, 20)), rows, measured };
    let columns = ["codex-proxyd", "app", ""];
    Ok(Table { columns, sections: vec![all_starts, footprint, requests], ..Table::default() })
}

/// Starts the app, and gives the microseconds until `/health` answered.
async fn start(session: &Session, args: &[&str]) -> Result<(Server, u64)> {
    let begun = Instant::now();
    let app = session.app(args).await?;
    wait_until("/health answers", async || session.is_healthy().await).await?;
    Ok((app, since(begun)))
}

async fn wait_until(what: &str, mut is_so: impl AsyncFnMut() -> bool) -> Result<()> {
    let waiting = async {
        while !is_so().await {
            sleep(CHECK_INTERVAL).await;
        }
    };
    timeout(TIMEOUT, waiting).await.with_context(|| format!("this never came: {what}"))
}

/// The private memory of the app and of its web view, and their PSS; codex does not run.
fn memory(app: &Server) -> [Option<f64>; 2] {
    ["Private_Dirty", "Pss"].map(|name| processes::rollup(pids(app), name).map(|bytes| bytes as f64))
}

/// How often threads of the app, and of what is left of its web view, were put on a CPU.
fn switches(app: &Server) -> Option<u64> {
    pids(app).map(processes::switches).sum()
}

fn pids(app: &Server) -> impl Iterator<Item = u32> {
    app.pid().into_iter().flat_map(|pid| std::iter::once(pid).chain(processes::children(pid)))
}
