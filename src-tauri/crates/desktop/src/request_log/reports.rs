//! Records the proxy's reports in memory, within microseconds, so that answers never wait for the log. Ignores reports after the
//! end of a request.

use std::sync::Arc;

use codex_client::Usage;
use proxy::changes::Changes;
use proxy::{Arrival, RequestEnd, RequestLog, Step};

use super::live::{Record, limited};
use super::shared::Shared;
use super::types::{ExchangeDetail, ExchangeRow, ExchangeState, KeptChat};
use crate::client_name::client_name;
use crate::text::truncate;

/// Limit of an id, in characters.
const MAX_ID: usize = 128;

/// Limit of a key's, client's or model's name, a route and an error code, in characters.
const MAX_NAME: usize = 100;

/// Limit of an error message, in characters.
const MAX_ERROR: usize = 2_000;

impl RequestLog for Shared {
    fn stores_texts(&self) -> bool {
        self.live.lock().keep_texts
    }

    fn begun(&self, request: Arrival) {
        let row = ExchangeRow {
            id: truncate(&request.id, MAX_ID),
            request_id: truncate(&request.request_id, MAX_ID),
            at: self.now_ms(),
            key: truncate(&request.key, MAX_NAME),
            client: truncate(&request.client, MAX_NAME),
            app: truncate(&client_name(&request.client), MAX_NAME),
            route: truncate(&request.route, MAX_NAME),
            model: truncate(&request.model, MAX_NAME),
            background: request.background,
            ..ExchangeRow::default()
        };
        let request_text = request.request_text.map(limited);
        let mut live = self.live.lock();
        // Read under the lock, so that turning texts off also removes those of requests that begin meanwhile.
        let keep = live.keep_texts;
        let (request_text, answer_text) = (request_text.filter(|_| keep), keep.then(String::new));
        let detail = ExchangeDetail { row, request_text, answer_text, ..ExchangeDetail::default() };
        let mut record = Record::new(detail);
        record.step(0, "Arrived", None, false);
        self.send(&mut record);
        live.insert(record);
        drop(live);
        self.unwritten.notify_one();
    }

    fn step(&self, id: &str, step: &Step<'_>) {
        self.edit(id, |record, at| {
            let row = &mut record.edit().row;
            row.commands = row.commands.saturating_add(step.is_command.into());
            record.step(at, step.what, step.detail, step.bad);
        });
    }

    fn model(&self, id: &str, model: &str) {
        self.edit(id, |record, _| record.edit().row.model = truncate(model, MAX_NAME));
    }

    fn kept(&self, id: &str, chat: &codex_client::KeptChat) {
        let chat =
            KeptChat { thread: chat.thread.clone(), folder: chat.folder.to_string_lossy().into_owned() };
        self.edit(id, |record, _| record.edit().chat = Some(chat));
    }

    fn waited(&self, id: &str, ms: u64, admitted: bool) {
        self.edit(id, |record, at| {
            record.edit().row.wait_ms = Some(ms);
            if ms > 0 && admitted {
                record.step(at, "Admitted", None, false);
            }
        });
    }

    fn first_token(&self, id: &str, own_ms: u64) {
        self.edit(id, |record, at| {
            if record.row().first_ms.is_some() {
                return;
            }
            let row = &mut record.edit().row;
            row.state = ExchangeState::Streaming;
            (row.first_ms, row.own_ms) = (Some(at), Some(own_ms));
            record.step(at, "First token", None, false);
        });
    }

    fn progress(&self, id: &str, tokens: u64) {
        self.edit(id, |record, _| record.progress(tokens));
    }

    /// Not published, because the window shows only complete answers.
    fn text(&self, id: &str, part: &str) {
        if let Some(record) = self.live.lock().running(id) {
            record.add_answer(part);
        }
    }

    /// Not published either.
    fn picture(&self, id: &str, base64: &Arc<str>) {
        if let Some(record) = self.live.lock().running(id) {
            record.add_picture(base64);
        }
    }

    fn changed(&self, id: &str, changes: &Changes) {
        self.record_changes(id, changes);
    }

    fn ended(&self, id: &str, end: &RequestEnd<'_>) {
        let mut reason = None;
        self.edit(id, |record, at| {
            let row = &mut record.edit().row;
            row.total_ms = Some(at);
            match *end {
                RequestEnd::Done { status, usage } => {
                    (row.state, row.status) = (ExchangeState::Done, Some(status));
                    row.output = None;
                    if let Some(Usage { input, cached, output, reasoning }) = usage {
                        (row.input, row.cached) = (Some(input), Some(cached));
                        (row.output, row.reasoning) = (Some(output), Some(reasoning));
                    }
                }
                RequestEnd::Failed { status, code, message, summary } => {
                    (row.state, row.status) = (ExchangeState::Failed, Some(status));
                    row.code = Some(truncate(code, MAX_NAME));
                    let error = truncate(message, MAX_ERROR);
                    row.error = Some(error.clone());
                    if let Some(summary) = summary {
                        record.edit().summary = Some(truncate(summary, MAX_ERROR));
                        reason = Some(error);
                    }
                }
                RequestEnd::Disconnected => row.state = ExchangeState::Stopped,
                RequestEnd::Cancelled => row.state = ExchangeState::Cancelled,
            }
            // Without the reason, which the row has.
            let failed = record.row().state == ExchangeState::Failed;
            record.step(at, end.name(), None, failed);
        });
        if let Some(reason) = reason {
            self.live.lock().keep_reason(id, reason);
        }
    }
}
