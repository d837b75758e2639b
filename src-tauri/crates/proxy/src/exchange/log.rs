//! Reports every request to a log that a person reads.
//!
//! The desktop app implements [`RequestLog`] on its database; codex-proxyd logs nothing here. A [`Recorder`] reports
//! one request: it begins once and ends once, however the request goes.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use codex_client::{KeptChat, Usage};

use crate::auth::{Key, without_keys};
use crate::changes::Changes;
use crate::error::ApiError;

/// Receives the events of every request. Its methods run on the response path, so they must not block.
pub trait RequestLog: Debug + Send + Sync {
    /// Whether request and answer texts are stored.
    fn stores_texts(&self) -> bool {
        false
    }

    /// A request has arrived.
    fn begun(&self, _request: Arrival) {}

    /// A step of the request `id`.
    fn step(&self, _id: &str, _step: &Step<'_>) {}

    /// The request `id` is answered by this model instead of the requested one.
    fn model(&self, _id: &str, _model: &str) {}

    /// codex stores the chat of the request `id`.
    fn kept(&self, _id: &str, _chat: &KeptChat) {}

    /// The request waited `ms` milliseconds, then was `admitted` or rejected.
    fn waited(&self, _id: &str, _ms: u64, _admitted: bool) {}

    /// The first event of the answer. `own_ms` is the proxy's share of the time until then, in milliseconds.
    fn first_token(&self, _id: &str, _own_ms: u64) {}

    /// An estimate of the answer's tokens so far, reasoning included, a few times a second.
    fn progress(&self, _id: &str, _tokens: u64) {}

    /// A generated picture, in base64. Only if texts are stored.
    fn picture(&self, _id: &str, _base64: &Arc<str>) {}

    /// A delta of the answer's text.
    fn text(&self, _id: &str, _piece: &str) {}

    /// The request `id` changed files in the working folder. Comes before [`ended`](Self::ended), or after it if the client
    /// disconnected or the request failed: what codex had changed by then is compared afterwards.
    fn changed(&self, _id: &str, _changes: &Changes) {}

    /// The request has ended. This is its last event.
    fn ended(&self, _id: &str, _end: &RequestEnd<'_>) {}
}

/// Logs nothing.
impl RequestLog for () {}

/// A new request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// A unique id. Later requests sort after earlier ones, as UUIDs of version 7 do.
    pub id: String,
    /// The response's `x-request-id`, which the client may have chosen.
    pub request_id: String,
    /// The name of its API key, never the key.
    pub key: String,
    /// Its `User-Agent`.
    pub client: String,
    /// Its route, such as `/v1/chat/completions`.
    pub route: String,
    /// The requested model.
    pub model: String,
    /// Whether it is a background task of a chat UI.
    pub background: bool,
    /// Its body, if texts are stored.
    pub request_text: Option<String>,
}

/// A step in a request's timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step<'a> {
    /// A short title.
    pub what: &'a str,
    /// Details.
    pub detail: Option<&'a str>,
    /// Whether it went wrong.
    pub bad: bool,
    /// Whether codex started a command; these are counted.
    pub is_command: bool,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestEnd<'a> {
    /// It was answered completely.
    Done {
        /// The HTTP status.
        status: u16,
        /// Token usage, if known.
        usage: Option<Usage>,
    },
    /// It failed.
    Failed {
        /// The HTTP status.
        status: u16,
        /// The error code.
        code: &'a str,
        /// The error message as answered, a sentence.
        message: &'a str,
        /// What to store in its place, if the message may quote the request.
        summary: Option<&'a str>,
    },
    /// The owner of the proxy stopped it.
    Cancelled,
    /// The client disconnected before the end.
    Disconnected,
}

/// Reports one request. Dropping it before its end reports a disconnected client.
#[derive(Debug)]
#[must_use = "dropping a recorder ends its request as disconnected"]
pub struct Recorder {
    log: Arc<dyn RequestLog>,
    id: String,
    /// Keys that a reason must not contain: a client may send one as the model.
    keys: Vec<Key>,
    ended: AtomicBool,
}

impl Recorder {
    /// Opens the request's entry.
    pub fn begin(log: &Arc<dyn RequestLog>, request: Arrival) -> Self {
        let id = request.id.clone();
        log.begun(request);
        // The soak test counts these two lines: every opened request must be closed once.
        tracing::debug!(entry = id, "opened");
        Self { log: Arc::clone(log), id, keys: Vec::new(), ended: AtomicBool::new(false) }
    }

    /// Redacts these keys in the reason of a failure.
    pub(crate) fn redacting(self, keys: &[Key]) -> Self {
        // A struct with `Drop` cannot be taken apart.
        let mut recorder = self;
        recorder.keys = keys.to_vec();
        recorder
    }

    /// The request's id in the log.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The log.
    pub(crate) fn log(&self) -> Arc<dyn RequestLog> {
        Arc::clone(&self.log)
    }

    /// Reports a step: a title, details, and whether it went wrong.
    pub fn step(&self, what: &str, detail: Option<&str>, bad: bool) {
        self.log_step(Step { what, detail, bad, is_command: false });
    }

    /// Reports a step with all its fields.
    pub fn log_step(&self, step: Step<'_>) {
        self.if_open(|log| log.step(&self.id, &step));
    }

    /// See [`RequestLog::model`].
    pub fn model(&self, model: &str) {
        self.if_open(|log| log.model(&self.id, model));
    }

    /// See [`RequestLog::kept`].
    pub fn kept(&self, chat: &KeptChat) {
        self.if_open(|log| log.kept(&self.id, chat));
    }

    /// See [`RequestLog::waited`].
    pub fn waited(&self, ms: u64, admitted: bool) {
        self.if_open(|log| log.waited(&self.id, ms, admitted));
    }

    /// See [`RequestLog::first_token`].
    pub fn first_token(&self, own_ms: u64) {
        self.if_open(|log| log.first_token(&self.id, own_ms));
    }

    /// See [`RequestLog::progress`].
    pub fn progress(&self, tokens: u64) {
        self.if_open(|log| log.progress(&self.id, tokens));
    }

    /// See [`RequestLog::text`].
    pub fn text(&self, piece: &str) {
        self.if_open(|log| log.text(&self.id, piece));
    }

    /// See [`RequestLog::picture`].
    pub fn picture(&self, base64: &Arc<str>) {
        if self.log.stores_texts() {
            self.if_open(|log| log.picture(&self.id, base64));
        }
    }

    /// The request was answered completely.
    pub fn done(&self, status: u16, usage: Option<Usage>) {
        self.end(&RequestEnd::Done { status, usage });
    }

    /// The request failed. `message` must not contain text of the conversation.
    pub fn failed(&self, status: u16, code: &str, message: &str) {
        self.end(&RequestEnd::Failed { status, code, message, summary: None });
    }

    /// The request failed with the error that is answered.
    pub fn failed_with(&self, error: &ApiError) {
        if error.is_cancelled() {
            return self.end(&RequestEnd::Cancelled);
        }
        let message = without_keys(error.message(), &self.keys);
        let (status, code, message) = (error.status(), error.code(), message.as_str());
        self.end(&RequestEnd::Failed { status, code, message, summary: error.summary().as_deref() });
    }

    /// Ends the request. Later calls have no effect.
    fn end(&self, end: &RequestEnd<'_>) {
        if !self.ended.swap(true, Ordering::AcqRel) {
            self.log.ended(&self.id, end);
            tracing::debug!(entry = self.id, what = end.name(), "closed");
        }
    }

    fn if_open(&self, report: impl FnOnce(&dyn RequestLog)) {
        if !self.ended.load(Ordering::Acquire) {
            report(&*self.log);
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.end(&RequestEnd::Disconnected);
    }
}

impl RequestEnd<'_> {
    /// A short title for the end.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Done { .. } => "Done",
            Self::Failed { .. } => "Failed",
            Self::Disconnected => "App disconnected",
            Self::Cancelled => "Stopped by you",
        }
    }
}
