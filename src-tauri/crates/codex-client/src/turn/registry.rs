//! The turn turns of a session, by their thread.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;

use super::event_queue::Sender;
use super::reader::TurnReader;
use super::tool_calls::ToolCalls;
use crate::account::RateLimits;
use crate::error::{CodexError, FailureKind, TurnFailure};
use crate::event::{TurnEnd, TurnEvent, Usage};
use crate::item::ToolCall;
use crate::notification::Notification;

/// What codex puts in the place of a picture that it cannot read, before it goes on. An answer about nothing is worse than
/// an error.
const IMAGE_OMITTED: &str = "\"image content omitted because it could not be processed\"";

/// The turn turns of a session.
#[derive(Debug, Default)]
pub(crate) struct TurnRegistry {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    closed: bool,
    /// Whether codex reports the end of each upstream response.
    reports_responses: bool,
    turns: HashMap<String, ActiveTurn>,
}

/// How far a turn is, as its task has to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// The model has not said anything yet.
    Started,
    /// It has begun to speak or to think.
    Streaming,
    /// A call of the client's tools awaits its output; more may come.
    CollectingCalls,
    /// It awaits the outputs of the client's tools, and the client knows the calls.
    AwaitingOutput,
    /// The turn is over.
    Ended,
}

#[derive(Debug)]
struct ActiveTurn {
    reader: TurnReader,
    tool_calls: ToolCalls,
    /// Whether the conversation holds pictures.
    has_images: bool,
    events: Sender,
    phase: watch::Sender<Phase>,
    /// How the answer ended; its task takes it.
    outcome: Option<AnswerOutcome>,
    /// Messages of codex about this turn so far.
    messages: u64,
}

/// An answer that has ended, with the turn or with calls of the client's tools.
#[derive(Debug)]
pub(crate) struct AnswerOutcome {
    pub(crate) end: Result<TurnEnd, CodexError>,
    pub(crate) text: String,
    pub(crate) calls: Vec<ToolCall>,
    /// What the thread has cost so far.
    pub(crate) thread_usage: Usage,
}

/// A turn's slot in the registry; dropping it removes the turn.
#[derive(Debug)]
pub(crate) struct TurnSlot {
    inner: Arc<Mutex<Inner>>,
    pub(crate) thread: String,
    phase: watch::Receiver<Phase>,
}

impl TurnRegistry {
    /// A registry for a codex that reports the end of each upstream response, or may not.
    pub(crate) fn new(reports_responses: bool) -> Self {
        Self { inner: Arc::new(Mutex::new(Inner { reports_responses, ..Inner::default() })) }
    }

    /// Sends the events of `thread` to `events` from now on. `thread_usage` is what its earlier turns have cost.
    pub(crate) fn add(
        &self,
        thread: &str,
        events: Sender,
        tool_calls: ToolCalls,
        has_images: bool,
        thread_usage: Usage,
    ) -> Result<TurnSlot, CodexError> {
        let (phase, watched) = watch::channel(Phase::Started);
        let mut inner = self.inner.lock();
        if inner.closed {
            return Err(CodexError::Disconnected);
        }
        let reader = TurnReader::new(thread_usage);
        let turn = ActiveTurn { reader, tool_calls, has_images, events, phase, outcome: None, messages: 0 };
        inner.turns.insert(thread.to_owned(), turn);
        Ok(TurnSlot { inner: Arc::clone(&self.inner), thread: thread.to_owned(), phase: watched })
    }

    /// Passes a notification to the turn of its thread, if one runs.
    pub(crate) fn notify(&self, method: &str, notification: Notification<'_>, limits: RateLimits) {
        let mut inner = self.inner.lock();
        // A codex that is not known to report the ends of responses is known by the first one.
        inner.reports_responses |= method == "rawResponse/completed";
        let reports_responses = inner.reports_responses;
        let thread = notification.thread_id.as_deref();
        if let Some(turn) = thread.and_then(|thread| inner.turns.get_mut(thread)) {
            turn.notify(method, notification, limits);
            turn.flush_tool_calls(reports_responses);
        }
    }

    /// Records that codex awaits the output of a call; `false` when `tool` is none of the client's tools.
    pub(crate) fn await_output(&self, thread: &str, tool: &str, call_id: &str, request: &Value) -> bool {
        let mut inner = self.inner.lock();
        let reports_responses = inner.reports_responses;
        let Some(turn) = inner.turns.get_mut(thread) else { return false };
        let known = turn.tool_calls.await_output(tool, call_id, request);
        if known {
            turn.record_activity();
            turn.flush_tool_calls(reports_responses);
        }
        known
    }

    /// Adds an event to the turn of `thread`, if one runs.
    pub(crate) fn send(&self, thread: &str, event: TurnEvent) {
        if let Some(turn) = self.inner.lock().turns.get(thread) {
            turn.events.send(event);
        }
    }

    /// Ends every turn because codex is gone, and refuses new ones.
    pub(crate) fn close(&self) {
        let mut inner = self.inner.lock();
        inner.closed = true;
        for (_, turn) in inner.turns.drain() {
            turn.events.send(TurnEvent::Ended(Err(CodexError::Disconnected)));
            turn.phase.send_replace(Phase::Ended);
        }
    }
}

impl ActiveTurn {
    fn record_activity(&mut self) {
        self.messages += 1;
        self.events.record_activity(self.reader.is_busy());
    }

    fn notify(&mut self, method: &str, notification: Notification<'_>, limits: RateLimits) {
        match (method, notification.item) {
            ("rawResponseItem/completed", Some(item))
                if self.has_images && item.get().contains(IMAGE_OMITTED) =>
            {
                let message =
                    "A image could not be read: it is damaged, or of a kind that codex does not know.";
                let failure = TurnFailure::new(FailureKind::BadRequest, message);
                return self.end(Phase::Ended, Err(CodexError::Turn(failure)), Vec::new());
            }
            ("rawResponseItem/completed", Some(item)) => self.tool_calls.item(item),
            ("rawResponse/completed", _) => self.tool_calls.response_completed = true,
            _ => {}
        }
        let Self { reader, events, phase, .. } = self;
        let end = reader.read(method, notification, limits, &mut |event| {
            let speaks = matches!(event, TurnEvent::Text(_) | TurnEvent::Reasoning(_));
            if speaks && *phase.borrow() == Phase::Started {
                phase.send_replace(Phase::Streaming);
            }
            events.send(event);
        });
        self.record_activity();
        // The turn's task passes the end on, once the next request can find the thread.
        if let Some(end) = end {
            self.end(Phase::Ended, end, Vec::new());
        }
    }

    fn end(&mut self, phase: Phase, end: Result<TurnEnd, CodexError>, calls: Vec<ToolCall>) {
        let (text, thread_usage) = (self.reader.take_text(), self.reader.thread_usage);
        self.outcome = Some(AnswerOutcome { end, text, calls, thread_usage });
        self.phase.send_replace(phase);
    }

    /// Ends the answer with the calls of a complete response, if there are any.
    fn flush_tool_calls(&mut self, reports_responses: bool) {
        if *self.phase.borrow() >= Phase::AwaitingOutput {
            return;
        }
        let calls = self.tool_calls.take();
        if !calls.is_empty() {
            self.report(calls);
        } else if self.tool_calls.any_awaiting_output()
            && (self.tool_calls.response_completed || !reports_responses)
        {
            self.phase.send_replace(Phase::CollectingCalls);
        }
    }

    /// Reports calls to the client, which ends its answer.
    fn report(&mut self, calls: Vec<ToolCall>) {
        if !calls.is_empty() {
            let usage = self.reader.take_usage();
            self.end(Phase::AwaitingOutput, Ok(TurnEnd { usage, interrupted: false }), calls);
        }
    }
}

impl TurnSlot {
    /// Waits until the answer has ended, and takes it; `None` when codex is gone, which its reader knows already. Calls that
    /// wait are reported once codex has been silent about this turn for `quiet`.
    pub(crate) async fn answer_ended(&self, quiet: Duration) -> Option<AnswerOutcome> {
        while self.reached(Phase::CollectingCalls).await < Phase::AwaitingOutput {
            let messages = self.with(|turn| turn.messages);
            let _ended_meanwhile = tokio::time::timeout(quiet, self.reached(Phase::AwaitingOutput)).await;
            self.with(|turn| {
                if Some(turn.messages) == messages && *turn.phase.borrow() == Phase::CollectingCalls {
                    let calls = turn.tool_calls.take_awaiting_output();
                    turn.report(calls);
                }
            });
        }
        self.with(|turn| turn.outcome.take()).flatten()
    }

    /// Waits until the turn is in this phase or beyond it.
    pub(crate) async fn reached(&self, wanted: Phase) -> Phase {
        // The sender is dropped only when the connection has closed, which ends the turn.
        self.phase.clone().wait_for(|phase| *phase >= wanted).await.map_or(Phase::Ended, |phase| *phase)
    }

    /// Sends what comes next to another reader: the turn goes on for the next request.
    pub(crate) fn reattach(&self, events: &Sender, one_at_a_time: bool, has_images: bool) {
        let reattached = self.with(|turn| {
            events.record_activity(turn.reader.is_busy());
            turn.events = events.clone();
            turn.tool_calls.one_at_a_time = one_at_a_time;
            turn.has_images |= has_images;
            if *turn.phase.borrow() == Phase::AwaitingOutput {
                turn.phase.send_replace(Phase::Started);
            }
        });
        if reattached.is_none() {
            events.send(TurnEvent::Ended(Err(CodexError::Disconnected)));
        }
    }

    /// Takes the id of the request that the output of a call answers.
    pub(crate) fn take_request(&self, call_id: &str) -> Option<Value> {
        self.with(|turn| turn.tool_calls.take_request(call_id)).flatten()
    }

    /// Ends the answer with calls that the client does not know yet, if there are any.
    pub(crate) fn flush_tool_calls(&self) {
        let reports_responses = self.inner.lock().reports_responses;
        self.with(|turn| turn.flush_tool_calls(reports_responses));
    }

    /// Runs `on` with the turn; `None` once codex is gone.
    fn with<T>(&self, on: impl FnOnce(&mut ActiveTurn) -> T) -> Option<T> {
        self.inner.lock().turns.get_mut(&self.thread).map(on)
    }
}

impl Drop for TurnSlot {
    fn drop(&mut self) {
        self.inner.lock().turns.remove(&self.thread);
    }
}
