//! What clients asked to keep: responses, conversations and stored chats.
//!
//! Every object belongs to a key and has items in order. The items are in batches that never change, and objects share
//! them: a response has the batches of the responses before it and one more. So a long conversation is stored once,
//! however many of its responses are.
//!
//! [`MemoryStore`] keeps the latest objects; the desktop app adds a [`Store`] on disk, and `Layered` is both.

mod layered;
mod memory;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;

pub(crate) use layered::Layered;
pub use memory::MemoryStore;

/// Approximate size of an item or object without its texts.
const OVERHEAD: usize = 128;

/// Keeps objects beyond the memory. Its methods block, so they are called off the async workers, one at a time and in
/// order.
pub trait Store: Debug + Send + Sync {
    /// Whether objects may be kept now. If not, new ones are in memory only.
    fn is_on(&self) -> bool {
        true
    }

    /// Stores an object, or replaces it, with the batches of its items, oldest first. Batches that are already stored, by
    /// their ids, are not written again.
    ///
    /// # Errors
    /// When it cannot be written.
    fn put(&self, object: &Object, batches: &[Arc<Batch>]) -> Result<(), StoreError>;

    /// The object `id` of this key.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn load(&self, key: &str, kind: Kind, id: &str) -> Result<Option<Stored>, StoreError>;

    /// The objects of this key that match, in the order of their ids.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn list(&self, key: &str, query: &Query) -> Result<Vec<Object>, StoreError>;

    /// The items with these ids in this key's objects. Of several with the same id, the one stored last.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn find_items(&self, key: &str, ids: &[String]) -> Result<Vec<Item>, StoreError>;

    /// Deletes the object `id` of this key, and the batches that no other object has. Returns whether it existed.
    ///
    /// # Errors
    /// When it cannot be deleted.
    fn delete(&self, key: &str, kind: Kind, id: &str) -> Result<bool, StoreError>;

    /// Deletes everything.
    ///
    /// # Errors
    /// When it cannot be deleted.
    fn clear(&self) -> Result<(), StoreError>;
}

/// Why a store failed, for the log. It contains no text of clients.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// The kind of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A response, `resp_…`.
    Response,
    /// A conversation, `conv_…`.
    Conversation,
    /// A chat completion, `chatcmpl-…`.
    Chat,
}

impl Kind {
    /// A fixed name, to be stored.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Response => "response",
            Self::Conversation => "conversation",
            Self::Chat => "chat",
        }
    }
}

/// An object, without its items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Unique among all objects. Later objects of a kind sort after earlier ones.
    pub id: String,
    /// The id of the key that it belongs to.
    pub key: String,
    /// Its kind.
    pub kind: Kind,
    /// Its last change, in Unix seconds.
    pub changed: u64,
    /// The model that answered; empty for a conversation.
    pub model: String,
    /// Labels of the client, by which chats are found. Those of a response are in its JSON.
    pub metadata: BTreeMap<String, String>,
    /// The rest, as JSON.
    pub json: Bytes,
}

/// Items that were added together. A batch never changes.
#[derive(Debug, PartialEq, Eq)]
pub struct Batch {
    /// Unique among all batches.
    pub id: String,
    /// The items, in order.
    pub items: Vec<Item>,
}

/// An item of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its id, which the client may have chosen.
    pub id: String,
    /// The item as OpenAI's API sends it, id included.
    pub json: Bytes,
}

/// An object with its items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The object.
    pub object: Arc<Object>,
    /// Its items, oldest first.
    pub batches: Vec<Arc<Batch>>,
}

/// Which objects to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Their kind.
    pub kind: Kind,
    /// Only those beyond this id, in the order of the list.
    pub after: Option<String>,
    /// Latest first.
    pub descending: bool,
    /// Maximum number.
    pub limit: usize,
    /// Only those of this model.
    pub model: Option<String>,
    /// Only those with these labels.
    pub metadata: BTreeMap<String, String>,
}

impl Object {
    fn size(&self) -> usize {
        let labels: usize = self.metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
        OVERHEAD + self.json.len() + labels
    }

    fn matches(&self, key: &str, query: &Query) -> bool {
        self.key == key
            && self.kind == query.kind
            && query
                .after
                .as_ref()
                .is_none_or(|after| (self.id < *after) == query.descending && self.id != *after)
            && query.model.as_ref().is_none_or(|model| self.model == *model)
            && query.metadata.iter().all(|(name, value)| self.metadata.get(name) == Some(value))
    }
}

impl Batch {
    fn size(&self) -> usize {
        self.items.iter().map(|item| OVERHEAD + item.id.len() + item.json.len()).sum::<usize>() + OVERHEAD
    }
}

impl Stored {
    /// Its items, oldest first.
    pub(crate) fn items(&self) -> impl DoubleEndedIterator<Item = &Item> {
        self.batches.iter().flat_map(|batch| &batch.items)
    }
}
