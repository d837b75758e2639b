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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Footprint {
    threads: usize,
    descriptors: usize,
    children: usize,
    resident: u64,
}

impl Footprint {
    pub(super) fn of(pid: u32) -> Option<Self> {
        Some(Self {
            threads: processes::count(pid, "task")?,
            descriptors: processes::count(pid, "fd")?,
            children: processes::children(pid).len(),
            resident: processes::memory(pid)?.resident,
        })
    }

    /// What is more than before; nothing when nothing is.
    fn beyond(&self, before: &Self) -> Vec<String> {
        let most = before.resident + before.resident * MAX_GROWTH_PERCENT / 100 + MAX_GROWTH;
        let counts = [
            ("threads", self.threads as u64, before.threads as u64),
            ("descriptors", self.descriptors as u64, before.descriptors as u64),
            ("child processes", self.children as u64, before.children as u64),
            ("bytes resident", self.resident, most),
        ];
        let leaks = counts.into_iter().filter(|(_, now, most)| now > most);
        leaks.map(|(what, now, most)| format!("leaked: {now} {what}, at most {most} expected")).collect()
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
        let Self { threads, descriptors, children, resident } = self;
        let megabytes = *resident as f64 / 1e6;
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
        let before = Footprint { threads: 3, descriptors: 20, children: 4, resident: 20_000_000 };
        let after = Footprint { resident: 30_000_000, threads: 2, ..before };
        assert!(after.beyond(&before).is_empty());
        let after = Footprint { descriptors: 21, resident: 40_000_000, ..before };
        assert_eq!(after.beyond(&before).len(), 2);
        assert!(after.beyond(&before)[0].contains("21 descriptors"));
    }
}
