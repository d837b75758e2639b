use std::fs;
use std::path::Path;
use std::sync::mpsc;

use super::*;
use proxy::{KeyFile, KeyLimits, find_key};

const NOW: u64 = 1_800_000_000;

/// A store that always fails with the same error.
#[derive(Debug)]
struct Broken(SecretError);

impl SecretStore for Broken {
    fn put(&self, _: &str, _: &Key) -> Result<(), SecretError> {
        Err(self.0.clone())
    }
    fn get(&self, _: &str) -> Result<Key, SecretError> {
        Err(self.0.clone())
    }
    fn delete(&self, _: &str) -> Result<(), SecretError> {
        Err(self.0.clone())
    }
    fn probe(&self) -> Result<(), SecretError> {
        // Like the real ones, which notice a missing keychain without a prompt, but not a locked one.
        if self.0 == locked() { Ok(()) } else { Err(self.0.clone()) }
    }
}

/// A store whose calls each wait for one answer, like a prompt.
#[derive(Debug)]
struct Prompting {
    store: MemoryStore,
    answers: Mutex<mpsc::Receiver<()>>,
}

impl Prompting {
    fn new() -> (mpsc::Sender<()>, Self) {
        let (answer, answers) = mpsc::channel();
        (answer, Self { store: MemoryStore::default(), answers: Mutex::new(answers) })
    }

    fn wait(&self) -> &MemoryStore {
        let _ = self.answers.lock().recv();
        &self.store
    }
}

impl SecretStore for Prompting {
    fn put(&self, id: &str, secret: &Key) -> Result<(), SecretError> {
        self.wait().put(id, secret)
    }
    fn get(&self, id: &str) -> Result<Key, SecretError> {
        self.wait().get(id)
    }
    fn delete(&self, id: &str) -> Result<(), SecretError> {
        self.wait().delete(id)
    }
    fn probe(&self) -> Result<(), SecretError> {
        Ok(())
    }
}

/// A store that panics.
#[derive(Debug)]
struct Panicking;

impl SecretStore for Panicking {
    fn put(&self, _: &str, _: &Key) -> Result<(), SecretError> {
        panic!("put")
    }
    fn get(&self, _: &str) -> Result<Key, SecretError> {
        panic!("get")
    }
    fn delete(&self, _: &str) -> Result<(), SecretError> {
        panic!("delete")
    }
    fn probe(&self) -> Result<(), SecretError> {
        panic!("probe")
    }
}

impl Keychain {
    async fn put(&self, id: &str, secret: Key) -> Result<(), SecretError> {
        let id = id.to_owned();
        self.call(USER_TIMEOUT, Proves::Access, move |store| store.put(&id, &secret)).await
    }

    pub(super) async fn get(&self, id: &str) -> Result<Key, SecretError> {
        let id = id.to_owned();
        self.call(USER_TIMEOUT, Proves::Access, move |store| store.get(&id)).await
    }

    pub(super) async fn delete(&self, id: &str) -> Result<(), SecretError> {
        let id = id.to_owned();
        self.call(USER_TIMEOUT, Proves::Access, move |store| store.delete(&id)).await
    }
}

fn locked() -> SecretError {
    SecretError::Failed("It is locked.".to_owned())
}

fn missing() -> SecretError {
    SecretError::Failed("There is none.".to_owned())
}

fn unavailable(state: &KeychainState) -> &str {
    match state {
        KeychainState::Unavailable { message } => message,
        KeychainState::Available => panic!("it is available"),
    }
}

async fn rows(ring: &KeyRing) -> Vec<KeyRow> {
    ring.rows().await.unwrap()
}

fn authenticates(folder: &Path, secret: &str) -> bool {
    find_key(KeyFile::in_folder(folder).entries().unwrap().iter(), &Key::new(secret)).is_some()
}

fn assert_in_no_file(folder: &Path, secret: &str) {
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn a_key_is_created_copied_and_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::new(folder.path(), Arc::new(MemoryStore::default()));
    let created = ring.create(" Open WebUI ", KeyLimits::default(), NOW).await.unwrap();
    assert_eq!(
        (created.row.name.as_str(), created.row.created, created.row.can_copy),
        ("Open WebUI", NOW, true)
    );
    assert!(
        created.secret.ends_with(&created.row.last_four) && authenticates(folder.path(), &created.secret)
    );
    assert_eq!(rows(&ring).await, std::slice::from_ref(&created.row));
    assert_eq!(ring.secret(&created.row.id).await.unwrap().reveal(), created.secret);
    assert_eq!(ring.state().await, KeychainState::Available);
    assert_in_no_file(folder.path(), &created.secret);

    let revoked = ring.revoke(&created.row.id).await.unwrap();
    assert_eq!(revoked, None);
    assert!(rows(&ring).await.is_empty() && !authenticates(folder.path(), &created.secret));
    assert_eq!(ring.keychain.get(&created.row.id).await, Err(SecretError::NotFound));
    for error in
        [ring.revoke(&created.row.id).await.map(|_| ()), ring.secret(&created.row.id).await.map(|_| ())]
    {
        assert!(matches!(error, Err(KeyRingError::NoSuchKey)));
    }
}

#[tokio::test]
async fn names_are_required_unique_and_on_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::new(folder.path(), Arc::new(MemoryStore::default()));
    ring.create("laptop", KeyLimits::default(), NOW).await.unwrap();
    for name in ["", "  ", "two\nlines", "laptop", " laptop", &"x".repeat(81)] {
        let error = ring.create(name, KeyLimits::default(), NOW).await.unwrap_err();
        assert!(matches!(error, KeyRingError::Name(_)), "{name:?}: {error}");
    }
    assert_eq!(rows(&ring).await.len(), 1);
}

#[tokio::test]
async fn the_first_key_is_created_once() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::new(folder.path(), Arc::new(MemoryStore::default()));
    let first = ring.ensure_first_key(KeyLimits::default(), NOW).await.unwrap().unwrap();
    assert!(first.row.name == "Default" && first.row.can_copy);
    assert_eq!(ring.ensure_first_key(KeyLimits::default(), NOW).await.unwrap(), None);
    assert_eq!(ring.secret(&first.row.id).await.unwrap().reveal(), first.secret);
}

#[tokio::test]
async fn without_a_keychain_the_first_key_can_be_copied_until_it_was_shown_once() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::new(folder.path(), Arc::new(Broken(missing())));
    let first = ring.ensure_first_key(KeyLimits::default(), NOW).await.unwrap().unwrap();
    let id = &first.row.id;
    assert!(first.row.not_yet_shown && rows(&ring).await[0].not_yet_shown);
    assert_eq!(ring.secret(id).await.unwrap().reveal(), first.secret);
    assert_in_no_file(folder.path(), &first.secret);

    assert_eq!(ring.show(id).await.unwrap().secret, first.secret);
    assert!(!rows(&ring).await[0].not_yet_shown);
    assert!(matches!(ring.show(id).await, Err(KeyRingError::NotInKeychain)));
    assert!(ring.secret(id).await.is_err() && authenticates(folder.path(), &first.secret));
}

#[tokio::test]
async fn last_use_ignores_earlier_keys_with_the_same_name() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::new(folder.path(), Arc::new(MemoryStore::default()));
    for name in ["used", "unused", "new"] {
        ring.create(name, KeyLimits::default(), NOW).await.unwrap();
    }
    let mut rows = rows(&ring).await;
    rows[0].used(NOW + 5);
    rows[2].used(NOW - 5);
    let used: Vec<_> = rows.iter().map(|row| row.last_used).collect();
    assert_eq!(used, [Some(NOW + 5), None, None]);
}

#[tokio::test]
async fn a_renamed_key_keeps_its_last_use_and_ignores_uses_of_its_new_name_by_others() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::new(folder.path(), Arc::new(MemoryStore::default()));
    let key = ring.create("Default", KeyLimits::default(), NOW).await.unwrap();
    ring.create("Phone", KeyLimits::default(), NOW).await.unwrap();
    let id = key.row.id.as_str();
    let rename = |name: &'static str| ring.rename(id, name, Some(NOW + 5), NOW + 10);

    rename(" Open WebUI ").await.unwrap();
    let row = || async { rows(&ring).await.swap_remove(0) };
    assert_eq!((row().await.name.as_str(), row().await.last_used), ("Open WebUI", Some(NOW + 5)));
    let used_at = |at| async move {
        let mut row = row().await;
        row.used(at);
        row.last_used
    };
    assert_eq!(used_at(NOW + 8).await, Some(NOW + 5), "another key had the name then");
    assert_eq!(used_at(NOW + 12).await, Some(NOW + 12));
    assert!(authenticates(folder.path(), &key.secret));
    assert_eq!(ring.secret(id).await.unwrap().reveal(), key.secret);

    for name in ["", "Phone", "two\nlines", &"n".repeat(81)] {
        assert!(matches!(ring.rename(id, name, None, NOW).await, Err(KeyRingError::Name(_))), "{name}");
    }
    // Its own name is no conflict, and the longest name is accepted.
    rename("Open WebUI").await.unwrap();
    ring.rename(id, &"n".repeat(80), None, NOW).await.unwrap();
    let gone = ring.rename("unknown", "New", None, NOW).await;
    assert!(matches!(gone, Err(KeyRingError::NoSuchKey)));
}

#[tokio::test]
async fn keys_work_with_a_broken_keychain() {
    for (error, message) in [
        (missing(), "There is none."),
        (locked(), "It is locked."),
        (failed("out of order"), "The keychain reported an error (out of order)."),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let ring = KeyRing::new(folder.path(), Arc::new(Broken(error.clone())));
        let created = ring.create("laptop", KeyLimits::default(), NOW).await.unwrap();
        assert!(!created.row.can_copy && authenticates(folder.path(), &created.secret));
        assert_eq!(rows(&ring).await, std::slice::from_ref(&created.row));
        assert!(unavailable(&ring.state().await).starts_with(message));
        let rejected = ring.secret(&created.row.id).await.unwrap_err();
        assert!(matches!(rejected, KeyRingError::Keychain(cause) if cause == error));
        assert_in_no_file(folder.path(), &created.secret);
        // Never stored, so there is nothing to report.
        assert_eq!(ring.revoke(&created.row.id).await.unwrap(), None);
        assert!(!authenticates(folder.path(), &created.secret));
    }
}

#[tokio::test]
async fn a_revoked_key_stops_working_even_if_it_stays_in_the_keychain() {
    let folder = tempfile::tempdir().unwrap();
    let created = KeyRing::new(folder.path(), Arc::new(MemoryStore::default()))
        .create("laptop", KeyLimits::default(), NOW)
        .await
        .unwrap();
    let revoked =
        KeyRing::new(folder.path(), Arc::new(Broken(locked()))).revoke(&created.row.id).await.unwrap();
    let notice = revoked.unwrap();
    assert!(notice.starts_with("The key no longer works.") && notice.ends_with("It is locked."));
    assert!(!authenticates(folder.path(), &created.secret));
}

#[tokio::test]
async fn a_key_deleted_from_the_keychain_can_no_longer_be_copied() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::new(folder.path(), Arc::new(MemoryStore::default()));
    let created = ring.create("laptop", KeyLimits::default(), NOW).await.unwrap();
    ring.keychain.delete(&created.row.id).await.unwrap();
    assert!(rows(&ring).await[0].can_copy);
    assert!(matches!(ring.secret(&created.row.id).await, Err(KeyRingError::NotInKeychain)));
    assert!(!rows(&ring).await[0].can_copy);
}

#[tokio::test]
async fn another_secret_in_the_keychain_is_not_returned() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::new(folder.path(), Arc::new(MemoryStore::default()));
    let created = ring.create("laptop", KeyLimits::default(), NOW).await.unwrap();
    ring.keychain.put(&created.row.id, Key::new("sk-another")).await.unwrap();
    assert!(matches!(ring.secret(&created.row.id).await, Err(KeyRingError::NotInKeychain)));
}

// Paused time advances whenever all tasks wait.
#[tokio::test(start_paused = true)]
async fn an_open_prompt_times_out_and_a_late_answer_still_counts() {
    let folder = tempfile::tempdir().unwrap();
    let (answer, store) = Prompting::new();
    let ring = KeyRing::new(folder.path(), Arc::new(store));
    let began = Instant::now();
    let created = ring.create("laptop", KeyLimits::default(), NOW).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 60);
    assert!(!created.row.can_copy && authenticates(folder.path(), &created.secret));
    assert_eq!(unavailable(&ring.state().await), NO_RESPONSE);
    assert_eq!(began.elapsed().as_secs(), 60, "the state does not wait for an open prompt");

    // A second call queues behind the first, with its own timeout.
    assert!(matches!(ring.secret(&created.row.id).await, Err(KeyRingError::Keychain(_))));
    assert_eq!(began.elapsed().as_secs(), 120);

    tokio::time::resume();
    answer.send(()).unwrap();
    drop(answer);
    assert_eq!(ring.secret(&created.row.id).await.unwrap().reveal(), created.secret);
    assert!(rows(&ring).await[0].can_copy);
    assert_eq!(ring.state().await, KeychainState::Available);
}

#[tokio::test(start_paused = true)]
async fn a_key_revoked_during_the_prompt_is_not_stored() {
    let folder = tempfile::tempdir().unwrap();
    let (answer, store) = Prompting::new();
    let ring = KeyRing::new(folder.path(), Arc::new(store));
    let created = ring.ensure_first_key(KeyLimits::default(), NOW).await.unwrap().unwrap();
    assert!(!created.row.can_copy);
    assert_eq!(ring.revoke(&created.row.id).await.unwrap(), None);
    tokio::time::resume();
    drop(answer);
    assert_eq!(ring.keychain.get(&created.row.id).await, Err(SecretError::NotFound));
}

#[test]
fn an_open_prompt_does_not_block_shutdown() {
    let folder = tempfile::tempdir().unwrap();
    let (_answer, store) = Prompting::new();
    let ring = KeyRing::new(folder.path(), Arc::new(store));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(ring.ensure_first_key(KeyLimits::default(), NOW)).unwrap();
    // This would block if the runtime waited for the call.
    drop(runtime);
}

#[tokio::test]
async fn a_panicking_store_is_an_error() {
    let keychain = Keychain::new(Arc::new(Panicking));
    for _ in 0..2 {
        assert!(matches!(keychain.get("id").await, Err(SecretError::Failed(_))));
        assert!(unavailable(&keychain.state().await).contains("stopped unexpectedly"));
    }
}

#[tokio::test]
async fn a_successful_call_clears_the_error_of_a_locked_keychain() {
    let keychain = Keychain::new(Arc::new(MemoryStore::default()));
    *keychain.last_error.lock() = Some("It is locked.".to_owned());
    assert_eq!(keychain.get("id").await, Err(SecretError::NotFound));
    assert_eq!(unavailable(&keychain.state().await), "It is locked.");
    keychain.put("id", Key::new("sk-one")).await.unwrap();
    assert_eq!(keychain.state().await, KeychainState::Available);
}

#[test]
fn debug_output_contains_no_secrets() {
    let keychain = Keychain::new(Arc::new(MemoryStore::default()));
    keychain.store.put("id", &Key::new("sk-secret")).unwrap();
    let store = MemoryStore::default();
    store.put("id", &Key::new("sk-secret")).unwrap();
    assert!(!format!("{keychain:?}{store:?}").contains("sk-secret"));
}
