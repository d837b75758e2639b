//! Generated pictures in an answer, and answers that are one picture.
//!
//! Such an answer ends with its picture: codex would send it back to the model, which costs as much again and adds only words.

use codex_client::{CodexError, FailureKind, Picture, Turn, TurnFailure};

use super::sum;
use super::turns::Choice;
use crate::error::Failure;
use crate::event::{AnswerEnd, AnswerEvent};
use crate::openai::completion::FinishReason;

/// The part of the model's words that an error quotes, in characters.
const MAX_WORDS: usize = 500;

/// Adds a delta of what the model says in place of the image.
pub(super) fn push_words(instead: &mut Option<String>, delta: &str) {
    if let Some(words) = instead {
        let room = MAX_WORDS.saturating_sub(words.chars().count());
        words.extend(delta.chars().take(room));
    }
}

impl Choice {
    /// Adds a picture. If it is the answer, the turn is interrupted.
    pub(super) fn push_picture(&mut self, picture: Picture) {
        self.pipeline.push_picture(AnswerEvent::Picture(picture), &mut self.ready);
        if self.instead.take().is_some() {
            let usage = sum(self.spent, self.turn.as_ref().and_then(Turn::usage));
            (self.spent, self.turn) = (usage, None);
            // Nothing more is held.
            let _continues = self.pipeline.checkpoint(&mut self.ready);
            let end = AnswerEnd { reason: FinishReason::Stop, usage, files_changed: None };
            self.ready.push_back(AnswerEvent::Ended(Ok(end)));
        }
    }

    /// Ends an answer that is one picture where another attempt would fail too; else the model decides.
    pub(super) fn fail_picture(&mut self, failure: TurnFailure) {
        let is_final = !matches!(failure.kind, FailureKind::Upstream | FailureKind::Overloaded);
        if is_final && self.instead.take().is_some() {
            self.turn = None;
            let failure = Failure::Codex(CodexError::Turn(failure));
            self.ready.push_back(AnswerEvent::Ended(Err(failure)));
        }
    }
}
