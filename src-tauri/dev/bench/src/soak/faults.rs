//! What is done to codex's processes: killed, or stopped for a while and resumed.
//!
//! A kill costs the answers that run then, and nothing else. A stop that ends costs nothing at all.

use std::cell::{Cell, RefCell};
use std::ops::RangeInclusive;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::{Instant, sleep};

use crate::processes::{children_named, signal};

/// Milliseconds between faults. A codex that lived shorter than ten seconds counts as one that fails to start, and restarts only
/// after a pause. So kills are further apart, but for a second one that follows on purpose.
const INTERVAL: RangeInclusive<u64> = 11_000..=20_000;
/// The first one comes sooner, so that a short soak has some.
const FIRST: RangeInclusive<u64> = 2_000..=5_000;
/// How long a stopped codex stays so. The proxy gives a silent codex up after twenty seconds.
const STOPPED: RangeInclusive<u64> = 50..=2_500;
/// How long after a kill a request may still find no codex: until the next one answers, and a pause after a second kill.
const KILL_GRACE: Duration = Duration::from_secs(4);

/// What has been done.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) kills: RefCell<Vec<Instant>>,
    pub(super) stops: Cell<u64>,
}

impl Faults {
    /// Whether a kill may have hit a request that ran then.
    pub(super) fn killed_within(&self, begun: Instant, ended: Instant) -> bool {
        self.kills.borrow().iter().any(|kill| *kill <= ended && begun <= *kill + KILL_GRACE)
    }

    /// Does something to the codexes of `proxyd` now and then, if there is one. A stopped codex resumes when this is dropped.
    pub(super) async fn run(&self, proxyd: Option<u32>, mut rng: Rng) {
        let Some(proxyd) = proxyd else { return };
        let mut pause = FIRST;
        loop {
            rest(&mut rng, pause).await;
            pause = INTERVAL;
            match rng.u8(..6) {
                0 | 1 => {
                    let Some(codex) = rng.choice(children_named(proxyd, "codex")) else { continue };
                    signal(codex, "STOP");
                    let _stopped = Stopped(codex);
                    self.stops.update(|stops| stops + 1);
                    rest(&mut rng, STOPPED).await;
                }
                2 => {
                    self.kill(proxyd, &mut rng);
                    rest(&mut rng, 0..=1_000).await;
                    self.kill(proxyd, &mut rng);
                }
                _ => self.kill(proxyd, &mut rng),
            }
        }
    }

    fn kill(&self, proxyd: u32, rng: &mut Rng) {
        if let Some(codex) = rng.choice(children_named(proxyd, "codex")) {
            // Recorded first: a request that fails of it asks at once whether there was one.
            self.kills.borrow_mut().push(Instant::now());
            signal(codex, "KILL");
        }
    }
}

/// Waits for some milliseconds of this range.
pub(super) async fn rest(rng: &mut Rng, millis: RangeInclusive<u64>) {
    sleep(Duration::from_millis(rng.u64(millis))).await;
}

/// A process that is stopped until this is dropped. It may end meanwhile.
struct Stopped(u32);

impl Drop for Stopped {
    fn drop(&mut self) {
        signal(self.0, "CONT");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_excuses_what_ran_then_or_began_soon_after() {
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
