//! What the proxy reports of a request, put down.
//!
//! Everything is put down at once and in memory, in microseconds, so the way of an answer does not wait for its log. What is
//! reported of a request that has ended is passed over.

use codex_client::Usage;
use proxy::{Arrival, RequestEnd, RequestLog, Step};

use super::body::{ANSWER_TEXT, Body, REQUEST_TEXT, cut, cut_text, push_text};
use super::ring::News;
use super::shared::Shared;
use super::types::{ExchangeRow, ExchangeState};

/// The longest id that is kept, in characters.
const LONGEST_ID: usize = 128;

/// The longest name of a key, a client, a route or a model that is kept, in characters.
const LONGEST_NAME: usize = 100;

/// The longest sentence about an error that is kept, in characters.
const LONGEST_ERROR: usize = 500;

impl RequestLog for Shared {
    fn keeps_texts(&self) -> bool {
        Shared::keeps_texts(self)
    }

    fn begun(&self, request: Arrival) {
        let row = ExchangeRow {
            id: cut(&request.id, LONGEST_ID),
            request_id: cut(&request.request_id, LONGEST_ID),
            at: (self.now_ms)(),
            key: cut(&request.key, LONGEST_NAME),
            client: cut(&request.client, LONGEST_NAME),
            route: cut(&request.route, LONGEST_NAME),
            model: cut(&request.model, LONGEST_NAME),
            state: ExchangeState::Waiting,
            status: None,
            wait_ms: None,
            first_ms: None,
            own_ms: None,
            total_ms: None,
            input: None,
            cached: None,
            output: None,
            reasoning: None,
            commands: 0,
            background: request.background,
            code: None,
            error: None,
        };
        let mut body = Body::default();
        body.step(0, "Arrived", None, false);
        self.begin(row, body, request.request_text.map(|text| cut_text(text, REQUEST_TEXT)));
    }

    fn step(&self, id: &str, step: &Step<'_>) {
        let Step { what, detail, bad, is_command } = *step;
        self.log(id, News::Soon, |row, body, now| {
            row.commands = row.commands.saturating_add(is_command.into());
            body.step(since(row, now), what, detail, bad);
            true
        });
    }

    fn model(&self, id: &str, model: &str) {
        self.log(id, News::Soon, |row, _, _| {
            row.model = cut(model, LONGEST_NAME);
            true
        });
    }

    fn waited(&self, id: &str, ms: u64, admitted: bool) {
        self.log(id, News::Soon, |row, body, now| {
            row.wait_ms = Some(ms);
            if ms > 0 && admitted {
                body.step(since(row, now), "Got its place", None, false);
            }
            true
        });
    }

    fn first_token(&self, id: &str, own_ms: u64) {
        self.log(id, News::AtOnce, |row, body, now| {
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

    /// Kept only where texts are, and no news: the window reads an answer whole.
    fn text(&self, id: &str, piece: &str) {
        if let Some((_, body)) = self.ring().running_mut(id)
            && let Some(answer) = &mut body.answer
        {
            push_text(answer, piece, ANSWER_TEXT);
        }
    }

    fn ended(&self, id: &str, end: &RequestEnd<'_>) {
        let now = (self.now_ms)();
        self.end(id, |row, body| {
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
                    row.code = Some(cut(code, LONGEST_NAME));
                    error = Some(cut(message, LONGEST_ERROR));
                }
                RequestEnd::Disconnected => row.state = ExchangeState::Stopped,
            }
            body.last_step(total, end.name(), error.as_deref());
            row.error = error;
        });
    }
}

impl Shared {
    /// Changes what is on record; `edit` says whether it did.
    fn log(&self, id: &str, news: News, edit: impl FnOnce(&mut ExchangeRow, &mut Body, u64) -> bool) {
        let now = (self.now_ms)();
        self.change(id, news, |row, body| edit(row, body, now));
    }
}

/// How long after the request's arrival `now` is. A clock that was set back makes it 0.
fn since(row: &ExchangeRow, now: u64) -> u64 {
    now.saturating_sub(row.at)
}
