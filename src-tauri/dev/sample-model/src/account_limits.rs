//! What the account has used of its limits.

use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::unix_seconds;

/// A limit of the account.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// How much is used, from 0 to 100.
    pub used_percent: f64,
    /// The length of its window.
    pub window_minutes: u64,
    /// When the window ends, in Unix seconds.
    pub reset_at: u64,
}

/// The account's limits. [`SampleModel::set_limits`](crate::SampleModel::set_limits) changes them, and so do a prompt's
/// directives.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountLimits {
    /// The first window.
    pub primary: Option<Limit>,
    /// The second one.
    pub secondary: Option<Limit>,
    /// Whether ordinary usage is allowed; `None` to leave it open.
    pub allowed: Option<bool>,
}

impl Limit {
    /// A limit that resets in `reset_seconds`.
    #[must_use]
    pub fn new(used_percent: f64, window_minutes: u64, reset_seconds: u64) -> Self {
        let reset_at = unix_seconds().saturating_add(reset_seconds);
        Self { used_percent, window_minutes, reset_at }
    }

    pub(crate) fn reset_after(&self) -> Duration {
        Duration::from_secs(self.reset_at.saturating_sub(unix_seconds()))
    }

    /// The window of now: the next one, still unused, if it has ended.
    pub(crate) fn current(&self) -> Self {
        match self.reset_after() {
            Duration::ZERO => Self::new(0.0, self.window_minutes, self.window_minutes * 60),
            _ => self.clone(),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({"used_percent": self.used_percent.round() as i64, "limit_window_seconds": self.window_minutes * 60,
            "reset_after_seconds": self.reset_after().as_secs(), "reset_at": self.reset_at})
    }
}

impl Default for AccountLimits {
    fn default() -> Self {
        let hour = 60 * 60;
        Self {
            primary: Some(Limit::new(12.0, 5 * 60, 3 * hour)),
            secondary: Some(Limit::new(38.0, 7 * 24 * 60, 4 * 24 * hour)),
            allowed: Some(true),
        }
    }
}
