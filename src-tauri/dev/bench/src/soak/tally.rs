//! What came of each request, and what went wrong.

use std::collections::{HashMap, HashSet};
use std::fmt;

/// Failures that are listed; the rest is counted.
const MAX_LISTED: usize = 40;

/// What became of a request, as its client saw it: the status of an answer that came to its end, or ended with an error
/// within it; or `None`, when the client hung up or the connection was lost.
pub(super) type Outcome = Option<u16>;

/// The count.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Answers with exactly the text that was expected.
    pub(super) right: u64,
    /// Requests that were refused as they should be.
    pub(super) refused: u64,
    /// Requests that the client gave up.
    pub(super) hung_up: u64,
    /// Answers that a kill of codex has cost.
    pub(super) killed: u64,
    pub(super) failed: u64,
    failures: Vec<String>,
    /// By the id that the client gave the request.
    pub(super) outcomes: HashMap<String, Outcome>,
    /// The ids that the proxy gave its answers.
    answers: HashSet<String>,
}

impl Tally {
    pub(super) fn fail(&mut self, what: impl fmt::Display) {
        self.failed += 1;
        if self.failures.len() < MAX_LISTED {
            self.failures.push(what.to_string());
        }
    }

    /// A failure that comes before all others, because they may come of it.
    pub(super) fn fail_first(&mut self, what: impl fmt::Display) {
        self.failed += 1;
        self.failures.insert(0, what.to_string());
    }

    /// Records the id of an answer, which no other may have.
    pub(super) fn add_answer(&mut self, request: &str, id: &str) {
        if !self.answers.insert(id.to_owned()) {
            self.fail(format_args!("{request}: the answer's id {id} has been given before"));
        }
    }

    /// What went wrong, a line each.
    pub(super) fn failures(&self) -> Vec<String> {
        let more = self.failed.saturating_sub(self.failures.len() as u64);
        let more = (more > 0).then(|| format!("and {more} more"));
        self.failures.iter().cloned().chain(more).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { right, refused, hung_up, killed, failed, .. } = self;
        write!(
            f,
            "{right} answers right, {refused} refused rightly, {hung_up} hung up on, {killed} lost to kills, \
             {failed} wrong"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_beyond_those_that_are_listed() {
        let mut tally = Tally::default();
        tally.add_answer("a", "chatcmpl-1");
        assert_eq!(tally.failed, 0);
        for _ in 0..=MAX_LISTED {
            tally.add_answer("b", "chatcmpl-1");
        }
        assert_eq!(tally.failed, MAX_LISTED as u64 + 1);
        assert_eq!(tally.failures().len(), MAX_LISTED + 1);
        assert_eq!(tally.failures().last().unwrap(), "and 1 more");
        tally.fail_first("codex-proxyd ended by itself");
        assert_eq!(tally.failures()[0], "codex-proxyd ended by itself");
    }
}
