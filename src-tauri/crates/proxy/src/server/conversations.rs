//! Conversations, and the responses that are being added to them.
//!
//! A response holds its conversation from its start to its end, so that two cannot continue it at once. Everything else
//! that changes one is refused meanwhile, except deleting it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::clock::unix_now;
use crate::error::ApiError;
use crate::store::{Batch, Kind, Layered, Object, Stored};

/// The conversations. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Conversations {
    store: Layered,
    /// The ones held by a running response, and whether they have been deleted since. Bounded by the running turns.
    held: Arc<Mutex<HashMap<String, bool>>>,
    /// Held while a conversation is read, changed and written.
    editing: Arc<tokio::sync::Mutex<()>>,
}

/// A conversation that a running response holds. Dropping it releases it.
#[derive(Debug)]
pub(crate) struct LockedConversation {
    conversations: Conversations,
    stored: Stored,
}

impl Conversations {
    pub(crate) fn new(store: Layered) -> Self {
        Self { store, held: Arc::default(), editing: Arc::default() }
    }

    /// The conversation `id` of this key.
    pub(crate) async fn find(&self, key: &str, id: &str) -> Result<Stored, ApiError> {
        let stored = self.store.load(key, Kind::Conversation, id).await;
        stored.ok_or_else(|| ApiError::conversation_not_found(id))
    }

    /// Stores a new conversation.
    pub(crate) fn create(&self, object: Object, batches: &[Arc<Batch>]) {
        self.store.put(object, batches);
    }

    /// Holds a conversation for a response.
    pub(crate) async fn lock(&self, key: &str, id: &str) -> Result<LockedConversation, ApiError> {
        let _editing = self.editing.lock().await;
        let stored = self.find(key, id).await?;
        let mut held = self.held.lock();
        if held.contains_key(id) {
            return Err(ApiError::conversation_locked());
        }
        held.insert(id.to_owned(), false);
        Ok(LockedConversation { conversations: self.clone(), stored })
    }

    /// Changes a conversation: its labels if there are any, and its items.
    pub(crate) async fn edit<T>(
        &self,
        key: &str,
        id: &str,
        change: impl FnOnce(&Stored) -> Result<Edit<T>, ApiError>,
    ) -> Result<T, ApiError> {
        let _editing = self.editing.lock().await;
        let stored = self.find(key, id).await?;
        if self.held.lock().contains_key(id) {
            return Err(ApiError::conversation_locked());
        }
        let Edit { metadata, batches, result } = change(&stored)?;
        self.replace(&stored, metadata, &batches);
        Ok(result)
    }

    /// Deletes a conversation. Returns whether it existed.
    pub(crate) async fn delete(&self, key: &str, id: &str) -> bool {
        let _editing = self.editing.lock().await;
        let existed = self.store.delete(key, Kind::Conversation, id).await;
        if existed && let Some(deleted) = self.held.lock().get_mut(id) {
            *deleted = true;
        }
        existed
    }

    /// Everything has been deleted.
    pub(crate) fn forget_all(&self) {
        self.held.lock().values_mut().for_each(|deleted| *deleted = true);
    }

    fn replace(&self, stored: &Stored, metadata: Option<BTreeMap<String, String>>, batches: &[Arc<Batch>]) {
        let object = Object::clone(&stored.object);
        let metadata = metadata.unwrap_or_else(|| object.metadata.clone());
        self.store.put(Object { metadata, changed: unix_now(), ..object }, batches);
    }
}

/// A change of a conversation.
#[derive(Debug)]
pub(crate) struct Edit<T> {
    pub(crate) metadata: Option<BTreeMap<String, String>>,
    pub(crate) batches: Vec<Arc<Batch>>,
    pub(crate) result: T,
}

impl LockedConversation {
    /// Its items.
    pub(crate) fn batches(&self) -> &[Arc<Batch>] {
        &self.stored.batches
    }

    /// Replaces its items, unless it has been deleted, and releases it.
    pub(crate) fn replace(self, batches: &[Arc<Batch>]) {
        // A deletion comes before or after, not in between.
        let held = self.conversations.held.lock();
        if held.get(&self.stored.object.id) == Some(&false) {
            self.conversations.replace(&self.stored, None, batches);
        }
        drop(held);
    }
}

impl Drop for LockedConversation {
    fn drop(&mut self) {
        self.conversations.held.lock().remove(&self.stored.object.id);
    }
}
