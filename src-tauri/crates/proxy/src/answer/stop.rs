//! Cuts an answer before the first of up to four stop texts, wherever the borders of its deltas are.
//!
//! Only what could be the beginning of a stop text is held back. Each stop text has its own Knuth-Morris-Pratt automaton, so
//! a byte costs the same however long the answer and the stop texts are.

use super::Pushed;

/// Cuts one answer.
#[derive(Clone, Debug)]
pub struct StopCutter {
    stops: Vec<Matcher>,
    /// What came in and was not sent.
    held: String,
    /// Where in `held` a stop text begins that is complete, while one that began earlier could still become so.
    cut: Option<usize>,
    over: bool,
}

impl StopCutter {
    /// A cutter for these stop texts. Empty ones are passed over.
    #[must_use]
    pub fn new(stops: Vec<String>) -> Self {
        let stops = stops.into_iter().filter(|stop| !stop.is_empty()).map(Matcher::new).collect();
        Self { stops, held: String::new(), cut: None, over: false }
    }

    /// Takes the next piece of the answer, and gives what can be sent of it and of what was held back.
    pub fn push(&mut self, delta: &str) -> Pushed {
        if self.over {
            return Pushed { text: String::new(), hit: true };
        }
        let seen = self.held.len();
        self.held.push_str(delta);
        for (index, byte) in delta.bytes().enumerate() {
            let end = seen + index + 1;
            for stop in &mut self.stops {
                if stop.step(byte) {
                    let start = end - stop.text.len();
                    self.cut = Some(self.cut.map_or(start, |cut| cut.min(start)));
                }
            }
            // A stop text that began earlier and is not complete yet would win.
            if let Some(cut) = self.cut
                && self.stops.iter().all(|stop| end - stop.matched >= cut)
            {
                return Pushed { text: self.end(cut), hit: true };
            }
        }
        let possible = self.stops.iter().map(|stop| stop.matched).max().unwrap_or_default();
        let sent = self.held.len() - possible;
        self.cut = self.cut.map(|cut| cut - sent);
        Pushed { text: self.held.drain(..sent).collect(), hit: false }
    }

    /// The answer is whole: gives what was held back of it.
    pub fn finish(&mut self) -> String {
        self.end(self.cut.unwrap_or(self.held.len()))
    }

    /// Nothing comes after the text up to `cut`.
    fn end(&mut self, cut: usize) -> String {
        self.over = true;
        let mut last = std::mem::take(&mut self.held);
        last.truncate(cut);
        last
    }
}

/// How much of one stop text the answer's end is.
#[derive(Clone, Debug)]
struct Matcher {
    text: Vec<u8>,
    /// For each beginning of the text: how long its longest end is that is a beginning too, and not all of it.
    borders: Vec<usize>,
    matched: usize,
}

impl Matcher {
    fn new(text: String) -> Self {
        let text = text.into_bytes();
        let mut borders = vec![0; text.len()];
        let mut border = 0;
        for index in 1..text.len() {
            while border > 0 && text[index] != text[border] {
                border = borders[border - 1];
            }
            if text[index] == text[border] {
                border += 1;
            }
            borders[index] = border;
        }
        Self { text, borders, matched: 0 }
    }

    /// Takes a byte of the answer, and says whether the text is complete with it.
    fn step(&mut self, byte: u8) -> bool {
        while self.matched > 0 && self.text[self.matched] != byte {
            self.matched = self.borders[self.matched - 1];
        }
        if self.text[self.matched] == byte {
            self.matched += 1;
        }
        let complete = self.matched == self.text.len();
        if complete {
            self.matched = self.borders[self.matched - 1];
        }
        complete
    }
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
        let mut out: Vec<_> = deltas.iter().map(|delta| cutter.push(delta).text).collect();
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
        assert_eq!(cutter.push("one S"), Pushed { text: "one ".into(), hit: false });
        assert_eq!(cutter.push("TO"), Pushed { text: String::new(), hit: false });
        assert_eq!(cutter.push("P two"), Pushed { text: String::new(), hit: true });
        assert_eq!(cutter.push("three"), Pushed { text: String::new(), hit: true });
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
                let pushed = cutter.push(delta);
                prop_assert!(!hit || pushed.text.is_empty());
                hit |= pushed.hit;
                out.push_str(&pushed.text);
                prop_assert!(hit || read.len() - out.len() < longest);
            }
            out.push_str(&cutter.finish());
            prop_assert!(!hit || first.is_some());
            prop_assert_eq!(out, &text[..first.unwrap_or(text.len())]);
        }
    }
}
