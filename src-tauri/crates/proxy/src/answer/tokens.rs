//! Counts tokens as OpenAI's current models do, with the o200k vocabulary.
//!
//! The vocabulary takes about 40 MB, so it is loaded on demand and freed with its last user.

use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use tiktoken_rs::{CoreBPE, o200k_base};

/// Shares the loaded vocabulary.
#[derive(Debug, Default)]
pub(crate) struct Tokenizer {
    loaded: Mutex<Weak<Vocabulary>>,
}

/// A loaded vocabulary.
pub(crate) struct Vocabulary {
    /// It is compiled in; should it fail to load, tokens are estimated from bytes.
    bpe: Option<CoreBPE>,
}

/// Bytes per token assumed without a vocabulary.
const BYTES_PER_TOKEN: usize = 4;

impl Tokenizer {
    /// Loads the vocabulary, or shares it if already loaded. Dropping the last clone frees it.
    pub(crate) fn load(&self) -> Arc<Vocabulary> {
        let mut loaded = self.loaded.lock();
        loaded.upgrade().unwrap_or_else(|| {
            let fresh = Arc::new(Vocabulary { bpe: o200k_base().ok() });
            *loaded = Arc::downgrade(&fresh);
            fresh
        })
    }
}

impl Vocabulary {
    /// Counts the tokens of a text. Special tokens count as plain text.
    pub(crate) fn count(&self, text: &str) -> u64 {
        match &self.bpe {
            Some(bpe) => bpe.encode_ordinary(text).len() as u64,
            None => text.len().div_ceil(BYTES_PER_TOKEN) as u64,
        }
    }

    /// Length in bytes of the first `tokens` tokens, rounded down to a character boundary.
    pub(crate) fn prefix_len(&self, text: &str, tokens: u64) -> usize {
        let tokens = usize::try_from(tokens).unwrap_or(usize::MAX);
        let bytes = match &self.bpe {
            Some(bpe) => {
                let mut encoded = bpe.encode_ordinary(text);
                encoded.truncate(tokens);
                // These tokens were just encoded, so decoding knows them all.
                bpe.decode_bytes(&encoded).map_or(0, |bytes| bytes.len())
            }
            None => tokens.saturating_mul(BYTES_PER_TOKEN),
        };
        text.floor_char_boundary(bytes.min(text.len()))
    }
}

impl fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vocabulary")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_counted_as_openai_does() {
        let tokens = Tokenizer::default().load();
        // From OpenAI's o200k examples.
        for (text, count) in
            [("", 0), ("hello world", 2), ("tiktoken is great!", 6), ("お誕生日おめでとう", 8)]
        {
            assert_eq!(tokens.count(text), count, "{text}");
        }
        assert!(tokens.count("<|endoftext|>") > 1);
    }

    #[test]
    fn a_prefix_never_splits_a_character() {
        let tokens = Tokenizer::default().load();
        assert_eq!(tokens.prefix_len("hello world", 1), "hello".len());
        assert_eq!(tokens.prefix_len("hello world", 9), "hello world".len());
        let text = "🫨🫨🫨";
        for count in 0..12 {
            assert!(text.is_char_boundary(tokens.prefix_len(text, count)));
        }
    }

    #[test]
    fn the_vocabulary_is_freed_with_its_last_user() {
        let tokenizer = Tokenizer::default();
        let first = tokenizer.load();
        assert!(Arc::ptr_eq(&first, &tokenizer.load()));
        let dropped = Arc::downgrade(&first);
        drop(first);
        assert!(dropped.upgrade().is_none());
    }
}
