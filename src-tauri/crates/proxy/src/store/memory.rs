//! The latest objects, in memory.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::{Batch, Item, Kind, Object, Query, Store, StoreError, Stored};

/// Maximum number of objects of all kinds. Beyond it, the least recently used is evicted.
const MAX_OBJECTS: usize = 256;

/// Maximum size of all objects, in bytes. Beyond it, the least recently used are evicted.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Keeps objects in memory, up to 256 or 64 MiB. Beyond that, the least recently used are evicted.
#[derive(Debug)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
    max_objects: usize,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct Inner {
    entries: HashMap<String, Entry>,
    /// Every batch once, and the number of objects that have it.
    batches: HashMap<String, (Arc<Batch>, usize)>,
    bytes: usize,
    /// A use counter that orders entries by last use.
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    stored: Stored,
    used: u64,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::bounded(MAX_OBJECTS, MAX_BYTES)
    }
}

impl MemoryStore {
    /// A store with other bounds.
    #[must_use]
    pub fn bounded(max_objects: usize, max_bytes: usize) -> Self {
        Self { inner: Mutex::default(), max_objects, max_bytes }
    }

    /// The size of what it keeps, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.inner.lock().bytes
    }

    /// The number of objects that it keeps.
    pub(super) fn objects(&self) -> usize {
        self.inner.lock().entries.len()
    }

    /// Stores an object, then calls `next` before any later change.
    pub(super) fn put_then(&self, object: Object, batches: &[Arc<Batch>], next: impl FnOnce(&Stored)) {
        let mut inner = self.inner.lock();
        let stored = inner.put(object, batches);
        next(&stored);
        self.evict(inner);
    }

    /// Deletes the object `id` of this key, then calls `next` before any later change.
    pub(super) fn delete_then(&self, key: &str, kind: Kind, id: &str, next: impl FnOnce()) -> bool {
        let mut inner = self.inner.lock();
        let existed = inner.find(key, kind, id).is_some();
        if existed {
            inner.remove(id);
        }
        next();
        existed
    }

    /// Deletes all objects of this key.
    pub(super) fn delete_all(&self, key: &str) {
        let mut inner = self.inner.lock();
        let own = inner.entries.iter().filter(|(_, entry)| entry.stored.object.key == key);
        let ids: Vec<String> = own.map(|(id, _)| id.clone()).collect();
        ids.iter().for_each(|id| inner.remove(id));
    }

    /// Stores what was read from disk, unless it is there by now. Returns what is there.
    pub(super) fn add_loaded(&self, Stored { object, batches }: Stored) -> Stored {
        let mut inner = self.inner.lock();
        if let Some(stored) = inner.find(&object.key, object.kind, &object.id) {
            return stored;
        }
        let stored = inner.put(Arc::unwrap_or_clone(object), &batches);
        self.evict(inner);
        stored
    }

    /// The object `id` of this key.
    pub(super) fn find(&self, key: &str, kind: Kind, id: &str) -> Option<Stored> {
        self.inner.lock().find(key, kind, id)
    }

    /// Deletes everything, then calls `next` before any later change.
    pub(super) fn clear_then(&self, next: impl FnOnce()) {
        let mut inner = self.inner.lock();
        *inner = Inner::default();
        next();
    }

    /// The objects of this key that match.
    pub(super) fn matching(&self, key: &str, query: &Query) -> Vec<Object> {
        let inner = self.inner.lock();
        let objects = inner.entries.values().map(|entry| &entry.stored.object);
        let mut found: Vec<Arc<Object>> =
            objects.filter(|object| object.matches(key, query)).map(Arc::clone).collect();
        drop(inner);
        found.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        if query.descending {
            found.reverse();
        }
        found.into_iter().take(query.limit).map(Arc::unwrap_or_clone).collect()
    }

    /// The items with these ids in this key's objects, which are thereby used.
    pub(super) fn items(&self, key: &str, ids: &HashSet<&str>) -> Vec<Item> {
        let mut inner = self.inner.lock();
        let mut entries: Vec<&Entry> =
            inner.entries.values().filter(|entry| entry.stored.object.key == key).collect();
        // Clients choose the ids of their own items, and may repeat one: the most recently used object wins.
        entries.sort_unstable_by_key(|entry| Reverse(entry.used));
        let mut found: HashMap<&str, &Item> = HashMap::new();
        let mut used = HashSet::new();
        for entry in entries {
            for item in entry.stored.items().rev().filter(|item| ids.contains(item.id.as_str())) {
                used.insert(entry.stored.object.id.clone());
                found.entry(&item.id).or_insert(item);
            }
        }
        let found = found.into_values().cloned().collect();
        for id in used {
            inner.touch(&id);
        }
        found
    }

    fn evict(&self, mut inner: MutexGuard<'_, Inner>) {
        while inner.entries.len() > self.max_objects || inner.bytes > self.max_bytes {
            let oldest = inner.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(id, _)| id.clone());
            let Some(oldest) = oldest else { break };
            inner.remove(&oldest);
        }
    }
}

impl Inner {
    fn touch(&mut self, id: &str) -> Option<&Entry> {
        self.uses += 1;
        let entry = self.entries.get_mut(id)?;
        entry.used = self.uses;
        Some(entry)
    }

    fn find(&mut self, key: &str, kind: Kind, id: &str) -> Option<Stored> {
        let object = &self.entries.get(id)?.stored.object;
        if object.key != key || object.kind != kind {
            return None;
        }
        self.touch(id).map(|entry| entry.stored.clone())
    }

    fn put(&mut self, object: Object, batches: &[Arc<Batch>]) -> Stored {
        let batches = batches.iter().map(|batch| self.share(batch)).collect();
        let stored = Stored { object: Arc::new(object), batches };
        self.remove(&stored.object.id);
        self.bytes += stored.object.size();
        self.uses += 1;
        let entry = Entry { stored: stored.clone(), used: self.uses };
        self.entries.insert(stored.object.id.clone(), entry);
        stored
    }

    /// The one copy of a batch.
    fn share(&mut self, batch: &Arc<Batch>) -> Arc<Batch> {
        let (batch, objects) = self.batches.entry(batch.id.clone()).or_insert_with(|| {
            self.bytes += batch.size();
            (Arc::clone(batch), 0)
        });
        *objects += 1;
        Arc::clone(batch)
    }

    fn remove(&mut self, id: &str) {
        let Some(Entry { stored, .. }) = self.entries.remove(id) else { return };
        self.bytes -= stored.object.size();
        for batch in stored.batches {
            let Some((_, objects)) = self.batches.get_mut(&batch.id) else { continue };
            *objects -= 1;
            if *objects == 0 {
                self.batches.remove(&batch.id);
                self.bytes -= batch.size();
            }
        }
    }
}

impl Store for MemoryStore {
    fn put(&self, object: &Object, batches: &[Arc<Batch>]) -> Result<(), StoreError> {
        self.put_then(object.clone(), batches, |_| {});
        Ok(())
    }

    fn load(&self, key: &str, kind: Kind, id: &str) -> Result<Option<Stored>, StoreError> {
        Ok(self.find(key, kind, id))
    }

    fn list(&self, key: &str, query: &Query) -> Result<Vec<Object>, StoreError> {
        Ok(self.matching(key, query))
    }

    fn find_items(&self, key: &str, ids: &[String]) -> Result<Vec<Item>, StoreError> {
        Ok(self.items(key, &ids.iter().map(String::as_str).collect()))
    }

    fn delete(&self, key: &str, kind: Kind, id: &str) -> Result<bool, StoreError> {
        Ok(self.delete_then(key, kind, id, || {}))
    }

    fn clear(&self) -> Result<(), StoreError> {
        self.clear_then(|| {});
        Ok(())
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
