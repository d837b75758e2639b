//! codex-proxyd alone, under loads that say something about itself: many requests in a row, eight streams again and again, and
//! sixty-four dense ones.
//!
//! It has no bare client beside it: what is to be reached is a ratio between numbers of its own, or to its codex.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::sleep;

use crate::plan::Plan;
use crate::processes::{CpuClock, child_named, memory};
use crate::proxyd::Proxyd;
use crate::results::{Dense, InARow, Load, Resident};
use crate::script::{self, DENSE};
use crate::stream::micros;

/// Requests after which the memory is what it is: the threads that are kept and the request log's first entries are there.
const SETTLED_AFTER: u32 = 100;
/// How many streams have a goal for their slowest first token.
pub(crate) const EIGHT: usize = 8;
/// How many dense streams.
pub(crate) const DENSE_STREAMS: usize = 64;
/// What a round leaves to do is done after this.
const PAUSE: Duration = Duration::from_millis(300);

/// Measures all of it on a proxy that has done nothing yet.
pub(crate) async fn measure(proxyd: &Proxyd, plan: &Plan) -> Result<Load> {
    let in_a_row = in_a_row(proxyd, plan.in_a_row).await?;
    // The first round opens the connections.
    proxyd.round(&script::prompt(), EIGHT).await?;
    let mut eight = Vec::new();
    for _ in 0..plan.eights {
        sleep(PAUSE).await;
        let mut round = proxyd.round(&script::prompt(), EIGHT).await?;
        round.iter_mut().for_each(|stream| stream.judge(script::WORDS));
        eight.push(round);
    }
    let dense = dense(proxyd, plan.at_once).await?;
    Ok(Load { in_a_row, eight, dense })
}

async fn in_a_row(proxyd: &Proxyd, requests: u32) -> Result<InARow> {
    let mut row = InARow { requests, ..InARow::default() };
    for number in 1..=requests {
        let prompt = format!("Request {number}. {}", script::short());
        let mut round = proxyd.round(&prompt, 1).await?;
        round.iter_mut().for_each(|stream| stream.judge(script::SHORT));
        row.failed.extend(round.into_iter().filter_map(|stream| stream.failure));
        if number == SETTLED_AFTER.min(requests) {
            sleep(PAUSE).await;
            row.early = resident(proxyd)?;
        }
    }
    sleep(PAUSE).await;
    row.late = resident(proxyd)?;
    Ok(row)
}

fn resident(proxyd: &Proxyd) -> Result<Resident> {
    let pid = proxyd.pid()?;
    let resident = |pid| memory(pid).map(|memory| memory.resident);
    Ok(Resident { proxy: resident(pid), codex: child_named(pid, "codex").and_then(resident) })
}

async fn dense(proxyd: &Proxyd, rounds: u32) -> Result<Dense> {
    let pid = proxyd.pid()?;
    let codex = child_named(pid, "codex");
    let mut clocks = (CpuClock::of(pid), codex.map(CpuClock::of));
    let mut read = || (clocks.0.read(), clocks.1.as_mut().and_then(CpuClock::read));
    let mut dense = Dense::default();
    // The first round opens the connections.
    proxyd.round(&script::dense(), DENSE_STREAMS).await?;
    sleep(PAUSE).await;
    let before = read();
    for _ in 0..rounds {
        let mut round = proxyd.round(&script::dense(), DENSE_STREAMS).await?;
        round.iter_mut().for_each(|stream| stream.judge(DENSE));
        dense.rounds.push(round);
        sleep(PAUSE).await;
    }
    let after = read();
    let spent = |after: Option<Duration>, before: Option<Duration>| {
        after.zip(before).map(|(after, before)| micros(after.saturating_sub(before)))
    };
    (dense.cpu, dense.codex_cpu) = (spent(after.0, before.0), spent(after.1, before.1));
    if codex.is_some() && child_named(pid, "codex") != codex {
        return Err(anyhow::anyhow!("codex has ended during the dense streams")).context("dense streams");
    }
    Ok(dense)
}
