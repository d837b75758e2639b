//! The turns of an exchange, one per answer.
//!
//! At most as many run at once as the exchange has permits for; the other answers follow as these end.

use std::collections::VecDeque;

use codex_client::{Codex, CodexError, ThreadKind, Turn, TurnEvent, TurnFailure, TurnRequest, Usage};
use futures_util::FutureExt as _;
use futures_util::future::{join_all, select_all};
use tokio::time::Instant;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::checking::RunningCheck;
use super::questions::{PendingQuestion, next_answered};
use crate::answer::attempts::Attempts;
use crate::approvals::Resolution;
use crate::error::Failure;
use crate::event::AnswerEvent;
use crate::off_workers::JobError;

#[derive(Debug)]
pub(super) struct Turns {
    codex: Codex,
    pub(super) kind: ThreadKind,
    pub(super) choices: Vec<Choice>,
    max_running: usize,
    /// Until the last answer has started.
    request: Option<TurnRequest>,
}

/// One answer.
#[derive(Debug)]
pub(super) struct Choice {
    /// `None` before the first attempt.
    pub(super) started: Option<Instant>,
    /// Dropping the turn interrupts it.
    pub(super) turn: Option<Turn>,
    pub(super) pipeline: Attempts,
    /// What the model says in place of the requested image, if the answer is one.
    pub(super) instead: Option<String>,
    /// Why codex last asked upstream again.
    pub(super) retrying: Option<TurnFailure>,
    /// The running validation of the complete answer.
    pub(super) check: Option<RunningCheck>,
    /// Events ready to be sent, all from one turn event.
    pub(super) ready: VecDeque<AnswerEvent>,
    /// The second attempt, and whether to start it.
    pub(super) retry: Option<TurnRequest>,
    pub(super) retry_now: bool,
    /// Usage so far.
    pub(super) spent: Option<Usage>,
    /// The questions that codex waits for.
    pub(super) questions: Vec<PendingQuestion>,
    /// Whether the owner has stopped it.
    pub(super) denied: bool,
    /// One for each of its turns: resolves when codex does nothing more for it.
    settled: Vec<WaitForCancellationFutureOwned>,
}

/// An event of one answer.
pub(super) enum Event {
    Turn(TurnEvent),
    /// The question at this place has ended.
    Answered(usize, Resolution),
    /// The validation's result: the turn's usage if the answer is valid.
    Checked(Result<Option<Usage>, Failure>),
}

impl Choice {
    pub(super) fn new(pipeline: Attempts, retry: Option<TurnRequest>, only_image: bool) -> Self {
        Self {
            instead: only_image.then(String::new),
            started: None,
            turn: None,
            pipeline,
            retrying: None,
            check: None,
            ready: VecDeque::new(),
            retry,
            retry_now: false,
            spent: None,
            questions: Vec::new(),
            denied: false,
            settled: Vec::new(),
        }
    }

    fn begin(&mut self, turn: Turn) {
        self.started = Some(Instant::now());
        self.attempt(turn);
    }

    fn attempt(&mut self, turn: Turn) {
        self.settled.push(turn.settled());
        self.turn = Some(turn);
    }

    pub(super) fn is_running(&self) -> bool {
        self.turn.is_some() || self.check.is_some()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.started.is_some() && !self.is_running() && self.ready.is_empty() && !self.retry_now
    }

    /// The next event; `None` at the end. Cancel-safe.
    async fn next(&mut self) -> Option<Event> {
        if let Some(check) = &mut self.check {
            let checked = check.await.unwrap_or(Err(Failure::Unchecked(JobError::Panicked)));
            return Some(Event::Checked(checked));
        }
        let turn = self.turn.as_mut()?;
        tokio::select! {
            biased;
            (at, resolution) = next_answered(&mut self.questions) => Some(Event::Answered(at, resolution)),
            event = turn.next() => {
                Some(Event::Turn(event.unwrap_or(TurnEvent::Ended(Err(CodexError::Disconnected)))))
            }
        }
    }
}

impl Turns {
    pub(super) fn new(codex: Codex, request: TurnRequest, choices: Vec<Choice>, max_running: u32) -> Self {
        let kind = request.profile.kind;
        Self { codex, kind, choices, max_running: max_running as usize, request: Some(request) }
    }

    /// Starts as many turns as may run at once. Not cancel-safe.
    pub(super) async fn start_first(&mut self) -> Result<(), CodexError> {
        if let [only] = self.choices.as_mut_slice()
            && let Some(request) = self.request.take()
        {
            // Not cloned, since a conversation can hold megabytes of images.
            only.begin(self.codex.turn(request).await?);
        }
        self.start_waiting().await
    }

    /// Starts further turns while fewer run than may. Cancel-safe.
    async fn start_waiting(&mut self) -> Result<(), CodexError> {
        let Some(request) = &self.request else { return Ok(()) };
        // After its check, an answer may need a second turn.
        let running = self.choices.iter().filter(|choice| choice.is_running()).count();
        let waiting = self.choices.iter_mut().filter(|choice| choice.started.is_none());
        for choice in waiting.take(self.max_running.saturating_sub(running)) {
            choice.begin(self.codex.turn(request.clone()).await?);
        }
        if self.choices.iter().all(|choice| choice.started.is_some()) {
            self.request = None;
        }
        Ok(())
    }

    /// Whether all that is left is the end of the last answer.
    pub(super) fn are_over(&self) -> bool {
        let mut ready = self.choices.iter().flat_map(|choice| &choice.ready);
        let is_end = |event: Option<&AnswerEvent>| matches!(event, Some(AnswerEvent::Ended(Ok(_))));
        is_end(ready.next())
            && ready.next().is_none()
            && self
                .choices
                .iter()
                .all(|choice| choice.started.is_some() && !choice.is_running() && !choice.retry_now)
    }

    /// Resolves when codex does nothing more for these answers.
    pub(super) fn settled(&mut self) -> impl Future<Output = ()> + Send + 'static {
        let settled = self.choices.iter_mut().flat_map(|choice| std::mem::take(&mut choice.settled));
        join_all(settled.collect::<Vec<_>>()).map(drop)
    }

    /// The next event of any answer. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<(usize, Event), Failure> {
        for choice in self.choices.iter_mut().filter(|choice| choice.retry_now) {
            if let Some(request) = &choice.retry {
                let turn = self.codex.turn(request.clone()).await.map_err(Failure::Codex)?;
                choice.attempt(turn);
            }
            (choice.retry, choice.retry_now) = (None, false);
        }
        self.start_waiting().await.map_err(Failure::Codex)?;
        let running = self
            .choices
            .iter_mut()
            .enumerate()
            .filter(|(_, choice)| choice.is_running())
            .map(|(index, choice)| Box::pin(async move { choice.next().await.map(|event| (index, event)) }))
            .collect::<Vec<_>>();
        if running.is_empty() {
            return Err(Failure::Codex(CodexError::Disconnected));
        }
        select_all(running).await.0.ok_or(Failure::Codex(CodexError::Disconnected))
    }
}
