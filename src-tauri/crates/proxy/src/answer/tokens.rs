//! Counts tokens as OpenAI's current models do, with the o200k vocabulary.
//!
//! The vocabulary takes about 40 MB, so it is loaded on demand, and freed some time after its last use.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tiktoken_rs::{CoreBPE, o200k_base};
use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::off_workers::block_in_place;

/// How long the vocabulary stays loaded without use.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// Maximum length of text that is encoded at once, in bytes. The encoder panics on a million spaces.
const MAX_PIECE: usize = 4096;

/// Maximum length of a conversation whose tokens are counted, in bytes. Those of a longer one are extrapolated.
pub(crate) const MAX_COUNTED: usize = 1024 * 1024;

/// Shares the loaded vocabulary.
#[derive(Debug, Default)]
pub(crate) struct Tokenizer(Mutex<Option<Loaded>>);

#[derive(Debug)]
struct Loaded {
    vocabulary: Arc<Vocabulary>,
    last_used: Instant,
    /// Frees the vocabulary. `None` without a runtime.
    _release: Option<AbortOnDropHandle<()>>,
}

/// A loaded vocabulary.
pub(crate) struct Vocabulary {
    /// It is compiled in; should it fail to load, tokens are estimated from bytes.
    bpe: Option<CoreBPE>,
}

/// Bytes per token assumed without a vocabulary.
const BYTES_PER_TOKEN: usize = 4;

impl Tokenizer {
    /// Shares the vocabulary, and loads it if it is not loaded, which takes a moment. Those who need it meanwhile wait.
    pub(crate) fn load(self: &Arc<Self>) -> Arc<Vocabulary> {
        if let Some(mut loaded) = self.0.try_lock()
            && let Some(loaded) = loaded.as_mut()
        {
            return loaded.share();
        }
        block_in_place(usize::MAX, || {
            let mut loaded = self.0.lock();
            let new = || {
                let tokenizer = Arc::downgrade(self);
                Loaded {
                    vocabulary: Arc::new(Vocabulary { bpe: o200k_base().ok() }),
                    last_used: Instant::now(),
                    _release: Handle::try_current()
                        .ok()
                        .map(|runtime| AbortOnDropHandle::new(runtime.spawn(release_when_idle(tokenizer)))),
                }
            };
            loaded.get_or_insert_with(new).share()
        })
    }
}

impl Loaded {
    fn share(&mut self) -> Arc<Vocabulary> {
        self.last_used = Instant::now();
        Arc::clone(&self.vocabulary)
    }

    fn is_idle(&self) -> bool {
        Arc::strong_count(&self.vocabulary) == 1 && self.last_used.elapsed() >= IDLE_TIMEOUT
    }
}

async fn release_when_idle(tokenizer: Weak<Tokenizer>) {
    loop {
        tokio::time::sleep(IDLE_TIMEOUT).await;
        let Some(tokenizer) = tokenizer.upgrade() else { return };
        let mut loaded = tokenizer.0.lock();
        if loaded.as_ref().is_none_or(Loaded::is_idle) {
            *loaded = None;
            return;
        }
    }
}

impl Vocabulary {
    /// Counts the tokens of a text. Special tokens count as plain text.
    pub(crate) fn count(&self, text: &str) -> u64 {
        match &self.bpe {
            Some(bpe) => pieces(text).map(|piece| bpe.encode_ordinary(piece).len() as u64).sum(),
            None => text.len().div_ceil(BYTES_PER_TOKEN) as u64,
        }
    }

    /// Length in bytes of the first `tokens` tokens, rounded down to a character boundary.
    pub(crate) fn prefix_len(&self, text: &str, tokens: u64) -> usize {
        let mut left = usize::try_from(tokens).unwrap_or(usize::MAX);
        let Some(bpe) = &self.bpe else {
            return text.floor_char_boundary(left.saturating_mul(BYTES_PER_TOKEN).min(text.len()));
        };
        let mut bytes = 0;
        for piece in pieces(text) {
            let encoded = bpe.encode_ordinary(piece);
            if let Some(fitting) = encoded.get(..left).filter(|fitting| fitting.len() < encoded.len()) {
                // These tokens were just encoded, so decoding knows them all.
                bytes += bpe.decode_bytes(fitting).map_or(0, |bytes| bytes.len());
                break;
            }
            left -= encoded.len();
            bytes += piece.len();
        }
        text.floor_char_boundary(bytes.min(text.len()))
    }
}

/// Splits a text into pieces of at most [`MAX_PIECE`] bytes, between words if possible: elsewhere the count can be off by
/// one.
fn pieces(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let end = match text.get(..text.floor_char_boundary(MAX_PIECE)) {
            Some(beginning) if beginning.len() < text.len() => match last_boundary(beginning) {
                0 => beginning.len(),
                boundary => boundary,
            },
            _ => text.len(),
        };
        let (piece, rest) = text.split_at(end);
        text = rest;
        Some(piece).filter(|piece| !piece.is_empty())
    })
}

/// The last position no token spans: in o200k, a space after a non-whitespace character always starts a new piece.
pub(super) fn last_boundary(text: &str) -> usize {
    let mut after = None;
    for (at, character) in text.char_indices().rev() {
        match after {
            Some(space) if !character.is_whitespace() => return space,
            _ => after = (character == ' ').then_some(at),
        }
    }
    0
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
        let tokens = Arc::new(Tokenizer::default()).load();
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
        let tokens = Arc::new(Tokenizer::default()).load();
        assert_eq!(tokens.prefix_len("hello world", 1), "hello".len());
        assert_eq!(tokens.prefix_len("hello world", 9), "hello world".len());
        let text = "🫨🫨🫨";
        for count in 0..12 {
            assert!(text.is_char_boundary(tokens.prefix_len(text, count)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_vocabulary_is_loaded_once_kept_while_in_use_and_freed_when_idle() {
        let tokenizer = Arc::new(Tokenizer::default());
        let first = tokenizer.load();
        assert!(Arc::ptr_eq(&first, &tokenizer.load()));
        tokio::time::sleep(3 * IDLE_TIMEOUT).await;
        assert!(Arc::ptr_eq(&first, &tokenizer.load()), "it is in use");
        let freed = Arc::downgrade(&first);
        drop(first);
        tokio::time::sleep(IDLE_TIMEOUT / 2).await;
        assert!(Arc::ptr_eq(&freed.upgrade().unwrap(), &tokenizer.load()), "it was used a moment ago");
        tokio::time::sleep(3 * IDLE_TIMEOUT).await;
        assert!(freed.upgrade().is_none());
    }

    /// The encoder itself panics on some of these.
    #[test]
    fn any_text_of_any_length_is_counted() {
        let tokens = Arc::new(Tokenizer::default()).load();
        for (unit, times) in [
            (" ", 2_000_000),
            ("\n", 2_000_000),
            ("a", 50_000),
            ("A", 50_000),
            ("字", 20_000),
            ("\u{300}", 20_000),
        ] {
            let text = unit.repeat(times);
            let count = tokens.count(&text);
            assert!(count > 0 && count <= text.len() as u64, "{unit:?} {count}");
            assert_eq!(tokens.prefix_len(&text, count), text.len(), "{unit:?}");
            assert!(tokens.prefix_len(&text, 10) < text.len(), "{unit:?}");
        }
    }
}
