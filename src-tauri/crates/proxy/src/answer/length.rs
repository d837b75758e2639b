//! Truncates an answer at its token limit.

use std::sync::Arc;

use super::tokens::{Tokenizer, Vocabulary, last_boundary};

/// Bytes of text that each delta counts again. Earlier text is counted once.
const TAIL_LEN: usize = 512;

/// Maximum length of that tail, for text without spaces.
const MAX_TAIL_LEN: usize = 4096;

/// Passes text through until the token limit is reached.
///
/// A token is at least one byte, so nothing is counted, and no vocabulary loaded, until the answer has more bytes than
/// tokens allowed.
#[derive(Clone, Debug)]
pub(crate) struct TokenLimit {
    tokenizer: Arc<Tokenizer>,
    loaded: Option<Arc<Vocabulary>>,
    max_tokens: u64,
    /// Tokens before the tail.
    counted: u64,
    tail: String,
    reached: bool,
}

impl TokenLimit {
    pub(crate) fn new(tokenizer: Arc<Tokenizer>, max_tokens: u64) -> Self {
        Self { tokenizer, loaded: None, max_tokens, counted: 0, tail: String::new(), reached: false }
    }

    /// Takes a delta. Returns what can be sent now, and whether the limit is reached.
    pub(crate) fn push(&mut self, delta: &str) -> (String, bool) {
        if self.reached {
            return (String::new(), true);
        }
        let sent = self.tail.len();
        self.tail.push_str(delta);
        if self.loaded.is_none() && self.tail.len() as u64 <= self.max_tokens {
            return (delta.to_owned(), false);
        }
        let loaded = Arc::clone(self.loaded.get_or_insert_with(|| self.tokenizer.load()));
        let left = self.max_tokens.saturating_sub(self.counted);
        if loaded.count(&self.tail) <= left {
            self.count_prefix(&loaded);
            return (delta.to_owned(), false);
        }
        self.reached = true;
        let end = loaded.prefix_len(&self.tail, left).max(sent);
        (self.tail.get(sent..end).unwrap_or_default().to_owned(), true)
    }

    /// Moves the part of the tail whose token count is final into `counted`.
    fn count_prefix(&mut self, loaded: &Vocabulary) {
        if self.tail.len() <= TAIL_LEN {
            return;
        }
        let mut end = last_boundary(&self.tail);
        if end == 0 && self.tail.len() > MAX_TAIL_LEN {
            // Without a boundary the count can be off by one here.
            end = self.tail.floor_char_boundary(MAX_TAIL_LEN / 2);
        }
        let counted: String = self.tail.drain(..end).collect();
        self.counted += loaded.count(&counted);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    /// Loading the vocabulary is slow without optimisation.
    static LOADED: LazyLock<(Arc<Tokenizer>, Arc<Vocabulary>)> = LazyLock::new(|| {
        let tokenizer = Arc::new(Tokenizer::default());
        let loaded = tokenizer.load();
        (tokenizer, loaded)
    });

    /// Feeds the deltas through a limit. Returns what was sent, and whether the limit was hit.
    fn limited(deltas: &[&str], max_tokens: u64) -> (String, bool) {
        let mut limit = TokenLimit::new(Arc::clone(&LOADED.0), max_tokens);
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
    fn an_answer_at_the_limit_is_complete_and_one_more_token_truncates_it() {
        let deltas = ["one", " two", " three", " four"];
        assert_eq!(limited(&deltas, 4), ("one two three four".to_owned(), false));
        assert_eq!(limited(&deltas, 3), ("one two three".to_owned(), true));
        assert_eq!(limited(&["one two three four"], 3), ("one two three".to_owned(), true));
    }

    #[test]
    fn a_short_answer_never_loads_the_vocabulary() {
        let tokenizer = Arc::new(Tokenizer::default());
        let mut limit = TokenLimit::new(Arc::clone(&tokenizer), 1000);
        assert!(!limit.push(&"x".repeat(1000)).1);
        assert!(limit.loaded.is_none());
        assert!(!limit.push("x").1);
        assert!(limit.loaded.is_some());
    }

    #[test]
    fn incremental_counting_matches_counting_the_whole_text() {
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

    /// Splits a text into deltas at these positions.
    fn deltas<'a>(text: &'a str, cuts: &[usize]) -> Vec<&'a str> {
        let mut positions: Vec<usize> =
            cuts.iter().map(|cut| text.floor_char_boundary(cut % (text.len() + 1))).collect();
        positions.extend([0, text.len()]);
        positions.sort_unstable();
        positions.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn an_answer_is_a_prefix_of_the_text_within_the_token_limit(
            text in text(), cuts in prop::collection::vec(any::<usize>(), 0..12), max_tokens in 1..60_u64
        ) {
            let (sent, hit) = limited(&deltas(&text, &cuts), max_tokens);
            prop_assert!(text.starts_with(&sent));
            let whole = LOADED.1.count(&text);
            if whole <= max_tokens && !hit {
                prop_assert_eq!(&sent, &text);
            }
            // At the time it was sent, the text was within the limit.
            if hit {
                prop_assert!(LOADED.1.count(&sent) <= max_tokens + 1, "{} > {max_tokens}", LOADED.1.count(&sent));
            } else {
                prop_assert!(whole <= max_tokens);
            }
        }

        #[test]
        fn tokens_never_span_a_boundary(text in text()) {
            let boundary = last_boundary(&text);
            let (before, after) = text.split_at(boundary);
            prop_assert_eq!(LOADED.1.count(before) + LOADED.1.count(after), LOADED.1.count(&text));
        }
    }
}
