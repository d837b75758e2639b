//! Wall-clock time, for display and comparison with external times.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The current time in Unix seconds.
#[must_use]
pub fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}
