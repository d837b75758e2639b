//! The responses that can be asked for and gone on from: in memory only, each for the key that made it.
//!
//! A conversation is a list of batches, one a response, and a response shares the batches of the one before it. So a long
//! conversation is here once, however many of its responses are kept, and what it takes is counted when a batch is made and
//! when the last response that needs it is gone.

mod running;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use bytes::Bytes;
use codex_client::{Content, Item};

use crate::openai::responses::response::Status;
use crate::translate::responses::Said;

pub(crate) use running::{Recording, Running};

/// Responses that are kept. When there is one more, the one that was used the longest time ago is forgotten.
const RESPONSES: usize = 256;

/// Bytes that all of them may take. When it is more, those that were used the longest time ago are forgotten.
const BYTES: usize = 64 * 1024 * 1024;

/// What an item takes beside its texts, roughly.
const ITEM_OVERHEAD: usize = 128;

/// The responses that are kept. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct ResponseStore {
    kept: Arc<Mutex<Kept>>,
    /// What batches and bodies take, counted by themselves.
    bytes: Arc<AtomicUsize>,
    most: usize,
    most_bytes: usize,
}

#[derive(Debug, Default)]
struct Kept {
    entries: HashMap<String, Entry>,
    /// Counts the uses, so that the oldest is known.
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    key: String,
    used: u64,
    state: Found,
}

/// A response that was asked for.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// It is being written. There are as many as turns run, and none is forgotten before it ends.
    Running(Arc<Running>),
    /// It has ended.
    Ended(Arc<Ended>),
}

/// A response that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: Status,
    pub(crate) body: Counted<Bytes>,
    /// What was said up to its end.
    pub(crate) conversation: Conversation,
}

/// What was said up to a response and in it, a batch a response.
pub(crate) type Conversation = Vec<Arc<Counted<Vec<Said>>>>;

impl Default for ResponseStore {
    fn default() -> Self {
        Self::bounded(RESPONSES, BYTES)
    }
}

impl ResponseStore {
    fn bounded(most: usize, most_bytes: usize) -> Self {
        Self { kept: Arc::default(), bytes: Arc::default(), most, most_bytes }
    }

    /// The response `id` of this key.
    pub(crate) fn find(&self, key: &str, id: &str) -> Option<Found> {
        self.kept.lock().entry(key, id).map(|entry| entry.state.clone())
    }

    /// The item `id` in one of this key's responses.
    pub(crate) fn item(&self, key: &str, id: &str) -> Option<Said> {
        let mut kept = self.kept.lock();
        kept.uses += 1;
        let now = kept.uses;
        kept.entries.values_mut().filter(|entry| entry.key == key).find_map(|entry| {
            let Found::Ended(ended) = &entry.state else { return None };
            let said = ended.conversation.last()?.value.iter().find(|said| said.id == id)?.clone();
            entry.used = now;
            Some(said)
        })
    }

    /// Forgets the response `id` of this key, and cancels it if it is being written. Says whether it was there.
    pub(crate) fn remove(&self, key: &str, id: &str) -> bool {
        let Some(found) = self.find(key, id) else { return false };
        self.kept.lock().entries.remove(id);
        if let Found::Running(running) = found {
            running.cancel();
        }
        true
    }

    fn begin(&self, key: &str, id: &str, running: &Arc<Running>) {
        let mut kept = self.kept.lock();
        kept.uses += 1;
        let state = Found::Running(Arc::clone(running));
        let entry = Entry { key: key.to_owned(), used: kept.uses, state };
        kept.entries.insert(id.to_owned(), entry);
    }

    /// Keeps a response that has ended, unless it was removed meanwhile.
    fn end(&self, id: &str, status: Status, body: Bytes, mut conversation: Conversation, said: Vec<Said>) {
        let body = Counted::new(body.len(), body, &self.bytes);
        conversation.push(Arc::new(Counted::new(said.iter().map(size).sum(), said, &self.bytes)));
        let mut kept = self.kept.lock();
        kept.uses += 1;
        let now = kept.uses;
        if let Some(entry) = kept.entries.get_mut(id) {
            entry.used = now;
            entry.state = Found::Ended(Arc::new(Ended { status, body, conversation }));
        }
        while kept.entries.len() > self.most || self.bytes.load(Ordering::Relaxed) > self.most_bytes {
            if !kept.forget_oldest() {
                break;
            }
        }
    }
}

impl Kept {
    /// The response `id` of this key, which counts as used.
    fn entry(&mut self, key: &str, id: &str) -> Option<&Entry> {
        self.uses += 1;
        let entry = self.entries.get_mut(id).filter(|entry| entry.key == key)?;
        entry.used = self.uses;
        Some(entry)
    }

    fn forget_oldest(&mut self) -> bool {
        let ended = self.entries.iter().filter(|(_, entry)| matches!(entry.state, Found::Ended(_)));
        let oldest = ended.min_by_key(|(_, entry)| entry.used).map(|(id, _)| id.clone());
        oldest.is_some_and(|id| self.entries.remove(&id).is_some())
    }
}

/// A value whose size is part of a sum for as long as it lives.
#[derive(Debug)]
pub(crate) struct Counted<T> {
    pub(crate) value: T,
    size: usize,
    sum: Arc<AtomicUsize>,
}

impl<T> Counted<T> {
    fn new(size: usize, value: T, sum: &Arc<AtomicUsize>) -> Self {
        sum.fetch_add(size, Ordering::Relaxed);
        Self { value, size, sum: Arc::clone(sum) }
    }
}

impl<T> Drop for Counted<T> {
    fn drop(&mut self) {
        self.sum.fetch_sub(self.size, Ordering::Relaxed);
    }
}

fn size(said: &Said) -> usize {
    let contents = |contents: &[Content]| -> usize {
        contents
            .iter()
            .map(|content| match content {
                Content::Text(text) => text.len(),
                Content::Image { url, .. } => url.len(),
            })
            .sum()
    };
    let item = match &said.item {
        None => 0,
        Some(Item::Message { content, .. }) => contents(content),
        Some(Item::ToolCall(call)) => call.call_id.len() + call.name.len() + call.arguments.len(),
        Some(Item::ToolOutput { call_id, output }) => call_id.len() + contents(output),
    };
    ITEM_OVERHEAD + said.id.len() + item
}

#[cfg(test)]
mod tests;
