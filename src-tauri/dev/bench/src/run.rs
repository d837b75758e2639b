//! One run: starts what is measured, has it measured piece by piece, and clears up.
//!
//! Deliberately not here: how a piece is measured (`sides`), and what the numbers mean (`report`).

use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;
use std::{env, fs, process};

use anyhow::{Context, Result, bail};
use tokio::time::timeout;

use crate::bare::MODEL;
use crate::child::{self, Server};
use crate::exec::Exec;
use crate::folder::{self, Folder};
use crate::load;
use crate::plan::Plan;
use crate::proxyd::Proxyd;
use crate::results::{AtOnce, Machine, Results};
use crate::script;
use crate::sides::Sides;
use crate::yardstick::BareClient;

/// How many streams at once.
const AT_ONCE: [usize; 2] = [8, 32];
/// For a program that prints its version.
const VERSION_LIMIT: Duration = Duration::from_secs(30);

/// Measures everything. What runs is ended and what was written is removed, also when something fails.
pub(crate) async fn run(codex: &Path, plan: &Plan) -> Result<Results> {
    // First, so that it is dropped last: what is dropped before it may still write there.
    let folder = Folder::make(&process::id().to_string())?;
    let codex = &fs::canonicalize(codex).with_context(|| format!("no codex is at {}", codex.display()))?;
    let mut results = Results { machine: machine(codex).await?, ..Results::default() };

    let mut model = child::command(built("sample-model")?);
    model.args(["--host", "127.0.0.1", "--port", "0"]);
    let model = Server::start(model, "sample-model").await?;
    let base_url = format!("{}/v1", model.address);
    let home = |name: &str| folder.codex_home(name, &base_url);
    let data = folder.room("data")?;
    let proxyd =
        Proxyd::start(&built("codex-proxyd")?, codex, &home("proxy-home")?, &data, MODEL, None).await?;
    // With its first request the proxy writes the list of models that its codex has; the bare client's has the same.
    proxyd.round(&script::prompt(), 1).await?;
    let models = data.join("codex-home").join("models.json");
    let bare_home = |name: &str| folder.bare_home(name, &base_url, &models);
    let bare = BareClient::start(codex, &bare_home("bare-home")?, &folder.room("bare-workspace")?).await?;
    let mut ahead =
        BareClient::start(codex, &bare_home("ahead-home")?, &folder.room("ahead-workspace")?).await?;
    let exec =
        Exec { codex: codex.clone(), home: home("exec-home")?, workspace: folder.room("exec-workspace")? };
    results.ready_after = proxyd.ready_after;

    let mut sides = Sides::new(bare, proxyd)?;
    results.received = sides.received().await?;
    say("warming up");
    sides.warm_up().await?;
    exec.run(&script::prompt()).await;
    say(&format!("one stream, {} rounds", plan.rounds));
    sides.single(plan, &mut ahead, &exec, &mut results).await?;
    say(&format!("second turns, {} rounds", plan.rounds));
    let data = folder.room("anew-data")?;
    let anew = Proxyd::start(&built("codex-proxyd")?, codex, &home("anew-home")?, &data, MODEL, None).await?;
    results.second = sides.second_turns(plan.rounds, &mut ahead, &anew).await?;
    // They have no part in the rest, and would only take memory.
    let (ahead, anew) = (ahead.end().await, anew.end().await);
    say("one stream, without a pause");
    results.back_to_back = sides.back_to_back(plan.rows).await?;
    for streams in AT_ONCE {
        say(&format!("{streams} streams at once"));
        results.at_once.push(AtOnce { streams, pair: sides.at_once(streams, plan.at_once).await? });
    }
    results.memory = sides.memory()?;
    let ends = sides.end().await;
    say("codex-proxyd alone");
    let data = folder.room("alone-data")?;
    let alone =
        Proxyd::start(&built("codex-proxyd")?, codex, &home("alone-home")?, &data, MODEL, None).await?;
    results.load = load::measure(&alone, plan).await?;
    results.machine.load[1] = load_average();

    // The numbers are there; a program that does not end as it should is told of beside them.
    let ends = ends.into_iter().chain([ahead, anew, alone.end().await, model.end().await.map(drop)]);
    results.troubles.extend(ends.filter_map(Result::err).map(|error| format!("{error:#}")));
    Ok(results)
}

/// A program that was built together with this one.
pub(crate) fn built(name: &str) -> Result<PathBuf> {
    let path = folder::binaries()?.join(format!("{name}{}", env::consts::EXE_SUFFIX));
    if !path.is_file() {
        bail!("{} has not been built: start this as `cargo xtask bench`", path.display());
    }
    Ok(path)
}

async fn machine(codex: &Path) -> Result<Machine> {
    let version = timeout(VERSION_LIMIT, child::command(codex).arg("--version").output()).await;
    let version = version.context("codex does not say its version")?.context("codex cannot be started")?;
    Ok(Machine {
        codex: String::from_utf8_lossy(&version.stdout).trim().to_owned(),
        system: format!("{} {}", env::consts::OS, env::consts::ARCH),
        cpus: available_parallelism().map_or(0, usize::from),
        load: [load_average(), None],
    })
}

/// The average number of programs that wanted a CPU in the last minute.
fn load_average() -> Option<String> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next().map(str::to_owned)
}

pub(crate) fn say(what: &str) {
    eprintln!("bench: {what}");
}
