//! How long turns are waited for: to their end, and for the next word of codex.

use tokio::time::Instant;

use super::{Limits, Turns};
use crate::error::Failure;

impl Turns {
    /// When the next limit may be exceeded: one of the turns may have been silent for too long, or all have taken too long.
    pub(super) fn next_deadline(&self, limits: &Limits) -> Instant {
        let end = self.begun + limits.turn;
        let running = self.choices.iter().filter_map(|choice| choice.turn.as_ref());
        // While codex runs something itself, its next word has no deadline.
        let silent = running.map(|turn| turn.idle_since().unwrap_or_else(Instant::now) + limits.silence);
        silent.chain([end]).min().unwrap_or(end)
    }

    /// The limit that is exceeded, if one is.
    pub(super) fn expired(&self, limits: &Limits) -> Option<Failure> {
        if self.begun.elapsed() >= limits.turn {
            return Some(Failure::TooLong(limits.turn));
        }
        let mut running = self.choices.iter().filter_map(|choice| choice.turn.as_ref());
        running
            .any(|turn| turn.idle_since().is_some_and(|since| since.elapsed() >= limits.silence))
            .then_some(Failure::Silent(limits.silence))
    }
}
