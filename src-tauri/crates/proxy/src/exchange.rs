//! One request and its answers, from the moment a turn is asked for to the last byte.
//!
//! An exchange holds the turns (one for each answer that was asked for) and their place among those that may run at once, ends
//! them at their limit or when the proxy stops, and is closed exactly once, with one line in the log: by its end, or by being
//! dropped, which means that the client has gone. No text of the conversation is kept or logged.

mod admission;
pub mod log;
mod patience;
mod record;
mod shaping;
mod work;

use std::collections::VecDeque;
use std::time::Duration;

use codex_client::{Codex, CodexError, ThreadKind, Turn, TurnEnd, TurnEvent, TurnRequest, Usage};
use futures_util::future::select_all;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::answer::{Finish, Piece};
use crate::metrics::{Metrics, TurnFigures, TurnOutcome};
use crate::settings::Settings;

pub use admission::{Admission, Asked, Place, Refused, Turns, Waiting, Why};
pub(crate) use shaping::{Counting, Plan};

use log::Recorder;
use record::Outcome;
use shaping::{Next, Shaping};

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

/// Why an exchange ended before its answer was whole.
#[derive(Clone, Debug)]
pub enum Failure {
    /// codex, or the model behind it.
    Codex(CodexError),
    /// The turn took longer than it may.
    TooLong(Duration),
    /// codex said nothing of the turn for longer than it may.
    Silent(Duration),
    /// The answer does not have the form that was asked for: what is wrong, without a word of it.
    BadForm(String),
    /// The model did not call the tool that had to be called.
    NoCall,
    /// The proxy is stopping.
    Stopping,
}

/// When things happened to a request before its turn began.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// It arrived.
    pub arrived: Instant,
    /// How long it waited for its place.
    pub waited: Duration,
    /// How long codex took to be there and to name its models.
    pub codex: Duration,
}

/// What an exchange is made of.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    pub(crate) codex: &'a Codex,
    pub(crate) request: TurnRequest,
    /// The note of a second attempt, where the model has to call a tool and did not.
    pub(crate) urging: Option<String>,
    pub(crate) plan: Plan,
    /// How many answers.
    pub(crate) n: u32,
    pub(crate) place: Place,
    pub(crate) entry: Recorder,
    pub(crate) timing: Timing,
    pub(crate) metrics: &'a Metrics,
    pub(crate) limits: &'a Limits,
    pub(crate) cut_off: CancellationToken,
}

/// A running exchange.
#[derive(Debug)]
pub struct Exchange {
    codex: Codex,
    choices: Vec<Choice>,
    place: Option<Place>,
    entry: Recorder,
    metrics: Metrics,
    kind: ThreadKind,
    timing: Timing,
    /// The proxy's own share of the time to the first word.
    own: Duration,
    /// When its turns began.
    begun: Instant,
    turn_limit: Duration,
    silence_limit: Duration,
    cut_off: CancellationToken,
    first: Option<Duration>,
    deltas: u64,
    model: String,
    usage: Option<Usage>,
    closed: bool,
    span: Span,
}

/// One of the answers.
#[derive(Debug)]
struct Choice {
    /// Its turn; dropping it interrupts it.
    turn: Option<Turn>,
    shaping: Shaping,
    /// Pieces that nobody has taken yet: those of one event.
    ready: VecDeque<Piece>,
    /// A further attempt, and whether it is to be begun.
    again: Option<TurnRequest>,
    begin_again: bool,
}

impl Exchange {
    /// Begins the turns.
    ///
    /// # Errors
    /// Whatever keeps codex from starting; the entry is closed with it.
    pub(crate) async fn begin(start: Start<'_>) -> Result<Self, CodexError> {
        let Start { codex, request, urging, plan, n, place, entry, timing, metrics, limits, cut_off } = start;
        let kind = request.profile.kind;
        let again = urging.map(|urging| TurnRequest { note: Some(urging), ..request.clone() });
        // A conversation can be megabytes of pictures, and is usually for one turn.
        let mut requests: Vec<TurnRequest> = (1..n).map(|_| request.clone()).collect();
        requests.push(request);
        let mut choices = Vec::new();
        for request in requests {
            let turn = tokio::select! {
                biased;
                () = cut_off.cancelled() => Err(CodexError::ShuttingDown),
                turn = codex.turn(request) => turn,
            };
            let turn = match turn {
                Ok(turn) => turn,
                Err(error) => {
                    record::failed(&entry, Failure::Codex(error.clone()));
                    metrics.turn_ended(kind, &TurnFigures::default(), TurnOutcome::Failed);
                    return Err(error);
                }
            };
            choices.push(Choice {
                turn: Some(turn),
                shaping: Shaping::new(plan.clone()),
                ready: VecDeque::new(),
                again: again.clone(),
                begin_again: false,
            });
        }
        entry.step("Given to codex", None, false);
        Ok(Self {
            codex: codex.clone(),
            choices,
            place: Some(place),
            metrics: metrics.clone(),
            kind,
            own: timing.arrived.elapsed().saturating_sub(timing.waited + timing.codex),
            entry,
            timing,
            begun: Instant::now(),
            turn_limit: limits.turn,
            silence_limit: limits.silence,
            cut_off,
            first: None,
            deltas: 0,
            model: String::new(),
            usage: None,
            closed: false,
            span: Span::current(),
        })
    }

    /// What comes next, and of which answer; `None` after the end of all of them. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<(u32, Piece)> {
        loop {
            for (index, choice) in (0..).zip(&mut self.choices) {
                if let Some(piece) = choice.ready.pop_front() {
                    return Some((index, self.pass(piece)));
                }
            }
            if self.closed {
                return None;
            }
            let due = self.due();
            let event = tokio::select! {
                biased;
                event = next_event(&self.codex, &mut self.choices) => event,
                () = self.cut_off.cancelled() => Err(Failure::Stopping),
                () = sleep_until(due) => match self.overdue() {
                    Some(failure) => Err(failure),
                    // codex has said something meanwhile that is no event.
                    None => continue,
                },
            };
            match event {
                Ok((index, event)) => self.take(index, event),
                Err(failure) => return Some((0, self.fail(failure))),
            }
        }
    }

    /// Makes pieces of an event.
    fn take(&mut self, index: usize, event: TurnEvent) {
        if matches!(event, TurnEvent::Text(_) | TurnEvent::Reasoning(_) | TurnEvent::Call(_)) {
            self.count();
        }
        let Some(choice) = self.choices.get_mut(index) else { return };
        let Choice { shaping, ready, .. } = choice;
        match event {
            TurnEvent::Model(model) => {
                self.model.clone_from(&model);
                ready.push_back(Piece::Model(model));
            }
            TurnEvent::Text(text) => {
                if shaping.text(&text, ready) == Next::Cut {
                    // Gone, and with it the turn.
                    choice.turn = None;
                }
            }
            TurnEvent::Reasoning(text) => shaping.reasoning(&text, ready),
            TurnEvent::Call(call) => shaping.call(call),
            TurnEvent::Item(item) => {
                shaping.item(&item, ready);
                record::note(&self.entry, &self.span, &item);
            }
            TurnEvent::Retrying(_) => {
                self.entry.step("Upstream failed, codex tries again", None, true);
                self.span.in_scope(|| tracing::warn!("codex tries again after an error of the upstream"));
            }
            TurnEvent::Ended(Ok(TurnEnd { usage, .. })) => {
                choice.turn = None;
                if shaping.misses_its_call() && choice.again.is_some() {
                    self.entry.step("The model did not call the tool, and is asked again", None, true);
                    choice.begin_again = true;
                } else if let Err(failure) = shaping.over(usage, ready) {
                    ready.push_back(Piece::Ended(Err(failure)));
                }
            }
            TurnEvent::Ended(Err(error)) => ready.push_back(Piece::Ended(Err(Failure::Codex(error)))),
        }
    }

    /// Puts down a piece that goes to the client.
    fn pass(&mut self, piece: Piece) -> Piece {
        match piece {
            Piece::Text(text) => {
                self.entry.text(&text);
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
        let is_over =
            |choice: &Choice| choice.turn.is_none() && choice.ready.is_empty() && !choice.begin_again;
        if self.choices.iter().all(is_over) {
            self.close(&Outcome::Done(self.usage));
        }
    }

    /// Ends everything with a failure.
    fn fail(&mut self, failure: Failure) -> Piece {
        self.choices.clear();
        self.close(&Outcome::Failed(&failure));
        Piece::Ended(Err(failure))
    }

    fn count(&mut self) {
        self.deltas += 1;
        if self.first.is_none() {
            self.first = Some(self.timing.arrived.elapsed());
            self.entry.first_token(record::ms(self.own));
        }
    }

    fn close(&mut self, outcome: &Outcome<'_>) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        // Whoever waits may start now, even while this client still reads.
        self.place = None;
        let _in_span = self.span.enter();
        let whole = self.timing.arrived.elapsed();
        let measured =
            TurnFigures { deltas: self.deltas, first: self.first.map(|first| (first, self.own)), whole };
        self.metrics.turn_ended(self.kind, &measured, outcome.into());
        let figures = record::Figures {
            model: &self.model,
            deltas: self.deltas,
            wait_ms: record::ms(self.timing.waited),
            first_ms: self.first.map(record::ms),
            total_ms: record::ms(whole),
        };
        record::close(&self.entry, &figures, outcome);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.close(&Outcome::ClientGone);
    }
}

/// The next event of any of the turns. Dropping the future loses nothing.
async fn next_event(codex: &Codex, choices: &mut [Choice]) -> Result<(usize, TurnEvent), Failure> {
    for choice in choices.iter_mut().filter(|choice| choice.begin_again) {
        if let Some(request) = &choice.again {
            choice.turn = Some(codex.turn(request.clone()).await.map_err(Failure::Codex)?);
        }
        (choice.again, choice.begin_again) = (None, false);
    }
    let of = |event: Option<TurnEvent>| event.unwrap_or(TurnEvent::Ended(Err(CodexError::Disconnected)));
    let mut running = choices
        .iter_mut()
        .enumerate()
        .filter_map(|(index, choice)| choice.turn.as_mut().map(|turn| (index, turn)))
        .collect::<Vec<_>>();
    match running.as_mut_slice() {
        [] => Ok((0, TurnEvent::Ended(Err(CodexError::Disconnected)))),
        [(index, turn)] => Ok((*index, of(turn.next().await))),
        turns => {
            let each = turns.iter_mut().map(|(index, turn)| {
                let index = *index;
                Box::pin(async move { (index, turn.next().await) })
            });
            let ((index, event), ..) = select_all(each).await;
            Ok((index, of(event)))
        }
    }
}
