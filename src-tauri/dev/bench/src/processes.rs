//! What the system says of a running process: its time on a CPU, its memory, its children.
//!
//! Read from Linux's /proc; on other systems every answer is `None`, and the table says n/a. Nothing is estimated where
//! nothing can be read.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

use serde::Serialize;

/// Bytes of memory of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Memory {
    /// Resident now.
    pub(crate) resident: u64,
    /// Resident at most, so far.
    pub(crate) peak: u64,
}

/// Reads the time that a process has spent on a CPU, its threads that have ended included.
pub(crate) struct CpuClock {
    pid: Option<u32>,
    /// Nanoseconds by thread, as last seen. A thread that has ended keeps its number.
    threads: BTreeMap<String, u64>,
}

impl CpuClock {
    pub(crate) fn new(pid: Option<u32>) -> Self {
        Self { pid, threads: BTreeMap::new() }
    }

    /// Microseconds so far; the difference between two readings is what counts. It is the scheduler's own count in
    /// nanoseconds: a stream takes single milliseconds, and a tick of `stat` is ten.
    pub(crate) fn read(&mut self) -> Option<u64> {
        for (thread, text) in files(&format!("/proc/{}/task", self.pid?), "schedstat")? {
            let time = text.split_whitespace().next().and_then(|time| time.parse().ok());
            self.threads.insert(thread, time.unwrap_or_default());
        }
        (!self.threads.is_empty()).then(|| self.threads.values().sum::<u64>() / 1000)
    }
}

/// The memory of a process.
pub(crate) fn memory(pid: u32) -> Option<Memory> {
    let status = file(pid, "status")?;
    Some(Memory { resident: kilobytes(&status, "VmRSS")?, peak: kilobytes(&status, "VmHWM")? })
}

/// Bytes of these processes by a name of `smaps_rollup`, added up: `Private_Dirty` is their own and written to, which is what
/// would be free without them; in `Pss` each shared page is counted by its part.
pub(crate) fn rollup(pids: impl IntoIterator<Item = u32>, name: &str) -> Option<u64> {
    pids.into_iter().map(|pid| kilobytes(&file(pid, "smaps_rollup")?, name)).sum()
}

/// How often the threads of a process have been put on a CPU: every wake-up, and every time after another's turn.
pub(crate) fn switches(pid: u32) -> Option<u64> {
    let counts = files(&format!("/proc/{pid}/task"), "schedstat")?.into_iter();
    Some(counts.filter_map(|(_, text)| text.split_whitespace().nth(2)?.parse::<u64>().ok()).sum())
}

/// The processes that a process has started, and those that they have.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let own = own_children(parent);
    let below: Vec<u32> = own.iter().flat_map(|child| children(*child)).collect();
    [own, below].concat()
}

/// The children of `parent` whose program has this name, by age.
pub(crate) fn children_named(parent: u32, name: &str) -> Vec<u32> {
    let is_it =
        |pid: &u32| file(*pid, "status").as_deref().and_then(|text| field(text, "Name")) == Some(name);
    own_children(parent).into_iter().filter(is_it).collect()
}

/// Sends a process a signal, such as `TERM`; false where that cannot be done. The shell knows how on every Unix.
pub(crate) fn signal(pid: u32, name: &str) -> bool {
    let mut kill = Command::new("/bin/sh");
    kill.args(["-c", r#"kill -s "$0" "$1""#, name, &pid.to_string()]).stderr(Stdio::null());
    kill.status().is_ok_and(|status| status.success())
}

/// How many entries a folder of a process has: of `task`, its threads; of `fd`, what it has open.
pub(crate) fn count(pid: u32, folder: &str) -> Option<u64> {
    Some(fs::read_dir(format!("/proc/{pid}/{folder}")).ok()?.count() as u64)
}

fn own_children(parent: u32) -> Vec<u32> {
    let parent = parent.to_string();
    let processes = files("/proc", "status").unwrap_or_default().into_iter();
    let children = processes.filter(|(_, status)| field(status, "PPid") == Some(&parent));
    let mut children: Vec<u32> = children.filter_map(|(pid, _)| pid.parse().ok()).collect();
    children.sort_unstable();
    children
}

/// The file of this name in each folder of a folder. What ends between being listed and being read has none.
fn files(folder: &str, name: &str) -> Option<Vec<(String, String)>> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let files = entries.filter_map(|entry| {
        Some((entry.file_name().into_string().ok()?, fs::read_to_string(entry.path().join(name)).ok()?))
    });
    Some(files.collect())
}

fn file(pid: u32, name: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/{name}")).ok()
}

/// The value on the line that begins with a name and a colon.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    Some(field(text, name)?.strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes_and_numbers_by_their_whole_name() {
        let text = "Name:\ta) b (c\nPPid:\t7\nVmPeak:\t  900 kB\nVmHWM:\t   12345 kB\nVmRSS:\t    2000 kB\n";
        assert_eq!((kilobytes(text, "VmRSS"), kilobytes(text, "VmHWM")), (Some(2_048_000), Some(12_641_280)));
        assert_eq!((field(text, "Name"), field(text, "PPid")), (Some("a) b (c"), Some("7")));
        // A process that has ended and was not waited for has no memory.
        assert_eq!(kilobytes("Name:\tgone\nState:\tZ (zombie)\n", "VmRSS"), None);
        assert_eq!(field("PPid:\t7\n", "PP"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_can_be_read() {
        let pid = std::process::id();
        assert!(CpuClock::new(Some(pid)).read().is_some());
        let memory = memory(pid).unwrap();
        assert!(memory.resident > 0 && memory.peak >= memory.resident);
        assert!(children_named(pid, "no such program").is_empty());
        let dirty = rollup([pid], "Private_Dirty").unwrap();
        assert!(dirty > 0 && rollup([pid], "Pss").unwrap() > 0 && dirty <= memory.resident);
        assert_eq!(rollup([pid, u32::MAX], "Pss"), None);
        assert!(switches(pid).unwrap() > 0);
        assert!(count(pid, "task").unwrap() > 0 && count(pid, "fd").unwrap() > 2);
        assert!(super::memory(u32::MAX).is_none() && count(u32::MAX, "fd").is_none());
        let parent = std::os::unix::process::parent_id();
        assert!(children(parent).contains(&pid) && !children(pid).contains(&pid));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_child_is_found_by_the_name_of_its_program() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let found = children_named(std::process::id(), "sleep");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found.contains(&child.id()), "{found:?}");
    }
}
