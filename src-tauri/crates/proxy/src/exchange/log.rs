//! What the proxy reports of every request, for a log that someone looks at.
//!
//! The desktop app implements [`RequestLog`] with its database; codex-proxyd has no window and logs nothing here. A
//! [`Recorder`] reports one request: it is begun once and ended once, whatever becomes of it.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use codex_client::Usage;

/// A log of requests. Its methods are called on the path of an answer, so they must not block.
pub trait RequestLog: Debug + Send + Sync {
    /// Whether the texts of requests and answers are wanted.
    fn keeps_texts(&self) -> bool {
        false
    }

    /// A request has arrived.
    fn begun(&self, _request: Arrival) {}

    /// Something happened to the request `id`.
    fn step(&self, _id: &str, _step: &Step<'_>) {}

    /// Another model answers than the one that was asked for.
    fn model(&self, _id: &str, _model: &str) {}

    /// It waited so many milliseconds, and was then `admitted` or turned away.
    fn waited(&self, _id: &str, _ms: u64, _admitted: bool) {}

    /// The first piece of the answer came. `own_ms` is the proxy's share of the time until then, in milliseconds.
    fn first_token(&self, _id: &str, _own_ms: u64) {}

    /// A piece of the answer's text.
    fn text(&self, _id: &str, _piece: &str) {}

    /// The request has ended; nothing of it follows.
    fn ended(&self, _id: &str, _end: &RequestEnd<'_>) {}
}

/// Logs nothing.
impl RequestLog for () {}

/// A request that has arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// Its id, which no other request has; a newer one sorts after an older one, as those of UUID version 7 do.
    pub id: String,
    /// The id of the answer's `x-request-id`, which a client may have chosen.
    pub request_id: String,
    /// The name of its key, never the key.
    pub key: String,
    /// What it says about its client.
    pub client: String,
    /// Its route, such as `/v1/chat/completions`.
    pub route: String,
    /// The model that it asks for.
    pub model: String,
    /// Whether it is a background task of a chat interface.
    pub background: bool,
    /// Its body, where texts are kept.
    pub request_text: Option<String>,
}

/// A step on the time line of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step<'a> {
    /// What happened, in a few words.
    pub what: &'a str,
    /// More about it.
    pub detail: Option<&'a str>,
    /// Whether it went wrong.
    pub bad: bool,
    /// Whether codex started a command, which is counted.
    pub is_command: bool,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestEnd<'a> {
    /// It was answered whole.
    Done {
        /// The HTTP status.
        status: u16,
        /// The tokens; `None` where no figure is known.
        usage: Option<Usage>,
    },
    /// It ended with an error. Nothing of the conversation is in it.
    Failed {
        /// The HTTP status.
        status: u16,
        /// The error's code.
        code: &'a str,
        /// The error, in a sentence.
        message: &'a str,
    },
    /// The client disconnected first.
    Disconnected,
}

/// Reports one request. Dropping it before its end means that the client has disconnected.
#[derive(Debug)]
#[must_use = "dropping a recorder ends its request as disconnected"]
pub struct Recorder {
    log: Arc<dyn RequestLog>,
    id: String,
    ended: AtomicBool,
}

impl Recorder {
    /// Begins a request.
    pub fn begin(log: &Arc<dyn RequestLog>, request: Arrival) -> Self {
        let id = request.id.clone();
        log.begun(request);
        // The soak counts these two lines: each request that is put down is closed once.
        tracing::debug!(entry = id, "put down");
        Self { log: Arc::clone(log), id, ended: AtomicBool::new(false) }
    }

    /// Something happened: what, in a few words, and more about it.
    pub fn step(&self, what: &str, detail: Option<&str>, bad: bool) {
        self.log_step(Step { what, detail, bad, is_command: false });
    }

    /// The same with all that a step has.
    pub fn log_step(&self, step: Step<'_>) {
        self.open(|log| log.step(&self.id, &step));
    }

    /// See [`RequestLog::model`].
    pub fn model(&self, model: &str) {
        self.open(|log| log.model(&self.id, model));
    }

    /// See [`RequestLog::waited`].
    pub fn waited(&self, ms: u64, admitted: bool) {
        self.open(|log| log.waited(&self.id, ms, admitted));
    }

    /// See [`RequestLog::first_token`].
    pub fn first_token(&self, own_ms: u64) {
        self.open(|log| log.first_token(&self.id, own_ms));
    }

    /// See [`RequestLog::text`].
    pub fn text(&self, piece: &str) {
        self.open(|log| log.text(&self.id, piece));
    }

    /// The request was answered whole.
    pub fn done(&self, status: u16, usage: Option<Usage>) {
        self.end(&RequestEnd::Done { status, usage });
    }

    /// The request ended with an error. The sentence must hold nothing of the conversation.
    pub fn failed(&self, status: u16, code: &str, message: &str) {
        self.end(&RequestEnd::Failed { status, code, message });
    }

    /// Ends the request. Only the first end counts.
    fn end(&self, end: &RequestEnd<'_>) {
        if !self.ended.swap(true, Ordering::AcqRel) {
            self.log.ended(&self.id, end);
            tracing::debug!(entry = self.id, what = end.name(), "closed");
        }
    }

    fn open(&self, report: impl FnOnce(&dyn RequestLog)) {
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
    /// The end in a word or two.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Done { .. } => "Done",
            Self::Failed { .. } => "Failed",
            Self::Disconnected => "The client went away",
        }
    }
}
