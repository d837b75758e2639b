//! Responses that can be retrieved and continued: in memory, and only for the key that created them.
//!
//! A conversation is a list of batches, one per response, and a response shares the batches of its predecessors. So a
//! long conversation is stored once, however many of its responses are stored. Its size is counted when a batch is
//! created and released with the last response that refers to it.

mod recording;

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use bytes::Bytes;
use codex_client::{Content, Item};

use crate::openai::responses::response::Status;
use crate::server::responses::running::RunningResponse;
use crate::translate::responses::StoredItem;

pub(crate) use recording::Recording;

/// Maximum number of stored responses. Beyond it, the least recently used is evicted.
const MAX_RESPONSES: usize = 256;

/// Maximum size of all stored responses, in bytes. Beyond it, the least recently used are evicted.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Approximate size of an item without its texts.
const ITEM_OVERHEAD: usize = 128;

/// The stored responses. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct ResponseStore {
    inner: Arc<Mutex<Inner>>,
    /// Total size of batches and bodies, maintained by [`Accounted`].
    bytes: Arc<AtomicUsize>,
    max_len: usize,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct Inner {
    entries: HashMap<String, Entry>,
    /// A use counter that orders entries by last use.
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    key: String,
    used: u64,
    state: StoredResponse,
}

/// A response in the store.
#[derive(Clone, Debug)]
pub(crate) enum StoredResponse {
    /// Bounded by the running turns, and not evicted until it ends.
    Running(Arc<RunningResponse>),
    Ended(Arc<EndedResponse>),
}

/// A response that has ended.
#[derive(Debug)]
pub(crate) struct EndedResponse {
    pub(crate) id: String,
    pub(crate) status: Status,
    pub(crate) body: Accounted<Bytes>,
    /// The conversation up to and including this response.
    pub(crate) conversation: History,
}

/// A conversation up to and including a response, one batch per response.
pub(crate) type History = Vec<Arc<Accounted<Vec<StoredItem>>>>;

/// Finds the items of a key's responses by their ids, each once: a request that named a large one a million times would
/// fill the memory.
#[derive(Debug)]
pub(crate) struct StoredItems<'a> {
    store: &'a ResponseStore,
    key: &'a str,
    /// Read when the first item is looked up.
    index: OnceCell<RefCell<ItemIndex>>,
}

/// The response of each item, and the item's place in it.
type ItemIndex = HashMap<String, (Arc<EndedResponse>, usize)>;

impl StoredItems<'_> {
    /// Takes the item `id`, and marks its response as used.
    pub(crate) fn take(&self, id: &str) -> Option<StoredItem> {
        let index = self.index.get_or_init(|| RefCell::new(self.read()));
        let (ended, place) = index.borrow_mut().remove(id)?;
        self.store.find(self.key, &ended.id);
        ended.conversation.last()?.value.get(place).cloned()
    }

    fn read(&self) -> ItemIndex {
        let mut responses: Vec<(u64, Arc<EndedResponse>)> = {
            let inner = self.store.inner.lock();
            let own = inner.entries.values().filter(|entry| entry.key == self.key);
            own.filter_map(|entry| match &entry.state {
                StoredResponse::Ended(ended) => Some((entry.used, Arc::clone(ended))),
                StoredResponse::Running(_) => None,
            })
            .collect()
        };
        // Clients choose the ids of their own items, and may repeat one: the most recently used wins.
        responses.sort_unstable_by_key(|(used, _)| *used);
        let mut index = HashMap::new();
        for (_, ended) in responses {
            let items = ended.conversation.last().map(|batch| batch.value.as_slice()).unwrap_or_default();
            for (place, item) in items.iter().enumerate() {
                index.insert(item.id.clone(), (Arc::clone(&ended), place));
            }
        }
        index
    }
}

impl Default for ResponseStore {
    fn default() -> Self {
        Self::bounded(MAX_RESPONSES, MAX_BYTES)
    }
}

impl ResponseStore {
    fn bounded(max_len: usize, max_bytes: usize) -> Self {
        Self { inner: Arc::default(), bytes: Arc::default(), max_len, max_bytes }
    }

    /// The response `id` of this key; marks it as used.
    pub(crate) fn find(&self, key: &str, id: &str) -> Option<StoredResponse> {
        self.inner.lock().entry(key, id).map(|entry| entry.state.clone())
    }

    /// The items in this key's responses.
    pub(crate) fn items<'a>(&'a self, key: &'a str) -> StoredItems<'a> {
        StoredItems { store: self, key, index: OnceCell::new() }
    }

    /// Removes the response `id` of this key, cancelling it if it is running. Returns whether it existed.
    pub(crate) fn remove(&self, key: &str, id: &str) -> bool {
        let Some(found) = self.find(key, id) else { return false };
        self.inner.lock().entries.remove(id);
        if let StoredResponse::Running(running) = found {
            running.cancel();
        }
        true
    }

    fn begin(&self, key: &str, id: &str, running: &Arc<RunningResponse>) {
        let mut inner = self.inner.lock();
        inner.uses += 1;
        let state = StoredResponse::Running(Arc::clone(running));
        let entry = Entry { key: key.to_owned(), used: inner.uses, state };
        inner.entries.insert(id.to_owned(), entry);
    }

    /// Stores a response that has ended, unless it has been removed.
    fn end(&self, id: &str, status: Status, body: Bytes, mut conversation: History, items: Vec<StoredItem>) {
        let body = Accounted::new(body.len(), body, &self.bytes);
        conversation.push(Arc::new(Accounted::new(items.iter().map(size).sum(), items, &self.bytes)));
        let mut inner = self.inner.lock();
        inner.uses += 1;
        let now = inner.uses;
        if let Some(entry) = inner.entries.get_mut(id) {
            entry.used = now;
            entry.state = StoredResponse::Ended(Arc::new(EndedResponse {
                id: id.to_owned(),
                status,
                body,
                conversation,
            }));
        }
        while inner.entries.len() > self.max_len || self.bytes.load(Ordering::Relaxed) > self.max_bytes {
            if !inner.evict_oldest() {
                break;
            }
        }
    }
}

impl Inner {
    /// The entry `id` of this key, marked as used.
    fn entry(&mut self, key: &str, id: &str) -> Option<&Entry> {
        self.uses += 1;
        let entry = self.entries.get_mut(id).filter(|entry| entry.key == key)?;
        entry.used = self.uses;
        Some(entry)
    }

    fn evict_oldest(&mut self) -> bool {
        let ended = self.entries.iter().filter(|(_, entry)| matches!(entry.state, StoredResponse::Ended(_)));
        let oldest = ended.min_by_key(|(_, entry)| entry.used).map(|(id, _)| id.clone());
        oldest.is_some_and(|id| self.entries.remove(&id).is_some())
    }
}

/// A value whose size is included in a sum while it lives.
#[derive(Debug)]
pub(crate) struct Accounted<T> {
    pub(crate) value: T,
    size: usize,
    sum: Arc<AtomicUsize>,
}

impl<T> Accounted<T> {
    fn new(size: usize, value: T, sum: &Arc<AtomicUsize>) -> Self {
        sum.fetch_add(size, Ordering::Relaxed);
        Self { value, size, sum: Arc::clone(sum) }
    }
}

impl<T> Drop for Accounted<T> {
    fn drop(&mut self) {
        self.sum.fetch_sub(self.size, Ordering::Relaxed);
    }
}

fn size(stored: &StoredItem) -> usize {
    let contents = |contents: &[Content]| -> usize {
        contents
            .iter()
            .map(|content| match content {
                Content::Text(text) => text.len(),
                Content::Image { url, .. } => url.len(),
            })
            .sum()
    };
    let item = match &stored.item {
        None => 0,
        Some(Item::Message { content, .. }) => contents(content),
        Some(Item::ToolCall(call)) => call.call_id.len() + call.name.len() + call.arguments.len(),
        Some(Item::ToolOutput { call_id, output }) => call_id.len() + contents(output),
    };
    ITEM_OVERHEAD + stored.id.len() + stored.json.len() + item
}

#[cfg(test)]
mod tests;
