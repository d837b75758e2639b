//! The bare client and codex-proxyd side by side: each measurement takes them in turns.
//!
//! They take turns round by round, and change who goes first, so that whatever else the machine does hits both alike.
//! Deliberately not here: what the numbers mean.

mod second;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::sleep;

use crate::bare::{Ask, Threads};
use crate::exec::Exec;
use crate::plan::{IN_A_ROW, Plan};
use crate::processes::{CpuClock, child_named, memory};
use crate::proxyd::Proxyd;
use crate::results::{Memories, Pair, Received, Results, Round, Side};
use crate::script::{self, ECHO};
use crate::stream::micros;
use crate::yardstick::BareClient;

/// The pause before a round, on both sides: a person takes longer than this to ask again.
const PAUSE: Duration = Duration::from_millis(300);
/// Rounds on each side that are not counted, because what happens for the first time is slower.
const WARM_UP: u32 = 2;

/// A side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Bare,
    Proxy,
}

/// Both sides, running.
pub(crate) struct Sides {
    bare: BareClient,
    proxyd: Proxyd,
    /// The bare client's, the proxy's.
    clocks: (CpuClock, CpuClock),
}

impl Sides {
    pub(crate) fn new(bare: BareClient, proxyd: Proxyd) -> Result<Self> {
        let clocks = (CpuClock::of(bare.pid()?), CpuClock::of(proxyd.pid()?));
        Ok(Self { bare, proxyd, clocks })
    }

    /// Ends both, and says what went wrong with it.
    pub(crate) async fn end(self) -> [Result<()>; 2] {
        [self.bare.end().await, self.proxyd.end().await]
    }

    /// What the model receives from either side for the same prompt.
    pub(crate) async fn received(&mut self) -> Result<Received> {
        let ask = Ask { prompt: ECHO.into(), streams: 1, threads: Threads::New };
        let bare = said(self.bare.round(&ask).await?).context("the bare client's first stream has failed")?;
        let proxy =
            said(self.proxyd.round(ECHO, 1).await?).context("codex-proxyd's first stream has failed")?;
        Ok(Received { bare, proxy })
    }

    /// Rounds that are not counted.
    pub(crate) async fn warm_up(&mut self) -> Result<()> {
        let mut discarded = Pair::default();
        for _ in 0..WARM_UP {
            self.both(1, Who::Bare, &mut discarded).await?;
        }
        Ok(())
    }

    /// One stream at a time. `ahead` is a second bare client, whose threads are started ahead like the proxy's: with a
    /// codex of its own, because one that serves twice as often would be the quicker for it.
    pub(crate) async fn single(
        &mut self,
        plan: &Plan,
        ahead: &mut BareClient,
        exec: &Exec,
        results: &mut Results,
    ) -> Result<()> {
        let ask = Ask { prompt: script::prompt(), streams: 1, threads: Threads::Ahead(PAUSE) };
        for _ in 0..WARM_UP {
            ahead.round(&ask).await?;
        }
        let mut pair = self.begin().await;
        for round in 0..plan.rounds {
            // Each is first as often as it is last.
            for turn in 0..3 {
                match (round + turn) % 3 {
                    0 => self.paused(Who::Bare, 1, &mut pair).await?,
                    1 => self.paused(Who::Proxy, 1, &mut pair).await?,
                    _ => results.ahead.push(judged(ahead.round(&ask).await?)),
                }
            }
            if plan.is_exec_due(round) {
                let (stream, resident) = exec.run(&script::prompt()).await;
                results.exec.rounds.push(judged(vec![stream]));
                results.exec_resident.extend(resident);
            }
        }
        results.single = self.finish(pair).await;
        Ok(())
    }

    pub(crate) async fn back_to_back(&mut self, rows: u32) -> Result<Pair> {
        let mut pair = self.begin().await;
        for row in 0..rows {
            let first = Who::first(row);
            for who in [first, first.other()] {
                sleep(PAUSE).await;
                for round in 0..=IN_A_ROW {
                    let (side, streams) = self.round(who, 1, &mut pair).await?;
                    if round > 0 {
                        side.rounds.push(streams);
                    }
                }
            }
        }
        Ok(self.finish(pair).await)
    }

    pub(crate) async fn at_once(&mut self, streams: usize, rounds: u32) -> Result<Pair> {
        // The first round opens the connections.
        let mut discarded = Pair::default();
        self.both(streams, Who::Bare, &mut discarded).await?;
        let mut pair = self.begin().await;
        for round in 0..rounds {
            self.both(streams, Who::first(round), &mut pair).await?;
        }
        Ok(self.finish(pair).await)
    }

    /// A round on either side, each after a pause.
    async fn both(&mut self, streams: usize, first: Who, pair: &mut Pair) -> Result<()> {
        self.paused(first, streams, pair).await?;
        self.paused(first.other(), streams, pair).await
    }

    /// A round on one side, after a pause.
    async fn paused(&mut self, who: Who, streams: usize, pair: &mut Pair) -> Result<()> {
        sleep(PAUSE).await;
        let (side, round) = self.round(who, streams, pair).await?;
        side.rounds.push(round);
        Ok(())
    }

    /// A round on one side. Its chunks are counted; whether its times are is the caller's to say.
    async fn round<'a>(
        &mut self,
        who: Who,
        streams: usize,
        pair: &'a mut Pair,
    ) -> Result<(&'a mut Side, Round)> {
        let prompt = script::prompt();
        let (side, round) = match who {
            Who::Bare => {
                (&mut pair.bare, self.bare.round(&Ask { prompt, streams, threads: Threads::New }).await?)
            }
            Who::Proxy => (&mut pair.proxy, self.proxyd.round(&prompt, streams).await?),
        };
        let round = judged(round);
        side.chunks += round.iter().map(|stream| stream.arrivals.len() as u64).sum::<u64>();
        Ok((side, round))
    }

    /// An empty pair, which holds the clocks' readings until it is finished.
    async fn begin(&mut self) -> Pair {
        // What is left to do of earlier rounds is not to be counted here.
        sleep(PAUSE).await;
        let (bare, proxy) = self.read_clocks();
        Pair { bare: Side { cpu: bare, ..Side::default() }, proxy: Side { cpu: proxy, ..Side::default() } }
    }

    async fn finish(&mut self, mut pair: Pair) -> Pair {
        // What the proxy does after a round, such as starting the next thread, belongs to the round.
        sleep(PAUSE).await;
        let (bare, proxy) = self.read_clocks();
        for (side, now) in [(&mut pair.bare, bare), (&mut pair.proxy, proxy)] {
            side.cpu = now.zip(side.cpu).map(|(now, begun)| now.saturating_sub(begun));
        }
        pair
    }

    fn read_clocks(&mut self) -> (Option<u64>, Option<u64>) {
        (self.clocks.0.read().map(micros), self.clocks.1.read().map(micros))
    }

    pub(crate) fn memory(&self) -> Result<Memories> {
        let proxyd = self.proxyd.pid()?;
        Ok(Memories {
            bare: memory(self.bare.pid()?),
            proxy: memory(proxyd),
            codex_of_bare: memory(self.bare.codex()),
            codex_of_proxy: child_named(proxyd, "codex").and_then(memory),
        })
    }
}

impl Who {
    /// Whose turn it is first in this round.
    fn first(round: u32) -> Self {
        if round.is_multiple_of(2) { Self::Bare } else { Self::Proxy }
    }

    fn other(self) -> Self {
        match self {
            Self::Bare => Self::Proxy,
            Self::Proxy => Self::Bare,
        }
    }
}

fn judged(mut round: Round) -> Round {
    round.iter_mut().for_each(|stream| stream.judge(script::WORDS));
    round
}

fn said(round: Round) -> Result<String> {
    let stream = round.into_iter().next().context("there is no stream")?;
    match stream.failure {
        Some(failure) => bail!(failure),
        None => Ok(stream.text),
    }
}
