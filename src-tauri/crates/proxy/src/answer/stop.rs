//! Ends an answer before its first stop sequence, however the deltas split it.
//!
//! Holds back only what may start a stop sequence. Stop sequences are at most 1 KB, so a plain search is fast enough.

#[derive(Clone, Debug)]
pub(crate) struct StopFilter {
    stops: Vec<String>,
    /// Received but not yet sent.
    held: String,
    ended: bool,
}

impl StopFilter {
    /// Empty stop sequences are ignored.
    pub(crate) fn new(stops: Vec<String>) -> Self {
        let stops = stops.into_iter().filter(|stop| !stop.is_empty()).collect();
        Self { stops, held: String::new(), ended: false }
    }

    /// Takes a delta. Returns what can be sent now, and whether the answer ends there.
    pub(crate) fn push(&mut self, delta: &str) -> (String, bool) {
        if self.ended {
            return (String::new(), true);
        }
        self.held.push_str(delta);
        let possible = self.stops.iter().map(|stop| partial_match(&self.held, stop)).min();
        let possible = possible.unwrap_or(self.held.len());
        match self.first_stop() {
            // An incomplete stop sequence that starts earlier takes precedence.
            Some(cut) if possible >= cut => (self.end(cut), true),
            Some(_) | None => (self.held.drain(..possible).collect(), false),
        }
    }

    /// The model is done: returns the held-back text.
    pub(crate) fn finish(&mut self) -> String {
        self.end(self.first_stop().unwrap_or(self.held.len()))
    }

    /// Start of the first complete stop sequence.
    fn first_stop(&self) -> Option<usize> {
        self.stops.iter().filter_map(|stop| self.held.find(stop)).min()
    }

    /// Ends the answer, sending held text up to `cut`.
    fn end(&mut self, cut: usize) -> String {
        self.ended = true;
        let mut last = std::mem::take(&mut self.held);
        last.truncate(cut);
        last
    }
}

/// Start of the longest suffix of `text` that is a proper prefix of `stop`; `text.len()` if there is none.
fn partial_match(text: &str, stop: &str) -> usize {
    let longest = (stop.len() - 1).min(text.len());
    let starts = text.len() - longest..text.len();
    starts
        .into_iter()
        .find(|&start| stop.as_bytes().starts_with(&text.as_bytes()[start..]))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter(stops: &[&str]) -> StopFilter {
        StopFilter::new(stops.iter().map(|&stop| stop.to_owned()).collect())
    }

    /// The output of each delta, then of the end.
    fn cut(stops: &[&str], deltas: &[&str]) -> Vec<String> {
        let mut filter = filter(stops);
        let mut out: Vec<_> = deltas.iter().map(|delta| filter.push(delta).0).collect();
        out.push(filter.finish());
        out
    }

    #[test]
    fn text_that_cannot_start_a_stop_sequence_is_sent_immediately() {
        assert_eq!(cut(&["\n\n", "END"], &["a", "b\n", "c EN", "d E"]), ["a", "b", "\nc ", "ENd ", "E"]);
        assert_eq!(cut(&[], &["a", "b"]), ["a", "b", ""]);
        assert_eq!(cut(&[""], &["a"]), ["a", ""]);
    }

    #[test]
    fn a_stop_sequence_split_across_deltas_ends_the_answer() {
        let mut filter = filter(&["STOP"]);
        assert_eq!(filter.push("one S"), ("one ".to_owned(), false));
        assert_eq!(filter.push("TO"), (String::new(), false));
        assert_eq!(filter.push("P two"), (String::new(), true));
        assert_eq!(filter.push("three"), (String::new(), true));
        assert_eq!(filter.finish(), "");
    }

    #[test]
    fn the_earliest_stop_sequence_wins_even_if_completed_later() {
        assert_eq!(cut(&["bc", "abcd"], &["xabc", "d"]).concat(), "x");
        assert_eq!(cut(&["bc", "abcd"], &["xabc", "e"]).concat(), "xa");
        assert_eq!(cut(&["bc", "abcd"], &["xabc"]).concat(), "xa");
    }

    #[test]
    fn a_failed_partial_match_may_contain_another() {
        assert_eq!(cut(&["aab"], &["a", "a", "a", "b"]).concat(), "a");
        assert_eq!(cut(&["日本語"], &["日本", "日本語!"]).concat(), "日本");
    }

    /// A small alphabet, so that stop sequences match often or almost match.
    fn some_text(length: std::ops::Range<usize>) -> impl Strategy<Value = String> {
        prop_oneof![
            prop::collection::vec(prop::sample::select(vec!['a', 'b', 'é', '日', '\n']), length.clone())
                .prop_map(String::from_iter),
            prop::collection::vec(any::<char>(), length).prop_map(String::from_iter),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn the_answer_ends_before_the_first_stop_sequence_with_minimal_delay(
            deltas in prop::collection::vec(some_text(0..6), 0..12),
            stops in prop::collection::vec(some_text(1..5), 1..5),
        ) {
            let text = deltas.concat();
            let first = stops.iter().filter_map(|stop| text.find(stop)).min();
            let longest = stops.iter().map(String::len).max().unwrap_or_default();

            let mut filter = StopFilter::new(stops.clone());
            let (mut read, mut out, mut hit) = (String::new(), String::new(), false);
            for delta in &deltas {
                read.push_str(delta);
                let (text, ended) = filter.push(delta);
                prop_assert!(!hit || text.is_empty());
                hit |= ended;
                out.push_str(&text);
                prop_assert!(hit || read.len() - out.len() < longest);
            }
            out.push_str(&filter.finish());
            prop_assert!(!hit || first.is_some());
            prop_assert_eq!(out, &text[..first.unwrap_or(text.len())]);
        }
    }
}
