//! One request and its answers, from the moment a turn is asked for to the last byte.
//!
//! An exchange holds the turns (one for each answer that was asked for) and their place among those that may run at once, ends
//! them at their limit or when the proxy stops, and is closed exactly once, with one line in the log: by its end, or by being
//! dropped, which means that the client has gone. No text of the conversation is kept or logged.

mod admission;
mod checking;
mod deadlines;
pub(crate) mod log;
mod record;

use std::collections::VecDeque;
use std::time::Duration;

use codex_client::{Codex, CodexError, ThreadKind, Turn, TurnEnd, TurnEvent, TurnRequest, Usage};
use futures_util::future::select_all;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::answer::pipeline::{Plan, Shaping};
use crate::error::{ApiError, Failure, Refused};
use crate::event::{Finish, Piece};
use crate::metrics::{Metrics, TurnFigures};
use crate::off_workers::JobError;
use crate::settings::Settings;

pub use admission::Occupancy;
pub(crate) use admission::{Admission, Asked, Place};

use checking::Checking;
use log::Recorder;
use record::Outcome;

/// Limits of turns, all of them.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Turns that run at once.
    pub turns: usize,
    /// Requests that wait for their place. When as many wait, one is refused with 429: a further one, or another for which it
    /// makes room.
    pub waiting: usize,
    /// How long one waits at most.
    pub wait: Duration,
    /// How long a turn may take.
    pub turn: Duration,
    /// How long codex may say nothing at all of a turn.
    pub silence: Duration,
    /// Silence after which a stream is given a comment, so that nobody in between takes it for dead.
    pub ping: Duration,
    /// Connections at once, each with some 10 KB of memory, and up to 1 MiB of an answer that its client does not read. When there
    /// are as many, the oldest gives way.
    pub connections: usize,
    /// How long a client may take to send its request's head, and be silent between two requests.
    pub head: Duration,
    /// How long a client may be silent within its request's body.
    pub body_silence: Duration,
    /// How long a client may read nothing at all while something waits to be sent to it.
    pub unread: Duration,
    /// How long open streams may go on after the proxy was told to stop.
    pub drain: Duration,
}

impl Limits {
    /// The limits with those that the user has set.
    #[must_use]
    pub fn with(self, set: &Settings) -> Self {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        Self {
            turns: set.max_turns.get() as usize,
            waiting: set.max_waiting.get() as usize,
            wait: seconds(set.max_wait_seconds.get()),
            turn: seconds(set.turn_limit_minutes.get()) * 60,
            silence: seconds(set.silence_limit_minutes.get()) * 60,
            ..self
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            turns: 0,
            waiting: 0,
            wait: Duration::ZERO,
            turn: Duration::ZERO,
            silence: Duration::ZERO,
            ping: Duration::from_secs(10),
            connections: 1024,
            head: Duration::from_secs(30),
            body_silence: Duration::from_secs(30),
            unread: Duration::from_secs(120),
            drain: Duration::from_secs(5),
        }
        .with(&Settings::default())
    }
}

/// One request and its answers. Dropping it means that the client has disconnected, and interrupts its turns.
#[derive(Debug)]
pub(crate) struct Exchange {
    recorder: Recorder,
    metrics: Metrics,
    limits: Limits,
    cut_off: CancellationToken,
    arrived: Instant,
    /// How long it waited for its place.
    waited: Duration,
    /// How long codex took to be there and to list its models.
    codex_ready: Duration,
    place: Option<Place>,
    /// Its turns, once they have begun and until all is said.
    turns: Option<Turns>,
    /// The proxy's own share of the time to the first token.
    own: Duration,
    first: Option<Duration>,
    deltas: u64,
    model: String,
    usage: Option<Usage>,
    span: Span,
}

/// The turns of an exchange, one for each answer that was asked for.
#[derive(Debug)]
struct Turns {
    codex: Codex,
    kind: ThreadKind,
    choices: Vec<Choice>,
    begun: Instant,
}

/// One of the answers.
#[derive(Debug)]
struct Choice {
    /// Its turn; dropping it interrupts it.
    turn: Option<Turn>,
    shaping: Shaping,
    /// The check of the whole answer, while it runs.
    checking: Option<Checking>,
    /// Pieces that nobody has taken yet: those of one event.
    ready: VecDeque<Piece>,
    /// A further attempt, and whether it is to be begun.
    again: Option<TurnRequest>,
    begin_again: bool,
}

impl Exchange {
    /// A request that has just arrived.
    pub(crate) fn new(
        recorder: Recorder,
        metrics: &Metrics,
        limits: &Limits,
        cut_off: &CancellationToken,
    ) -> Self {
        Self {
            recorder,
            metrics: metrics.clone(),
            limits: *limits,
            cut_off: cut_off.clone(),
            arrived: Instant::now(),
            waited: Duration::ZERO,
            codex_ready: Duration::ZERO,
            place: None,
            turns: None,
            own: Duration::ZERO,
            first: None,
            deltas: 0,
            model: String::new(),
            usage: None,
            span: Span::current(),
        }
    }

    /// Reports to the request log.
    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Passes on what comes of a step on the way to the turns, and ends the request with its error.
    pub(crate) fn check<T, E: Into<ApiError>>(&self, step: Result<T, E>) -> Result<T, ApiError> {
        step.map_err(|error| {
            let error = error.into();
            self.recorder.failed(error.status(), error.code(), &error.for_log());
            error
        })
    }

    /// Codex took so long to be there and to list its models.
    pub(crate) fn codex_took(&mut self, took: Duration) {
        self.codex_ready += took;
    }

    /// Waits for a place among the turns that run, for `turns` turns of the key with the id `key`.
    ///
    /// # Errors
    /// When the queue is full, or the wait takes too long.
    pub(crate) async fn wait_for_place(
        &mut self,
        admission: &Admission,
        key: &str,
        turns: u32,
    ) -> Result<(), Refused> {
        let asked = Instant::now();
        let place = match admission.ask(key, turns) {
            Ok(Asked::Placed(place)) => Ok(place),
            Ok(Asked::Waits(waiting)) => {
                self.recorder.step("Waits for its place", None, false);
                waiting.place().await
            }
            Err(refused) => Err(refused),
        };
        self.waited = asked.elapsed();
        self.recorder.waited(record::ms(self.waited), place.is_ok());
        self.place = Some(place?);
        Ok(())
    }

    /// Starts `n` turns of the same request; `plan` is what their answers must be like. `urging` is the note of a second attempt,
    /// where the model has to call a tool and did not.
    ///
    /// # Errors
    /// Whatever keeps codex from starting.
    pub(crate) async fn start(
        &mut self,
        codex: &Codex,
        request: TurnRequest,
        plan: Plan,
        urging: Option<String>,
        n: u32,
    ) -> Result<(), CodexError> {
        let kind = request.profile.kind;
        let again = urging.map(|urging| TurnRequest { turn_instructions: Some(urging), ..request.clone() });
        // A conversation can be megabytes of pictures, and is usually for one turn.
        let mut requests: Vec<TurnRequest> = (1..n).map(|_| request.clone()).collect();
        requests.push(request);
        let mut choices = Vec::new();
        for request in requests {
            let turn = tokio::select! {
                biased;
                () = self.cut_off.cancelled() => Err(CodexError::ShuttingDown),
                turn = codex.turn(request) => turn,
            };
            let turn = turn.inspect_err(|_| {
                self.metrics.turn_ended(kind, "failed", None, &TurnFigures::default());
            })?;
            choices.push(Choice {
                turn: Some(turn),
                shaping: Shaping::new(plan.clone()),
                checking: None,
                ready: VecDeque::new(),
                again: again.clone(),
                begin_again: false,
            });
        }
        self.recorder.step("Given to codex", None, false);
        self.own = self.arrived.elapsed().saturating_sub(self.waited + self.codex_ready);
        self.span = Span::current();
        self.turns = Some(Turns { codex: codex.clone(), kind, choices, begun: Instant::now() });
        Ok(())
    }

    /// What comes next, and of which answer; `None` after the end of all of them. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Option<(u32, Piece)> {
        loop {
            let turns = self.turns.as_mut()?;
            for (index, choice) in (0..).zip(&mut turns.choices) {
                if let Some(piece) = choice.ready.pop_front() {
                    return Some((index, self.pass(piece)));
                }
            }
            let deadline = turns.next_deadline(&self.limits);
            let event = tokio::select! {
                biased;
                event = turns.next() => event,
                () = self.cut_off.cancelled() => Err(Failure::Stopping),
                () = sleep_until(deadline) => match turns.expired(&self.limits) {
                    Some(failure) => Err(failure),
                    // codex has said something meanwhile that is no event.
                    None => continue,
                },
            };
            match event {
                Ok((index, Event::Turn(event))) => self.take(index, event),
                Ok((index, Event::Checked(result))) => self.checked(index, result),
                Err(failure) => return Some((0, self.fail(failure))),
            }
        }
    }

    /// Makes pieces of an event.
    fn take(&mut self, index: usize, event: TurnEvent) {
        if matches!(event, TurnEvent::Text(_) | TurnEvent::Reasoning(_) | TurnEvent::Call(_)) {
            self.count();
        }
        let Some(choice) = self.turns.as_mut().and_then(|turns| turns.choices.get_mut(index)) else { return };
        let Choice { shaping, ready, checking, .. } = choice;
        match event {
            TurnEvent::Model(model) => {
                self.model.clone_from(&model);
                ready.push_back(Piece::Model(model));
            }
            TurnEvent::Text(text) => {
                if shaping.text(&text, ready).is_break() {
                    // Gone, and with it the turn.
                    choice.turn = None;
                }
            }
            TurnEvent::Reasoning(text) => shaping.reasoning(&text, ready),
            TurnEvent::Call(call) => shaping.call(call),
            TurnEvent::Item(item) => {
                shaping.item(&item, ready);
                self.record_item(&item);
            }
            TurnEvent::Retrying(_) => {
                self.recorder.step("Upstream failed, codex tries again", None, true);
                self.span.in_scope(|| tracing::warn!("codex tries again after an error of the upstream"));
            }
            TurnEvent::Ended(Ok(TurnEnd { usage, .. })) => {
                choice.turn = None;
                if shaping.misses_its_call() && choice.again.is_some() {
                    self.recorder.step("The model did not call the tool, and is asked again", None, true);
                    choice.begin_again = true;
                } else {
                    match shaping.over(usage, ready) {
                        Ok(unchecked) => {
                            *checking = unchecked.map(|unchecked| checking::begin(unchecked, usage));
                        }
                        Err(failure) => ready.push_back(Piece::Ended(Err(failure))),
                    }
                }
            }
            TurnEvent::Ended(Err(error)) => ready.push_back(Piece::Ended(Err(Failure::Codex(error)))),
        }
    }

    /// Says the end of an answer that has been checked.
    fn checked(&mut self, index: usize, result: Result<Option<Usage>, Failure>) {
        let Some(choice) = self.turns.as_mut().and_then(|turns| turns.choices.get_mut(index)) else { return };
        let Choice { shaping, ready, checking, .. } = choice;
        *checking = None;
        match result {
            Ok(usage) => shaping.checked(usage, ready),
            Err(failure) => ready.push_back(Piece::Ended(Err(failure))),
        }
    }

    /// Puts down a piece that goes to the client.
    fn pass(&mut self, piece: Piece) -> Piece {
        match piece {
            Piece::Text(text) => {
                self.recorder.text(&text);
                Piece::Text(text)
            }
            Piece::Ended(Ok(Finish { reason, usage })) => {
                if let Some(usage) = usage {
                    *self.usage.get_or_insert_default() += usage;
                }
                self.ended_one();
                Piece::Ended(Ok(Finish { reason, usage }))
            }
            Piece::Ended(Err(failure)) => self.fail(failure),
            piece => piece,
        }
    }

    /// One of the answers is whole; the last one closes the exchange.
    fn ended_one(&mut self) {
        // An answer is over once its last piece has been taken, which is the only one that brings us here.
        let is_over = |choice: &Choice| {
            choice.turn.is_none()
                && choice.checking.is_none()
                && choice.ready.is_empty()
                && !choice.begin_again
        };
        if self.turns.as_ref().is_some_and(|turns| turns.choices.iter().all(is_over)) {
            self.close(&Outcome::Done(self.usage));
        }
    }

    /// Ends everything with a failure.
    fn fail(&mut self, failure: Failure) -> Piece {
        self.close(&Outcome::Failed(&failure));
        Piece::Ended(Err(failure))
    }

    fn count(&mut self) {
        self.deltas += 1;
        if self.first.is_none() {
            self.first = Some(self.arrived.elapsed());
            self.recorder.first_token(record::ms(self.own));
        }
    }

    fn close(&mut self, outcome: &Outcome<'_>) {
        let Some(turns) = self.turns.take() else { return };
        // Whoever waits may start now, even while this client still reads.
        self.place = None;
        let _in_span = self.span.enter();
        let whole = self.arrived.elapsed();
        let measured =
            TurnFigures { deltas: self.deltas, first: self.first.map(|first| (first, self.own)), whole };
        let (word, usage) = match *outcome {
            Outcome::Done(usage) => ("done", usage),
            Outcome::Failed(_) => ("failed", None),
            Outcome::ClientGone => ("client_gone", None),
        };
        self.metrics.turn_ended(turns.kind, word, usage, &measured);
        self.record_end(whole, outcome);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.close(&Outcome::ClientGone);
    }
}

/// What happens to one of the answers.
enum Event {
    Turn(TurnEvent),
    /// It has been checked; the usage of its turn, unless it is not what it must be.
    Checked(Result<Option<Usage>, Failure>),
}

impl Choice {
    /// What happens next; `None` when it is over. Dropping the future loses nothing.
    async fn next(&mut self) -> Option<Event> {
        if let Some(checking) = &mut self.checking {
            let checked = checking.await.unwrap_or(Err(Failure::Unchecked(JobError::Panicked)));
            return Some(Event::Checked(checked));
        }
        let event = self.turn.as_mut()?.next().await;
        Some(Event::Turn(event.unwrap_or(TurnEvent::Ended(Err(CodexError::Disconnected)))))
    }
}

impl Turns {
    /// The next event of any of the answers. Dropping the future loses nothing.
    async fn next(&mut self) -> Result<(usize, Event), Failure> {
        for choice in self.choices.iter_mut().filter(|choice| choice.begin_again) {
            if let Some(request) = &choice.again {
                choice.turn = Some(self.codex.turn(request.clone()).await.map_err(Failure::Codex)?);
            }
            (choice.again, choice.begin_again) = (None, false);
        }
        let running = self
            .choices
            .iter_mut()
            .enumerate()
            .filter(|(_, choice)| choice.turn.is_some() || choice.checking.is_some())
            .map(|(index, choice)| Box::pin(async move { choice.next().await.map(|event| (index, event)) }))
            .collect::<Vec<_>>();
        if running.is_empty() {
            return Err(Failure::Codex(CodexError::Disconnected));
        }
        select_all(running).await.0.ok_or(Failure::Codex(CodexError::Disconnected))
    }
}
