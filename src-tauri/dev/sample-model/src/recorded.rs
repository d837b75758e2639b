//! The requests the sample model was sent, kept so that a test can say what reached "OpenAI".
//!
//! Deliberately not here: the meaning of the items, which is `conversation`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;
use serde_json::Value;

use crate::conversation;

/// Requests kept. When full, the oldest is forgotten: a body is some 40 KB, so this is some 20 MB.
pub const KEPT_REQUESTS: usize = 512;

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A plain HTTP request.
    Http,
    /// A `response.create` message on a WebSocket.
    WebSocket,
}

/// One recorded request. A clone shares the body.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its place among the requests for a response, as in [`crate::Event`]; `None` for any other request, and for the
    /// warm-up of a WebSocket (`generate: false`), which asks for no answer.
    pub id: Option<u64>,
    /// The HTTP method; of the upgrade request when it came over a WebSocket.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers in the order of arrival, names in lower case; of the upgrade request on a WebSocket.
    pub headers: Vec<(String, String)>,
    /// How it came.
    pub transport: Transport,
    body: Arc<Value>,
    /// On a WebSocket codex sends only what is new; these are the items it refers to by `previous_response_id`.
    earlier: Arc<Vec<Value>>,
}

impl Recorded {
    /// The JSON body exactly as sent; `null` when there was none.
    #[must_use]
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// The value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All input items the model sees, in order, with those a WebSocket request only refers to.
    pub fn items(&self) -> impl Iterator<Item = &Value> {
        self.earlier.iter().chain(conversation::input_items(&self.body))
    }

    /// Role and text of the message items, in order.
    #[must_use]
    pub fn input(&self) -> Vec<(String, String)> {
        conversation::messages(self.items())
    }

    /// The names of the tools offered; `namespace.name` for those inside of one.
    #[must_use]
    pub fn tools(&self) -> Vec<String> {
        conversation::tool_names(&self.body)
    }
}

/// Where a request came in: what the transport knows about it.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) transport: Transport,
}

impl Origin {
    pub(crate) fn new(method: &str, path: String, headers: &HeaderMap, transport: Transport) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        Self { method: method.to_owned(), path, headers, transport }
    }

    pub(crate) fn record(self, id: Option<u64>, body: Arc<Value>, earlier: Arc<Vec<Value>>) -> Recorded {
        let Self { method, path, headers, transport } = self;
        Recorded { id, method, path, headers, transport, body, earlier }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Records(Mutex<VecDeque<Recorded>>);

impl Records {
    pub(crate) fn push(&self, recorded: Recorded) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT_REQUESTS {
            kept.pop_front();
        }
        kept.push_back(recorded);
    }

    pub(crate) fn all(&self) -> Vec<Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
