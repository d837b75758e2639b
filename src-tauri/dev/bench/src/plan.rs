//! How much is measured: the numbers of rounds, from the options.

/// Rounds without a pause between them. The one before them, which does come after a pause, is not counted.
pub(crate) const IN_A_ROW: u32 = 5;

/// How much is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Rounds of one stream.
    pub(crate) rounds: u32,
    /// Runs of `codex exec`.
    execs: u32,
    /// Rows of [`IN_A_ROW`] rounds.
    pub(crate) rows: u32,
    /// Rounds of many streams.
    pub(crate) at_once: u32,
    /// Requests to codex-proxyd alone, one after the other.
    pub(crate) in_a_row: u32,
    /// Rounds of eight streams on codex-proxyd alone: of so few streams the slowest of a hundred is the slowest of all.
    pub(crate) eights: u32,
}

impl Plan {
    pub(crate) fn new(rounds: Option<u32>, quick: bool) -> Self {
        let rounds = rounds.unwrap_or(if quick { 5 } else { 20 });
        Self {
            rounds,
            execs: rounds.div_ceil(4).min(5),
            rows: rounds.div_ceil(IN_A_ROW),
            at_once: if quick { 2 } else { 5 },
            in_a_row: if quick { 300 } else { 1_000 },
            eights: if quick { 5 } else { 25 },
        }
    }

    /// Whether `codex exec` runs after this round: its runs are spread over the whole time.
    pub(crate) fn is_exec_due(&self, round: u32) -> bool {
        let after = |round: u32| u64::from(round) * u64::from(self.execs) / u64::from(self.rounds);
        after(round + 1) > after(round)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runs_of_exec_are_spread_over_the_rounds() {
        for (rounds, quick, expected) in
            [(None, false, 5), (None, true, 2), (Some(1), false, 1), (Some(100), false, 5)]
        {
            let plan = Plan::new(rounds, quick);
            let due: Vec<u32> = (0..plan.rounds).filter(|&round| plan.is_exec_due(round)).collect();
            assert_eq!((due.len(), due.last().copied()), (expected, Some(plan.rounds - 1)));
        }
        assert!(Plan::new(None, true).at_once < Plan::new(None, false).at_once);
    }
}
