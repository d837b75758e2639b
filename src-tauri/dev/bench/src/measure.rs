//! A scenario: the same rounds on several sides.
//!
//! The sides take turns round by round and rotate who goes first, so that other load on the machine affects all alike.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use tokio::time::sleep;

use crate::baseline::Baseline;
use crate::child::{READY_PREFIX, Server};
use crate::exec::Exec;
use crate::http::{Http, KEY};
use crate::processes::{CpuClock, children_named};
use crate::round_spec::{PAUSE, RoundSpec};
use crate::stream::{Round, Stream};
use crate::testbed::{Provider, Testbed};

/// High enough that no stream of a round is queued.
const MAX_TURNS: u32 = 64;

/// One of the compared programs.
pub(crate) enum Side {
    Baseline(Box<Baseline>),
    Proxyd(Http, Box<Server>),
    /// The desktop app, by its process id.
    App(Http, u32),
    Exec(Exec),
}

/// A side in a scenario, the spec of each of its rounds, and that it takes part in every nth round only.
pub(crate) struct Entrant<'a>(
    pub(crate) &'a mut Side,
    pub(crate) &'a dyn Fn(u32) -> RoundSpec,
    pub(crate) u32,
);

/// The results of one side.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Measured {
    pub(crate) rounds: Vec<Round>,
    /// CPU time of the side's own process and of its codex, in microseconds.
    pub(crate) cpu: Option<u64>,
    pub(crate) codex_cpu: Option<u64>,
}

/// Measures all sides, with a pause before each round. The warm-up rounds come first and are not counted. The results are in the
/// order of the entrants.
pub(crate) async fn measure(
    (warm_up, rounds): (u32, u32),
    pause: Duration,
    entrants: &mut [Entrant<'_>],
) -> Result<Vec<Measured>> {
    let mut measured: Vec<Measured> = entrants.iter().map(|_| Measured::default()).collect();
    for round in 0..warm_up {
        for Entrant(side, spec, _) in &mut *entrants {
            sleep(pause).await;
            side.round(&spec(round)).await?;
        }
    }
    // Lets work left over from the warm-up finish, so that it is not counted.
    sleep(PAUSE).await;
    let pids: Vec<_> = entrants.iter().map(|entrant| entrant.0.pids()).collect();
    let mut clocks: Vec<_> = pids.iter().map(|pids| pids.map(CpuClock::new)).collect();
    let mut read = || clocks.iter_mut().map(|pair| pair.each_mut().map(CpuClock::read)).collect::<Vec<_>>();
    let before = read();
    for round in 0..rounds {
        for place in 0..entrants.len() {
            let index = (place + round as usize) % entrants.len();
            let Entrant(side, spec, every) = &mut entrants[index];
            if (round + 1).is_multiple_of(*every) {
                let spec = spec(warm_up + round);
                sleep(pause).await;
                let mut streams = side.round(&spec).await?;
                streams.iter_mut().for_each(|stream| stream.check(&spec));
                measured[index].rounds.push(streams);
            }
        }
    }
    // Work after a round, such as prewarming the next thread, counts as well.
    sleep(PAUSE).await;
    for ((measured, before), after) in measured.iter_mut().zip(before).zip(read()) {
        let spent = |of: usize| Some(after[of]?.saturating_sub(before[of]?));
        (measured.cpu, measured.codex_cpu) = (spent(0), spent(1));
    }
    let mut codexes = entrants.iter().map(|entrant| entrant.0.pids()[1]).zip(pids);
    let same = codexes.all(|(now, [_, before])| before.is_none() || now == before);
    ensure!(same, "codex exited during the measurement");
    Ok(measured)
}

impl Side {
    /// Starts a codex-proxyd with its own codex.
    pub(crate) async fn proxyd(testbed: &Testbed, name: &str, provider: Provider) -> Result<Self> {
        let mut command = testbed.proxyd(name, provider, KEY, MAX_TURNS)?;
        command.args(["--log-level", "warn"]);
        let server = Server::start(command, READY_PREFIX).await?;
        Ok(Self::Proxyd(Http::new(&server.address)?, Box::new(server)))
    }

    /// Runs a round. A failed stream is part of the result.
    async fn round(&mut self, spec: &RoundSpec) -> Result<Round> {
        match self {
            Self::Baseline(baseline) => baseline.round(spec).await,
            Self::Proxyd(http, _) | Self::App(http, _) => Ok(http.round(spec).await),
            Self::Exec(exec) => Ok(vec![exec.stream(spec).await]),
        }
    }

    /// Returns the answer's text, without measuring.
    pub(crate) async fn answer(&mut self, spec: &RoundSpec) -> Result<String> {
        let Stream { text, failure, .. } = self.round(spec).await?.pop().context("no stream")?;
        ensure!(failure.is_none(), "a stream failed before the first measurement: {failure:?}");
        Ok(text)
    }

    /// Process ids of the side and of its codex.
    pub(crate) fn pids(&self) -> [Option<u32>; 2] {
        let pid = match self {
            Self::Baseline(baseline) => return [Some(baseline.pid), Some(baseline.codex)],
            Self::Proxyd(_, server) => server.pid().ok(),
            Self::App(_, pid) => Some(*pid),
            Self::Exec(_) => None,
        };
        [pid, pid.and_then(|pid| children_named(pid, "codex").first().copied())]
    }

    /// Ends the side's own programs.
    pub(crate) async fn shutdown(self) -> Result<()> {
        match self {
            Self::Baseline(baseline) => baseline.shutdown().await,
            Self::Proxyd(http, server) => {
                // Closes the keep-alive connections, which the proxy would wait for.
                drop(http);
                let status = server.shutdown().await?;
                ensure!(status.success(), "codex-proxyd failed: {status}");
                Ok(())
            }
            Self::App(..) | Self::Exec(_) => Ok(()),
        }
    }
}
