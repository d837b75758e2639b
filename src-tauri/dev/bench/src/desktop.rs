//! `bench --app`: the desktop app on a screen that nobody sees: how soon it answers, what it takes while nobody looks, and what
//! it adds to a request, beside codex-proxyd.
//!
//! On Linux only, where the system tells all of that. Deliberately not here: what a request costs against a bare client, which
//! the rest of this program measures on codex-proxyd.

mod report;
mod session;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep, timeout};

use crate::bare::MODEL;
use crate::child::{self, Server};
use crate::client::Client;
use crate::folder::Folder;
use crate::processes::{self, Private};
use crate::proxyd::Proxyd;
use crate::run::{built, say};
use crate::script;
use crate::stream::{Stream, micros};

pub(crate) use report::Report;
use session::{App, Session};

/// Starting, opening and closing take seconds on a machine that is busy.
const LIMIT: Duration = Duration::from_secs(30);
/// How often it is looked whether something has happened; a start is known no better than this.
const PAUSE: Duration = Duration::from_millis(1);
/// How long wake-ups are counted.
const COUNTED: Duration = Duration::from_secs(20);
/// What a window leaves behind settles before anything is read.
const SETTLED: Duration = Duration::from_secs(3);
/// The pause before a request: a person takes longer than this to ask again.
const BETWEEN: Duration = Duration::from_millis(300);

/// What was measured. Times are in microseconds.
#[derive(Debug, Default)]
pub(crate) struct Results {
    /// From a start in the tray to the first answer of `/health`.
    starts: Vec<u64>,
    /// The same of a start that shows the window.
    starts_with_window: Vec<u64>,
    /// After such a start in the tray, with the window open, and closed again.
    hidden: Option<Private>,
    open: Option<Private>,
    closed: Option<Private>,
    /// A second, with the window closed.
    wake_ups: Option<f64>,
    app: Vec<Stream>,
    proxyd: Vec<Stream>,
}

/// Measures it all. What runs is ended and what was written is removed, also when something fails.
pub(crate) async fn run(codex: &Path, quick: bool) -> Result<Results> {
    if !cfg!(target_os = "linux") {
        bail!("the desktop app is measured on Linux only");
    }
    let folder = Folder::make(&format!("{}-app", std::process::id()))?;
    let codex =
        &std::fs::canonicalize(codex).with_context(|| format!("no codex is at {}", codex.display()))?;
    // Pages of a program that was linked a moment ago and is not on the disk yet would count as written to by it.
    std::fs::File::open(built("codex-proxy")?)?.sync_all()?;
    let mut model = child::command(built("sample-model")?);
    model.args(["--host", "127.0.0.1", "--port", "0"]);
    let model = Server::start(model, "sample-model").await?;
    let base_url = format!("{}/v1", model.address);
    let session = Session::start(&folder, codex, folder.codex_home("app-home", &base_url)?).await?;
    let mut results = Results::default();

    say("starts in the tray");
    for _ in 0..if quick { 3 } else { 10 } {
        let (app, took) = started(&session, &["--hidden"]).await?;
        results.starts.push(took);
        app.end().await?;
    }
    say("the window open, and closed");
    let (app, _) = started(&session, &["--hidden"]).await?;
    until("codex is gone", || app.children().is_empty()).await?;
    sleep(SETTLED).await;
    results.hidden = app.private();
    app.end().await?;
    for _ in 0..if quick { 1 } else { 4 } {
        let (app, took) = started(&session, &[]).await?;
        results.starts_with_window.push(took);
        app.end().await?;
    }
    let (app, took) = started(&session, &[]).await?;
    results.starts_with_window.push(took);
    until("the window is there", || session.has_window()).await?;
    sleep(SETTLED).await;
    results.open = app.private();
    session.close_window()?;
    until("the window is gone", || !session.has_window()).await?;
    sleep(SETTLED).await;
    results.closed = app.private();
    let (before, begun) = (app.switches(), Instant::now());
    sleep(COUNTED).await;
    let counted = before.zip(app.switches()).map(|(before, now)| now.saturating_sub(before) as f64);
    results.wake_ups = counted.map(|counted| counted / begun.elapsed().as_secs_f64());

    say("requests");
    let data = folder.room("data")?;
    let home = folder.codex_home("proxyd-home", &base_url)?;
    let proxyd =
        Proxyd::start(&built("codex-proxyd")?, codex, &home, &data, MODEL, Some(&session.environment))
            .await?;
    let through_app = Client::new(&session.address(), MODEL)?;
    for client in [&through_app, &proxyd.client] {
        // What happens for the first time is slower.
        one(client).await?;
        one(client).await?;
    }
    for round in 0..if quick { 5 } else { 20 } {
        let mut sides = [(&through_app, &mut results.app), (&proxyd.client, &mut results.proxyd)];
        if round % 2 == 1 {
            sides.reverse();
        }
        for (client, streams) in sides {
            sleep(BETWEEN).await;
            streams.push(one(client).await?);
        }
    }
    drop(through_app);
    app.end().await?;
    proxyd.end().await?;
    model.end().await?;
    Ok(results)
}

/// Starts the app, and the time until `/health` answered.
async fn started(session: &Session, args: &[&str]) -> Result<(App, u64)> {
    let begun = Instant::now();
    let app = session.app(args)?;
    let health = async {
        while !session.is_healthy().await {
            sleep(PAUSE).await;
        }
    };
    timeout(LIMIT, health).await.context("the app does not answer")?;
    Ok((app, micros(begun.elapsed())))
}

async fn one(client: &Client) -> Result<Stream> {
    let mut stream = client.round(&script::prompt(), 1).await?.pop().context("there is no stream")?;
    stream.judge(script::WORDS);
    Ok(stream)
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Result<()> {
    let waiting = async {
        while !is_so() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LIMIT, waiting).await.with_context(|| format!("in vain: {what}"))
}

/// The sum over an app's own processes; those of the web view count, codex does not run.
fn private(pids: impl IntoIterator<Item = u32>) -> Option<Private> {
    pids.into_iter().map(processes::private).sum()
}
