//! Records requests, so that tests can check what reached "OpenAI".

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;
use serde_json::Value;

use crate::conversation;

/// How many requests are kept. When full, the oldest is dropped. A body is about 40 KB, so this is about 20 MB.
pub const MAX_REQUESTS: usize = 512;

/// How a request was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A plain HTTP request.
    Http,
    /// A `response.create` message on a WebSocket.
    WebSocket,
}

/// A recorded request. Clones share the body.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The number of a request for a response, as in [`crate::Event`]; `None` for other requests, and for the warm-up of a
    /// WebSocket (`generate: false`).
    pub id: Option<u64>,
    /// The HTTP method; on a WebSocket, that of the upgrade.
    pub method: String,
    /// The path with the query.
    pub path: String,
    /// The headers in order, with lowercase names; on a WebSocket, those of the upgrade.
    pub headers: Vec<(String, String)>,
    /// How the request was sent.
    pub transport: Transport,
    body: Arc<Value>,
    /// The items of `previous_response_id`: on a WebSocket codex sends only new ones.
    earlier: Arc<Vec<Value>>,
}

impl Recorded {
    /// The JSON body; `null` if there was none.
    #[must_use]
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// The value of a header, by its lowercase name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All input items in order, including those that a WebSocket request only refers to.
    pub fn items(&self) -> impl Iterator<Item = &Value> {
        self.earlier.iter().chain(conversation::input_items(&self.body))
    }

    /// The role and text of each message, in order.
    #[must_use]
    pub fn input(&self) -> Vec<(String, String)> {
        conversation::messages(self.items())
    }

    /// The names of the tools; `namespace.name` for those in a namespace.
    #[must_use]
    pub fn tools(&self) -> Vec<String> {
        conversation::tool_names(&self.body)
    }
}

/// What the transport knows about a request.
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
        let mut requests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.len() == MAX_REQUESTS {
            requests.pop_front();
        }
        requests.push_back(recorded);
    }

    pub(crate) fn all(&self) -> Vec<Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
