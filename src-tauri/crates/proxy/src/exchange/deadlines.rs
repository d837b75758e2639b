//! How long turns are waited for: to their end, and for the next word of codex.

use tokio::time::Instant;

use super::Exchange;
use crate::error::Failure;

impl Exchange {
    /// When the turns have to be looked at: one of them may have been silent for too long by then, or all have taken too long.
    pub(super) fn due(&self) -> Instant {
        let limit = self.begun + self.turn_limit;
        let running = self.choices.iter().filter_map(|choice| choice.turn.as_ref());
        // While codex is at work on something of its own nobody knows when it will speak again.
        let silent =
            running.map(|turn| turn.silent_since().unwrap_or_else(Instant::now) + self.silence_limit);
        silent.chain([limit]).min().unwrap_or(limit)
    }

    /// What has taken too long, if anything has.
    pub(super) fn overdue(&self) -> Option<Failure> {
        if self.begun.elapsed() >= self.turn_limit {
            return Some(Failure::TooLong(self.turn_limit));
        }
        let mut running = self.choices.iter().filter_map(|choice| choice.turn.as_ref());
        running
            .any(|turn| turn.silent_since().is_some_and(|since| since.elapsed() >= self.silence_limit))
            .then_some(Failure::Silent(self.silence_limit))
    }
}
