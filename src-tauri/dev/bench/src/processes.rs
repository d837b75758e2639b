//! CPU time, memory and children of a process, from Linux's /proc.
//!
//! On other systems everything is `None`, and the table shows n/a.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

use serde::Serialize;

/// Memory of a process in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Memory {
    pub(crate) resident: u64,
    pub(crate) peak: u64,
}

/// Reads the CPU time of a process, including its exited threads.
pub(crate) struct CpuClock {
    pid: Option<u32>,
    /// Nanoseconds by thread, as last read; exited threads keep theirs.
    threads: BTreeMap<String, u64>,
}

impl CpuClock {
    pub(crate) fn new(pid: Option<u32>) -> Self {
        Self { pid, threads: BTreeMap::new() }
    }

    /// Microseconds so far. Uses `schedstat`, because `stat` counts ticks of ten milliseconds and a stream takes a few.
    pub(crate) fn read(&mut self) -> Option<u64> {
        for (thread, text) in files(&format!("/proc/{}/task", self.pid?), "schedstat")? {
            let time = text.split_whitespace().next().and_then(|time| time.parse().ok());
            self.threads.insert(thread, time.unwrap_or_default());
        }
        (!self.threads.is_empty()).then(|| self.threads.values().sum::<u64>() / 1000)
    }
}

pub(crate) fn memory(pid: u32) -> Option<Memory> {
    let status = file(pid, "status")?;
    Some(Memory { resident: parse_kilobytes(&status, "VmRSS")?, peak: parse_kilobytes(&status, "VmHWM")? })
}

/// The sum of a field of `smaps_rollup` over processes, in bytes: `Private_Dirty` is what would be free without them; `Pss`
/// counts a shared page proportionally.
pub(crate) fn smaps_rollup(pids: impl IntoIterator<Item = u32>, name: &str) -> Option<u64> {
    pids.into_iter().map(|pid| parse_kilobytes(&file(pid, "smaps_rollup")?, name)).sum()
}

/// How often the scheduler ran threads of a process: wake-ups and returns from preemption.
pub(crate) fn context_switches(pid: u32) -> Option<u64> {
    let counts = files(&format!("/proc/{pid}/task"), "schedstat")?.into_iter();
    Some(counts.filter_map(|(_, text)| text.split_whitespace().nth(2)?.parse::<u64>().ok()).sum())
}

/// Children of a process, and theirs.
pub(crate) fn descendants(parent: u32) -> Vec<u32> {
    let own = direct_children(parent);
    let below: Vec<u32> = own.iter().flat_map(|child| descendants(*child)).collect();
    [own, below].concat()
}

/// Children of `parent` with this program name, by pid.
pub(crate) fn children_named(parent: u32, name: &str) -> Vec<u32> {
    let is_it =
        |pid: &u32| file(*pid, "status").as_deref().and_then(|text| field(text, "Name")) == Some(name);
    direct_children(parent).into_iter().filter(is_it).collect()
}

/// Sends a signal such as `TERM`, and returns whether that worked. Uses the shell's `kill` to avoid unsafe code.
pub(crate) fn signal(pid: u32, name: &str) -> bool {
    let mut kill = Command::new("/bin/sh");
    kill.args(["-c", r#"kill -s "$0" "$1""#, name, &pid.to_string()]).stderr(Stdio::null());
    kill.status().is_ok_and(|status| status.success())
}

/// Counts the entries of a folder of a process: `task` for its threads, `fd` for its open descriptors.
pub(crate) fn entry_count(pid: u32, folder: &str) -> Option<u64> {
    Some(fs::read_dir(format!("/proc/{pid}/{folder}")).ok()?.count() as u64)
}

fn direct_children(parent: u32) -> Vec<u32> {
    let parent = parent.to_string();
    let processes = files("/proc", "status").unwrap_or_default().into_iter();
    let children = processes.filter(|(_, status)| field(status, "PPid") == Some(&parent));
    let mut children: Vec<u32> = children.filter_map(|(pid, _)| pid.parse().ok()).collect();
    children.sort_unstable();
    children
}

/// Reads the file of this name in each subfolder, skipping processes that exit meanwhile.
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

/// The value on the line that starts with the name and a colon.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

fn parse_kilobytes(text: &str, name: &str) -> Option<u64> {
    Some(field(text, name)?.strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_parsed_in_bytes_and_fields_by_their_full_name() {
        let text = "Name:\ta) b (c\nPPid:\t7\nVmPeak:\t  900 kB\nVmHWM:\t   12345 kB\nVmRSS:\t    2000 kB\n";
        assert_eq!(
            (parse_kilobytes(text, "VmRSS"), parse_kilobytes(text, "VmHWM")),
            (Some(2_048_000), Some(12_641_280))
        );
        assert_eq!((field(text, "Name"), field(text, "PPid")), (Some("a) b (c"), Some("7")));
        // A zombie has no memory.
        assert_eq!(parse_kilobytes("Name:\tgone\nState:\tZ (zombie)\n", "VmRSS"), None);
        assert_eq!(field("PPid:\t7\n", "PP"), None);
    }

    // Linux only: it reads /proc.
    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_can_be_measured() {
        let pid = std::process::id();
        assert!(CpuClock::new(Some(pid)).read().is_some());
        let memory = memory(pid).unwrap();
        assert!(memory.resident > 0 && memory.peak >= memory.resident);
        assert!(children_named(pid, "no such program").is_empty());
        let dirty = smaps_rollup([pid], "Private_Dirty").unwrap();
        assert!(dirty > 0 && smaps_rollup([pid], "Pss").unwrap() > 0 && dirty <= memory.resident);
        assert_eq!(smaps_rollup([pid, u32::MAX], "Pss"), None);
        assert!(context_switches(pid).unwrap() > 0);
        assert!(entry_count(pid, "task").unwrap() > 0 && entry_count(pid, "fd").unwrap() > 2);
        assert!(super::memory(u32::MAX).is_none() && entry_count(u32::MAX, "fd").is_none());
        let parent = std::os::unix::process::parent_id();
        assert!(descendants(parent).contains(&pid) && !descendants(pid).contains(&pid));
    }

    // Linux only: it reads /proc.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_child_is_found_by_its_program_name() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        // The name changes shortly after the spawn returns.
        let mut attempts = (0..1_000).map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(5));
            children_named(std::process::id(), "sleep")
        });
        let found = attempts.find(|found| !found.is_empty()).unwrap_or_default();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found.contains(&child.id()), "{found:?}");
    }
}
