//! What codex's notifications mean for a turn: a small state machine from notification to events, with no IO.
//!
//! Deliberately unread here: everything about other clients of the same codex (thread lists, read states), partial
//! command output, and the items of the history that we injected ourselves.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{CodexError, FailureKind, TurnFailure};
use crate::protocol::RateLimits;
use crate::thread_item::ThreadItem;
use crate::turn::{TurnEnd, TurnEvent, Usage};

/// Notifications that we never read; codex is asked not to send them.
pub const OPT_OUT: &[&str] = &[
    "configWarning",
    "remoteControl/status/changed",
    "thread/started",
    "thread/status/changed",
    "thread/closed",
    "thread/name/updated",
    "thread/settings/updated",
    "skills/changed",
    "app/list/updated",
    "item/commandExecution/outputDelta",
    "item/fileChange/outputDelta",
    "item/fileChange/patchUpdated",
    "item/plan/delta",
    "turn/diff/updated",
    "turn/plan/updated",
];

/// The parameters of the notifications that we read, all fields optional: one parse serves them all.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Params<'a> {
    // The requests of the protocol's first version call it a conversation.
    #[serde(borrow, default, alias = "conversationId")]
    pub(crate) thread_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    item_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    delta: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) item: Option<&'a RawValue>,
    #[serde(default)]
    turn: Option<TurnState>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default)]
    token_usage: Option<ThreadUsage>,
    #[serde(default)]
    error: Option<TurnProblem>,
    #[serde(default)]
    will_retry: bool,
    #[serde(borrow, default)]
    to_model: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(crate) rate_limits: Option<RateLimits>,
}

#[derive(Deserialize)]
struct TurnState {
    #[serde(default)]
    status: String,
    #[serde(default)]
    error: Option<TurnProblem>,
}

#[derive(Deserialize)]
struct ThreadUsage {
    last: Usage,
    #[serde(default)]
    total: Usage,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TurnProblem {
    #[serde(default)]
    message: String,
    #[serde(default)]
    codex_error_info: serde_json::Value,
}

/// Reads the notifications of one turn, in order.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// The message item whose text is being streamed, and how many bytes of it have been passed on.
    message: Option<(String, usize)>,
    said_anything: bool,
    thought_anything: bool,
    exact: Option<Usage>,
    reported: Option<Usage>,
    /// What the thread has cost in all, as last told.
    total: Usage,
    /// The text of the answer so far.
    answer: String,
    /// Commands and calls of codex's own tools that have begun and not ended.
    at_work: usize,
}

impl Reading {
    /// Reads the next turn of a thread that has cost so much already.
    pub(crate) fn after(total: Usage) -> Self {
        Self { total, ..Self::default() }
    }

    /// What the thread has cost in all, as far as it was told.
    pub(crate) fn total(&self) -> Usage {
        self.total
    }

    /// Whether codex is at work on something that it may be silent about.
    pub(crate) fn is_at_work(&self) -> bool {
        self.at_work > 0
    }

    /// The text of the answer; what comes next belongs to another one.
    pub(crate) fn take_text(&mut self) -> String {
        (self.message, self.said_anything, self.thought_anything) = (None, false, false);
        std::mem::take(&mut self.answer)
    }

    /// What the answer cost; what comes next belongs to another one.
    pub(crate) fn take_usage(&mut self) -> Option<Usage> {
        let (exact, reported) = (self.exact.take(), self.reported.take());
        exact.or(reported)
    }

    /// Turns one notification into events, in order. `limits` is what the account's limits are known to be.
    pub(crate) fn read(
        &mut self,
        method: &str,
        params: Params<'_>,
        limits: &RateLimits,
        post: &mut dyn FnMut(TurnEvent),
    ) {
        match method {
            "item/agentMessage/delta" => {
                if let (Some(item), Some(delta)) = (params.item_id, params.delta) {
                    self.text(&item, &delta, post);
                }
            }
            "item/reasoning/summaryTextDelta" => {
                if let Some(delta) = params.delta.filter(|delta| !delta.is_empty()) {
                    self.thought_anything = true;
                    post(TurnEvent::Reasoning(delta.into_owned()));
                }
            }
            // Parts are paragraphs: a blank line goes between two, none before the first.
            "item/reasoning/summaryPartAdded" if self.thought_anything => {
                post(TurnEvent::Reasoning("\n\n".to_owned()));
            }
            "item/started" | "item/completed" => {
                if let Some(item) =
                    params.item.and_then(|raw| serde_json::from_str::<ThreadItem>(raw.get()).ok())
                {
                    self.item(item, method == "item/completed", post);
                }
            }
            "rawResponse/completed" => {
                if let Some(usage) = params.usage {
                    *self.exact.get_or_insert_default() += usage;
                }
            }
            "thread/tokenUsage/updated" => {
                // An older codex tells what the turn before has cost once more when the next one begins.
                if let Some(usage) = params.token_usage.filter(|usage| usage.total != self.total) {
                    self.total = usage.total;
                    *self.reported.get_or_insert_default() += usage.last;
                }
            }
            "model/rerouted" => {
                if let Some(model) = params.to_model {
                    post(TurnEvent::Model(model.into_owned()));
                }
            }
            "error" if params.will_retry => {
                if let Some(error) = params.error {
                    let message = error.message.clone();
                    let failure = failure(Some(error), limits);
                    // By now codex has tried to refresh the sign-in, so the next five attempts end as this one did.
                    post(match failure.kind {
                        FailureKind::Unauthorized if failure.upstream_status != Some(403) => {
                            TurnEvent::Ended(Err(CodexError::Turn(failure)))
                        }
                        _ => TurnEvent::Retrying(message),
                    });
                }
            }
            "turn/completed" => {
                if let Some(turn) = params.turn {
                    post(TurnEvent::Ended(self.end(turn, limits)));
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, item: &str, delta: &str, post: &mut dyn FnMut(TurnEvent)) {
        if delta.is_empty() {
            return;
        }
        match &mut self.message {
            Some((current, sent)) if current == item => *sent += delta.len(),
            _ => {
                // A turn can hold several messages, one before a command and one after: paragraphs of one answer.
                if self.said_anything {
                    self.answer.push_str("\n\n");
                    post(TurnEvent::Text("\n\n".to_owned()));
                }
                self.message = Some((item.to_owned(), delta.len()));
            }
        }
        self.said_anything = true;
        self.answer.push_str(delta);
        post(TurnEvent::Text(delta.to_owned()));
    }

    fn item(&mut self, item: ThreadItem, completed: bool, post: &mut dyn FnMut(TurnEvent)) {
        if item.is_own_work() {
            self.at_work = if completed { self.at_work.saturating_sub(1) } else { self.at_work + 1 };
        }
        match item {
            ThreadItem::AgentMessage { id, text } if completed => {
                // Whatever of the message did not come as a delta comes now; usually nothing.
                let sent = match &self.message {
                    Some((current, sent)) if *current == id => *sent,
                    _ => 0,
                };
                if let Some(rest) = text.get(sent..) {
                    self.text(&id, rest, post);
                }
            }
            item => {
                if let Some(work) = item.work(completed) {
                    post(TurnEvent::Item(work));
                }
            }
        }
    }

    fn end(&mut self, turn: TurnState, limits: &RateLimits) -> Result<TurnEnd, CodexError> {
        let usage = self.take_usage();
        match turn.status.as_str() {
            "completed" => Ok(TurnEnd { usage, interrupted: false }),
            "interrupted" => Ok(TurnEnd { usage, interrupted: true }),
            _ => Err(CodexError::Turn(failure(turn.error, limits))),
        }
    }
}

/// What a failed turn means, by `codexErrorInfo` first and by the upstream's HTTP status where that says more.
fn failure(problem: Option<TurnProblem>, limits: &RateLimits) -> TurnFailure {
    let Some(TurnProblem { message, codex_error_info: info }) = problem else {
        return TurnFailure {
            kind: FailureKind::Upstream,
            message: "codex gave no reason".to_owned(),
            upstream_status: None,
            resets_at: None,
        };
    };
    let (name, detail) = match &info {
        serde_json::Value::String(name) => (name.as_str(), None),
        serde_json::Value::Object(variants) => {
            variants.iter().next().map_or(("", None), |(name, detail)| (name.as_str(), Some(detail)))
        }
        _ => ("", None),
    };
    let body = upstream_body(&message);
    let upstream_status = detail
        .and_then(|detail| detail.get("httpStatusCode"))
        .and_then(serde_json::Value::as_u64)
        .and_then(|status| u16::try_from(status).ok())
        .or_else(|| status_in_words(&message));
    let kind = match (name, upstream_status, body.code.as_deref()) {
        ("contextWindowExceeded", ..) | (_, _, Some("context_length_exceeded")) => FailureKind::ContextWindow,
        ("usageLimitExceeded" | "sessionBudgetExceeded", ..) | (_, _, Some("insufficient_quota")) => {
            FailureKind::UsageLimit
        }
        ("modelNotFound", ..) | (_, _, Some("model_not_found")) => FailureKind::ModelNotFound,
        ("unauthorized", ..) | (_, Some(401 | 403), _) => FailureKind::Unauthorized,
        ("rateLimitExceeded", ..) | (_, Some(429), _) => FailureKind::RateLimit,
        ("serverOverloaded" | "flexUnavailable" | "policyCapacityUnavailable", ..) | (_, Some(503), _) => {
            FailureKind::Overloaded
        }
        ("badRequest", ..) | (_, Some(400 | 404 | 413 | 422), _) => FailureKind::BadRequest,
        // codex passes an upstream 400 on as "other", with the upstream's body for its message.
        ("other", None, _) if body.is_error_body => FailureKind::BadRequest,
        _ => FailureKind::Upstream,
    };
    let resets_at = match kind {
        FailureKind::UsageLimit => body.resets_at.or_else(|| limits.blocked_until()),
        _ => None,
    };
    TurnFailure { kind, message: body.message.unwrap_or(message), upstream_status, resets_at }
}

/// What a failure means of which codex gives nothing but words, as `codex exec` does.
pub(crate) fn failure_in_words(message: String) -> TurnFailure {
    let says = |words: &str| message.contains(words);
    let info = if says("context window") {
        "contextWindowExceeded"
    } else if says("usage limit") {
        "usageLimitExceeded"
    } else if says("at capacity") || says("overloaded") {
        "serverOverloaded"
    } else {
        ""
    };
    let problem = TurnProblem { message, codex_error_info: info.into() };
    failure(Some(problem), &RateLimits::default())
}

/// What can be told from a message that is an upstream's JSON error body.
#[derive(Default)]
struct UpstreamBody {
    is_error_body: bool,
    message: Option<String>,
    code: Option<String>,
    resets_at: Option<u64>,
}

fn upstream_body(message: &str) -> UpstreamBody {
    let Some(start) = message.find('{') else { return UpstreamBody::default() };
    let Ok(body) = serde_json::from_str::<serde_json::Value>(&message[start..]) else {
        return UpstreamBody::default();
    };
    let error = body.get("error").unwrap_or(&body);
    let text = |key: &str| error.get(key).and_then(serde_json::Value::as_str).map(str::to_owned);
    let message =
        text("message").or_else(|| body.get("detail").and_then(serde_json::Value::as_str).map(str::to_owned));
    UpstreamBody {
        is_error_body: message.is_some(),
        message,
        code: text("code").or_else(|| text("type")),
        resets_at: error.get("resets_at").and_then(serde_json::Value::as_u64),
    }
}

/// The status in "unexpected status 404 Not Found: …", as codex words it where it has no field for it.
fn status_in_words(message: &str) -> Option<u16> {
    let (_, rest) =
        message.split_once("unexpected status ").or_else(|| message.split_once("last status: "))?;
    rest.get(..3)?.parse().ok()
}

#[cfg(test)]
#[path = "notifications_tests.rs"]
mod tests;
