//! The time, for what is shown or compared with a time from elsewhere.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time, in Unix seconds.
#[must_use]
pub fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}
