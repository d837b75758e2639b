//! Which turn a notification belongs to, by its thread.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::error::{CodexError, FailureKind, TurnFailure};
use crate::item::{RateLimits, ToolCall};
use crate::turn::event_queue::{Posted, Sender};
use crate::turn::handle::{ItemEvent, TurnEnd, TurnEvent, Usage};
use crate::turn::reader::{Params, Reading};
use crate::turn::tool_calls::Calls;

/// What codex puts in the place of a picture that it cannot read, and goes on. An answer about nothing helps nobody.
const PICTURE_LEFT_OUT: &str = "\"image content omitted because it could not be processed\"";

fn unreadable_picture() -> CodexError {
    CodexError::Turn(TurnFailure {
        kind: FailureKind::BadRequest,
        message: "A picture could not be read: it is damaged, or of a kind that codex does not know."
            .to_owned(),
        upstream_status: None,
        resets_at: None,
    })
}

/// The running turns of a connection.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    closed: bool,
    /// Whether codex reports the end of each upstream response.
    whole_responses: bool,
    turns: HashMap<String, Running>,
}

/// How far a turn is, as its task has to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// The model has not said anything yet.
    Quiet,
    /// It has begun to speak or to think.
    Speaking,
    /// A call of the client's tools waits for its output; more may come.
    Calling,
    /// It waits for the outputs of the client's tools, and the client has been told.
    Waiting,
    /// The turn is over.
    Over,
}

#[derive(Debug)]
struct Running {
    reading: Reading,
    calls: Calls,
    /// Whether the conversation holds pictures.
    has_pictures: bool,
    post: Sender,
    /// Cancelled to have the turn interrupted when its events no longer fit.
    interrupt: CancellationToken,
    phase: watch::Sender<Phase>,
    /// How the answer ended; its task takes it.
    answered: Option<Answered>,
    /// How much codex has told of this turn.
    heard: u64,
}

/// An answer that has ended, by the turn's end or by calls of the client's tools.
#[derive(Debug)]
pub(crate) struct Answered {
    /// How it ended.
    pub(crate) end: Result<TurnEnd, CodexError>,
    /// Its text.
    pub(crate) text: String,
    /// Its calls.
    pub(crate) calls: Vec<ToolCall>,
    /// What the thread has cost so far.
    pub(crate) cost: Usage,
}

/// A turn's place in the table; dropping it takes the turn out.
#[derive(Debug)]
pub(crate) struct Route {
    inner: Arc<Mutex<Inner>>,
    thread: String,
    phase: watch::Receiver<Phase>,
}

impl Routes {
    /// Leads the notifications of `thread` to `post` from now on. `cost_before` is what its earlier turns have cost.
    pub(crate) fn add(
        &self,
        thread: &str,
        post: Sender,
        interrupt: CancellationToken,
        calls: Calls,
        has_pictures: bool,
        cost_before: Usage,
    ) -> Result<Route, CodexError> {
        let (phase, watched) = watch::channel(Phase::Quiet);
        let mut inner = lock(&self.inner);
        if inner.closed {
            return Err(CodexError::Disconnected);
        }
        let running = Running {
            reading: Reading::after(cost_before),
            calls,
            has_pictures,
            post,
            interrupt,
            phase,
            answered: None,
            heard: 0,
        };
        inner.turns.insert(thread.to_owned(), running);
        Ok(Route { inner: Arc::clone(&self.inner), thread: thread.to_owned(), phase: watched })
    }

    /// codex is known to report the end of each upstream response.
    pub(crate) fn expect_whole_responses(&self) {
        lock(&self.inner).whole_responses = true;
    }

    /// Passes a notification on to its turn, if it has one.
    pub(crate) fn note(&self, method: &str, params: Params<'_>, limits: impl FnOnce() -> RateLimits) {
        let mut inner = lock(&self.inner);
        inner.whole_responses |= method == "rawResponse/completed";
        let whole = inner.whole_responses;
        let Some(running) = params.thread_id.as_deref().and_then(|thread| inner.turns.get_mut(thread)) else {
            return;
        };
        running.heard += 1;
        // Only the end of a turn looks at the limits, and only that is worth a copy of them.
        let limits = if method == "turn/completed" { limits() } else { RateLimits::default() };
        match (method, params.item) {
            ("rawResponseItem/completed", Some(item)) => {
                if running.has_pictures && item.get().contains(PICTURE_LEFT_OUT) {
                    running.over(Err(unreadable_picture()));
                    return;
                }
                running.calls.item(item);
            }
            ("rawResponse/completed", _) => running.calls.response_is_over(),
            _ => {}
        }
        let Running { reading, post, interrupt, phase, .. } = running;
        let mut ended = None;
        reading.read(method, params, &limits, &mut |event| match event {
            // The turn's task passes it on, once the thread can be found by the next request.
            TurnEvent::Ended(end) => ended = Some(end),
            event => {
                if matches!(event, TurnEvent::Text(_) | TurnEvent::Reasoning(_)) {
                    phase.send_if_modified(|phase| {
                        let quiet = *phase == Phase::Quiet;
                        *phase = Phase::Speaking.max(*phase);
                        quiet
                    });
                }
                if post.post(event) == Posted::Overflow {
                    interrupt.cancel();
                }
            }
        });
        post.heard(reading.is_at_work());
        match ended {
            Some(end) => running.over(end),
            None => running.settle(whole),
        }
    }

    /// codex waits for the output of a tool. Gives its request back when it is none of the client's tools.
    pub(crate) fn wait_for_tool(&self, params: Option<&RawValue>, request: Value) -> Result<(), Value> {
        let Some(call) = params.and_then(|raw| serde_json::from_str::<Wait<'_>>(raw.get()).ok()) else {
            return Err(request);
        };
        let mut inner = lock(&self.inner);
        let whole = inner.whole_responses;
        let Some(running) = inner.turns.get_mut(&*call.thread_id) else { return Err(request) };
        running.calls.wait(&call.tool, &call.call_id, request)?;
        running.heard += 1;
        running.post.heard(running.reading.is_at_work());
        running.settle(whole);
        Ok(())
    }

    /// Tells the turn that a request of codex names that something was declined.
    pub(crate) fn declined(&self, params: &RawValue, what: &'static str) {
        let Ok(params) = serde_json::from_str::<Params<'_>>(params.get()) else { return };
        if let Some(running) = params
            .thread_id
            .and_then(|thread| lock(&self.inner).turns.get(&*thread).map(|running| running.post.clone()))
        {
            running.post(TurnEvent::Item(ItemEvent::Declined { what }));
        }
    }

    /// Tells every running turn that codex is gone, and refuses new ones.
    pub(crate) fn close(&self) {
        let turns = {
            let mut inner = lock(&self.inner);
            inner.closed = true;
            std::mem::take(&mut inner.turns)
        };
        for running in turns.into_values() {
            running.post.post(TurnEvent::Ended(Err(CodexError::Disconnected)));
            running.phase.send_replace(Phase::Over);
        }
    }
}

/// What codex's request for a tool's output names.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wait<'a> {
    #[serde(borrow)]
    thread_id: Cow<'a, str>,
    #[serde(borrow)]
    call_id: Cow<'a, str>,
    #[serde(borrow)]
    tool: Cow<'a, str>,
}

impl Running {
    /// The turn is over.
    fn over(&mut self, end: Result<TurnEnd, CodexError>) {
        self.answered = Some(Answered {
            end,
            text: self.reading.take_text(),
            calls: Vec::new(),
            cost: self.reading.total(),
        });
        self.phase.send_replace(Phase::Over);
    }

    /// Sees whether the client is to be told of calls now.
    fn settle(&mut self, whole_responses: bool) {
        if *self.phase.borrow() >= Phase::Waiting {
            return;
        }
        let calls = self.calls.take();
        if !calls.is_empty() {
            self.tell(calls);
        } else if self.calls.some_wait() && (self.calls.is_response_over() || !whole_responses) {
            self.phase.send_if_modified(|phase| std::mem::replace(phase, Phase::Calling) != Phase::Calling);
        }
    }

    /// Tells the client of calls, which ends its answer.
    fn tell(&mut self, calls: Vec<ToolCall>) {
        if !calls.is_empty() {
            let end = Ok(TurnEnd { usage: self.reading.take_usage(), interrupted: false });
            self.answered =
                Some(Answered { end, text: self.reading.take_text(), calls, cost: self.reading.total() });
            self.phase.send_replace(Phase::Waiting);
        }
    }
}

impl Route {
    /// Waits until the model has begun to speak, or is beyond that.
    pub(crate) async fn spoke(&self) {
        self.beyond(Phase::Speaking).await;
    }

    /// Waits until the answer has ended, and says whether the turn has. Calls that wait are told when codex has told nothing
    /// more of this turn for so long.
    pub(crate) async fn stopped(&self, quiet: Duration) -> Phase {
        loop {
            if self.beyond(Phase::Calling).await >= Phase::Waiting {
                return self.beyond(Phase::Waiting).await;
            }
            let heard = self.heard();
            let _stopped_meanwhile = tokio::time::timeout(quiet, self.beyond(Phase::Waiting)).await;
            self.tell_if_quiet_since(heard);
        }
    }

    fn heard(&self) -> u64 {
        lock(&self.inner).turns.get(&self.thread).map_or(0, |running| running.heard)
    }

    /// Tells the client of the calls that wait, unless codex has told more meanwhile.
    fn tell_if_quiet_since(&self, heard: u64) {
        if let Some(running) = lock(&self.inner).turns.get_mut(&self.thread)
            && running.heard == heard
            && *running.phase.borrow() == Phase::Calling
        {
            let calls = running.calls.take_waiting();
            running.tell(calls);
        }
    }

    /// Waits until the turn has ended.
    pub(crate) async fn ended(&self) {
        self.beyond(Phase::Over).await;
    }

    async fn beyond(&self, wanted: Phase) -> Phase {
        // The sender goes only when the connection has closed, which ends the turn.
        self.phase.clone().wait_for(|phase| *phase >= wanted).await.map_or(Phase::Over, |phase| *phase)
    }

    /// The answer that has ended; `None` when codex is gone, which its reader knows already.
    pub(crate) fn answered(&self) -> Option<Answered> {
        lock(&self.inner).turns.get_mut(&self.thread).and_then(|running| running.answered.take())
    }

    /// Leads what comes next to another reader: the turn goes on for the next request.
    pub(crate) fn lead_to(
        &self,
        post: Sender,
        interrupt: CancellationToken,
        one_at_a_time: bool,
        has_pictures: bool,
    ) {
        if let Some(running) = lock(&self.inner).turns.get_mut(&self.thread) {
            post.heard(running.reading.is_at_work());
            (running.post, running.interrupt) = (post, interrupt);
            running.calls.one_at_a_time(one_at_a_time);
            running.has_pictures |= has_pictures;
            running.phase.send_if_modified(|phase| {
                let waited = *phase == Phase::Waiting;
                if waited {
                    *phase = Phase::Quiet;
                }
                waited
            });
        } else {
            post.post(TurnEvent::Ended(Err(CodexError::Disconnected)));
        }
    }

    /// The request of codex that the output of a call answers.
    pub(crate) fn answer(&self, call_id: &str) -> Option<Value> {
        lock(&self.inner).turns.get_mut(&self.thread)?.calls.answer(call_id)
    }

    /// Sees whether calls are left that the client has not been told of.
    pub(crate) fn settle(&self) {
        let mut inner = lock(&self.inner);
        let whole = inner.whole_responses;
        if let Some(running) = inner.turns.get_mut(&self.thread) {
            running.settle(whole);
        }
    }
}

impl Drop for Route {
    fn drop(&mut self) {
        lock(&self.inner).turns.remove(&self.thread);
    }
}

fn lock(inner: &Mutex<Inner>) -> std::sync::MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}
