//! Deadlines of turns: their total time, and the time codex may stay silent or try to reach upstream again.

use codex_client::{CodexError, FailureKind, Turn, TurnFailure};
use tokio::time::Instant;

use super::Limits;
use super::turns::{Choice, Turns};
use crate::error::Failure;

impl Turns {
    /// The earliest time at which a turn may exceed a limit.
    pub(super) fn next_deadline(&self, limits: &Limits) -> Instant {
        let ends = self.running().filter_map(|choice| Some(choice.started? + limits.turn_timeout));
        let running = || self.running().filter_map(|choice| choice.turn.as_ref());
        // While codex runs a command, silence has no deadline.
        let silent =
            running().map(|turn| turn.idle_since().unwrap_or_else(Instant::now) + limits.idle_timeout);
        let retrying = running().filter_map(|turn| Some(turn.retrying_since()? + limits.retry_timeout));
        silent.chain(retrying).chain(ends).min().unwrap_or_else(|| Instant::now() + limits.turn_timeout)
    }

    fn running(&self) -> impl Iterator<Item = &Choice> {
        self.choices.iter().filter(|choice| choice.is_running())
    }

    /// The failure for the limit that is exceeded, if any.
    pub(super) fn expired(&self, limits: &Limits) -> Option<Failure> {
        if self.running().any(|choice| choice.started.is_some_and(|at| at.elapsed() >= limits.turn_timeout)) {
            return Some(Failure::TooLong(limits.turn_timeout));
        }
        let exceeded = |choice: &&Choice| {
            let since = choice.turn.as_ref().and_then(Turn::retrying_since);
            since.is_some_and(|since| since.elapsed() >= limits.retry_timeout)
        };
        if let Some(choice) = self.choices.iter().find(exceeded) {
            return Some(not_reached(choice));
        }
        let mut running = self.choices.iter().filter_map(|choice| choice.turn.as_ref());
        running
            .any(|turn| turn.idle_since().is_some_and(|since| since.elapsed() >= limits.idle_timeout))
            .then_some(Failure::Silent(limits.idle_timeout))
    }
}

/// The failure of a turn in which codex has retried for too long: what upstream answers, if it answers.
fn not_reached(choice: &Choice) -> Failure {
    let mut failure = choice.retrying.clone().unwrap_or_else(|| TurnFailure {
        kind: FailureKind::Upstream,
        message: String::new(),
        upstream_status: None,
        resets_at: None,
    });
    if failure.kind == FailureKind::Upstream && failure.upstream_status.is_none() {
        failure.kind = FailureKind::Unreachable;
    }
    Failure::Codex(CodexError::Turn(failure))
}
