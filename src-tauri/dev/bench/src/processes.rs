//! What the system says of a running process: its time on a CPU, its memory, its children.
//!
//! Read from Linux's /proc; on other systems every question is answered with `None`, and the table says n/a. Nothing is
//! estimated where nothing can be read.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use serde::Serialize;

/// A process's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Memory {
    /// Bytes resident now.
    pub(crate) resident: u64,
    /// Bytes resident at most, so far.
    pub(crate) peak: u64,
}

/// Reads the time that a process has spent on a CPU, its threads that have ended included.
#[derive(Debug)]
pub(crate) struct CpuClock {
    pid: u32,
    /// Nanoseconds by thread, as last seen. A thread that has ended keeps its number.
    threads: BTreeMap<u32, u64>,
}

impl CpuClock {
    pub(crate) fn of(pid: u32) -> Self {
        Self { pid, threads: BTreeMap::new() }
    }

    /// The time so far. The difference between two readings is what counts.
    pub(crate) fn read(&mut self) -> Option<Duration> {
        self.by_thread().or_else(|| self.by_tick())
    }

    /// The scheduler's own count, in nanoseconds: a stream takes single milliseconds, and a tick is ten.
    fn by_thread(&mut self) -> Option<Duration> {
        for entry in fs::read_dir(format!("/proc/{}/task", self.pid)).ok()?.flatten() {
            let thread = entry.file_name().to_str().and_then(|name| name.parse().ok());
            // A thread may end between being listed and being read.
            let text = fs::read_to_string(entry.path().join("schedstat"));
            if let (Some(thread), Some(time)) = (thread, text.ok().as_deref().and_then(on_cpu)) {
                self.threads.insert(thread, time);
            }
        }
        (!self.threads.is_empty()).then(|| Duration::from_nanos(self.threads.values().sum()))
    }

    /// `utime` and `stime`, for a kernel that does not tell the above.
    fn by_tick(&self) -> Option<Duration> {
        let status = Status::of_stat(&fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?)?;
        Some(Duration::from_secs_f64(status.ticks as f64 / ticks_per_second()? as f64))
    }
}

#[cfg(target_os = "linux")]
fn ticks_per_second() -> Option<u64> {
    Some(rustix::param::clock_ticks_per_second())
}

#[cfg(not(target_os = "linux"))]
fn ticks_per_second() -> Option<u64> {
    None
}

/// The memory of a process.
pub(crate) fn memory(pid: u32) -> Option<Memory> {
    memory_of_status(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

/// Memory that a process has to itself, and its share of what it has with others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Private {
    /// Bytes that are its own and were written to: what would be free if it were not there.
    pub(crate) dirty: u64,
    /// Bytes, each shared page counted by its part (PSS).
    pub(crate) share: u64,
}

impl std::iter::Sum for Private {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            dirty: sum.dirty + one.dirty,
            share: sum.share + one.share,
        })
    }
}

/// The memory that a process has to itself.
pub(crate) fn private(pid: u32) -> Option<Private> {
    private_of_rollup(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?)
}

fn private_of_rollup(text: &str) -> Option<Private> {
    Some(Private { dirty: bytes(text, "Private_Dirty:")?, share: bytes(text, "Pss:")? })
}

/// How often the threads of a process have been put on a CPU: every wake-up, and every time that another had to wait for them.
pub(crate) fn switches(pid: u32) -> Option<u64> {
    let mut sum = None;
    for entry in fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
        // A thread may end between being listed and being read.
        let Ok(text) = fs::read_to_string(entry.path().join("status")) else { continue };
        let counts = text.lines().filter_map(|line| line.split_once("ctxt_switches:"));
        let counted: u64 = counts.filter_map(|(_, count)| count.trim().parse::<u64>().ok()).sum();
        sum = Some(sum.unwrap_or(0) + counted);
    }
    sum
}

/// The processes that a process has started, and those that they have.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let stats = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        Some((pid, Status::of_stat(&stat)?.parent))
    });
    let stats: Vec<(u32, u32)> = stats.collect();
    let mut found = vec![parent];
    let mut next = 0;
    while let Some(of) = found.get(next).copied() {
        found.extend(stats.iter().filter(|(_, parent)| *parent == of).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}

/// The child of `parent` whose program has this name.
pub(crate) fn child_named(parent: u32, name: &str) -> Option<u32> {
    children_named(parent, name).first().copied()
}

/// The children of `parent` whose program has this name.
pub(crate) fn children_named(parent: u32, name: &str) -> Vec<u32> {
    let children = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let status = Status::of_stat(&fs::read_to_string(entry.path().join("stat")).ok()?)?;
        (status.parent == parent && status.name == name).then_some(pid)
    });
    children.collect()
}

/// Whether there is such a process; one that has ended and was not waited for is none.
pub(crate) fn is_there(pid: u32) -> bool {
    memory(pid).is_some()
}

/// How many threads a process has.
pub(crate) fn threads(pid: u32) -> Option<usize> {
    Some(fs::read_dir(format!("/proc/{pid}/task")).ok()?.count())
}

/// How many files, sockets and pipes a process has open.
pub(crate) fn descriptors(pid: u32) -> Option<usize> {
    Some(fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count())
}

/// What is used of /proc/PID/stat.
#[derive(Debug, PartialEq, Eq)]
struct Status {
    name: String,
    parent: u32,
    ticks: u64,
}

impl Status {
    fn of_stat(text: &str) -> Option<Self> {
        // A name may hold spaces and brackets itself; the last bracket is the one that ends it.
        let (front, rest) = text.rsplit_once(')')?;
        let name = front.split_once('(')?.1.to_owned();
        // From here on the fields are counted from the third one of proc(5), the state.
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        let parent = u32::try_from(number(1)?).ok()?;
        Some(Self { name, parent, ticks: number(11)? + number(12)? })
    }
}

/// The first number of schedstat: nanoseconds on a CPU.
fn on_cpu(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().next()?.parse().ok()
}

fn memory_of_status(text: &str) -> Option<Memory> {
    Some(Memory { resident: bytes(text, "VmRSS:")?, peak: bytes(text, "VmHWM:")? })
}

/// The number of kilobytes on the line that begins with `name`, in bytes.
fn bytes(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_even_when_the_name_is_made_to_confuse() {
        let text = "12 (a) b (c) S 7 12 12 0 -1 4194560 100 0 0 0 250 31 0 0 20 0 5 0 1000 1 2";
        let expected = Status { name: "a) b (c".into(), parent: 7, ticks: 281 };
        assert_eq!(Status::of_stat(text), Some(expected));
        assert_eq!(Status::of_stat("12 (a) S 7"), None);
        assert_eq!(Status::of_stat(""), None);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let text = "Name:\tcodex-proxyd\nVmPeak:\t  900 kB\nVmHWM:\t   12345 kB\nVmRSS:\t    2000 kB\n";
        assert_eq!(memory_of_status(text), Some(Memory { resident: 2_048_000, peak: 12_641_280 }));
        // A process that has ended and was not waited for has no memory.
        assert_eq!(memory_of_status("Name:\tgone\nState:\tZ (zombie)\n"), None);
    }

    #[test]
    fn the_time_on_a_cpu_is_the_first_number() {
        assert_eq!(on_cpu("134998319 983539 26\n"), Some(134_998_319));
        assert_eq!(on_cpu(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_can_be_read() {
        let pid = std::process::id();
        let mut clock = CpuClock::of(pid);
        assert!(clock.read().is_some());
        assert!(clock.by_tick().is_some());
        let memory = memory(pid).unwrap();
        assert!(memory.resident > 0 && memory.peak >= memory.resident);
        assert_eq!(child_named(pid, "no such program"), None);
        let private = private(pid).unwrap();
        assert!(private.dirty > 0 && private.share > 0 && private.dirty <= memory.resident);
        assert!(switches(pid).unwrap() > 0);
        assert!(is_there(pid) && threads(pid).unwrap() > 0 && descriptors(pid).unwrap() > 2);
        assert!(!is_there(u32::MAX) && descriptors(u32::MAX).is_none());
        let parent = std::os::unix::process::parent_id();
        assert!(children(parent).contains(&pid) && !children(pid).contains(&pid));
    }
}
