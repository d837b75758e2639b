//! What the logs are told of an exchange. Nothing here holds a word of the conversation.

use std::time::Duration;

use codex_client::{CodexError, ItemEvent, Usage};
use tracing::Span;

use super::Failure;
use super::work::{self, Told};
use crate::journal::Entry;
use crate::metrics::TurnOutcome;
use crate::server::ApiError;

/// How an exchange was closed.
pub(super) enum Outcome<'a> {
    Done(Option<Usage>),
    Failed(&'a Failure),
    ClientGone,
}

impl From<&Outcome<'_>> for TurnOutcome {
    fn from(outcome: &Outcome<'_>) -> Self {
        match outcome {
            Outcome::Done(usage) => Self::Done(*usage),
            Outcome::Failed(_) => Self::Failed,
            Outcome::ClientGone => Self::ClientGone,
        }
    }
}

/// What is measured of an exchange.
pub(super) struct Figures<'a> {
    pub(super) model: &'a str,
    pub(super) deltas: u64,
    pub(super) wait_ms: u64,
    pub(super) first_ms: Option<u64>,
    pub(super) total_ms: u64,
}

/// Puts down what codex did.
pub(super) fn note(entry: &Entry, span: &Span, item: &ItemEvent) {
    let Told { what, detail, bad } = work::told(item);
    if matches!(item, ItemEvent::Command { ended: false, .. }) {
        entry.command();
    }
    entry.step(what, detail.as_deref(), bad);
    span.in_scope(|| tracing::debug!(what, "codex did something"));
}

/// Closes the entry, with one line in the program's log.
pub(super) fn close(entry: &Entry, figures: &Figures<'_>, outcome: &Outcome<'_>) {
    let &Figures { model, deltas, wait_ms, first_ms, total_ms } = figures;
    match outcome {
        Outcome::Done(usage) => {
            entry.done(200, *usage);
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
            let why = reason(failure);
            failed(entry, (*failure).clone());
            tracing::warn!(model, deltas, wait_ms, first_ms, total_ms, why, "turn failed");
        }
        Outcome::ClientGone => {
            tracing::info!(model, deltas, wait_ms, first_ms, total_ms, "client went away; turn interrupted");
        }
    }
}

/// Closes the entry of a request that failed.
pub(super) fn failed(entry: &Entry, failure: Failure) {
    let error = ApiError::from(failure);
    entry.failed(error.status(), error.code(), &error.for_log());
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
