//! What codex-proxyd holds of the system: threads, descriptors, processes, memory. It must be the same after as before.
//!
//! Read from Linux's /proc; elsewhere nothing is known, and the soak says so.

use std::fmt;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::processes;

/// How long the last requests may take to be over. A blocking thread of the runtime's goes after ten idle seconds.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(25);
const CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// Memory that may have come: the request log, which fills up to its bound, and what the allocator keeps.
const MAX_GROWTH: u64 = 12_000_000;
const MAX_GROWTH_PERCENT: u64 = 15;

/// How many of each there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Footprint([u64; 4]);

const NAMES: [&str; 4] = ["bytes resident", "threads", "descriptors", "child processes"];

impl Footprint {
    pub(super) fn of(pid: u32) -> Option<Self> {
        let (threads, descriptors) = (processes::count(pid, "task")?, processes::count(pid, "fd")?);
        let children = processes::children(pid).len() as u64;
        Some(Self([processes::memory(pid)?.resident, threads, descriptors, children]))
    }

    /// What is more than before; nothing when nothing is.
    fn beyond(&self, before: &Self) -> Vec<String> {
        let mut most = before.0;
        most[0] += most[0] * MAX_GROWTH_PERCENT / 100 + MAX_GROWTH;
        let counts = NAMES.into_iter().zip(self.0).zip(most).filter(|((_, now), most)| now > most);
        counts.map(|((what, now), most)| format!("leaked: {now} {what}, at most {most} expected")).collect()
    }

    /// Waits until nothing is more than before, and says what still is when it does not come to that.
    pub(super) async fn settled(pid: u32, before: &Self) -> (Option<Self>, Vec<String>) {
        let deadline = Instant::now() + SETTLE_TIMEOUT;
        loop {
            let now = Self::of(pid);
            let beyond =
                now.map_or_else(|| vec!["codex-proxyd is gone".to_owned()], |now| now.beyond(before));
            if beyond.is_empty() || Instant::now() >= deadline {
                return (now, beyond);
            }
            sleep(CHECK_INTERVAL).await;
        }
    }
}

impl fmt::Display for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [resident, threads, descriptors, children] = self.0;
        let megabytes = resident as f64 / 1e6;
        write!(
            f,
            "{megabytes:.1} MB, {threads} threads, {descriptors} descriptors, {children} child processes"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_descriptor_more_is_a_leak_and_a_little_memory_is_not() {
        let before = Footprint([20_000_000, 3, 20, 4]);
        assert!(Footprint([30_000_000, 2, 20, 4]).beyond(&before).is_empty());
        let beyond = Footprint([40_000_000, 3, 21, 4]).beyond(&before);
        assert_eq!(beyond.len(), 2);
        assert!(beyond[1].contains("21 descriptors"), "{beyond:?}");
    }
}
