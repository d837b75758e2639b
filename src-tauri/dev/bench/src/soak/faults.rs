//! What is done to codex's processes: killed, or stopped for a while and let go on.
//!
//! A kill costs the answers that run then, and nothing else. A stop that ends costs nothing at all.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::dice::Dice;
use crate::processes::children_named;

/// A codex that lived shorter than ten seconds counts as one that does not start well, and is not started again at once. So kills
/// are further apart, but for a second one that follows on purpose.
const APART: (u64, u64) = (11_000, 20_000);
/// The first one comes sooner, so that a short soak has some.
const FIRST: (u64, u64) = (2_000, 5_000);
/// How long a stopped codex stays so. The proxy gives a silent codex up after twenty seconds.
const STOPPED: (u64, u64) = (50, 2_500);
/// How long after a kill a request may still find no codex: until the next one answers, and a pause after a second kill.
const GRACE: Duration = Duration::from_secs(4);

/// What has been done.
#[derive(Debug, Default)]
pub(super) struct Faults {
    kills: Mutex<Vec<Instant>>,
    stops: Mutex<u64>,
}

impl Faults {
    /// Whether a request that ran from `begun` to `ended` may have been hit by a kill.
    pub(super) fn killed_within(&self, begun: Instant, ended: Instant) -> bool {
        self.lock().iter().any(|kill| *kill <= ended && begun <= *kill + GRACE)
    }

    /// Kills and stops, so far.
    pub(super) fn counts(&self) -> (usize, u64) {
        (self.lock().len(), *self.stops.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does something to the codexes of `proxyd` now and then, for as long as it is polled. A codex that it has stopped goes on
    /// when it is dropped.
    pub(super) async fn go_on(&self, proxyd: u32, mut dice: Dice) {
        let mut pause = dice.between(FIRST.0, FIRST.1);
        loop {
            sleep(Duration::from_millis(pause)).await;
            pause = dice.between(APART.0, APART.1);
            match dice.between(0, 5) {
                0 | 1 => {
                    let Some(codex) = one_of(proxyd, &mut dice) else { continue };
                    let _stopped = Stopped::new(codex);
                    *self.stops.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                    sleep(Duration::from_millis(dice.between(STOPPED.0, STOPPED.1))).await;
                }
                2 => {
                    self.kill(proxyd, &mut dice);
                    sleep(Duration::from_millis(dice.between(0, 1_000))).await;
                    self.kill(proxyd, &mut dice);
                }
                _ => self.kill(proxyd, &mut dice),
            }
        }
    }

    fn kill(&self, proxyd: u32, dice: &mut Dice) {
        if let Some(codex) = one_of(proxyd, dice) {
            // Noted first: a request that hears of it asks at once whether there was one.
            self.lock().push(Instant::now());
            signal(codex, Fault::Kill);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Instant>> {
        self.kills.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn one_of(proxyd: u32, dice: &mut Dice) -> Option<u32> {
    let mut codexes = children_named(proxyd, "codex");
    codexes.sort_unstable();
    codexes.get(dice.index(codexes.len())).copied()
}

/// A process that is stopped until this is dropped.
struct Stopped(u32);

impl Stopped {
    fn new(pid: u32) -> Self {
        signal(pid, Fault::Stop);
        Self(pid)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        signal(self.0, Fault::GoOn);
    }
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    Kill,
    Stop,
    GoOn,
}

#[cfg(unix)]
fn signal(pid: u32, fault: Fault) {
    use rustix::process::{Pid, Signal, kill_process};
    let signal = match fault {
        Fault::Kill => Signal::KILL,
        Fault::Stop => Signal::STOP,
        Fault::GoOn => Signal::CONT,
    };
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may have ended meanwhile.
        let _ = kill_process(pid, signal);
    }
}

/// Children cannot be found on such a system, so there is nobody to do anything to.
#[cfg(not(unix))]
fn signal(_pid: u32, _fault: Fault) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_excuses_what_ran_then_or_began_soon_after() {
        let faults = Faults::default();
        let before = Instant::now();
        let kill = before + Duration::from_secs(10);
        faults.lock().push(kill);
        let second = Duration::from_secs(1);
        assert!(faults.killed_within(before, kill + second));
        assert!(faults.killed_within(kill + second, kill + 60 * second));
        assert!(!faults.killed_within(before, kill - second));
        assert!(!faults.killed_within(kill + GRACE + second, kill + 60 * second));
    }
}
