//! Responses that can be retrieved and continued, only by the key that created them: running ones here, ended ones in the
//! [store](crate::store).

mod recording;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use serde::Deserialize;

use crate::clock::unix_now;
use crate::openai::responses::response::Status;
use crate::server::responses::running::RunningResponse;
use crate::store::{Batch, Kind, Layered, Object, Stored};
use crate::translate::responses::{StoredItem, from_stored};

pub(crate) use recording::{Ending, Recording};

/// The responses. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResponseStore {
    /// Bounded by the running turns. The store is locked only while this is, so that a response is always in one of both.
    running: Arc<Mutex<HashMap<String, Running>>>,
    store: Layered,
}

#[derive(Debug)]
struct Running {
    key: String,
    response: Arc<RunningResponse>,
}

/// A response that can be retrieved.
#[derive(Clone, Debug)]
pub(crate) enum StoredResponse {
    Running(Arc<RunningResponse>),
    Ended(EndedResponse),
}

/// A response that has ended.
#[derive(Clone, Debug)]
pub(crate) struct EndedResponse {
    pub(crate) status: Status,
    pub(crate) body: Bytes,
    /// The conversation up to and including this response. The last batch is its own: the items of its input, then those of its
    /// output.
    pub(crate) conversation: History,
}

/// A conversation, one batch per response.
pub(crate) type History = Vec<Arc<Batch>>;

/// Stored items that a request refers to, each once: a request that named a large one a million times would fill the
/// memory.
#[derive(Debug, Default)]
pub(crate) struct StoredItems(Mutex<HashMap<String, StoredItem>>);

impl StoredItems {
    /// Takes the item `id`.
    pub(crate) fn take(&self, id: &str) -> Option<StoredItem> {
        self.0.lock().remove(id)
    }
}

impl From<Stored> for EndedResponse {
    fn from(Stored { object, batches }: Stored) -> Self {
        #[derive(Deserialize)]
        struct Body {
            status: Status,
        }
        let status = serde_json::from_slice(&object.json).map_or(Status::Completed, |Body { status }| status);
        Self { status, body: object.json.clone(), conversation: batches }
    }
}

impl ResponseStore {
    pub(crate) fn new(store: Layered) -> Self {
        Self { running: Arc::default(), store }
    }

    /// The response `id` of this key; marks it as used.
    pub(crate) async fn find(&self, key: &str, id: &str) -> Option<StoredResponse> {
        if let Some(running) = self.find_running(key, id) {
            return Some(StoredResponse::Running(running));
        }
        let stored = self.store.load(key, Kind::Response, id).await?;
        Some(StoredResponse::Ended(stored.into()))
    }

    /// The items with these ids in what this key has stored.
    pub(crate) async fn items(&self, key: &str, ids: &HashSet<&str>) -> StoredItems {
        let found = self.store.find_items(key, ids).await;
        let items = found.iter().map(|item| (item.id.clone(), from_stored(item)));
        StoredItems(Mutex::new(items.collect()))
    }

    /// Removes the response `id` of this key, cancelling it if it is running. Returns whether it existed.
    pub(crate) async fn remove(&self, key: &str, id: &str) -> bool {
        if let Some(running) = self.find_running(key, id) {
            self.running.lock().remove(id);
            running.cancel();
            return true;
        }
        self.store.delete(key, Kind::Response, id).await
    }

    /// Removes all ended responses of this key, from a store in memory.
    pub(crate) fn remove_all(&self, key: &str) {
        self.store.forget_all(key);
    }

    fn find_running(&self, key: &str, id: &str) -> Option<Arc<RunningResponse>> {
        let running = self.running.lock();
        running.get(id).filter(|running| running.key == key).map(|running| Arc::clone(&running.response))
    }

    fn begin(&self, key: &str, id: &str, response: &Arc<RunningResponse>) {
        let running = Running { key: key.to_owned(), response: Arc::clone(response) };
        self.running.lock().insert(id.to_owned(), running);
    }

    /// Stores a response that has ended, unless it has been removed.
    fn end(&self, id: &str, model: String, json: Bytes, conversation: &[Arc<Batch>]) {
        let mut running = self.running.lock();
        let Some(Running { key, .. }) = running.get(id) else { return };
        let object = Object {
            id: id.to_owned(),
            key: key.clone(),
            kind: Kind::Response,
            changed: unix_now(),
            model,
            metadata: std::collections::BTreeMap::new(),
            json,
        };
        self.store.put(object, conversation);
        running.remove(id);
    }

    /// Forgets a running response.
    fn abandon(&self, id: &str) {
        self.running.lock().remove(id);
    }
}

#[cfg(test)]
mod tests;
