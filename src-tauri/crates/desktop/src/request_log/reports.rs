//! Records what the proxy reports of a request.
//!
//! A report takes microseconds and only memory, so an answer does not wait for its log. Reports of a request that has ended are
//! ignored.

use codex_client::Usage;
use proxy::{Arrival, RequestEnd, RequestLog, Step};

use super::body::{Body, push_limited};
use super::live::Notify;
use super::shared::Shared;
use super::types::{ExchangeRow, ExchangeState};
use crate::text::truncated;

/// Characters kept of an id.
const MAX_ID: usize = 128;

/// Characters kept of the name of a key, a client, a route or a model, and of an error's code.
const MAX_NAME: usize = 100;

/// Characters kept of an error's sentence.
const MAX_ERROR: usize = 500;

impl RequestLog for Shared {
    fn keeps_texts(&self) -> bool {
        Shared::keeps_texts(self)
    }

    fn begun(&self, request: Arrival) {
        let row = ExchangeRow {
            id: truncated(&request.id, MAX_ID),
            request_id: truncated(&request.request_id, MAX_ID),
            at: self.now_ms(),
            key: truncated(&request.key, MAX_NAME),
            client: truncated(&request.client, MAX_NAME),
            route: truncated(&request.route, MAX_NAME),
            model: truncated(&request.model, MAX_NAME),
            background: request.background,
            ..ExchangeRow::default()
        };
        let mut body = Body::default();
        body.step(0, "Arrived", None, false);
        let text = request.request_text.map(|text| {
            let mut kept = String::new();
            push_limited(&mut kept, &text);
            kept
        });
        self.begin(row, body, text);
    }

    fn step(&self, id: &str, step: &Step<'_>) {
        let Step { what, detail, bad, is_command } = *step;
        self.edit(id, Notify::Batched, |row, body, now| {
            row.commands = row.commands.saturating_add(is_command.into());
            body.step(since(row, now), what, detail, bad);
            true
        });
    }

    fn model(&self, id: &str, model: &str) {
        self.edit(id, Notify::Batched, |row, _, _| {
            row.model = truncated(model, MAX_NAME);
            true
        });
    }

    fn waited(&self, id: &str, ms: u64, admitted: bool) {
        self.edit(id, Notify::Batched, |row, body, now| {
            row.wait_ms = Some(ms);
            if ms > 0 && admitted {
                body.step(since(row, now), "Got its place", None, false);
            }
            true
        });
    }

    fn first_token(&self, id: &str, own_ms: u64) {
        self.edit(id, Notify::Now, |row, body, now| {
            if row.first_ms.is_some() {
                return false;
            }
            let at = since(row, now);
            row.state = ExchangeState::Streaming;
            (row.first_ms, row.own_ms) = (Some(at), Some(own_ms));
            body.step(at, "First word", None, false);
            true
        });
    }

    /// Kept only where texts are, and not a change: the window reads an answer whole.
    fn text(&self, id: &str, piece: &str) {
        self.edit(id, Notify::Batched, |_, body, _| {
            if let Some(answer) = &mut body.answer {
                push_limited(answer, piece);
            }
            false
        });
    }

    fn ended(&self, id: &str, end: &RequestEnd<'_>) {
        self.edit(id, Notify::Now, |row, body, now| {
            let total = since(row, now);
            row.total_ms = Some(total);
            let mut error = None;
            match *end {
                RequestEnd::Done { status, usage } => {
                    row.state = ExchangeState::Done;
                    row.status = Some(status);
                    if let Some(Usage { input, cached, output, reasoning }) = usage {
                        (row.input, row.cached) = (Some(input), Some(cached));
                        (row.output, row.reasoning) = (Some(output), Some(reasoning));
                    }
                }
                RequestEnd::Failed { status, code, message } => {
                    row.state = ExchangeState::Failed;
                    row.status = Some(status);
                    row.code = Some(truncated(code, MAX_NAME));
                    error = Some(truncated(message, MAX_ERROR));
                }
                RequestEnd::Disconnected => row.state = ExchangeState::Stopped,
            }
            body.last_step(total, end.name(), error.as_deref());
            row.error = error;
            true
        });
    }
}

/// How long after the request's arrival `now` is. A clock that was set back makes it 0.
fn since(row: &ExchangeRow, now: u64) -> u64 {
    now.saturating_sub(row.at)
}
