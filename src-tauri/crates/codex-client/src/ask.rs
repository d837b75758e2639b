//! Questions that codex asks during a turn, and their answers.
//!
//! Every branch fails closed: an [`Ask`] that is dropped without an answer is declined.

mod question;

use std::collections::BTreeMap;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

pub use question::{FileDiff, FileDiffKind, FormField, FormInput, InputOption, InputQuestion, Question};

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Allow this, once.
    Accept,
    /// Refuse it. The model learns of it, and the turn goes on.
    Decline,
    /// Refuse it and end the turn.
    Cancel,
    /// Answer with values, by the id of the question or the name of the field.
    Values(BTreeMap<String, Vec<String>>),
}

/// A question that waits for its answer. Dropping it declines.
#[derive(Debug)]
pub struct Ask {
    /// What codex asks.
    pub question: Question,
    /// Why it asks, in the model's words.
    pub reason: Option<String>,
    decision: oneshot::Sender<Decision>,
    withdrawn: CancellationToken,
}

impl Ask {
    /// A question, and the end on which its answer arrives.
    #[must_use]
    pub fn new(question: Question, reason: Option<String>) -> (Self, PendingAsk) {
        let (decision, decided) = oneshot::channel();
        let withdrawn = CancellationToken::new();
        let pending = PendingAsk { decided, withdrawn: withdrawn.clone() };
        (Self { question, reason, decision, withdrawn }, pending)
    }

    /// Answers it. Whether codex still waited for the answer.
    pub fn answer(self, decision: Decision) -> bool {
        !self.withdrawn.is_cancelled() && self.decision.send(decision).is_ok()
    }

    /// Resolves when codex no longer waits for an answer: it withdrew the question, its turn ended, or codex is gone.
    pub fn closed(&self) -> impl Future<Output = ()> + Send + use<> {
        self.withdrawn.clone().cancelled_owned()
    }
}

/// The other end of an [`Ask`].
#[derive(Debug)]
pub struct PendingAsk {
    decided: oneshot::Receiver<Decision>,
    /// Cancelled to withdraw the question.
    pub(crate) withdrawn: CancellationToken,
}

/// How the wait for an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskOutcome {
    /// It was answered.
    Answered(Decision),
    /// It was dropped, which declines it.
    Dropped,
    /// codex no longer waits.
    Withdrawn,
}

impl PendingAsk {
    /// Waits for the answer.
    pub async fn outcome(self) -> AskOutcome {
        tokio::select! {
            biased;
            () = self.withdrawn.cancelled() => AskOutcome::Withdrawn,
            decided = self.decided => decided.map_or(AskOutcome::Dropped, AskOutcome::Answered),
        }
    }

    /// Withdraws the question: codex no longer waits.
    pub fn withdraw(&self) {
        self.withdrawn.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask() -> (Ask, PendingAsk) {
        Ask::new(Question::Permissions { wants: vec!["Use the network".into()], folder: "/w".into() }, None)
    }

    #[tokio::test]
    async fn dropped_question_is_not_accepted() {
        let (ask, pending) = ask();
        drop(ask);
        assert_eq!(pending.outcome().await, AskOutcome::Dropped);
    }

    #[tokio::test]
    async fn answer_to_a_withdrawn_question_does_not_count() {
        let (ask, pending) = ask();
        let closed = ask.closed();
        pending.withdraw();
        closed.await;
        assert!(!ask.answer(Decision::Accept));
        assert_eq!(pending.outcome().await, AskOutcome::Withdrawn);
    }

    #[tokio::test]
    async fn answer_arrives() {
        let (ask, pending) = ask();
        assert!(ask.answer(Decision::Cancel));
        assert_eq!(pending.outcome().await, AskOutcome::Answered(Decision::Cancel));
    }
}
