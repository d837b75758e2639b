//! Tests with real databases in temporary folders.

mod properties;

use std::collections::BTreeMap;

use tempfile::TempDir;

use super::*;

const NOW_S: u64 = 1_795_264_496;

struct Test {
    folder: TempDir,
}

impl Test {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data").join("answers.sqlite")
    }

    fn options(&self) -> AnswerStoreOptions {
        AnswerStoreOptions {
            path: self.path(),
            keep: true,
            keys: vec![Key::new("a chosen key")],
            max_bytes: MAX_STORE_BYTES,
            now_ms: NOW_S * 1_000,
        }
    }

    fn open(&self) -> AnswerStore {
        open(self.options())
    }

    /// A second connection.
    fn sqlite(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    fn count(&self, table: &str) -> u64 {
        let sql = format!("SELECT count(*) FROM {table}");
        self.sqlite().query_row(&sql, (), |row| row.get(0)).unwrap()
    }

    /// Whether a text is in the file or its write-ahead log.
    fn contains(&self, text: &str) -> bool {
        let files = std::fs::read_dir(self.path().parent().unwrap()).unwrap();
        let contents = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
        contents.into_iter().any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    }
}

fn open(options: AnswerStoreOptions) -> AnswerStore {
    let store = AnswerStore::new(options);
    store.open();
    store
}

fn batch(id: &str, texts: &[&str]) -> Arc<Batch> {
    let item = |(index, text): (usize, &&str)| Item {
        id: format!("msg_{id}_{index}"),
        json: format!("{{\"text\":\"{text}\"}}").into(),
    };
    Arc::new(Batch { id: id.to_owned(), items: texts.iter().enumerate().map(item).collect() })
}

fn object(kind: Kind, id: &str) -> Object {
    Object {
        id: id.to_owned(),
        key: "k".to_owned(),
        kind,
        changed: NOW_S,
        model: "m".to_owned(),
        metadata: BTreeMap::from([("a".to_owned(), "1".to_owned())]),
        json: "{}".into(),
    }
}

fn response(id: &str) -> Object {
    object(Kind::Response, id)
}

fn load(store: &AnswerStore, id: &str) -> Option<Stored> {
    store.load("k", Kind::Response, id).unwrap()
}

fn items(stored: &Stored) -> Vec<&str> {
    stored.batches.iter().flat_map(|batch| &batch.items).map(|item| item.id.as_str()).collect()
}

#[test]
fn objects_survive_a_restart() {
    let test = Test::new();
    let batches = [batch("1", &["one", "two"]), batch("2", &[])];
    let store = test.open();
    store.put(&response("resp_1"), &batches).unwrap();
    store.close();
    let store = test.open();
    let stored = load(&store, "resp_1").unwrap();
    assert_eq!(stored, Stored { object: Arc::new(response("resp_1")), batches: batches.to_vec() });
    assert!(store.load("other", Kind::Response, "resp_1").unwrap().is_none());
    assert!(store.load("k", Kind::Chat, "resp_1").unwrap().is_none());
    assert_eq!(store.notice(), None);
}

// Unix only: file modes.
#[cfg(unix)]
#[test]
fn the_file_is_readable_only_by_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let test = Test::new();
    test.open().put(&response("resp_1"), &[batch("1", &["one"])]).unwrap();
    for file in std::fs::read_dir(test.path().parent().unwrap()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", file.path());
    }
}

#[test]
fn a_long_conversation_is_stored_once() {
    let test = Test::new();
    let store = test.open();
    let mut history = Vec::new();
    for turn in 0..100 {
        history.push(batch(&turn.to_string(), &["question", "answer"]));
        store.put(&response(&format!("resp_{turn}")), &history).unwrap();
    }
    assert_eq!((test.count("objects"), test.count("batches"), test.count("items")), (100, 100, 200));
    for turn in 0..99 {
        assert!(store.delete("k", Kind::Response, &format!("resp_{turn}")).unwrap());
    }
    assert_eq!(items(&load(&store, "resp_99").unwrap()).len(), 200, "the last one still needs them");
    assert!(store.delete("k", Kind::Response, "resp_99").unwrap());
    assert_eq!((test.count("objects"), test.count("batches"), test.count("items")), (0, 0, 0));
}

#[test]
fn a_deleted_text_is_no_longer_in_the_file() {
    let test = Test::new();
    let store = test.open();
    store.put(&response("resp_1"), &[batch("1", &["a secret plan"])]).unwrap();
    assert!(test.contains("a secret plan"));
    store.clear().unwrap();
    assert!(!test.contains("a secret plan"));
    assert_eq!(store.counts(), StoredCounts::default());
}

#[test]
fn no_key_is_in_the_file() {
    let test = Test::new();
    let store = test.open();
    let text =
        "my keys are sk-cp-0123456789abcdef0123456789abcdef and a chosen key, and sk-proj-A1b2C3d4E5f6";
    let metadata = BTreeMap::from([("note".to_owned(), text.to_owned())]);
    let object = Object { json: format!("{{\"text\":\"{text}\"}}").into(), metadata, ..response("resp_1") };
    store.put(&object, &[batch("1", &[text])]).unwrap();
    for key in ["sk-cp-0123", "a chosen key", "sk-proj"] {
        assert!(!test.contains(key), "{key}");
    }
    let stored = load(&store, "resp_1").unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(&stored.object.json).unwrap()["text"].is_string());
    assert!(stored.object.metadata["note"].starts_with("my keys are"));
}

#[test]
fn switching_texts_off_deletes_what_is_stored_and_stores_nothing_new() {
    let test = Test::new();
    let store = test.open();
    store.put(&response("resp_1"), &[batch("1", &["a secret plan"])]).unwrap();
    store.set_keep(false);
    store.put(&response("resp_2"), &[batch("2", &["another plan"])]).unwrap();
    assert!(!store.is_on());
    assert_eq!(test.count("objects"), 0);
    assert!(!test.contains("plan"));
    store.set_keep(true);
    store.put(&response("resp_3"), &[batch("3", &["third"])]).unwrap();
    store.close();
    let store = open(AnswerStoreOptions { keep: false, ..test.options() });
    assert_eq!(store.counts().answers, 0, "switched off while the app was not running");
}

#[test]
fn old_answers_and_those_of_revoked_keys_are_deleted() {
    let test = Test::new();
    let store = test.open();
    let of = |key: &str, id: &str, changed| Object { key: key.to_owned(), changed, ..response(id) };
    store.put(&of("k", "resp_1", 100), &[batch("1", &["a"])]).unwrap();
    store.put(&of("k", "resp_2", 200), &[batch("1", &["a"]), batch("2", &["b"])]).unwrap();
    store.put(&of("revoked", "resp_3", 200), &[batch("3", &["c"])]).unwrap();
    store.put(&of("", "resp_4", 200), &[batch("4", &["d"])]).unwrap();
    store.prune(200);
    assert_eq!(
        (test.count("objects"), test.count("batches")),
        (3, 4),
        "the second one needs the first one's batch"
    );
    store.retain_keys(&["k".to_owned(), "unused".to_owned()]);
    assert!(load(&store, "resp_2").is_some());
    assert!(store.load("revoked", Kind::Response, "resp_3").unwrap().is_none());
    assert!(store.load("", Kind::Response, "resp_4").unwrap().is_some());
}

#[test]
fn the_file_is_bounded_and_the_oldest_answers_go_first() {
    let test = Test::new();
    let max_bytes = 1024 * 1024;
    let store = open(AnswerStoreOptions { max_bytes, ..test.options() });
    let long = "x".repeat(20_000);
    for number in 0..100 {
        let object = Object { changed: number, ..response(&format!("resp_{number}")) };
        store.put(&object, &[batch(&number.to_string(), &[&long])]).unwrap();
    }
    let StoredCounts { answers, bytes } = store.counts();
    assert!(bytes <= max_bytes && (10..60).contains(&answers), "{answers} {bytes}");
    assert!(load(&store, "resp_99").is_some() && load(&store, "resp_0").is_none());
    store.put(&response("resp_huge"), &[batch("huge", &[&"x".repeat(2_000_000)])]).unwrap();
    assert!(store.counts().bytes <= max_bytes);
}

#[test]
fn a_full_disk_is_reported_until_there_is_room_again() {
    let test = Test::new();
    let store = test.open();
    store.put(&response("resp_1"), &[batch("1", &["a"])]).unwrap();
    let pages = |pages: u32| {
        let sql = format!("PRAGMA max_page_count = {pages}");
        store.run(|connection| connection.query_row(&sql, (), |row| row.get::<_, u32>(0))).unwrap()
    };
    // As many as there are.
    pages(1);
    assert!(store.put(&response("resp_2"), &[batch("2", &[&"x".repeat(100_000)])]).is_err());
    assert!(
        store.notice().unwrap().starts_with("Stored answers couldn't be written"),
        "{:?}",
        store.notice()
    );
    assert!(load(&store, "resp_1").is_some(), "what is there can be read");
    pages(100_000);
    store.put(&response("resp_2"), &[batch("2", &[&"x".repeat(100_000)])]).unwrap();
    assert_eq!(store.notice(), None);
}

#[test]
fn a_damaged_file_is_renamed_and_replaced() {
    let test = Test::new();
    std::fs::create_dir_all(test.path().parent().unwrap()).unwrap();
    std::fs::write(test.path(), "not a database ".repeat(1_000)).unwrap();
    let store = test.open();
    assert!(store.notice().unwrap().starts_with("The file with stored answers was damaged."));
    store.put(&response("resp_1"), &[batch("1", &["a"])]).unwrap();
    assert!(load(&store, "resp_1").is_some());
    assert!(test.path().with_added_extension(format!("damaged-{}", NOW_S * 1_000)).exists());
}

#[test]
fn a_file_damaged_while_open_is_replaced() {
    let test = Test::new();
    let store = test.open();
    store.put(&response("resp_1"), &[batch("1", &[&"x".repeat(20_000)])]).unwrap();
    test.sqlite().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let mut bytes = std::fs::read(test.path()).unwrap();
    bytes[4096..].fill(0xa5);
    std::fs::write(test.path(), bytes).unwrap();
    // A write from another connection invalidates the page cache.
    test.sqlite().execute_batch("PRAGMA user_version = 1").unwrap();
    assert!(store.load("k", Kind::Response, "resp_1").is_err());
    store.put(&response("resp_2"), &[batch("2", &["a"])]).unwrap();
    assert!(load(&store, "resp_2").is_some());
    assert!(store.notice().unwrap().starts_with("The file with stored answers was damaged."));
}

#[test]
fn a_file_of_a_newer_version_is_left_unchanged() {
    let test = Test::new();
    test.open().close();
    test.sqlite().execute_batch("PRAGMA user_version = 99").unwrap();
    let store = test.open();
    assert!(store.notice().unwrap().contains("newer version"), "{:?}", store.notice());
    assert!(!store.is_on());
    assert!(store.put(&response("resp_1"), &[]).is_ok(), "it is in memory only");
    assert_eq!(test.count("objects"), 0);
}
