//! When the pieces of a stream arrived.
//!
//! Times are microseconds since the start of the round.

use std::time::Duration;

use anyhow::{Result, anyhow};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout};

use crate::round_spec::{PACE, RoundSpec};

/// A round takes a second, or more with sixty-four streams on a busy machine.
pub(crate) const STREAM_TIMEOUT: Duration = Duration::from_secs(60);
const PACE_MICROS: u64 = PACE.as_micros() as u64;
/// A piece counts as held back if it was this late ...
const LATE: u64 = PACE_MICROS * 3 / 4;
/// ... and this close to its successor.
const TOGETHER: u64 = PACE_MICROS / 4;

/// The streams of a round, all started at the same time.
pub(crate) type Round = Vec<Stream>;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stream {
    /// When each piece of text arrived.
    pub(crate) arrivals: Vec<u64>,
    /// When the end arrived.
    pub(crate) ended: u64,
    /// Emptied by [`Stream::check`].
    pub(crate) text: String,
    pub(crate) failure: Option<String>,
}

impl Stream {
    /// Measures a stream. An error or a timeout becomes its failure.
    pub(crate) async fn measure(fill: impl AsyncFnOnce(&mut Self) -> Result<()>) -> Self {
        let mut stream = Self::default();
        let outcome = timeout(STREAM_TIMEOUT, fill(&mut stream)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(anyhow!("timed out after {STREAM_TIMEOUT:?}")));
        stream.failure = outcome.err().map(|error| format!("{error:#}"));
        stream
    }

    pub(crate) fn push(&mut self, text: &str, now: u64) {
        self.arrivals.push(now);
        self.text.push_str(text);
    }

    /// Checks that the answer is the expected one, and drops its text.
    pub(crate) fn check(&mut self, spec: &RoundSpec) {
        let text = std::mem::take(&mut self.text);
        if self.failure.is_none() && !spec.is_answer(&text) {
            self.failure = Some(format!("incomplete answer: {} bytes", text.len()));
        }
    }

    /// The times between successive pieces.
    pub(crate) fn gaps(&self) -> impl Iterator<Item = u64> + '_ {
        self.arrivals.windows(2).map(|pair| pair[1].saturating_sub(pair[0]))
    }

    /// How far each piece was behind the model's pace.
    ///
    /// The model sends piece n exactly n paces after its first, so arrival times minus the pace are each piece's latency plus a
    /// constant. Lags are relative to the lowest latency. That needs no shared clock, and shows if the first piece was late.
    pub(crate) fn lags(&self) -> Vec<u64> {
        // Counted from the end of the stream, so that no difference is negative.
        let remaining = (1..=self.arrivals.len() as u64).rev();
        let offsets: Vec<u64> =
            self.arrivals.iter().zip(remaining).map(|(&at, n)| at + n * PACE_MICROS).collect();
        let shortest = offsets.iter().min().copied().unwrap_or_default();
        offsets.iter().map(|offset| offset - shortest).collect()
    }

    /// How many pieces were held back until the next one.
    ///
    /// Such a piece is a full pace late and arrives together with its successor. A stall of the machine looks the same, so
    /// compare with the baseline's number, where nothing holds pieces back.
    pub(crate) fn held_back(&self) -> usize {
        self.lags().iter().zip(self.gaps()).filter(|&(&lag, gap)| lag >= LATE && gap < TOGETHER).count()
    }
}

pub(crate) fn micros_since(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;
    use crate::round_spec::WORDS;

    fn stream(arrivals: &[u64]) -> Stream {
        Stream { arrivals: arrivals.to_vec(), ..Stream::default() }
    }

    #[test]
    fn lags_are_relative_to_the_fastest_piece() {
        assert_eq!(stream(&[50_000, 70_000, 90_000]).lags(), [0, 0, 0]);
        // The first piece was 3 ms late, and the third 1 ms.
        assert_eq!(stream(&[53_000, 70_000, 91_000]).lags(), [3_000, 0, 1_000]);
        assert!(stream(&[]).lags().is_empty());
    }

    #[test]
    fn only_a_late_piece_that_arrives_with_its_successor_is_held_back() {
        assert_eq!(stream(&[50_000, 70_000, 90_000]).held_back(), 0);
        assert_eq!(stream(&[50_000, 90_000, 90_000, 110_000]).held_back(), 1);
        // The first piece, too.
        assert_eq!(stream(&[70_000, 70_100, 90_000]).held_back(), 1);
        // Late, but 13 ms before the next: a busy machine.
        assert_eq!(stream(&[50_000, 77_000, 90_000]).held_back(), 0);
    }

    #[tokio::test]
    async fn only_the_expected_answer_passes() {
        let spec = RoundSpec::paced(1);
        let mut whole = Stream::default();
        (1..=WORDS).for_each(|n| whole.push(&format!("word{n} "), 1));
        whole.check(&spec);
        assert_eq!((whole.failure.as_deref(), whole.text.as_str(), whole.arrivals.len()), (None, "", 40));
        let mut other = Stream { text: "word1".into(), ..Stream::default() };
        other.check(&spec);
        assert_eq!(other.failure.as_deref(), Some("incomplete answer: 5 bytes"));
        let mut failed = Stream::measure(async |_| bail!("gone")).await;
        failed.check(&spec);
        assert_eq!(failed.failure.as_deref(), Some("gone"));
    }
}
