//! Turns the notifications of one turn into events: a small state machine without IO.

use super::citations::citations;
use crate::error::{CodexError, FailureKind, TurnFailure};
use crate::event::{Incomplete, TurnEnd, TurnEvent, Usage};
use crate::notification::{
    ImageItem, ItemKind, Notification, ThreadItem, TurnError, TurnState, failure, picture_failure,
};

/// Reads the notifications of one turn.
#[derive(Debug, Default)]
pub(crate) struct TurnReader {
    /// The message item being streamed, and how many of its bytes have been sent.
    message: Option<(String, usize)>,
    has_reasoning: bool,
    /// The message or reasoning that the model is writing: one at a time.
    open_item: Option<String>,
    /// Whether something was sent since the last checkpoint.
    unkept: bool,
    /// The length of the answer's text at the last checkpoint, and `has_reasoning` then.
    kept: (usize, bool),
    exact_usage: Option<Usage>,
    reported_usage: Option<Usage>,
    /// The thread's total usage, as last reported.
    pub(crate) thread_usage: Usage,
    /// The text of the answer so far.
    answer: String,
    /// Commands and calls to codex's own tools that are running.
    running: usize,
    /// The picture that failed, until its tool's output says why.
    failed_picture: Option<String>,
    /// What its patches have changed, unless the answer's reader has it already.
    diff: Option<String>,
}

/// Maximum length of the patch that is passed on: one answer's worth of unread text.
const MAX_DIFF_BYTES: usize = 1024 * 1024;

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
        (self.unkept, self.kept, self.open_item) = (false, (0, false), None);
        std::mem::take(&mut self.answer)
    }

    /// The answer's usage so far, as far as it was reported.
    pub(crate) fn usage(&self) -> Option<Usage> {
        self.exact_usage.or(self.reported_usage)
    }

    /// Takes the latest patch, if it has changed since.
    pub(crate) fn take_diff(&mut self) -> Option<String> {
        self.diff.take()
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
        exhausted_until: Option<u64>,
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
                let (raw, completed) = (item.get(), method == "item/completed");
                let Ok(item) = serde_json::from_str::<ThreadItem>(raw) else { return None };
                if completed && item.kind == ItemKind::ImageGeneration {
                    self.picture(raw, send);
                }
                self.item(item, completed, send);
            }
            ("rawResponseItem/completed", Notification { item: Some(item), .. }) => {
                if self.unkept && is_filter_guidance(item.get()) {
                    return Some(Ok(self.incomplete_end(Incomplete::ContentFilter)));
                }
                if let Some(id) = &self.failed_picture
                    && let Some(failure) = picture_failure(item.get(), id, exhausted_until)
                {
                    self.failed_picture = None;
                    send(TurnEvent::PictureFailed(failure));
                }
                let written = self.message.as_ref().map_or(0, |(_, written)| *written);
                let (before, message) = self.answer.split_at(self.answer.len().saturating_sub(written));
                let citations = citations(item.get(), before, message);
                if !citations.is_empty() {
                    send(TurnEvent::Citations(citations));
                }
            }
            ("rawResponse/completed", Notification { usage: Some(usage), .. }) => {
                *self.exact_usage.get_or_insert_default() += usage;
                self.checkpoint(send);
            }
            // An older codex repeats the previous turn's usage when the next turn starts.
            ("thread/tokenUsage/updated", Notification { token_usage: Some(usage), .. })
                if usage.total != self.thread_usage =>
            {
                let before = std::mem::replace(&mut self.thread_usage, usage.total);
                match &mut self.exact_usage {
                    // An incomplete response is only in the total.
                    Some(exact) if usage.last == Usage::default() => *exact += usage.total - before,
                    _ if usage.last == Usage::default() => {
                        *self.reported_usage.get_or_insert_default() += usage.total - before;
                    }
                    _ => *self.reported_usage.get_or_insert_default() += usage.last,
                }
                self.checkpoint(send);
            }
            ("turn/diff/updated", Notification { diff: Some(diff), .. }) => {
                self.diff = Some(diff.into_owned()).filter(|diff| diff.len() <= MAX_DIFF_BYTES);
            }
            ("model/rerouted", Notification { to_model: Some(model), .. }) => send(TurnEvent::Model(model)),
            ("error", Notification { error: Some(error), will_retry, .. }) => {
                if let Some(incomplete) = error.incomplete() {
                    return Some(Ok(self.incomplete_end(incomplete)));
                }
                if will_retry {
                    return self.retrying(error, send);
                }
            }
            ("turn/completed", Notification { turn: Some(turn), .. }) => {
                return Some(self.end(turn, exhausted_until));
            }
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
        self.unkept = true;
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
            (self.has_reasoning, self.unkept) = (true, true);
            send(TurnEvent::Reasoning(text));
        }
    }

    /// Sends the events of an item that has started or `completed`.
    pub(crate) fn item(&mut self, item: ThreadItem, completed: bool, send: &mut dyn FnMut(TurnEvent)) {
        if matches!(item.kind, ItemKind::CommandExecution | ItemKind::McpToolCall | ItemKind::ImageGeneration)
        {
            self.running = if completed { self.running.saturating_sub(1) } else { self.running + 1 };
        }
        if matches!(item.kind, ItemKind::AgentMessage | ItemKind::Reasoning) {
            if completed {
                self.open_item.take_if(|open| *open == item.id);
            } else {
                // Over its WebSocket, codex does not announce the first retry.
                if self.open_item.is_some() {
                    self.retry(TurnFailure::new(FailureKind::Upstream, "the stream broke off"), send);
                }
                self.open_item = Some(item.id.clone());
            }
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
            ItemKind::ExitedReviewMode => {
                // codex does not complete the message that the result is from.
                self.open_item = None;
                if completed {
                    send(TurnEvent::Reviewed(item.review));
                }
            }
            ItemKind::ImageGeneration if !completed => send(TurnEvent::PictureStarted(item.id)),
            // Only `codex exec` reports it in one piece.
            ItemKind::Reasoning if completed && !item.text.is_empty() => {
                self.reasoning_part(send);
                self.reasoning(item.text, send);
            }
            _ => {
                if let Some(action) = item.action(completed) {
                    let is_lasting = action.is_lasting();
                    self.unkept = true;
                    send(TurnEvent::Item(action));
                    if is_lasting {
                        self.checkpoint(send);
                    }
                }
            }
        }
    }

    /// Sends a completed picture, which stays part of the answer: codex does not generate it again.
    fn picture(&mut self, item: &str, send: &mut dyn FnMut(TurnEvent)) {
        let Ok(item) = serde_json::from_str::<ImageItem>(item) else { return };
        match item.completed() {
            Ok(picture) => {
                self.unkept = true;
                send(TurnEvent::Picture(picture));
                self.checkpoint(send);
            }
            Err((_, Some(failure))) => send(TurnEvent::PictureFailed(failure)),
            Err((id, None)) => self.failed_picture = Some(id),
        }
    }

    /// Marks everything so far as part of the answer.
    fn checkpoint(&mut self, send: &mut dyn FnMut(TurnEvent)) {
        if std::mem::take(&mut self.unkept) {
            self.kept = (self.answer.len(), self.has_reasoning);
            send(TurnEvent::Checkpoint);
        }
    }

    /// Reports a retry, and forgets what it will repeat. A rejected sign-in ends the turn instead: codex has already tried
    /// to refresh it, so its five retries would fail too.
    fn retrying(
        &mut self,
        error: TurnError,
        send: &mut dyn FnMut(TurnEvent),
    ) -> Option<Result<TurnEnd, CodexError>> {
        let failure = failure(Some(error), None);
        if failure.kind == FailureKind::Unauthorized && failure.upstream_status != Some(403) {
            return Some(Err(CodexError::Turn(failure)));
        }
        self.retry(failure, send);
        None
    }

    /// See [`TurnEvent::Retrying`].
    pub(crate) fn retry(&mut self, failure: TurnFailure, send: &mut dyn FnMut(TurnEvent)) {
        self.answer.truncate(self.kept.0);
        (self.message, self.has_reasoning, self.unkept) = (None, self.kept.1, false);
        self.open_item = None;
        send(TurnEvent::Retrying(failure));
    }

    fn incomplete_end(&mut self, incomplete: Incomplete) -> TurnEnd {
        TurnEnd { usage: self.take_usage(), incomplete: Some(incomplete), ..TurnEnd::default() }
    }

    fn end(&mut self, turn: TurnState, exhausted_until: Option<u64>) -> Result<TurnEnd, CodexError> {
        let usage = self.take_usage();
        match turn.status.as_str() {
            "completed" => Ok(TurnEnd { usage, ..TurnEnd::default() }),
            "interrupted" => Ok(TurnEnd { usage, interrupted: true, ..TurnEnd::default() }),
            _ => Err(CodexError::Turn(failure(turn.error, exhausted_until))),
        }
    }
}

/// Whether a raw item tells the model that a content filter blocked its response, which codex adds before it retries.
fn is_filter_guidance(item: &str) -> bool {
    item.contains("\"<content_filter_guidance>") && item.contains("\"role\":\"developer\"")
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
