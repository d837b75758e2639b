//! What a round consists of: how many streams, the prompt, and the expected answer. Prompts script the sample model (see its
//! README).

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The model that every side requests.
pub(crate) const MODEL: &str = sample_model::codex_home::MODEL;

/// Deltas of a paced answer.
pub(crate) const WORDS: usize = 40;

/// The model sends the nth delta n paces after the first, regardless of delays.
pub(crate) const PACE: Duration = Duration::from_millis(20);

/// Deltas of a dense answer, and of a short one.
pub(crate) const DENSE: usize = 200;
const SHORT: usize = 5;

/// The pause before a round and between two turns: shorter than any user's.
pub(crate) const PAUSE: Duration = Duration::from_millis(300);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RoundSpec {
    pub(crate) prompt: String,
    /// Words in the answer.
    pub(crate) words: usize,
    /// Concurrent streams.
    pub(crate) streams: usize,
    pub(crate) start: StartState,
    /// Instructions of the chat, for the proxy only.
    pub(crate) instructions: Option<String>,
}

/// What exists before a round. All but `Cold` support only one stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StartState {
    /// Nothing: starting the thread is part of the round.
    Cold,
    /// A thread without a turn, if the client can prewarm one.
    Prewarmed,
    /// A conversation whose first message, `opening`, has been answered. The round continues it, or a copy with the first message
    /// edited, which no thread matches, so that a new one gets the first turn as history.
    SecondTurn { opening: String, edited: Option<String> },
}

impl RoundSpec {
    fn new(prompt: String, words: usize, streams: usize) -> Self {
        Self { prompt, words, streams, start: StartState::Cold, instructions: None }
    }

    /// Used by most scenarios.
    pub(crate) fn paced(streams: usize) -> Self {
        Self::new(format!("[[words={WORDS} every={}]]", PACE.as_millis()), WORDS, streams)
    }

    pub(crate) fn dense(streams: usize) -> Self {
        Self::new(format!("[[words={DENSE} every=5]]"), DENSE, streams)
    }

    /// A short unpaced answer, in its own conversation.
    pub(crate) fn short(number: u32) -> Self {
        Self::new(format!("Request {number}. [[words={SHORT}]]"), SHORT, 1)
    }

    /// Makes the model echo what it received.
    pub(crate) fn echo() -> Self {
        Self::new("[[echo]]".into(), 0, 1)
    }

    /// One stream in a prewarmed thread.
    pub(crate) fn prewarmed() -> Self {
        Self { start: StartState::Prewarmed, ..Self::paced(1) }
    }

    /// One stream whose instructions, by their unique `number`, no chat has had.
    pub(crate) fn instructed(number: u32) -> Self {
        Self { instructions: Some(format!("Be brief. Chat {number}.")), ..Self::paced(1) }
    }

    /// The same round as the second turn of a conversation, whose `name` must be unique. The first turn is not measured, so it is
    /// unpaced.
    pub(crate) fn second_turn(self, name: impl std::fmt::Display, edited: bool) -> Self {
        let opening = |what| format!("{what} {name}. [[words={WORDS}]]");
        let edited = edited.then(|| opening("Edit"));
        Self { start: StartState::SecondTurn { opening: opening("Talk"), edited }, ..self }
    }

    /// Whether this is the complete answer. Transports differ in trailing white space.
    pub(crate) fn is_answer(&self, text: &str) -> bool {
        let words: Vec<String> = (1..=self.words).map(|n| format!("word{n}")).collect();
        text.trim_end() == words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_with_every_word() {
        let all: String = (1..=WORDS).map(|n| format!("word{n} ")).collect();
        let spec = RoundSpec::paced(1);
        assert!(spec.is_answer(&all));
        assert!(!spec.is_answer(&all.replace("word7 ", "")));
        assert!(!spec.is_answer(""));
        assert_eq!(spec.prompt, "[[words=40 every=20]]");
    }

    #[test]
    fn an_edited_conversation_has_a_different_first_message() {
        let start = |edited| match RoundSpec::paced(1).second_turn(7, edited).start {
            StartState::SecondTurn { opening, edited } => (opening, edited),
            other => panic!("{other:?}"),
        };
        assert_eq!(start(false), ("Talk 7. [[words=40]]".into(), None));
        assert_eq!(start(true).1.as_deref(), Some("Edit 7. [[words=40]]"));
    }
}
