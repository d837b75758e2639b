//! New chats at once on codex-proxyd, with an HTTP provider and with the official one, over WebSocket.

use std::path::Path;

use anyhow::Result;

use crate::machine::{head, load_average, progress};
use crate::measure::{Entrant, Measured, Side, measure};
use crate::report::{self, BURSTS};
use crate::round_spec::{PAUSE, RoundSpec};
use crate::table::{Section, Table};
use crate::testbed::{Provider, Testbed};

/// Rounds of each size in a block; the blocks alternate, so that other load on the machine affects all sizes alike.
const ROUNDS: u32 = 4;

/// `bench --bursts`: measures only this.
pub(crate) async fn run(codex: &Path, quick: bool) -> Result<Table> {
    let load = load_average();
    let testbed = Testbed::start("bursts", codex).await?;
    let (section, ends) = measure_bursts(&testbed, if quick { 2 } else { 5 }).await?;
    let errors = ends.into_iter().filter_map(Result::err).map(|error| format!("{error:#}")).collect();
    let head = head(&testbed.codex, [load, load_average()])?;
    Ok(Table { head, sections: vec![section], errors, ..Table::default() })
}

/// Measures this many blocks of rounds. Also returns how the proxies ended.
pub(crate) async fn measure_bursts(testbed: &Testbed, blocks: u32) -> Result<(Section, [Result<()>; 2])> {
    let mut http = Side::proxyd(testbed, "http", Provider::Http).await?;
    let mut openai = Side::proxyd(testbed, "openai", Provider::OpenAi).await?;
    let mut measured: Vec<[Measured; 2]> = (0..=BURSTS.len()).map(|_| Default::default()).collect();
    for block in 0..blocks {
        progress(&format!("new chats at once, {} of {blocks}", block + 1));
        // The first rounds open the connections, and show how many chats begin at once.
        let warm_up = if block == 0 { 2 } else { 0 };
        for (streams, measured) in BURSTS.into_iter().rev().zip(measured[..BURSTS.len()].iter_mut().rev()) {
            add(measured, &mut http, &mut openai, warm_up, &|_| RoundSpec::paced(streams)).await?;
        }
        let new = |round| RoundSpec::instructed(block * ROUNDS + round);
        add(&mut measured[BURSTS.len()], &mut http, &mut openai, 0, &new).await?;
    }
    Ok((report::bursts(measured), [http.shutdown().await, openai.shutdown().await]))
}

async fn add(
    measured: &mut [Measured; 2],
    http: &mut Side,
    openai: &mut Side,
    warm_up: u32,
    spec: &dyn Fn(u32) -> RoundSpec,
) -> Result<()> {
    let mut entrants = [Entrant(http, spec, 1), Entrant(openai, spec, 1)];
    for (all, part) in measured.iter_mut().zip(measure((warm_up, ROUNDS), PAUSE, &mut entrants).await?) {
        all.rounds.extend(part.rounds);
        let add = |all: Option<u64>, part: Option<u64>| Some(all.unwrap_or_default() + part?);
        (all.cpu, all.codex_cpu) = (add(all.cpu, part.cpu), add(all.codex_cpu, part.codex_cpu));
    }
    Ok(())
}
