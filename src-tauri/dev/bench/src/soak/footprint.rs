//! The memory, threads, descriptors and processes of codex-proxyd, which must not grow.
//!
//! Read from Linux's /proc; unknown on other systems.

use std::fmt;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::processes;

/// For the last requests to finish, and for tokio's blocking threads, which exit after ten idle seconds.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(25);
const CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// Allowed growth of memory: the request log fills up to its capacity, and the allocator keeps some.
const MAX_GROWTH: u64 = 12_000_000;
const MAX_GROWTH_PERCENT: u64 = 15;

/// The counts, in the order of `NAMES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Footprint([u64; 4]);

const NAMES: [&str; 4] = ["bytes resident", "threads", "descriptors", "child processes"];

impl Footprint {
    pub(super) fn read(pid: u32) -> Option<Self> {
        let [threads, descriptors] = ["task", "fd"].map(|folder| processes::entry_count(pid, folder));
        let children = processes::descendants(pid).len() as u64;
        Some(Self([processes::memory(pid)?.resident, threads?, descriptors?, children]))
    }

    /// Describes each count that exceeds the one before.
    fn excess(&self, before: &Self) -> Vec<String> {
        let mut most = before.0;
        most[0] += most[0] * MAX_GROWTH_PERCENT / 100 + MAX_GROWTH;
        let counts = NAMES.into_iter().zip(self.0).zip(most).filter(|((_, now), most)| now > most);
        counts.map(|((what, now), most)| format!("leaked: {now} {what}, at most {most} expected")).collect()
    }

    /// Waits until no count exceeds the one before. On timeout, also returns those that still do.
    pub(super) async fn wait_until_settled(pid: u32, before: &Self) -> (Option<Self>, Vec<String>) {
        let deadline = Instant::now() + SETTLE_TIMEOUT;
        loop {
            let now = Self::read(pid);
            let leaks = now.map_or_else(|| vec!["codex-proxyd exited".to_owned()], |now| now.excess(before));
            if leaks.is_empty() || Instant::now() >= deadline {
                return (now, leaks);
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
    fn one_more_descriptor_is_a_leak_and_a_little_memory_is_not() {
        let before = Footprint([20_000_000, 3, 20, 4]);
        assert!(Footprint([30_000_000, 2, 20, 4]).excess(&before).is_empty());
        let leaks = Footprint([40_000_000, 3, 21, 4]).excess(&before);
        assert_eq!(leaks.len(), 2);
        assert!(leaks[1].contains("21 descriptors"), "{leaks:?}");
    }
}
