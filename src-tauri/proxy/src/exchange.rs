//! One request and its answer, from the moment a turn is asked for to its last byte.
//!
//! An exchange holds the turn and its place among the turns that may run at once, ends the turn at its limit or when the
//! proxy stops, and is closed exactly once, with one line in the log: by its end, or by being dropped, which means that
//! the client has gone. No text of the conversation is kept or logged.

mod admission;

use std::time::Duration;

use codex_client::{CodexError, ItemEvent, Turn, TurnEvent, Usage};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::journal::Entry;
use crate::server::ApiError;

pub use admission::{Admission, Place, Refused};

/// Limits of turns, all of them.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Turns that run at once.
    pub turns: usize,
    /// Turns that wait for their place. When as many wait, a further request is refused with 429.
    pub waiting: usize,
    /// How long one waits at most.
    pub wait: Duration,
    /// How long a turn may take.
    pub turn: Duration,
    /// Silence after which a stream is given a comment, so that nobody in between takes it for dead.
    pub ping: Duration,
    /// How long a client may take to send its request's head, and be silent between two requests.
    pub head: Duration,
    /// How long a client may be silent within its request's body.
    pub body_silence: Duration,
    /// How long open streams may go on after the proxy was told to stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            turns: 32,
            waiting: 64,
            wait: Duration::from_secs(120),
            turn: Duration::from_secs(60 * 60),
            ping: Duration::from_secs(10),
            head: Duration::from_secs(30),
            body_silence: Duration::from_secs(30),
            drain: Duration::from_secs(5),
        }
    }
}

/// Why an exchange ended before the turn did.
#[derive(Clone, Debug)]
pub enum Failure {
    /// codex, or the model behind it.
    Codex(CodexError),
    /// The turn took longer than it may.
    TooLong(Duration),
    /// The proxy is stopping.
    Stopping,
}

/// What comes of an exchange, in order.
#[derive(Clone, Debug)]
pub enum Step {
    /// The model that answers.
    Model(String),
    /// A piece of the answer.
    Text(String),
    /// A piece of the reasoning's summary.
    Reasoning(String),
    /// Something happened that is no part of the answer.
    Progress,
    /// The end.
    Ended(Result<Option<Usage>, Failure>),
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

/// A running exchange.
#[derive(Debug)]
pub struct Exchange {
    turn: Turn,
    place: Option<Place>,
    entry: Entry,
    timing: Timing,
    /// The proxy's own share of the time to the first word.
    own: Duration,
    turn_limit: Duration,
    cut_off: CancellationToken,
    first: Option<Duration>,
    deltas: u64,
    model: String,
    closed: bool,
    span: Span,
}

/// How an exchange was closed, for the log.
enum Outcome<'a> {
    Done(Option<&'a Usage>),
    Failed(&'a Failure),
    ClientGone,
}

impl Exchange {
    /// An exchange over a turn that has begun.
    pub fn new(
        turn: Turn,
        place: Place,
        entry: Entry,
        timing: Timing,
        limits: &Limits,
        cut_off: CancellationToken,
    ) -> Self {
        entry.given_to_codex();
        Self {
            turn,
            place: Some(place),
            own: timing.arrived.elapsed().saturating_sub(timing.waited + timing.codex),
            entry,
            timing,
            turn_limit: limits.turn,
            cut_off,
            first: None,
            deltas: 0,
            model: String::new(),
            closed: false,
            span: Span::current(),
        }
    }

    /// What comes next; `None` after the end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Step> {
        if self.closed {
            return None;
        }
        let deadline = self.timing.arrived + self.turn_limit;
        let event = tokio::select! {
            biased;
            event = self.turn.next() => match event {
                Some(event) => event,
                None => TurnEvent::Ended(Err(CodexError::Disconnected)),
            },
            () = self.cut_off.cancelled() => return Some(self.end(Err(Failure::Stopping))),
            () = sleep_until(deadline) => return Some(self.end(Err(Failure::TooLong(self.turn_limit)))),
        };
        Some(match event {
            TurnEvent::Model(model) => {
                self.model.clone_from(&model);
                Step::Model(model)
            }
            TurnEvent::Text(text) => {
                self.count();
                self.entry.text(&text);
                Step::Text(text)
            }
            TurnEvent::Reasoning(text) => {
                self.count();
                Step::Reasoning(text)
            }
            TurnEvent::Item(item) => {
                self.note(&item);
                Step::Progress
            }
            TurnEvent::Retrying(_) => {
                self.entry.step("Upstream failed, codex tries again", None, true);
                self.span.in_scope(|| tracing::warn!("codex tries again after an error of the upstream"));
                Step::Progress
            }
            TurnEvent::Ended(Ok(end)) => self.end(Ok(end.usage)),
            TurnEvent::Ended(Err(error)) => self.end(Err(Failure::Codex(error))),
        })
    }

    fn count(&mut self) {
        self.deltas += 1;
        if self.first.is_none() {
            self.first = Some(self.timing.arrived.elapsed());
            self.entry.first(ms(self.own));
        }
    }

    /// Puts down what codex did.
    fn note(&self, item: &ItemEvent) {
        let kind = match item {
            ItemEvent::Command { command, exit_code: None, .. } => {
                self.entry.command(command);
                "command started"
            }
            ItemEvent::Command { exit_code: Some(code), declined, .. } => {
                let what = if *declined { "The command was declined" } else { "The command ended" };
                self.entry.step(what, Some(&format!("exit code {code}")), *declined || *code != 0);
                "command ended"
            }
            ItemEvent::FileChange { paths } => {
                self.entry.step("Changed files", Some(&paths.join(", ")), false);
                "files changed"
            }
            // What was searched for is close to the prompt, which is not kept here.
            ItemEvent::WebSearch { .. } => {
                self.entry.step("Searched the web", None, false);
                "web search"
            }
            ItemEvent::McpCall { server, tool, failed } => {
                self.entry.step("Called an MCP tool", Some(&format!("{server}: {tool}")), *failed);
                "MCP call"
            }
            ItemEvent::Declined { what } => {
                self.entry.step("Asked for consent and was declined", Some(what), false);
                "consent declined"
            }
        };
        self.span.in_scope(|| tracing::debug!(kind, "codex did something"));
    }

    fn end(&mut self, outcome: Result<Option<Usage>, Failure>) -> Step {
        match &outcome {
            Ok(usage) => self.close(&Outcome::Done(usage.as_ref())),
            Err(failure) => self.close(&Outcome::Failed(failure)),
        }
        Step::Ended(outcome)
    }

    fn close(&mut self, outcome: &Outcome<'_>) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        // Whoever waits may start now, even while this client still reads.
        self.place = None;
        let (model, deltas) = (self.model.as_str(), self.deltas);
        let (wait_ms, first_ms) = (ms(self.timing.waited), self.first.map(ms));
        let total_ms = ms(self.timing.arrived.elapsed());
        let _in_span = self.span.enter();
        match outcome {
            Outcome::Done(usage) => {
                self.entry.done(200, usage.copied());
                let usage = usage.copied().unwrap_or_default();
                let Usage { input, cached, output, reasoning } = usage;
                tracing::info!(
                    model,
                    deltas,
                    wait_ms,
                    first_ms,
                    total_ms,
                    input,
                    cached,
                    output,
                    reasoning,
                    "turn done"
                );
            }
            Outcome::Failed(failure) => {
                let why = reason(failure);
                let error = ApiError::from((*failure).clone());
                self.entry.failed(error.status(), &error.for_log());
                tracing::warn!(model, deltas, wait_ms, first_ms, total_ms, why, "turn failed");
            }
            Outcome::ClientGone => {
                tracing::info!(
                    model,
                    deltas,
                    wait_ms,
                    first_ms,
                    total_ms,
                    "client went away; turn interrupted"
                );
            }
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.close(&Outcome::ClientGone);
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A failure in words that hold nothing of the conversation: an upstream's own message may quote it.
fn reason(failure: &Failure) -> String {
    match failure {
        Failure::Codex(CodexError::Turn(failure)) => match failure.upstream_status {
            Some(status) => format!("{:?}, upstream status {status}", failure.kind),
            None => format!("{:?}", failure.kind),
        },
        Failure::Codex(CodexError::Refused { method, .. }) => format!("codex refused {method}"),
        Failure::Codex(error) => error.to_string(),
        Failure::TooLong(limit) => format!("longer than {} s", limit.as_secs()),
        Failure::Stopping => "the proxy is stopping".to_owned(),
    }
}
