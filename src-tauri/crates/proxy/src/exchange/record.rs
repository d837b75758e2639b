//! What the logs are told of an exchange. Nothing here holds a word of the conversation.

use std::time::Duration;

use codex_client::{CodexError, ItemEvent, Usage};

use super::Exchange;
use super::log::Step;
use crate::answer::activity;
use crate::error::{ApiError, Failure};

/// How an exchange was closed.
pub(super) enum Outcome<'a> {
    Done(Option<Usage>),
    Failed(&'a Failure),
    ClientGone,
}

impl Exchange {
    /// Reports an action of codex.
    pub(super) fn record_item(&self, item: &ItemEvent) {
        let (what, detail, bad) = activity::told(item);
        let is_command = matches!(item, ItemEvent::Command { ended: false, .. });
        self.recorder.log_step(Step { what, detail: detail.as_deref(), bad, is_command });
        self.span.in_scope(|| tracing::debug!(what, "codex did something"));
    }

    /// Ends the request in the request log, and with one line in the program's log.
    pub(super) fn record_end(&self, total: Duration, outcome: &Outcome<'_>) {
        let (model, deltas) = (&self.model, self.deltas);
        let (wait_ms, first_ms, total_ms) = (ms(self.waited), self.first.map(ms), ms(total));
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
                self.recorder.failed(error.status(), error.code(), &error.for_log());
                let why = reason(failure);
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

pub(super) fn ms(duration: Duration) -> u64 {
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
        Failure::Silent(limit) => format!("codex was silent for {} s", limit.as_secs()),
        Failure::BadForm(what) => what.clone(),
        Failure::Unchecked(why) => format!("the answer was not checked: {why:?}"),
        Failure::NoCall => "the model did not call the tool".to_owned(),
        Failure::Stopping => "the proxy is stopping".to_owned(),
    }
}
