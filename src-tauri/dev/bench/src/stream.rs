//! What was seen of one stream, whichever way it came, and what can be read off it.
//!
//! Times are microseconds since the round began, which is the same moment for all streams of a round.

use std::time::Duration;

use anyhow::{Result, anyhow};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout};

use crate::round_spec::{Ask, PACE};

/// A round takes a second; on a machine under load, sixty-four streams take some more.
pub(crate) const STREAM_TIMEOUT: Duration = Duration::from_secs(60);
const PACE_MICROS: u64 = PACE.as_micros() as u64;
/// A piece counts as held back when it came so late ...
const LATE: u64 = PACE_MICROS * 3 / 4;
/// ... and so close to its successor.
const TOGETHER: u64 = PACE_MICROS / 4;

/// The streams of one round, all begun at the same moment.
pub(crate) type Round = Vec<Stream>;

/// One stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stream {
    /// When each piece of the answer's text arrived.
    pub(crate) arrivals: Vec<u64>,
    /// When the end arrived.
    pub(crate) ended: u64,
    /// The text, until it has been checked.
    pub(crate) text: String,
    /// Why the stream counts for nothing, when it does.
    pub(crate) failure: Option<String>,
}

impl Stream {
    /// Measures one stream. An error, or no end in time, is the stream's failure.
    pub(crate) async fn measure(fill: impl AsyncFnOnce(&mut Self) -> Result<()>) -> Self {
        let mut stream = Self::default();
        let outcome = timeout(STREAM_TIMEOUT, fill(&mut stream)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(anyhow!("no end within {STREAM_TIMEOUT:?}")));
        stream.failure = outcome.err().map(|error| format!("{error:#}"));
        stream
    }

    /// Adds a piece of text that arrived at `now`.
    pub(crate) fn push(&mut self, text: &str, now: u64) {
        self.arrivals.push(now);
        self.text.push_str(text);
    }

    /// Checks that the answer is what was asked for, and drops its text.
    pub(crate) fn check(&mut self, ask: &Ask) {
        let text = std::mem::take(&mut self.text);
        if self.failure.is_none() && !ask.is_answer(&text) {
            self.failure = Some(format!("the answer is not whole: {} bytes", text.len()));
        }
    }

    /// The times between one piece and the next.
    pub(crate) fn gaps(&self) -> impl Iterator<Item = u64> + '_ {
        self.arrivals.windows(2).map(|pair| pair[1].saturating_sub(pair[0]))
    }

    /// How far each piece was behind the model's pace.
    ///
    /// The model sends piece n exactly n paces after its first, so the arrival times without the pace are the way that each
    /// piece took, plus a constant. The piece with the shortest way is the stream's own zero. That needs no clock in common
    /// with the model, and unlike the distance to the first piece it does not hide a first piece that was itself late.
    pub(crate) fn lags(&self) -> Vec<u64> {
        // Counted from the other end of the stream, so that nothing is ever negative.
        let remaining = (1..=self.arrivals.len() as u64).rev();
        let ways: Vec<u64> =
            self.arrivals.iter().zip(remaining).map(|(&at, n)| at + n * PACE_MICROS).collect();
        let shortest = ways.iter().min().copied().unwrap_or_default();
        ways.iter().map(|way| way - shortest).collect()
    }

    /// How many pieces were held back until the next one came.
    ///
    /// A piece that waits for its successor is a whole pace late and arrives together with it. A pause of the whole machine
    /// can look the same, so the baseline's number stands beside the proxy's: nothing can hold back a piece of the baseline's.
    pub(crate) fn held_back(&self) -> usize {
        self.lags().iter().zip(self.gaps()).filter(|&(&lag, gap)| lag >= LATE && gap < TOGETHER).count()
    }
}

/// Microseconds from `begun` until now.
pub(crate) fn since(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX)
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
    fn a_lag_is_the_distance_to_the_best_piece_on_the_models_pace() {
        assert_eq!(stream(&[50_000, 70_000, 90_000]).lags(), [0, 0, 0]);
        // The first was 3 ms late itself, and the third 1 ms.
        assert_eq!(stream(&[53_000, 70_000, 91_000]).lags(), [3_000, 0, 1_000]);
        assert!(stream(&[]).lags().is_empty());
    }

    #[test]
    fn a_piece_that_waits_for_its_successor_is_held_back_and_a_late_one_alone_is_not() {
        assert_eq!(stream(&[50_000, 70_000, 90_000]).held_back(), 0);
        assert_eq!(stream(&[50_000, 90_000, 90_000, 110_000]).held_back(), 1);
        // The first one too.
        assert_eq!(stream(&[70_000, 70_100, 90_000]).held_back(), 1);
        // Late, but 13 ms before the next: the machine was busy.
        assert_eq!(stream(&[50_000, 77_000, 90_000]).held_back(), 0);
    }

    #[tokio::test]
    async fn only_the_answer_that_was_asked_for_counts() {
        let ask = Ask::paced(1);
        let mut whole = Stream::default();
        (1..=WORDS).for_each(|n| whole.push(&format!("word{n} "), 1));
        whole.check(&ask);
        assert_eq!((whole.failure.as_deref(), whole.text.as_str(), whole.arrivals.len()), (None, "", 40));
        let mut other = Stream { text: "word1".into(), ..Stream::default() };
        other.check(&ask);
        assert_eq!(other.failure.as_deref(), Some("the answer is not whole: 5 bytes"));
        let mut failed = Stream::measure(async |_| bail!("gone")).await;
        failed.check(&ask);
        assert_eq!(failed.failure.as_deref(), Some("gone"));
    }
}
