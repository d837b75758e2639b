//! What a side is asked for in a round, and how an answer is known to be whole.
//!
//! The words of a prompt's script are those of the sample model's README.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The model that every side asks for.
pub(crate) const MODEL: &str = sample_model::codex_home::MODEL;

/// Deltas of a paced answer.
pub(crate) const WORDS: usize = 40;

/// The pace of the model: it sends the nth delta n paces after the first, whatever happened to those before.
pub(crate) const PACE: Duration = Duration::from_millis(20);

/// Deltas of one answer of a dense stream, and of a short answer.
pub(crate) const DENSE: usize = 200;
const SHORT: usize = 5;

/// The pause before a round and between two turns: a person takes longer than this to ask again.
pub(crate) const PAUSE: Duration = Duration::from_millis(300);

/// A round that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ask {
    pub(crate) prompt: String,
    /// Words of the answer.
    pub(crate) words: usize,
    /// Streams at once.
    pub(crate) streams: usize,
    pub(crate) start: Start,
}

/// What is there when a round begins. All but `Cold` is for one stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Start {
    /// No thread: starting it is part of the round.
    Cold,
    /// A thread without a turn, where the client can have that.
    Prewarmed,
    /// A conversation whose first message, `opening`, was answered a pause ago. What goes on is that conversation, or an
    /// edited one, in which another message has that answer: so no thread fits, and a new one gets the first turn as history.
    SecondTurn { opening: String, edited: Option<String> },
}

impl Ask {
    fn new(prompt: String, words: usize, streams: usize) -> Self {
        Self { prompt, words, streams, start: Start::Cold }
    }

    /// The streams of most scenarios.
    pub(crate) fn paced(streams: usize) -> Self {
        Self::new(format!("[[words={WORDS} every={}]]", PACE.as_millis()), WORDS, streams)
    }

    /// Streams of many deltas.
    pub(crate) fn dense(streams: usize) -> Self {
        Self::new(format!("[[words={DENSE} every=5]]"), DENSE, streams)
    }

    /// A short answer without a pace, in a separate conversation.
    pub(crate) fn short(number: u32) -> Self {
        Self::new(format!("Request {number}. [[words={SHORT}]]"), SHORT, 1)
    }

    /// Makes the model say what it received.
    pub(crate) fn echo() -> Self {
        Self::new("[[echo]]".into(), 0, 1)
    }

    /// One stream, in a thread that is there already.
    pub(crate) fn prewarmed() -> Self {
        Self { start: Start::Prewarmed, ..Self::paced(1) }
    }

    /// The same as the second turn of a conversation. `name` is this conversation's alone, so that it is never taken for
    /// another. The first answer is not measured, so it has no pace.
    pub(crate) fn second_turn(self, name: impl std::fmt::Display, edited: bool) -> Self {
        let opening = |what| format!("{what} {name}. [[words={WORDS}]]");
        let edited = edited.then(|| opening("Edit"));
        Self { start: Start::SecondTurn { opening: opening("Talk"), edited }, ..self }
    }

    /// Whether this is the whole answer. White space at the end is each transport's own affair.
    pub(crate) fn is_answer(&self, text: &str) -> bool {
        let words: Vec<String> = (1..=self.words).map(|n| format!("word{n}")).collect();
        text.trim_end() == words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_with_every_word_in_its_place() {
        let all: String = (1..=WORDS).map(|n| format!("word{n} ")).collect();
        let ask = Ask::paced(1);
        assert!(ask.is_answer(&all));
        assert!(!ask.is_answer(&all.replace("word7 ", "")));
        assert!(!ask.is_answer(""));
        assert_eq!(ask.prompt, "[[words=40 every=20]]");
    }

    #[test]
    fn an_edited_conversation_has_another_first_message_than_the_one_that_was_answered() {
        let start = |edited| match Ask::paced(1).second_turn(7, edited).start {
            Start::SecondTurn { opening, edited } => (opening, edited),
            other => panic!("{other:?}"),
        };
        assert_eq!(start(false), ("Talk 7. [[words=40]]".into(), None));
        assert_eq!(start(true).1.as_deref(), Some("Edit 7. [[words=40]]"));
    }
}
