//! The store that the proxy uses: memory first, and a copy on disk if there is one.
//!
//! Every change happens in memory and waits in a queue to be written. One task works through the queue, so a read of the
//! disk sees every earlier change. What is found on disk is read into memory. If the disk fails or the queue is full, the
//! object stays in memory only.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::{Batch, Item, Kind, MemoryStore, Object, Query, Store, StoreError, Stored};

/// Jobs waiting for the disk. When the queue is full, changes are not written, and reads wait for a place.
const QUEUE_CAPACITY: usize = 512;

/// Maximum size of what waits to be written, in bytes.
const MAX_QUEUED_BYTES: usize = 64 * 1024 * 1024;

/// Jobs done in one go on a blocking thread.
const MAX_JOBS_AT_ONCE: usize = 64;

/// How long a request waits for the disk. Then it goes on as if nothing were there.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Items looked up on disk for one request.
const MAX_ITEMS_ON_DISK: usize = 1_000;

/// Memory and disk as one store. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layered {
    memory: Arc<MemoryStore>,
    disk: Option<Arc<Disk>>,
}

#[derive(Debug)]
struct Disk {
    store: Arc<dyn Store>,
    jobs: mpsc::Sender<Job>,
    queued_bytes: AtomicUsize,
    /// Whether the last write failed, so that a broken disk is logged once.
    failing: AtomicBool,
    _task: AbortOnDropHandle<()>,
}

/// A job on the blocking thread.
type Job = Box<dyn FnOnce() + Send>;

impl Layered {
    /// Keeps a copy in this store. Must be called within a tokio runtime if there is one.
    pub(crate) fn new(disk: Option<Arc<dyn Store>>) -> Self {
        Self::with_memory(MemoryStore::default(), disk)
    }

    pub(super) fn with_memory(memory: MemoryStore, disk: Option<Arc<dyn Store>>) -> Self {
        let disk = disk.map(|store| {
            let (jobs, queue) = mpsc::channel(QUEUE_CAPACITY);
            let task = AbortOnDropHandle::new(tokio::spawn(work(queue)));
            let (queued_bytes, failing) = (AtomicUsize::new(0), AtomicBool::new(false));
            Arc::new(Disk { store, jobs, queued_bytes, failing, _task: task })
        });
        Self { memory: Arc::new(memory), disk }
    }

    /// Stores an object, or replaces it, with the batches of its items, oldest first.
    pub(crate) fn put(&self, object: Object, batches: &[Arc<Batch>]) {
        self.memory.put_then(object, batches, |stored| {
            if let Some(disk) = self.disk.as_ref().filter(|disk| disk.store.is_on()) {
                let Stored { object, batches } = stored.clone();
                // The batches before it are in the queue, or written.
                let bytes = object.size() + batches.last().map_or(0, |batch| batch.size());
                disk.write(bytes, move |store| store.put(&object, &batches));
            }
        });
    }

    /// The object `id` of this key.
    pub(crate) async fn load(&self, key: &str, kind: Kind, id: &str) -> Option<Stored> {
        if let Some(stored) = self.memory.find(key, kind, id) {
            return Some(stored);
        }
        let (key, id) = (key.to_owned(), id.to_owned());
        let stored = self.disk.as_ref()?.read(move |store| store.load(&key, kind, &id)).await??;
        Some(self.memory.add_loaded(stored))
    }

    /// Forgets all objects of this key in memory. Only for a store without a disk.
    pub(crate) fn forget_all(&self, key: &str) {
        self.memory.delete_all(key);
    }

    /// The objects of this key that match, in the order of their ids.
    pub(crate) async fn list(&self, key: &str, query: &Query) -> Vec<Object> {
        let recent = self.memory.matching(key, query);
        let Some(disk) = &self.disk else { return recent };
        let (owned_key, owned_query) = (key.to_owned(), query.clone());
        let written = disk.read(move |store| store.list(&owned_key, &owned_query)).await.unwrap_or_default();
        // What is in memory is at least as new.
        let both: BTreeMap<String, Object> =
            written.into_iter().chain(recent).map(|object| (object.id.clone(), object)).collect();
        let objects = both.into_values().filter(|object| object.matches(key, query));
        if query.descending {
            objects.rev().take(query.limit).collect()
        } else {
            objects.take(query.limit).collect()
        }
    }

    /// The items with these ids in this key's objects.
    pub(crate) async fn find_items(&self, key: &str, ids: &HashSet<&str>) -> Vec<Item> {
        if ids.is_empty() {
            return Vec::new();
        }
        let mut found = self.memory.items(key, ids);
        let Some(disk) = &self.disk else { return found };
        let here: HashSet<&str> = found.iter().map(|item| item.id.as_str()).collect();
        let missing = ids.difference(&here).take(MAX_ITEMS_ON_DISK);
        let missing: Vec<String> = missing.map(|id| (*id).to_owned()).collect();
        if !missing.is_empty() {
            let key = key.to_owned();
            let written = disk.read(move |store| store.find_items(&key, &missing)).await;
            found.extend(written.unwrap_or_default());
        }
        found
    }

    /// Deletes the object `id` of this key. Returns whether it existed.
    pub(crate) async fn delete(&self, key: &str, kind: Kind, id: &str) -> bool {
        let (sender, deleted) = oneshot::channel();
        let existed = self.memory.delete_then(key, kind, id, || {
            if let Some(disk) = &self.disk {
                let (key, id) = (key.to_owned(), id.to_owned());
                disk.write(0, move |store| {
                    let deleted = store.delete(&key, kind, &id);
                    let _ = sender.send(matches!(deleted, Ok(true)));
                    deleted.map(drop)
                });
            }
        });
        existed || matches!(timeout(READ_TIMEOUT, deleted).await, Ok(Ok(true)))
    }

    /// Deletes everything.
    pub(crate) fn clear(&self) {
        self.memory.clear_then(|| {
            if let Some(disk) = &self.disk {
                disk.write(0, |store| store.clear());
            }
        });
    }

    /// The number of objects in memory.
    pub(crate) fn in_memory(&self) -> usize {
        self.memory.objects()
    }

    /// Waits until every change so far is on disk, or has failed.
    pub(crate) async fn flush(&self) {
        if let Some(disk) = &self.disk {
            disk.read(|_| Ok(())).await;
        }
    }
}

impl Disk {
    /// Queues a change of `bytes`. It is dropped if too much waits.
    fn write(
        self: &Arc<Self>,
        bytes: usize,
        change: impl FnOnce(&dyn Store) -> Result<(), StoreError> + Send + 'static,
    ) {
        let disk = Arc::downgrade(self);
        let store = Arc::clone(&self.store);
        let job = move || {
            let done = change(&*store);
            if let Some(disk) = disk.upgrade() {
                disk.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
                disk.report(done);
            }
        };
        let queued = self.queued_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if queued > MAX_QUEUED_BYTES || self.jobs.try_send(Box::new(job)).is_err() {
            self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.report(Err(StoreError("too much waits to be written".to_owned())));
        }
    }

    /// Reads, after every change that was queued before.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Option<T> {
        let (sender, found) = oneshot::channel();
        let store = Arc::clone(&self.store);
        let job = move || _ = sender.send(read(&*store));
        let found = timeout(READ_TIMEOUT, async {
            self.jobs.send(Box::new(job)).await.ok()?;
            found.await.ok()
        });
        match found.await {
            Ok(Some(Ok(found))) => Some(found),
            Ok(Some(Err(error))) => {
                tracing::warn!(%error, "failed to read stored answers");
                None
            }
            Ok(None) => None,
            Err(_) => {
                tracing::warn!("stored answers could not be read in time");
                None
            }
        }
    }

    fn report(&self, done: Result<(), StoreError>) {
        match done {
            Ok(()) => self.failing.store(false, Ordering::Relaxed),
            Err(error) => {
                if !self.failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "failed to store answers on disk; they are in memory only");
                }
            }
        }
    }
}

/// Does the jobs in order.
async fn work(mut queue: mpsc::Receiver<Job>) {
    let mut jobs = Vec::new();
    while queue.recv_many(&mut jobs, MAX_JOBS_AT_ONCE).await > 0 {
        let batch = std::mem::take(&mut jobs);
        // A panic in a job is the store's mistake; the next jobs go on.
        let _ = tokio::task::spawn_blocking(move || batch.into_iter().for_each(|job| job())).await;
    }
}

#[cfg(test)]
#[path = "layered_tests.rs"]
mod tests;
