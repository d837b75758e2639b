//! A scenario: the same rounds on several sides, which take them in turns.
//!
//! They take turns round by round, and change who goes first, so that whatever else the machine does hits all alike. What
//! the numbers mean is `report`'s.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use tokio::time::sleep;

use crate::baseline::Baseline;
use crate::child::Server;
use crate::exec::Exec;
use crate::http::Http;
use crate::processes::{CpuClock, children_named};
use crate::round_spec::{Ask, PAUSE};
use crate::stream::{Round, Stream};

/// What answers, in one of three ways.
pub(crate) enum Side {
    Baseline(Box<Baseline>),
    Proxyd(Http, Box<Server>),
    /// The proxy of the app, whose process this is.
    App(Http, u32),
    Exec(Exec),
}

/// A side in a scenario, what it is asked for in a round, and that it takes part in the last of so many rounds.
pub(crate) struct Entrant<'a>(pub(crate) &'a mut Side, pub(crate) &'a dyn Fn(u32) -> Ask, pub(crate) u32);

/// What was measured of one side.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Measured {
    pub(crate) rounds: Vec<Round>,
    /// Microseconds that the side's own process and its codex spent on a CPU.
    pub(crate) cpu: Option<u64>,
    pub(crate) codex_cpu: Option<u64>,
}

/// Measures each side in so many rounds, in the order of the entrants, with a pause before each. The warm-up is rounds before
/// them that are not counted, because what happens for the first time is slower.
pub(crate) async fn measure(
    (warm_up, rounds): (u32, u32),
    pause: Duration,
    entrants: &mut [Entrant<'_>],
) -> Result<Vec<Measured>> {
    let mut measured: Vec<Measured> = entrants.iter().map(|_| Measured::default()).collect();
    for round in 0..warm_up {
        for Entrant(side, ask, _) in &mut *entrants {
            sleep(pause).await;
            side.round(&ask(round)).await?;
        }
    }
    // What earlier rounds left to do is not to be counted here.
    sleep(PAUSE).await;
    let pids: Vec<_> = entrants.iter().map(|entrant| entrant.0.pids()).collect();
    let mut clocks: Vec<_> = pids.iter().map(|pids| pids.map(CpuClock::new)).collect();
    let mut read = || clocks.iter_mut().map(|pair| pair.each_mut().map(CpuClock::read)).collect::<Vec<_>>();
    let before = read();
    for round in 0..rounds {
        for place in 0..entrants.len() {
            let index = (place + round as usize) % entrants.len();
            let Entrant(side, ask, every) = &mut entrants[index];
            if (round + 1).is_multiple_of(*every) {
                let ask = ask(warm_up + round);
                sleep(pause).await;
                let mut streams = side.round(&ask).await?;
                streams.iter_mut().for_each(|stream| stream.check(&ask));
                measured[index].rounds.push(streams);
            }
        }
    }
    // What a side does after a round, such as starting the next thread, belongs to the round.
    sleep(PAUSE).await;
    for ((measured, before), after) in measured.iter_mut().zip(before).zip(read()) {
        let spent = |of: usize| Some(after[of]?.saturating_sub(before[of]?));
        (measured.cpu, measured.codex_cpu) = (spent(0), spent(1));
    }
    let mut codexes = entrants.iter().map(|entrant| entrant.0.pids()[1]).zip(pids);
    let same = codexes.all(|(now, [_, before])| before.is_none() || now == before);
    ensure!(same, "a codex has ended while it was measured");
    Ok(measured)
}

impl Side {
    /// Runs one round. A stream that fails is part of the result.
    async fn round(&mut self, ask: &Ask) -> Result<Round> {
        match self {
            Self::Baseline(baseline) => baseline.round(ask).await,
            Self::Proxyd(http, _) | Self::App(http, _) => Ok(http.round(ask).await),
            Self::Exec(exec) => Ok(vec![exec.stream(ask).await]),
        }
    }

    /// What the side says to this, which nothing is measured of.
    pub(crate) async fn answer(&mut self, ask: &Ask) -> Result<String> {
        let Stream { text, failure, .. } = self.round(ask).await?.pop().context("there is no stream")?;
        ensure!(failure.is_none(), "a stream before the first measurement has failed: {failure:?}");
        Ok(text)
    }

    /// The process that answers, and the codex behind it.
    pub(crate) fn pids(&self) -> [Option<u32>; 2] {
        let pid = match self {
            Self::Baseline(baseline) => return [Some(baseline.pid), Some(baseline.codex)],
            Self::Proxyd(_, server) => server.pid().ok(),
            Self::App(_, pid) => Some(*pid),
            Self::Exec(_) => None,
        };
        [pid, pid.and_then(|pid| children_named(pid, "codex").first().copied())]
    }

    /// Ends what belongs to the side alone.
    pub(crate) async fn end(self) -> Result<()> {
        match self {
            Self::Baseline(baseline) => baseline.end().await,
            Self::Proxyd(http, server) => {
                // The proxy waits for connections that are kept alive.
                drop(http);
                let status = server.end().await?;
                ensure!(status.success(), "codex-proxyd ended with {status}");
                Ok(())
            }
            Self::App(..) | Self::Exec(_) => Ok(()),
        }
    }
}
