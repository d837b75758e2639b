use super::*;

fn item(id: &str, text: &str) -> Item {
    Item { id: id.to_owned(), json: format!("{{\"text\":\"{text}\"}}").into() }
}

fn batch(id: &str, text: &str) -> Arc<Batch> {
    Arc::new(Batch { id: id.to_owned(), items: vec![item(&format!("msg_{id}"), text)] })
}

fn object(key: &str, id: &str) -> Object {
    Object {
        id: id.to_owned(),
        key: key.to_owned(),
        kind: Kind::Response,
        changed: 7,
        model: "m".to_owned(),
        metadata: std::collections::BTreeMap::new(),
        json: "{}".into(),
    }
}

fn put(store: &MemoryStore, key: &str, id: &str, batches: &[Arc<Batch>]) {
    store.put(&object(key, id), batches).unwrap();
}

fn has(store: &MemoryStore, id: &str) -> bool {
    store.find("k", Kind::Response, id).is_some()
}

#[test]
fn least_recently_used_objects_are_evicted_first() {
    let store = MemoryStore::bounded(2, MAX_BYTES);
    put(&store, "k", "1", &[batch("1", "a")]);
    put(&store, "k", "2", &[batch("2", "a")]);
    assert!(has(&store, "1"));
    put(&store, "k", "3", &[batch("3", "a")]);
    assert!(has(&store, "1") && !has(&store, "2") && has(&store, "3"));
}

#[test]
fn bytes_of_all_kinds_are_bounded_and_released() {
    let store = MemoryStore::bounded(100, 20_000);
    let long = "x".repeat(4_000);
    for (id, kind) in [Kind::Response, Kind::Conversation, Kind::Chat].into_iter().cycle().take(7).enumerate()
    {
        let object = Object { kind, ..object("k", &id.to_string()) };
        store.put(&object, &[batch(&id.to_string(), &long)]).unwrap();
        assert!(store.bytes() <= 20_000);
    }
    assert!(!has(&store, "0") && has(&store, "6"));
    put(&store, "k", "huge", &[batch("huge", &"x".repeat(30_000))]);
    assert!(!has(&store, "huge"), "an object above the limit is not stored");
    assert_eq!(store.bytes(), 0);
}

#[test]
fn a_shared_batch_is_counted_once_and_outlives_the_first_object() {
    let store = MemoryStore::default();
    let first = batch("1", &"x".repeat(100_000));
    put(&store, "k", "1", std::slice::from_ref(&first));
    let before = store.bytes();
    // As read from disk: equal, but not the same.
    put(&store, "k", "2", &[batch("1", &"x".repeat(100_000)), batch("2", "a")]);
    assert!(store.bytes() < before + 10_000);
    assert!(store.delete("k", Kind::Response, "1").unwrap());
    assert!(store.bytes() > 100_000, "the second one still needs it");
    assert_eq!(store.find("k", Kind::Response, "2").unwrap().items().count(), 2);
    assert!(store.delete("k", Kind::Response, "2").unwrap());
    assert_eq!(store.bytes(), 0);
}

#[test]
fn an_object_is_replaced_with_its_batches() {
    let store = MemoryStore::default();
    let (one, two) = (batch("1", "a"), batch("2", "b"));
    put(&store, "k", "c", std::slice::from_ref(&one));
    let small = store.bytes();
    put(&store, "k", "c", &[one.clone(), two]);
    assert!(store.bytes() > small);
    put(&store, "k", "c", &[one]);
    assert_eq!(store.bytes(), small);
}

#[test]
fn objects_and_items_are_invisible_to_other_keys() {
    let store = MemoryStore::default();
    put(&store, "k", "1", &[batch("1", "a")]);
    let ids = HashSet::from(["msg_1"]);
    assert!(store.find("other", Kind::Response, "1").is_none());
    assert!(store.items("other", &ids).is_empty());
    assert!(!store.delete("other", Kind::Response, "1").unwrap());
    assert!(!store.delete("k", Kind::Chat, "1").unwrap());
    assert_eq!(store.items("k", &ids), [item("msg_1", "a")]);
}
