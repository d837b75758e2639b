//! Faults: codex is killed, or stopped for a while, or its network is down for a while.
//!
//! A kill may cost the running answers and nothing else. A stop may cost nothing, nor may a short time without a network: codex
//! asks again for the answers that broke off.

use std::cell::{Cell, RefCell};
use std::ops::RangeInclusive;
use std::time::Duration;

use anyhow::Result;
use fastrand::Rng;
use tokio::time::{Instant, sleep};

use crate::processes::{children_named, signal};
use crate::testbed::Testbed;

/// Time between faults. The proxy delays the restart of a codex that ran for less than ten seconds, so kills are further apart,
/// except for deliberate double kills.
const FAULT_INTERVAL_MS: RangeInclusive<u64> = 11_000..=20_000;
/// The first fault comes sooner, so that a short soak has some.
const FIRST_FAULT_MS: RangeInclusive<u64> = 2_000..=5_000;
/// How long codex is stopped: well below the twenty seconds of silence that the proxy allows.
const STOP_MS: RangeInclusive<u64> = 50..=2_500;
/// How long the network is down: well below the thirty seconds after which the proxy gives up.
const OUTAGE_MS: RangeInclusive<u64> = 500..=4_000;
/// How long after a kill requests may still fail: codex restarts, after a pause if it was killed twice.
const KILL_GRACE: Duration = Duration::from_secs(4);

/// The faults so far.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) kills: RefCell<Vec<Instant>>,
    pub(super) stops: Cell<u64>,
    pub(super) outages: Cell<u64>,
}

impl Faults {
    /// Whether a kill may have affected a request that ran in this time.
    pub(super) fn killed_within(&self, started: Instant, ended: Instant) -> bool {
        self.kills.borrow().iter().any(|kill| *kill <= ended && started <= *kill + KILL_GRACE)
    }

    /// Kills or stops codex children of `proxyd` from time to time, or cuts their network. A stopped codex resumes if this
    /// future is dropped, but a network that is down stays down.
    pub(super) async fn run(&self, proxyd: Option<u32>, testbed: &Testbed, mut rng: Rng) -> Result<()> {
        let Some(proxyd) = proxyd else { return Ok(()) };
        let mut pause = FIRST_FAULT_MS;
        loop {
            sleep_random(&mut rng, pause).await;
            pause = FAULT_INTERVAL_MS;
            match rng.u8(..8) {
                0 | 1 => {
                    let Some(codex) = rng.choice(children_named(proxyd, "codex")) else { continue };
                    signal(codex, "STOP");
                    let _stopped = ContinueOnDrop(codex);
                    self.stops.update(|stops| stops + 1);
                    sleep_random(&mut rng, STOP_MS).await;
                }
                2 => {
                    self.kill(proxyd, &mut rng);
                    sleep_random(&mut rng, 0..=1_000).await;
                    self.kill(proxyd, &mut rng);
                }
                3 | 4 => {
                    self.outages.update(|outages| outages + 1);
                    testbed.cut_network();
                    sleep_random(&mut rng, OUTAGE_MS).await;
                    testbed.restore_network().await?;
                }
                _ => self.kill(proxyd, &mut rng),
            }
        }
    }

    fn kill(&self, proxyd: u32, rng: &mut Rng) {
        if let Some(codex) = rng.choice(children_named(proxyd, "codex")) {
            // Recorded first, since a request that fails because of it checks immediately.
            self.kills.borrow_mut().push(Instant::now());
            signal(codex, "KILL");
        }
    }
}

/// Sleeps for a random number of milliseconds in this range.
pub(super) async fn sleep_random(rng: &mut Rng, millis: RangeInclusive<u64>) {
    sleep(Duration::from_millis(rng.u64(millis))).await;
}

/// Resumes a stopped process, which may have exited.
struct ContinueOnDrop(u32);

impl Drop for ContinueOnDrop {
    fn drop(&mut self) {
        signal(self.0, "CONT");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_excuses_requests_during_and_shortly_after_it() {
        let faults = Faults::default();
        let before = Instant::now();
        let kill = before + Duration::from_secs(10);
        faults.kills.borrow_mut().push(kill);
        let second = Duration::from_secs(1);
        assert!(faults.killed_within(before, kill + second));
        assert!(faults.killed_within(kill + second, kill + 60 * second));
        assert!(!faults.killed_within(before, kill - second));
        assert!(!faults.killed_within(kill + KILL_GRACE + second, kill + 60 * second));
    }
}
