//! Ends an answer after so many tokens.

use std::sync::Arc;

use super::tokens::{Loaded, Tokenizer};

/// Text that is counted anew with every delta, in bytes. What lies before is counted once.
const TAIL: usize = 512;

/// The most of it, for a text without spaces.
const LONGEST_TAIL: usize = 4096;

/// Passes text on until it has too many tokens.
///
/// A token has one byte at least, so nothing is counted, and no vocabulary read, before the answer has more bytes than it may have
/// tokens.
#[derive(Debug)]
pub(crate) struct TokenLimit {
    tokenizer: Arc<Tokenizer>,
    loaded: Option<Arc<Loaded>>,
    most: u64,
    /// The tokens of the text before the tail.
    settled: u64,
    tail: String,
    over: bool,
}

impl TokenLimit {
    /// A limit of `most` tokens.
    pub(crate) fn new(tokenizer: Arc<Tokenizer>, most: u64) -> Self {
        Self { tokenizer, loaded: None, most, settled: 0, tail: String::new(), over: false }
    }

    /// Takes the next delta. Returns what can be sent of it, and whether the answer ends there. Nothing is held back.
    pub(crate) fn push(&mut self, delta: &str) -> (String, bool) {
        if self.over {
            return (String::new(), true);
        }
        let sent = self.tail.len();
        self.tail.push_str(delta);
        if self.loaded.is_none() && self.tail.len() as u64 <= self.most {
            return (delta.to_owned(), false);
        }
        let loaded = Arc::clone(self.loaded.get_or_insert_with(|| self.tokenizer.get()));
        let left = self.most.saturating_sub(self.settled);
        if loaded.count(&self.tail) <= left {
            self.settle(&loaded);
            return (delta.to_owned(), false);
        }
        self.over = true;
        let end = loaded.first(&self.tail, left).max(sent);
        (self.tail.get(sent..end).unwrap_or_default().to_owned(), true)
    }

    /// Counts what cannot change any more for good.
    fn settle(&mut self, loaded: &Loaded) {
        if self.tail.len() <= TAIL {
            return;
        }
        let mut end = last_border(&self.tail);
        if end == 0 && self.tail.len() > LONGEST_TAIL {
            // Without a border the count can be one off here.
            end = self.tail.floor_char_boundary(LONGEST_TAIL / 2);
        }
        let settled: String = self.tail.drain(..end).collect();
        self.settled += loaded.count(&settled);
    }
}

/// The last place that a token never reaches across: in o200k a space after something that is no white space always begins
/// a new piece.
fn last_border(text: &str) -> usize {
    let mut after = None;
    for (at, character) in text.char_indices().rev() {
        match after {
            Some(space) if !character.is_whitespace() => return space,
            _ => after = (character == ' ').then_some(at),
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    /// Reading the vocabulary takes a while without optimisation.
    static LOADED: LazyLock<(Arc<Tokenizer>, Arc<Loaded>)> = LazyLock::new(|| {
        let tokenizer = Arc::new(Tokenizer::default());
        let loaded = tokenizer.get();
        (tokenizer, loaded)
    });

    /// What comes of a text in these deltas: what was sent, and whether the limit was hit.
    fn limited(deltas: &[&str], most: u64) -> (String, bool) {
        let mut limit = TokenLimit::new(Arc::clone(&LOADED.0), most);
        let mut sent = String::new();
        for delta in deltas {
            let (text, hit) = limit.push(delta);
            sent.push_str(&text);
            if hit {
                return (sent, true);
            }
        }
        (sent, false)
    }

    #[test]
    fn an_answer_of_just_the_limit_is_whole_and_one_more_token_ends_it() {
        let deltas = ["one", " two", " three", " four"];
        assert_eq!(limited(&deltas, 4), ("one two three four".to_owned(), false));
        assert_eq!(limited(&deltas, 3), ("one two three".to_owned(), true));
        assert_eq!(limited(&["one two three four"], 3), ("one two three".to_owned(), true));
    }

    #[test]
    fn a_short_answer_never_reads_the_vocabulary() {
        let tokenizer = Arc::new(Tokenizer::default());
        let mut limit = TokenLimit::new(Arc::clone(&tokenizer), 1000);
        assert!(!limit.push(&"x".repeat(1000)).1);
        assert!(limit.loaded.is_none());
        assert!(!limit.push("x").1);
        assert!(limit.loaded.is_some());
    }

    #[test]
    fn a_long_answer_is_counted_as_if_it_were_counted_whole() {
        let text = "The quick brown fox, 12345 of them; jumps!\n\n  over it's lazy dog. ".repeat(200);
        let whole = LOADED.1.count(&text);
        let deltas: Vec<&str> = text.split_inclusive(' ').collect();
        assert_eq!(limited(&deltas, whole), (text.clone(), false));
        assert!(limited(&deltas, whole - 1).1);
    }

    fn text() -> impl Strategy<Value = String> {
        let word = prop_oneof![
            4 => "[a-zA-Z']{1,9}",
            2 => " {1,3}",
            1 => "[0-9.,!?/-]{1,5}",
            1 => "\\PC{1,4}",
            1 => prop_oneof![Just("\n".to_owned()), Just("\r\n".to_owned()), Just("\t".to_owned()), Just("\u{a0}".to_owned())],
        ];
        prop::collection::vec(word, 0..40).prop_map(|words| words.concat())
    }

    /// A text, cut into deltas at these places.
    fn deltas<'a>(text: &'a str, cuts: &[usize]) -> Vec<&'a str> {
        let mut places: Vec<usize> =
            cuts.iter().map(|cut| text.floor_char_boundary(cut % (text.len() + 1))).collect();
        places.extend([0, text.len()]);
        places.sort_unstable();
        places.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn an_answer_is_a_beginning_of_the_text_with_the_tokens_it_may_have(
            text in text(), cuts in prop::collection::vec(any::<usize>(), 0..12), most in 1..60_u64
        ) {
            let (sent, hit) = limited(&deltas(&text, &cuts), most);
            prop_assert!(text.starts_with(&sent));
            let whole = LOADED.1.count(&text);
            if whole <= most && !hit {
                prop_assert_eq!(&sent, &text);
            }
            // What was sent had at most so many tokens when it was sent.
            if hit {
                prop_assert!(LOADED.1.count(&sent) <= most + 1, "{} > {most}", LOADED.1.count(&sent));
            } else {
                prop_assert!(whole <= most);
            }
        }

        #[test]
        fn nothing_of_a_token_lies_on_both_sides_of_a_border(text in text()) {
            let border = last_border(&text);
            let (before, after) = text.split_at(border);
            prop_assert_eq!(LOADED.1.count(before) + LOADED.1.count(after), LOADED.1.count(&text));
        }
    }
}
