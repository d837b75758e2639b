//! Who connects.

use interprocess::local_socket::tokio::Stream;
#[cfg(target_os = "linux")]
use interprocess::local_socket::tokio::prelude::*;

/// How far up the ancestors are followed.
#[cfg(target_os = "linux")]
const MAX_ANCESTORS: usize = 64;

/// Whether the other end was started by this program: a command of codex's, which must not answer its own question. In its sandbox
/// it can connect only where it may use the network.
#[cfg(target_os = "linux")]
pub(super) fn is_ours(stream: &Stream) -> bool {
    let pid = stream.peer_creds().ok().and_then(|peer| peer.pid());
    let Some(mut pid) = pid.and_then(|pid| u32::try_from(pid).ok()) else { return true };
    for _ in 0..MAX_ANCESTORS {
        if pid == std::process::id() {
            return true;
        }
        match parent(pid) {
            Some(parent) if parent > 1 => pid = parent,
            // Gone, and so is the client, or at the top.
            _ => return false,
        }
    }
    true
}

#[cfg(not(target_os = "linux"))]
pub(super) fn is_ours(_: &Stream) -> bool {
    false
}

#[cfg(target_os = "linux")]
fn parent(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}
