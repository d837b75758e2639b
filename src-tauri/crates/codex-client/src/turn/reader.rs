//! Turns the notifications of one turn into events: a small state machine without IO.

use crate::account::RateLimits;
use crate::error::{CodexError, FailureKind};
use crate::event::{TurnEnd, TurnEvent, Usage};
use crate::notification::{ItemKind, Notification, ThreadItem, TurnError, TurnState, failure};

/// Reads the notifications of one turn.
#[derive(Debug, Default)]
pub(crate) struct TurnReader {
    /// The message item being streamed, and how many of its bytes have been sent.
    message: Option<(String, usize)>,
    has_reasoning: bool,
    exact_usage: Option<Usage>,
    reported_usage: Option<Usage>,
    /// The thread's total usage, as last reported.
    pub(crate) thread_usage: Usage,
    /// The text of the answer so far.
    answer: String,
    /// Commands and calls to codex's own tools that are running.
    running: usize,
}

impl TurnReader {
    /// Creates a reader for the next turn of a thread with this total usage.
    pub(crate) fn new(thread_usage: Usage) -> Self {
        Self { thread_usage, ..Self::default() }
    }

    /// Whether codex is running a command or tool.
    pub(crate) fn is_busy(&self) -> bool {
        self.running > 0
    }

    /// Takes the answer's text; further text belongs to the next answer.
    pub(crate) fn take_text(&mut self) -> String {
        (self.message, self.has_reasoning) = (None, false);
        std::mem::take(&mut self.answer)
    }

    /// Takes the answer's usage; further usage belongs to the next answer.
    pub(crate) fn take_usage(&mut self) -> Option<Usage> {
        let (exact, reported) = (self.exact_usage.take(), self.reported_usage.take());
        exact.or(reported)
    }

    /// Sends the events of one notification, in order. Returns the end of the turn, if this is it.
    pub(crate) fn read(
        &mut self,
        method: &str,
        notification: Notification<'_>,
        limits: RateLimits,
        send: &mut dyn FnMut(TurnEvent),
    ) -> Option<Result<TurnEnd, CodexError>> {
        match (method, notification) {
            ("item/agentMessage/delta", Notification { item_id: Some(item), delta: Some(delta), .. }) => {
                self.text(&item, &delta, send);
            }
            ("item/reasoning/summaryTextDelta", Notification { delta: Some(delta), .. }) => {
                self.reasoning(delta.into_owned(), send);
            }
            ("item/reasoning/summaryPartAdded", _) => self.reasoning_part(send),
            ("item/started" | "item/completed", Notification { item: Some(item), .. }) => {
                if let Ok(item) = serde_json::from_str(item.get()) {
                    self.item(item, method == "item/completed", send);
                }
            }
            ("rawResponse/completed", Notification { usage: Some(usage), .. }) => {
                *self.exact_usage.get_or_insert_default() += usage;
            }
            // An older codex repeats the previous turn's usage when the next turn starts.
            ("thread/tokenUsage/updated", Notification { token_usage: Some(usage), .. })
                if usage.total != self.thread_usage =>
            {
                self.thread_usage = usage.total;
                *self.reported_usage.get_or_insert_default() += usage.last;
            }
            ("model/rerouted", Notification { to_model: Some(model), .. }) => send(TurnEvent::Model(model)),
            ("error", Notification { error: Some(error), will_retry: true, .. }) => {
                return retrying(error, send);
            }
            ("turn/completed", Notification { turn: Some(turn), .. }) => return Some(self.end(turn, limits)),
            _ => {}
        }
        None
    }

    fn text(&mut self, item: &str, delta: &str, send: &mut dyn FnMut(TurnEvent)) {
        if delta.is_empty() {
            return;
        }
        match &mut self.message {
            Some((current, sent)) if current == item => *sent += delta.len(),
            _ => {
                // A turn can hold several messages, one before a command and one after: paragraphs of one answer.
                if !self.answer.is_empty() {
                    self.answer.push_str("\n\n");
                    send(TurnEvent::Text("\n\n".to_owned()));
                }
                self.message = Some((item.to_owned(), delta.len()));
            }
        }
        self.answer.push_str(delta);
        send(TurnEvent::Text(delta.to_owned()));
    }

    /// Separates two parts of the reasoning with a blank line.
    fn reasoning_part(&self, send: &mut dyn FnMut(TurnEvent)) {
        if self.has_reasoning {
            send(TurnEvent::Reasoning("\n\n".to_owned()));
        }
    }

    fn reasoning(&mut self, text: String, send: &mut dyn FnMut(TurnEvent)) {
        if !text.is_empty() {
            self.has_reasoning = true;
            send(TurnEvent::Reasoning(text));
        }
    }

    /// Sends the events of an item that has started or `completed`.
    pub(crate) fn item(&mut self, item: ThreadItem, completed: bool, send: &mut dyn FnMut(TurnEvent)) {
        if matches!(item.kind, ItemKind::CommandExecution | ItemKind::McpToolCall) {
            self.running = if completed { self.running.saturating_sub(1) } else { self.running + 1 };
        }
        match item.kind {
            ItemKind::AgentMessage if completed => {
                // Usually all of it has been streamed.
                let sent = match &self.message {
                    Some((current, sent)) if *current == item.id => *sent,
                    _ => 0,
                };
                if let Some(rest) = item.text.get(sent..) {
                    self.text(&item.id, rest, send);
                }
            }
            // Only `codex exec` reports it in one piece.
            ItemKind::Reasoning if completed && !item.text.is_empty() => {
                self.reasoning_part(send);
                self.reasoning(item.text, send);
            }
            _ => {
                if let Some(action) = item.action(completed) {
                    send(TurnEvent::Item(action));
                }
            }
        }
    }

    fn end(&mut self, turn: TurnState, limits: RateLimits) -> Result<TurnEnd, CodexError> {
        let usage = self.take_usage();
        match turn.status.as_str() {
            "completed" => Ok(TurnEnd { usage, interrupted: false }),
            "interrupted" => Ok(TurnEnd { usage, interrupted: true }),
            _ => Err(CodexError::Turn(failure(turn.error, limits))),
        }
    }
}

/// Reports a retry; a rejected sign-in ends the turn instead: codex has already tried to refresh it, so its five retries
/// would fail too.
fn retrying(error: TurnError, send: &mut dyn FnMut(TurnEvent)) -> Option<Result<TurnEnd, CodexError>> {
    let message = error.message.clone();
    let failure = failure(Some(error), RateLimits::default());
    if failure.kind == FailureKind::Unauthorized && failure.upstream_status != Some(403) {
        return Some(Err(CodexError::Turn(failure)));
    }
    send(TurnEvent::Retrying(message));
    None
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
