//! The pen of one request: what happens to it is put down here.
//!
//! Everything is put down at once and in memory, in microseconds, so the way of an answer does not wait for its
//! log. A request is closed exactly once: by its end, by an error, or by the entry being dropped, which means that the client has
//! gone. Whatever is said after that is passed over.

use std::sync::Arc;

use codex_client::Usage;

use super::body::{ANSWER_TEXT, Body, REQUEST_TEXT, cut, cut_text, push_text};
use super::ring::News;
use super::shared::Shared;
use crate::view::{ExchangeRow, ExchangeState};

/// The longest id that is kept, in characters.
const LONGEST_ID: usize = 128;

/// The longest name of a key, a client, a route or a model that is kept, in characters.
const LONGEST_NAME: usize = 100;

/// The longest sentence about an error that is kept, in characters.
const LONGEST_ERROR: usize = 500;

/// A request that has arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// Its id; a newer one sorts after an older one, as those of UUID version 7 do.
    pub id: String,
    /// The id of the answer's header, which a client may have chosen.
    pub request_id: String,
    /// The name of its key, never the key.
    pub key: String,
    /// What it says about its client.
    pub client: String,
    /// Its route, such as `/v1/chat/completions`.
    pub route: String,
    /// The model that it asks for.
    pub model: String,
    /// Whether it is a background call of a chat interface.
    pub background: bool,
    /// Its body, which is thrown away unless texts are kept.
    pub request_text: Option<String>,
}

/// One request on record. Dropping it before its end means that the client has gone.
#[derive(Debug)]
#[must_use = "dropping an entry closes it as stopped by the client"]
pub struct Entry {
    shared: Arc<Shared>,
    id: Arc<str>,
    keeps_text: bool,
}

impl Entry {
    pub(super) fn begin(shared: Arc<Shared>, arrival: Arrival) -> Self {
        let now = (shared.now_ms)();
        let row = ExchangeRow {
            id: cut(&arrival.id, LONGEST_ID),
            request_id: cut(&arrival.request_id, LONGEST_ID),
            at: now,
            key: cut(&arrival.key, LONGEST_NAME),
            client: cut(&arrival.client, LONGEST_NAME),
            route: cut(&arrival.route, LONGEST_NAME),
            model: cut(&arrival.model, LONGEST_NAME),
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
            background: arrival.background,
            code: None,
            error: None,
        };
        let mut body = Body::default();
        body.step(0, "Arrived", None, false);
        let request = arrival.request_text.map(|text| cut_text(text, REQUEST_TEXT));
        let (id, keeps_text) = shared.begin(row, body, request);
        // The soak counts these two lines: each request that is put down is closed once.
        tracing::debug!(entry = &*id, "put down");
        Self { shared, id, keeps_text }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Something happened: what, in a few words, and more about it.
    pub fn step(&self, what: &str, detail: Option<&str>, bad: bool) {
        self.change(News::Soon, |row, body, now| {
            body.step(since(row, now), what, detail, bad);
            true
        });
    }

    /// Another model answers than the one that was asked for.
    pub fn model(&self, model: &str) {
        self.change(News::Soon, |row, _, _| {
            row.model = cut(model, LONGEST_NAME);
            true
        });
    }

    /// It got its place, after that many milliseconds.
    pub fn waited(&self, ms: u64) {
        self.change(News::Soon, |row, body, now| {
            row.wait_ms = Some(ms);
            if ms > 0 {
                body.step(since(row, now), "Got its place", None, false);
            }
            true
        });
    }

    /// It waited that many milliseconds and got no place.
    pub fn waited_in_vain(&self, ms: u64) {
        self.change(News::Soon, |row, _, _| {
            row.wait_ms = Some(ms);
            true
        });
    }

    /// codex has it.
    pub fn given_to_codex(&self) {
        self.step("Given to codex", None, false);
    }

    /// The first piece of the answer came. `own_ms` is the proxy's share of the time until then. Only the first call counts.
    pub fn first(&self, own_ms: u64) {
        self.change(News::AtOnce, |row, body, now| {
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

    /// A piece of the answer, which is kept only where texts are. Nobody is told of it: the window reads an answer whole.
    pub fn text(&self, piece: &str) {
        if !self.keeps_text {
            return;
        }
        if let Some((_, body)) = self.shared.ring().running_mut(&self.id)
            && let Some(answer) = &mut body.answer
        {
            push_text(answer, piece, ANSWER_TEXT);
        }
    }

    /// codex runs a command. What it is, and how it ended, are [`step`](Self::step)s of their own.
    pub fn command(&self) {
        self.change(News::Soon, |row, _, _| {
            row.commands = row.commands.saturating_add(1);
            true
        });
    }

    /// It was answered whole.
    pub fn done(&self, status: u16, usage: Option<Usage>) {
        self.end("Done", None, |row| {
            row.state = ExchangeState::Done;
            row.status = Some(status);
            if let Some(Usage { input, cached, output, reasoning }) = usage {
                (row.input, row.cached) = (Some(input), Some(cached));
                (row.output, row.reasoning) = (Some(output), Some(reasoning));
            }
        });
    }

    /// It ended with an error of this code. The sentence must hold nothing of the conversation.
    pub fn failed(&self, status: u16, code: &str, sentence: &str) {
        let sentence = cut(sentence, LONGEST_ERROR);
        self.end("Failed", Some(&sentence), |row| {
            row.state = ExchangeState::Failed;
            row.status = Some(status);
            row.code = Some(cut(code, LONGEST_NAME));
            row.error = Some(sentence.clone());
        });
    }

    /// Changes what is on record; `edit` says whether it did.
    fn change(&self, news: News, edit: impl FnOnce(&mut ExchangeRow, &mut Body, u64) -> bool) {
        let now = (self.shared.now_ms)();
        self.shared.change(&self.id, news, |row, body| edit(row, body, now));
    }

    fn end(&self, what: &str, error: Option<&str>, edit: impl FnOnce(&mut ExchangeRow)) {
        let now = (self.shared.now_ms)();
        let was_open = self.shared.end(&self.id, |row, body| {
            let total = since(row, now);
            row.total_ms = Some(total);
            edit(row);
            body.last_step(total, what, error);
        });
        if was_open {
            tracing::debug!(entry = &*self.id, what, "closed");
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.end("The client went away", None, |row| row.state = ExchangeState::Stopped);
    }
}

/// How long after the request's arrival `now` is. A clock that was set back makes it 0.
fn since(row: &ExchangeRow, now: u64) -> u64 {
    now.saturating_sub(row.at)
}
