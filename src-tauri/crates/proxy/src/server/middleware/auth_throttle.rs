//! Keeps the log short while someone tries keys: a line a minute, whoever tries and however often.
//!
//! What protects a key is its length: one of ours has 192 random bits, and a shorter one of the user's is not accepted beyond
//! loopback. So a wrong key is refused at once, and a right one never waits.

use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How often a wrong key is logged.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Where a request came from.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Peer(pub(in crate::server) IpAddr);

/// Marks a refusal that gets no line in the log besides the one a minute.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct LogSuppressed;

/// The wrong keys since the last line in the log.
#[derive(Debug, Default)]
pub(in crate::server) struct WrongKeys(Mutex<Unlogged>);

#[derive(Debug, Default)]
struct Unlogged {
    last_logged: Option<Instant>,
    count: u64,
}

impl WrongKeys {
    /// Counts a wrong key, and logs it unless one was logged within the last minute.
    pub(in crate::server) fn log(&self, from: Option<Peer>) {
        let mut unlogged = self.0.lock();
        if unlogged.last_logged.is_some_and(|logged| logged.elapsed() < LOG_INTERVAL) {
            unlogged.count += 1;
            return;
        }
        let others = std::mem::take(&mut unlogged.count);
        unlogged.last_logged = Some(Instant::now());
        let from = from.map(|Peer(address)| tracing::field::display(address));
        tracing::warn!(from, others, "a wrong key; the next minute's are only counted");
    }
}
