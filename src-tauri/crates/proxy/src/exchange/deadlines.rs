//! Deadlines of turns: their total time, and the time codex may stay silent.

use tokio::time::Instant;

use super::{Limits, Turns};
use crate::error::Failure;

impl Turns {
    /// The earliest time at which a turn may exceed a limit.
    pub(super) fn next_deadline(&self, limits: &Limits) -> Instant {
        let end = self.started + limits.turn_timeout;
        let running = self.choices.iter().filter_map(|choice| choice.turn.as_ref());
        // While codex runs a command, silence has no deadline.
        let silent = running.map(|turn| turn.idle_since().unwrap_or_else(Instant::now) + limits.idle_timeout);
        silent.chain([end]).min().unwrap_or(end)
    }

    /// The failure for the limit that is exceeded, if any.
    pub(super) fn expired(&self, limits: &Limits) -> Option<Failure> {
        if self.started.elapsed() >= limits.turn_timeout {
            return Some(Failure::TooLong(limits.turn_timeout));
        }
        let mut running = self.choices.iter().filter_map(|choice| choice.turn.as_ref());
        running
            .any(|turn| turn.idle_since().is_some_and(|since| since.elapsed() >= limits.idle_timeout))
            .then_some(Failure::Silent(limits.idle_timeout))
    }
}
