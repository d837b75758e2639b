//! Ends an answer before the first of its stop texts, wherever the borders of its deltas are.
//!
//! Only what could be the beginning of a stop text is held back. A stop text has a kilobyte at most, so plain searching is fast
//! enough.

/// Cuts one answer.
#[derive(Clone, Debug)]
pub(crate) struct StopCutter {
    stops: Vec<String>,
    /// What came in and was not sent.
    held: String,
    over: bool,
}

impl StopCutter {
    /// A cutter for these stop texts. Empty ones are ignored.
    pub(crate) fn new(stops: Vec<String>) -> Self {
        let stops = stops.into_iter().filter(|stop| !stop.is_empty()).collect();
        Self { stops, held: String::new(), over: false }
    }

    /// Takes the next delta. Returns what can be sent now, and whether the answer ends there.
    pub(crate) fn push(&mut self, delta: &str) -> (String, bool) {
        if self.over {
            return (String::new(), true);
        }
        self.held.push_str(delta);
        let possible = self.stops.iter().map(|stop| partial_match(&self.held, stop)).min();
        let possible = possible.unwrap_or(self.held.len());
        match self.first_stop() {
            // A stop text that begins earlier and is not complete yet would win.
            Some(cut) if possible >= cut => (self.end(cut), true),
            Some(_) | None => (self.held.drain(..possible).collect(), false),
        }
    }

    /// The answer is whole: returns what was held back of it.
    pub(crate) fn finish(&mut self) -> String {
        self.end(self.first_stop().unwrap_or(self.held.len()))
    }

    /// Where the first complete stop text begins.
    fn first_stop(&self) -> Option<usize> {
        self.stops.iter().filter_map(|stop| self.held.find(stop)).min()
    }

    /// Nothing comes after the text up to `cut`.
    fn end(&mut self, cut: usize) -> String {
        self.over = true;
        let mut last = std::mem::take(&mut self.held);
        last.truncate(cut);
        last
    }
}

/// Where the longest end of `text` begins that is a beginning of `stop` and not all of it; the text's length where there is none.
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

    fn cutter(stops: &[&str]) -> StopCutter {
        StopCutter::new(stops.iter().map(|&stop| stop.to_owned()).collect())
    }

    /// What each delta gave, then what the end gave.
    fn cut(stops: &[&str], deltas: &[&str]) -> Vec<String> {
        let mut cutter = cutter(stops);
        let mut out: Vec<_> = deltas.iter().map(|delta| cutter.push(delta).0).collect();
        out.push(cutter.finish());
        out
    }

    #[test]
    fn what_can_be_no_stop_text_goes_out_at_once() {
        assert_eq!(cut(&["\n\n", "END"], &["a", "b\n", "c EN", "d E"]), ["a", "b", "\nc ", "ENd ", "E"]);
        assert_eq!(cut(&[], &["a", "b"]), ["a", "b", ""]);
        assert_eq!(cut(&[""], &["a"]), ["a", ""]);
    }

    #[test]
    fn a_stop_text_across_deltas_ends_the_answer() {
        let mut cutter = cutter(&["STOP"]);
        assert_eq!(cutter.push("one S"), ("one ".to_owned(), false));
        assert_eq!(cutter.push("TO"), (String::new(), false));
        assert_eq!(cutter.push("P two"), (String::new(), true));
        assert_eq!(cutter.push("three"), (String::new(), true));
        assert_eq!(cutter.finish(), "");
    }

    #[test]
    fn the_stop_text_that_begins_first_wins_even_when_it_is_complete_later() {
        assert_eq!(cut(&["bc", "abcd"], &["xabc", "d"]).concat(), "x");
        assert_eq!(cut(&["bc", "abcd"], &["xabc", "e"]).concat(), "xa");
        assert_eq!(cut(&["bc", "abcd"], &["xabc"]).concat(), "xa");
    }

    #[test]
    fn a_beginning_that_goes_on_differently_may_hold_another() {
        assert_eq!(cut(&["aab"], &["a", "a", "a", "b"]).concat(), "a");
        assert_eq!(cut(&["日本語"], &["日本", "日本語!"]).concat(), "日本");
    }

    /// Texts of few letters, so that stop texts are found and nearly found.
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
        fn the_answer_ends_before_the_first_stop_text_and_waits_no_longer_than_it_must(
            deltas in prop::collection::vec(some_text(0..6), 0..12),
            stops in prop::collection::vec(some_text(1..5), 1..5),
        ) {
            let text = deltas.concat();
            let first = stops.iter().filter_map(|stop| text.find(stop)).min();
            let longest = stops.iter().map(String::len).max().unwrap_or_default();

            let mut cutter = StopCutter::new(stops.clone());
            let (mut read, mut out, mut hit) = (String::new(), String::new(), false);
            for delta in &deltas {
                read.push_str(delta);
                let (text, over) = cutter.push(delta);
                prop_assert!(!hit || text.is_empty());
                hit |= over;
                out.push_str(&text);
                prop_assert!(hit || read.len() - out.len() < longest);
            }
            out.push_str(&cutter.finish());
            prop_assert!(!hit || first.is_some());
            prop_assert_eq!(out, &text[..first.unwrap_or(text.len())]);
        }
    }
}
