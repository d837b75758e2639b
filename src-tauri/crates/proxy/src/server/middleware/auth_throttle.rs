//! Limits log lines about wrong keys to one per minute, whatever the number of attempts.
//!
//! Keys are protected by their length: ours have 192 random bits, and shorter ones are not accepted beyond loopback.
//! So wrong keys are rejected immediately and correct ones never wait.

use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// At most one line per interval.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The peer's address.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Peer(pub(in crate::server) IpAddr);

/// Marks a response whose access log line is suppressed.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct LogSuppressed;

/// Counts wrong keys between log lines.
#[derive(Debug, Default)]
pub(in crate::server) struct AuthThrottle(Mutex<Unlogged>);

#[derive(Debug, Default)]
struct Unlogged {
    last_logged: Option<Instant>,
    count: u64,
}

impl AuthThrottle {
    /// Counts a wrong key, and logs it unless the last line is less than a minute old.
    pub(in crate::server) fn log(&self, from: Option<Peer>) {
        let mut unlogged = self.0.lock();
        if unlogged.last_logged.is_some_and(|logged| logged.elapsed() < LOG_INTERVAL) {
            unlogged.count += 1;
            return;
        }
        let others = std::mem::take(&mut unlogged.count);
        unlogged.last_logged = Some(Instant::now());
        let from = from.map(|Peer(address)| tracing::field::display(address));
        tracing::warn!(from, others, "wrong API key; further ones are only counted for a minute");
    }
}
