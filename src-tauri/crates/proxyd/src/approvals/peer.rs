//! Who connects.

#[cfg(unix)]
pub(super) use unix::is_ours;

use interprocess::local_socket::tokio::Stream;

#[cfg(windows)]
pub(super) async fn is_ours(_: &Stream) -> bool {
    false
}

#[cfg(unix)]
mod unix {
    use super::Stream;

    /// How far up the ancestors are followed.
    const MAX_ANCESTORS: usize = 64;

    /// Whether the other end was started by this program: a command of codex's, which must not answer its own question. In its
    /// sandbox it can connect only where it may use the network.
    pub(in super::super) async fn is_ours(stream: &Stream) -> bool {
        let Stream::UdSocket(socket) = stream;
        // Of tokio, since interprocess does not tell it on macOS.
        let pid = socket.inner().peer_cred().ok().and_then(|peer| peer.pid());
        let Some(mut pid) = pid.and_then(|pid| u32::try_from(pid).ok()) else { return true };
        for _ in 0..MAX_ANCESTORS {
            if pid == std::process::id() {
                return true;
            }
            match parent(pid).await {
                Some(parent) if parent > 1 => pid = parent,
                // Gone, and so is the client, or at the top.
                _ => return false,
            }
        }
        true
    }

    #[cfg(target_os = "linux")]
    async fn parent(pid: u32) -> Option<u32> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
    }

    #[cfg(not(target_os = "linux"))]
    use parent_by_ps as parent;

    /// macOS has no `/proc`.
    #[cfg(any(not(target_os = "linux"), test))]
    async fn parent_by_ps(pid: u32) -> Option<u32> {
        use std::ops::ControlFlow;
        use std::time::Duration;

        use codex_client::{Environment, LineCommand, run_program};

        /// It answers at once.
        const PS_TIMEOUT: Duration = Duration::from_secs(5);

        let ps = LineCommand {
            program: "/bin/ps".into(),
            args: ["-o", "ppid=", "-p", &pid.to_string()].map(str::to_owned).into(),
            environment: Environment::default(),
            folder: "/".into(),
        };
        let mut output = Vec::new();
        let read = run_program(&ps, b"", PS_TIMEOUT, |piece| {
            output.extend_from_slice(piece);
            ControlFlow::Continue(())
        });
        read.await.ok()?;
        std::str::from_utf8(&output).ok()?.trim().parse().ok()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[tokio::test]
        async fn a_parent_is_found_without_proc_too() {
            let own = std::process::id();
            assert_eq!(parent_by_ps(own).await, Some(std::os::unix::process::parent_id()));
            assert_eq!(parent(own).await, parent_by_ps(own).await);
            assert_eq!(parent_by_ps(u32::MAX >> 1).await, None);
        }
    }
}
