//! Records an exchange in the logs. Nothing here contains text of the conversation.

use std::time::Duration;

use codex_client::{CodexError, ItemEvent, Usage, brief};

use super::Exchange;
use super::log::Step;
use crate::answer::activity;
use crate::error::{ApiError, Failure};

/// How an exchange ended.
pub(super) enum Outcome<'a> {
    Done(Option<Usage>),
    Failed(&'a Failure),
    Disconnected,
}

impl Exchange {
    /// Records an action codex took.
    pub(super) fn record_item(&self, item: &ItemEvent) {
        if matches!(item, ItemEvent::WebSearch(call) if !call.ended) {
            return;
        }
        let (what, detail, bad) = activity::describe(item);
        let is_command = matches!(item, ItemEvent::Command { ended: false, .. });
        self.recorder.log_step(Step { what, detail: detail.as_deref(), bad, is_command });
        self.span.in_scope(|| tracing::debug!(what, "codex action"));
    }

    /// Ends the request's entry in the request log and writes one line to the program's log.
    pub(super) fn record_end(&self, total: Duration, outcome: &Outcome<'_>) {
        let (model, deltas) = (&self.model, self.deltas);
        let (wait_ms, first_ms, total_ms) = (ms(self.waited), self.first_token.map(ms), ms(total));
        match outcome {
            Outcome::Done(usage) => {
                self.recorder.done(200, *usage);
                let Usage { input, cached, output, reasoning } = usage.unwrap_or_default();
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
                let error = ApiError::from((*failure).clone());
                self.recorder.failed_with(&error);
                let why = describe(failure);
                tracing::warn!(model, deltas, wait_ms, first_ms, total_ms, why, "turn failed");
            }
            Outcome::Disconnected => {
                tracing::info!(
                    model,
                    deltas,
                    wait_ms,
                    first_ms,
                    total_ms,
                    "client disconnected; turn interrupted"
                );
            }
        }
    }
}

pub(super) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Describes a failure without text of the conversation: an upstream error message may quote it.
fn describe(failure: &Failure) -> String {
    match failure {
        Failure::Codex(CodexError::Turn(failure)) => match failure.upstream_status {
            Some(status) => format!("{:?}, upstream status {status}", failure.kind),
            None => format!("{:?}", failure.kind),
        },
        // Of `codex exec` it may be the output of a command.
        Failure::Codex(CodexError::Refused { method: "exec", .. }) => "codex refused exec".to_owned(),
        Failure::Codex(CodexError::Refused { method, message }) => {
            format!("codex refused {method}: {}", brief(message))
        }
        Failure::Codex(error) => error.to_string(),
        Failure::TooLong(limit) => format!("longer than {} s", limit.as_secs()),
        Failure::Silent(limit) => format!("codex was silent for {} s", limit.as_secs()),
        Failure::BadForm(what) | Failure::BadCall(what) => what.clone(),
        Failure::Unchecked(why) => format!("the answer was not validated: {why:?}"),
        Failure::Cut => "upstream broke off, and codex's next attempt differed".to_owned(),
        Failure::NoImage(_) => "the model generated no image".to_owned(),
        Failure::NoCall => "the model did not call the tool".to_owned(),
        Failure::Stopping => "the proxy is stopping".to_owned(),
        Failure::Cancelled => "stopped by the owner".to_owned(),
        Failure::Denied => "denied and stopped by the owner".to_owned(),
    }
}
