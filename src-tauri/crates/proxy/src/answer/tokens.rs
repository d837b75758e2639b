//! Counts tokens as OpenAI's current models do, with the vocabulary o200k.
//!
//! The vocabulary takes some 40 MB while it is used, so it is read when somebody counts, and goes when nobody does any more.

use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use tiktoken_rs::{CoreBPE, o200k_base};

/// Holds the vocabulary while somebody counts with it.
#[derive(Debug, Default)]
pub(crate) struct Tokenizer {
    loaded: Mutex<Weak<Loaded>>,
}

/// The vocabulary, ready for counting.
pub(crate) struct Loaded {
    /// It is part of the program; were it not to be read, bytes would be counted instead.
    vocabulary: Option<CoreBPE>,
}

/// How many bytes a token is taken for without a vocabulary.
const USUAL_BYTES: u64 = 4;

impl Tokenizer {
    /// The vocabulary, read now if nobody has it. It goes when the last one drops it.
    pub(crate) fn get(&self) -> Arc<Loaded> {
        let mut loaded = self.loaded.lock();
        loaded.upgrade().unwrap_or_else(|| {
            let fresh = Arc::new(Loaded { vocabulary: o200k_base().ok() });
            *loaded = Arc::downgrade(&fresh);
            fresh
        })
    }
}

impl Loaded {
    /// How many tokens a text has. What looks like a special token is text like any other.
    pub(crate) fn count(&self, text: &str) -> u64 {
        match &self.vocabulary {
            Some(vocabulary) => vocabulary.encode_ordinary(text).len() as u64,
            None => (text.len() as u64).div_ceil(USUAL_BYTES),
        }
    }

    /// As many bytes of a text as its first `tokens` tokens spell, without half a character.
    pub(crate) fn first(&self, text: &str, tokens: u64) -> usize {
        let tokens = usize::try_from(tokens).unwrap_or(usize::MAX);
        let bytes = match &self.vocabulary {
            Some(vocabulary) => {
                let mut encoded = vocabulary.encode_ordinary(text);
                encoded.truncate(tokens);
                // Of tokens that were just made of a text; none is unknown.
                vocabulary.decode_bytes(&encoded).map_or(0, |bytes| bytes.len())
            }
            None => tokens.saturating_mul(4),
        };
        text.floor_char_boundary(bytes.min(text.len()))
    }
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Loaded")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_counted_as_openai_does() {
        let tokens = Tokenizer::default().get();
        // From OpenAI's own examples of o200k.
        for (text, count) in
            [("", 0), ("hello world", 2), ("tiktoken is great!", 6), ("お誕生日おめでとう", 8)]
        {
            assert_eq!(tokens.count(text), count, "{text}");
        }
        assert!(tokens.count("<|endoftext|>") > 1);
    }

    #[test]
    fn the_first_tokens_never_end_within_a_character() {
        let tokens = Tokenizer::default().get();
        assert_eq!(tokens.first("hello world", 1), "hello".len());
        assert_eq!(tokens.first("hello world", 9), "hello world".len());
        let text = "🫨🫨🫨";
        for count in 0..12 {
            assert!(text.is_char_boundary(tokens.first(text, count)));
        }
    }

    #[test]
    fn the_vocabulary_goes_when_nobody_counts() {
        let tokenizer = Tokenizer::default();
        let first = tokenizer.get();
        assert!(Arc::ptr_eq(&first, &tokenizer.get()));
        let gone = Arc::downgrade(&first);
        drop(first);
        assert!(gone.upgrade().is_none());
    }
}
