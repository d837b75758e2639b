//! What the model is asked for, and how an answer is known to be whole.
//!
//! The words of a script are those of the sample model's README; nothing else of it is known here.

use std::time::Duration;

/// Deltas of one answer.
pub(crate) const WORDS: usize = 40;

/// The pace of the model: it sends the nth delta n paces after the first, whatever happened to those before.
pub(crate) const PACE: Duration = Duration::from_millis(20);

/// The prompt of every stream that is measured.
pub(crate) fn prompt() -> String {
    format!("[[words={WORDS} every={}]]", PACE.as_millis())
}

/// What a conversation of two turns begins with. `name` is its alone, so that no conversation is taken for another. Nothing of
/// its answer is measured, so it comes without a pace.
pub(crate) fn opening(name: &str) -> String {
    format!("{name} [[words={WORDS}]]")
}

/// The prompt that makes the model say what it received.
pub(crate) const ECHO: &str = "[[echo]]";

/// Deltas of one answer of a dense stream.
pub(crate) const DENSE: usize = 200;

/// The prompt of a dense stream.
pub(crate) fn dense() -> String {
    format!("[[words={DENSE} every=5]]")
}

/// Deltas of a short answer.
pub(crate) const SHORT: usize = 5;

/// The prompt of a short answer.
pub(crate) fn short() -> String {
    format!("[[words={SHORT}]]")
}

/// Whether this is the whole answer of so many words. White space at the end is each transport's own affair.
pub(crate) fn is_whole(text: &str, words: usize) -> bool {
    let words: Vec<String> = (1..=words).map(|n| format!("word{n}")).collect();
    text.trim_end() == words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_with_every_word_in_its_place() {
        let all: String = (1..=WORDS).map(|n| format!("word{n} ")).collect();
        assert!(is_whole(&all, WORDS));
        assert!(!is_whole(&all.replace("word7 ", ""), WORDS));
        assert!(!is_whole("", WORDS));
        assert_eq!(prompt(), "[[words=40 every=20]]");
    }
}
