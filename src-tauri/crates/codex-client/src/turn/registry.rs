//! The running turns of a session, by thread.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;

use super::event_queue::{Activity, Sender};
use super::questions::Questions;
use super::reader::TurnReader;
use super::tool_calls::ToolCalls;
use crate::ask::{Ask, PendingAsk, Question};
use crate::error::{CodexError, FailureKind, TurnFailure};
use crate::event::{TurnEnd, TurnEvent, Usage};
use crate::item::ToolCall;
use crate::notification::Notification;

/// What codex substitutes for an image that it cannot read before it continues. An answer that ignores the image is worse
/// than an error.
const IMAGE_OMITTED: &str = "\"image content omitted because it could not be processed\"";

/// How long a response may say nothing after a call before the call is reported. codex waits for the output before it
/// reports that the stream has broken off, but a model that writes another long call is silent too.
pub(crate) const STALLED_RESPONSE_TIMEOUT: Duration = Duration::from_secs(120);

/// The running turns of a session. Clones share them.
#[derive(Clone, Debug, Default)]
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

/// The phase of a turn. Phases are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// No output from the model yet.
    Started,
    /// The model streams text or reasoning.
    Streaming,
    /// A call awaits its output, and its response goes on.
    CallPending,
    /// A call awaits its output, and more calls may follow.
    CollectingCalls,
    /// The client has the calls; the turn awaits their outputs.
    AwaitingOutput,
    Ended,
}

#[derive(Debug)]
struct ActiveTurn {
    reader: TurnReader,
    tool_calls: ToolCalls,
    /// `None` if it may not ask.
    questions: Option<Questions>,
    /// Whether the conversation contains images.
    has_images: bool,
    events: Sender,
    /// The id that codex interrupts it by, once it has started.
    id: Option<String>,
    phase: watch::Sender<Phase>,
    /// The end of the answer, for the turn's task to take.
    outcome: Option<AnswerOutcome>,
    /// Messages from codex for this turn so far.
    messages: u64,
}

/// The end of an answer: the turn has ended, or awaits the outputs of `calls`.
#[derive(Debug)]
pub(crate) struct AnswerOutcome {
    pub(crate) end: Result<TurnEnd, CodexError>,
    pub(crate) text: String,
    pub(crate) calls: Vec<ToolCall>,
    /// The thread's total usage so far.
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
    /// `reports_responses` is whether codex is known to report the end of each upstream response.
    pub(crate) fn new(reports_responses: bool) -> Self {
        Self { inner: Arc::new(Mutex::new(Inner { reports_responses, ..Inner::default() })) }
    }

    /// Adds a turn that sends its events to `events`. `thread_usage` is the usage of the thread's earlier turns.
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
        let (questions, id, outcome, messages) = (None, None, None, 0);
        let turn =
            ActiveTurn { reader, tool_calls, questions, has_images, events, id, phase, outcome, messages };
        inner.turns.insert(thread.to_owned(), turn);
        Ok(TurnSlot { inner: Arc::clone(&self.inner), thread: thread.to_owned(), phase: watched })
    }

    /// Passes a notification to its thread's running turn, if any.
    pub(crate) fn notify(&self, method: &str, notification: Notification<'_>, exhausted_until: Option<u64>) {
        let mut inner = self.inner.lock();
        // The first report shows that this codex reports the ends of responses.
        inner.reports_responses |= method == "rawResponse/completed";
        let reports_responses = inner.reports_responses;
        let thread = notification.thread_id.as_deref();
        if let Some(turn) = thread.and_then(|thread| inner.turns.get_mut(thread)) {
            turn.notify(method, notification, exhausted_until);
            turn.flush_tool_calls(reports_responses);
        }
    }

    /// Records that codex awaits the output of a call; `false` when `tool` is not one of the client's.
    pub(crate) fn await_output(&self, thread: &str, tool: &str, call_id: &str, request: &Value) -> bool {
        let mut inner = self.inner.lock();
        let reports_responses = inner.reports_responses;
        let Some(turn) = inner.turns.get_mut(thread) else { return false };
        let known = turn.tool_calls.await_output(tool, call_id, request);
        if known {
            turn.record_activity(Activity::Item);
            turn.flush_tool_calls(reports_responses);
        }
        known
    }

    /// Passes on a question, which `read` makes of the turn's items; `None` when the turn may not ask it, so it is to be
    /// declined.
    pub(crate) fn ask<T>(
        &self,
        thread: &str,
        request: &Value,
        read: impl FnOnce(&Questions) -> Option<(Question, Option<String>, T)>,
    ) -> Option<(PendingAsk, T)> {
        let mut inner = self.inner.lock();
        let turn = inner.turns.get_mut(thread)?;
        // A parked turn has no reader.
        let is_read = *turn.phase.borrow() < Phase::AwaitingOutput;
        let questions = turn.questions.as_mut().filter(|questions| is_read && !questions.is_full())?;
        let (question, reason, rest) = read(questions)?;
        let (ask, pending) = Ask::new(question, reason);
        questions.add(request, pending.withdrawn.clone());
        turn.record_activity(Activity::Item);
        turn.events.send(TurnEvent::Asked(ask));
        Some((pending, rest))
    }

    /// Records that a question was answered.
    pub(crate) fn answered(&self, thread: &str, request: &Value) {
        if let Some(turn) = self.inner.lock().turns.get_mut(thread) {
            turn.forget_question(request);
        }
    }

    /// Sends an event to the thread's running turn, if any.
    pub(crate) fn send(&self, thread: &str, event: TurnEvent) {
        if let Some(turn) = self.inner.lock().turns.get(thread) {
            turn.events.send(event);
        }
    }

    /// Ends the thread's running turn with `error`; `false` if there is none. A turn that has just ended still counts.
    pub(crate) fn fail(&self, thread: &str, error: CodexError) -> bool {
        let mut inner = self.inner.lock();
        let Some(turn) = inner.turns.get_mut(thread) else { return false };
        if *turn.phase.borrow() < Phase::Ended {
            turn.end(Phase::Ended, Err(error), Vec::new());
        }
        true
    }

    /// Ends every turn because codex is gone, and rejects new ones.
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
    fn record_activity(&mut self, activity: Activity) {
        self.messages += 1;
        let waits = self.questions.as_ref().is_some_and(Questions::is_pending);
        self.events.record_activity(activity, waits || self.reader.is_busy());
    }

    fn forget_question(&mut self, request: &Value) {
        if let Some(questions) = &mut self.questions {
            questions.remove(request);
            self.record_activity(Activity::Item);
        }
    }

    fn notify(&mut self, method: &str, notification: Notification<'_>, exhausted_until: Option<u64>) {
        // What codex still sends before it is interrupted belongs to no answer.
        if *self.phase.borrow() == Phase::Ended {
            return;
        }
        if let Some(request) = &notification.request_id
            && method == "serverRequest/resolved"
        {
            return self.forget_question(request);
        }
        if let ("item/started" | "item/completed", Some(item), Some(questions)) =
            (method, notification.item, &mut self.questions)
        {
            questions.item(item, method == "item/completed");
        }
        if let ("turn/started", Some(turn)) = (method, &notification.turn) {
            self.id = Some(turn.id.clone());
        }
        let activity = match method {
            "error" if notification.will_retry => {
                self.tool_calls.retry();
                Activity::Retry
            }
            method if method.starts_with("item/") => Activity::Item,
            _ => Activity::Other,
        };
        match (method, notification.item) {
            ("rawResponseItem/completed", Some(item))
                if self.has_images && item.get().contains(IMAGE_OMITTED) =>
            {
                let message = "An image could not be read: it is corrupt, or its format is not supported.";
                let failure = TurnFailure::new(FailureKind::BadRequest, message);
                return self.end(Phase::Ended, Err(CodexError::Turn(failure)), Vec::new());
            }
            ("rawResponseItem/completed", Some(item)) => self.tool_calls.item(item),
            ("rawResponse/completed", _) => self.tool_calls.response_completed = true,
            _ => {}
        }
        let Self { reader, events, phase, .. } = self;
        let end = reader.read(method, notification, exhausted_until, &mut |event| {
            let is_output = matches!(event, TurnEvent::Text(_) | TurnEvent::Reasoning(_));
            if is_output && *phase.borrow() == Phase::Started {
                phase.send_replace(Phase::Streaming);
            }
            events.send(event);
        });
        self.record_activity(activity);
        self.events.record_usage(self.reader.usage());
        // The turn's task forwards the end after caching the thread.
        if let Some(end) = end {
            self.end(Phase::Ended, end, Vec::new());
        }
    }

    fn end(&mut self, phase: Phase, end: Result<TurnEnd, CodexError>, calls: Vec<ToolCall>) {
        if let Some(diff) = self.reader.take_diff() {
            self.events.send(TurnEvent::Diff(diff));
        }
        let (text, thread_usage) = (self.reader.take_text(), self.reader.thread_usage);
        self.outcome = Some(AnswerOutcome { end, text, calls, thread_usage });
        self.phase.send_replace(phase);
    }

    /// Ends the answer with the calls of a complete response, if any.
    fn flush_tool_calls(&mut self, reports_responses: bool) {
        if *self.phase.borrow() >= Phase::AwaitingOutput {
            return;
        }
        let calls = self.tool_calls.take_complete();
        if !calls.is_empty() {
            self.report(calls);
        } else if self.tool_calls.any_awaiting_output() {
            let goes_on = reports_responses && !self.tool_calls.response_completed;
            self.phase.send_replace(if goes_on { Phase::CallPending } else { Phase::CollectingCalls });
        }
    }

    /// Reports calls to the client, which ends its answer.
    fn report(&mut self, calls: Vec<ToolCall>) {
        if !calls.is_empty() {
            let usage = self.reader.take_usage();
            self.end(Phase::AwaitingOutput, Ok(TurnEnd { usage, ..TurnEnd::default() }), calls);
        }
    }
}

impl TurnSlot {
    /// Waits for the end of the answer; `None` when codex is gone, which its reader already knows. Calls awaiting their
    /// outputs are reported once codex has sent nothing for this turn for `quiet`, or much longer if their response goes on.
    pub(crate) async fn answer_ended(&self, quiet: Duration) -> Option<AnswerOutcome> {
        loop {
            let phase = self.reached(Phase::CallPending).await;
            let (next, quiet) = match phase {
                Phase::CallPending => (Phase::CollectingCalls, STALLED_RESPONSE_TIMEOUT),
                Phase::CollectingCalls => (Phase::AwaitingOutput, quiet),
                _ => break,
            };
            let messages = self.with(|turn| turn.messages);
            let _reached_meanwhile = tokio::time::timeout(quiet, self.reached(next)).await;
            self.with(|turn| {
                if Some(turn.messages) == messages && *turn.phase.borrow() == phase {
                    let calls = turn.tool_calls.take_awaiting_output();
                    turn.report(calls);
                }
            });
        }
        self.with(|turn| turn.outcome.take()).flatten()
    }

    /// The id of the turn as codex runs it. That of a review is another one than the answer to its start has.
    pub(crate) fn id(&self) -> Option<String> {
        self.with(|turn| turn.id.clone()).flatten()
    }

    /// Waits until the turn has reached `target` or a later phase.
    pub(crate) async fn reached(&self, target: Phase) -> Phase {
        // The sender is dropped only when the connection has closed, which ends the turn.
        self.phase.clone().wait_for(|phase| *phase >= target).await.map_or(Phase::Ended, |phase| *phase)
    }

    /// Sends further events to another reader: the turn resumes for the next request.
    pub(crate) fn reattach(&self, events: &Sender, one_at_a_time: bool, has_images: bool) {
        let reattached = self.with(|turn| {
            events.record_activity(Activity::Item, turn.reader.is_busy());
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

    /// Lets the turn ask; it works in `folder`.
    pub(crate) fn let_ask(&self, folder: PathBuf) {
        self.with(|turn| turn.questions = Some(Questions::new(folder)));
    }

    /// Takes the id of codex's request for the output of a call.
    pub(crate) fn take_request(&self, call_id: &str) -> Option<Value> {
        self.with(|turn| turn.tool_calls.take_request(call_id)).flatten()
    }

    /// Ends the answer with calls not yet reported to the client, if any.
    pub(crate) fn flush_tool_calls(&self) {
        let reports_responses = self.inner.lock().reports_responses;
        self.with(|turn| turn.flush_tool_calls(reports_responses));
    }

    /// Runs `f` with the turn; `None` once codex is gone.
    fn with<T>(&self, f: impl FnOnce(&mut ActiveTurn) -> T) -> Option<T> {
        self.inner.lock().turns.get_mut(&self.thread).map(f)
    }
}

impl Drop for TurnSlot {
    fn drop(&mut self) {
        self.inner.lock().turns.remove(&self.thread);
    }
}
