//! The requests of each key in the last minute, in memory. The next minute needs none of it, so no file keeps it.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// The period of the limit of requests.
const MINUTE: Duration = Duration::from_secs(60);

/// The requests of the last minute, by the digest of the key. A key's limit bounds them.
#[derive(Debug, Default)]
pub struct RecentRequests(Mutex<HashMap<String, VecDeque<Instant>>>);

/// A key's limit of requests and what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestAllowance {
    /// How many requests are left now.
    pub remaining: u32,
    /// How long until none of the last minute counts any more.
    pub reset: Duration,
}

impl RecentRequests {
    /// Counts a request of the key with this digest, which may make `limit` within a minute.
    ///
    /// # Errors
    /// When it has made that many: how long until it may make another one.
    pub fn count(&self, key: &str, limit: u32, now: Instant) -> Result<(), Duration> {
        let mut requests = self.0.lock();
        let made = recent(&mut requests, key, now);
        if let Some(over) = made.len().checked_sub(limit as usize) {
            // The limit may have been lowered since.
            let frees = made.get(over).map_or(MINUTE, |at| (*at + MINUTE).saturating_duration_since(now));
            return Err(frees);
        }
        made.push_back(now);
        Ok(())
    }

    /// How many requests of the key with this digest were counted in the last minute.
    #[must_use]
    pub fn number(&self, key: &str) -> u32 {
        let mut requests = self.0.lock();
        u32::try_from(recent(&mut requests, key, Instant::now()).len()).unwrap_or(u32::MAX)
    }

    /// What is left of a key's limit of requests within a minute.
    #[must_use]
    pub fn allowance(&self, key: &str, limit: u32, now: Instant) -> RequestAllowance {
        let mut requests = self.0.lock();
        let made = recent(&mut requests, key, now);
        RequestAllowance {
            remaining: limit.saturating_sub(u32::try_from(made.len()).unwrap_or(u32::MAX)),
            reset: made.back().map_or(Duration::ZERO, |at| (*at + MINUTE).saturating_duration_since(now)),
        }
    }
}

/// The requests of the last minute; those of other keys without any are forgotten.
fn recent<'a>(
    requests: &'a mut HashMap<String, VecDeque<Instant>>,
    key: &str,
    now: Instant,
) -> &'a mut VecDeque<Instant> {
    requests.retain(|_, made| {
        while made.front().is_some_and(|at| now.saturating_duration_since(*at) >= MINUTE) {
            made.pop_front();
        }
        !made.is_empty()
    });
    requests.entry(key.to_owned()).or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_count_for_a_minute() {
        let used = RecentRequests::default();
        let step = Duration::from_secs(10);
        for _ in 0..3 {
            assert_eq!(used.count("a", 3, Instant::now()), Ok(()));
            tokio::time::advance(step).await;
        }
        assert_eq!(used.count("a", 3, Instant::now()), Err(3 * step));
        assert_eq!(used.count("b", 3, Instant::now()), Ok(()));
        let allowance = used.allowance("a", 5, Instant::now());
        assert_eq!(allowance, RequestAllowance { remaining: 2, reset: 5 * step });
        // Lowered: the third of the last minute must be over.
        assert_eq!(used.count("a", 1, Instant::now()), Err(5 * step));
        tokio::time::advance(3 * step).await;
        assert_eq!(used.count("a", 3, Instant::now()), Ok(()));
        tokio::time::advance(6 * step).await;
        assert_eq!(
            used.allowance("a", 3, Instant::now()),
            RequestAllowance { remaining: 3, reset: Duration::ZERO }
        );
        assert!(used.0.lock().len() <= 1, "keys without recent requests are forgotten");
    }
}
