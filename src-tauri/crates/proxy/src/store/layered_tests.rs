use parking_lot::{Condvar, Mutex};

use super::*;

/// A disk that can be broken, or stopped.
#[derive(Debug, Default)]
struct TestDisk {
    store: MemoryStore,
    broken: AtomicBool,
    off: AtomicBool,
    stopped: Mutex<bool>,
    go: Condvar,
}

impl TestDisk {
    fn check(&self) -> Result<(), StoreError> {
        let mut stopped = self.stopped.lock();
        while *stopped {
            self.go.wait(&mut stopped);
        }
        if self.broken.load(Ordering::Relaxed) { Err(StoreError("full".to_owned())) } else { Ok(()) }
    }

    fn stop(&self, stop: bool) {
        *self.stopped.lock() = stop;
        self.go.notify_all();
    }
}

impl Store for TestDisk {
    fn is_on(&self) -> bool {
        !self.off.load(Ordering::Relaxed)
    }

    fn put(&self, object: &Object, batches: &[Arc<Batch>]) -> Result<(), StoreError> {
        self.check()?;
        self.store.put(object, batches)
    }

    fn load(&self, key: &str, kind: Kind, id: &str) -> Result<Option<Stored>, StoreError> {
        self.check()?;
        self.store.load(key, kind, id)
    }

    fn list(&self, key: &str, query: &Query) -> Result<Vec<Object>, StoreError> {
        self.check()?;
        self.store.list(key, query)
    }

    fn find_items(&self, key: &str, ids: &[String]) -> Result<Vec<Item>, StoreError> {
        self.check()?;
        self.store.find_items(key, ids)
    }

    fn delete(&self, key: &str, kind: Kind, id: &str) -> Result<bool, StoreError> {
        self.check()?;
        self.store.delete(key, kind, id)
    }

    fn clear(&self) -> Result<(), StoreError> {
        self.check()?;
        self.store.clear()
    }
}

/// A store whose memory has room for two objects.
fn small(disk: &Arc<TestDisk>) -> Layered {
    Layered::with_memory(MemoryStore::bounded(2, 1_000_000), Some(Arc::clone(disk) as Arc<dyn Store>))
}

fn chat(id: &str) -> Object {
    Object {
        id: id.to_owned(),
        key: "k".to_owned(),
        kind: Kind::Chat,
        changed: 7,
        model: "m".to_owned(),
        metadata: BTreeMap::new(),
        json: "{}".into(),
    }
}

fn put(store: &Layered, id: &str) {
    let item = Item { id: format!("msg_{id}"), json: "{}".into() };
    store.put(chat(id), &[Arc::new(Batch { id: id.to_owned(), items: vec![item] })]);
}

async fn listed(store: &Layered, after: Option<&str>, limit: usize, descending: bool) -> Vec<String> {
    let query = Query {
        kind: Kind::Chat,
        after: after.map(str::to_owned),
        descending,
        limit,
        model: None,
        metadata: BTreeMap::new(),
    };
    store.list("k", &query).await.into_iter().map(|object| object.id).collect()
}

#[tokio::test]
async fn what_memory_has_no_room_for_is_read_from_disk() {
    let disk = Arc::new(TestDisk::default());
    let store = small(&disk);
    for id in ["1", "2", "3", "4"] {
        put(&store, id);
    }
    assert!(store.memory.find("k", Kind::Chat, "1").is_none());
    assert_eq!(store.load("k", Kind::Chat, "1").await.unwrap().items().count(), 1);
    assert!(store.load("other", Kind::Chat, "1").await.is_none());
    assert_eq!(store.find_items("k", &HashSet::from(["msg_2", "msg_4", "msg_5"])).await.len(), 2);
    assert_eq!(listed(&store, None, 9, false).await, ["1", "2", "3", "4"]);
    assert_eq!(listed(&store, Some("1"), 2, false).await, ["2", "3"]);
    assert_eq!(listed(&store, Some("4"), 2, true).await, ["3", "2"]);
}

#[tokio::test]
async fn a_deleted_object_is_gone_from_memory_and_disk() {
    let disk = Arc::new(TestDisk::default());
    let store = small(&disk);
    for id in ["1", "2", "3"] {
        put(&store, id);
    }
    for id in ["1", "3"] {
        assert!(store.delete("k", Kind::Chat, id).await, "{id}");
        assert!(!store.delete("k", Kind::Chat, id).await, "{id}");
        assert!(store.load("k", Kind::Chat, id).await.is_none(), "{id}");
    }
    store.clear();
    assert!(store.load("k", Kind::Chat, "2").await.is_none());
    assert_eq!(disk.store.bytes(), 0);
}

#[tokio::test]
async fn a_broken_disk_leaves_the_objects_in_memory() {
    let disk = Arc::new(TestDisk { broken: true.into(), ..TestDisk::default() });
    let store = small(&disk);
    put(&store, "1");
    assert!(store.load("k", Kind::Chat, "1").await.is_some());
    assert_eq!(listed(&store, None, 9, false).await, ["1"]);
    assert!(store.load("k", Kind::Chat, "2").await.is_none());
    assert!(store.delete("k", Kind::Chat, "1").await);
}

#[tokio::test]
async fn nothing_new_is_written_while_texts_must_not_be_kept() {
    let disk = Arc::new(TestDisk::default());
    let store = small(&disk);
    put(&store, "1");
    store.flush().await;
    disk.off.store(true, Ordering::Relaxed);
    put(&store, "2");
    store.flush().await;
    assert!(disk.store.find("k", Kind::Chat, "1").is_some());
    assert!(disk.store.find("k", Kind::Chat, "2").is_none());
    assert!(store.load("k", Kind::Chat, "2").await.is_some());
}

#[tokio::test]
async fn a_disk_that_hangs_bounds_the_queue_and_delays_no_write() {
    let disk = Arc::new(TestDisk::default());
    let store = Layered::new(Some(Arc::clone(&disk) as Arc<dyn Store>));
    disk.stop(true);
    for id in 0..2 * QUEUE_CAPACITY {
        put(&store, &format!("{id:04}"));
    }
    let queued = store.disk.as_ref().unwrap().queued_bytes.load(Ordering::Relaxed);
    assert!(queued < 1024 * (QUEUE_CAPACITY + MAX_JOBS_AT_ONCE), "{queued}");
    disk.stop(false);
    store.flush().await;
    assert_eq!(store.disk.as_ref().unwrap().queued_bytes.load(Ordering::Relaxed), 0);
    assert_eq!(listed(&store, Some("1022"), 9, false).await, ["1023"]);
}

#[tokio::test]
async fn bytes_that_wait_to_be_written_are_bounded() {
    let disk = Arc::new(TestDisk::default());
    let store = Layered::new(Some(Arc::clone(&disk) as Arc<dyn Store>));
    disk.stop(true);
    for id in 0..5 {
        store.put(Object { json: vec![b' '; MAX_QUEUED_BYTES / 4].into(), ..chat(&id.to_string()) }, &[]);
    }
    let queued = store.disk.as_ref().unwrap().queued_bytes.load(Ordering::Relaxed);
    assert!(queued <= MAX_QUEUED_BYTES, "{queued}");
    disk.stop(false);
    store.flush().await;
}
