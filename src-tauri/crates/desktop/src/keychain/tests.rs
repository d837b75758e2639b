use std::fs;
use std::path::Path;
use std::sync::mpsc;

use super::*;
use proxy::{KeyFile, KeyLimits, find_key};

const NOW: u64 = 1_800_000_000;

/// A store that always gives the same error.
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
        // Like the real ones: locked is not noticed without a question, and missing is.
        if self.0 == locked() { Ok(()) } else { Err(self.0.clone()) }
    }
}

/// A store whose every call waits at a prompt until one answer to it is sent.
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

/// A store that panics, as a library's may.
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
        self.ask(USER_LIMIT, Proves::Access, move |store| store.put(&id, &secret)).await
    }

    pub(super) async fn get(&self, id: &str) -> Result<Key, SecretError> {
        let id = id.to_owned();
        self.ask(USER_LIMIT, Proves::Access, move |store| store.get(&id)).await
    }

    pub(super) async fn delete(&self, id: &str) -> Result<(), SecretError> {
        let id = id.to_owned();
        self.ask(USER_LIMIT, Proves::Access, move |store| store.delete(&id)).await
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

fn opens(folder: &Path, secret: &str) -> bool {
    find_key(KeyFile::in_folder(folder).entries().unwrap().iter(), &Key::new(secret)).is_some()
}

fn assert_nowhere(folder: &Path, secret: &str) {
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn a_key_is_made_copied_and_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::new(folder.path(), Arc::new(MemoryStore::default()));
    let made = ring.create(" Open WebUI ", KeyLimits::default(), NOW).await.unwrap();
    assert_eq!((made.row.name.as_str(), made.row.created, made.row.can_copy), ("Open WebUI", NOW, true));
    assert!(made.secret.ends_with(&made.row.last_four) && opens(folder.path(), &made.secret));
    assert_eq!(rows(&ring).await, std::slice::from_ref(&made.row));
    assert_eq!(ring.secret(&made.row.id).await.unwrap().reveal(), made.secret);
    assert_eq!(ring.state().await, KeychainState::Available);
    assert_nowhere(folder.path(), &made.secret);

    let revoked = ring.revoke(&made.row.id).await.unwrap();
    assert_eq!(revoked, None);
    assert!(rows(&ring).await.is_empty() && !opens(folder.path(), &made.secret));
    assert_eq!(ring.keychain.get(&made.row.id).await, Err(SecretError::NotThere));
    for error in [ring.revoke(&made.row.id).await.map(|_| ()), ring.secret(&made.row.id).await.map(|_| ())] {
        assert!(matches!(error, Err(KeyRingError::NoSuchKey)));
    }
}

#[tokio::test]
async fn names_are_there_on_one_line_and_different() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::new(folder.path(), Arc::new(MemoryStore::default()));
    ring.create("laptop", KeyLimits::default(), NOW).await.unwrap();
    for name in ["", "  ", "two\nlines", "laptop", " laptop", &"x".repeat(61)] {
        let error = ring.create(name, KeyLimits::default(), NOW).await.unwrap_err();
        assert!(matches!(error, KeyRingError::Name(_)), "{name:?}: {error}");
    }
    assert_eq!(rows(&ring).await.len(), 1);
}

#[tokio::test]
async fn the_first_key_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::new(folder.path(), Arc::new(MemoryStore::default()));
    let first = ring.ensure_first(NOW).await.unwrap().unwrap();
    assert!(first.row.name == "Default" && first.row.can_copy);
    assert_eq!(ring.ensure_first(NOW).await.unwrap(), None);
    assert_eq!(ring.secret(&first.row.id).await.unwrap().reveal(), first.secret);
}

#[tokio::test]
async fn a_first_key_that_no_keychain_has_is_shown_once_and_can_be_copied_until_then() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::new(folder.path(), Arc::new(Broken(missing())));
    let first = ring.ensure_first(NOW).await.unwrap().unwrap();
    let id = &first.row.id;
    assert!(first.row.unshown && rows(&ring).await[0].unshown);
    assert_eq!(ring.secret(id).await.unwrap().reveal(), first.secret);
    assert_nowhere(folder.path(), &first.secret);

    assert_eq!(ring.show(id).await.unwrap().secret, first.secret);
    assert!(!rows(&ring).await[0].unshown);
    assert!(matches!(ring.show(id).await, Err(KeyRingError::NotInKeychain)));
    assert!(ring.secret(id).await.is_err() && opens(folder.path(), &first.secret));
}

#[tokio::test]
async fn last_use_is_shown_unless_it_was_of_an_earlier_key_of_the_name() {
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
async fn keys_work_with_a_keychain_that_does_not() {
    for (error, says) in [
        (missing(), "There is none."),
        (locked(), "It is locked."),
        (failed("out of order"), "The keychain gave an error (out of order)."),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let ring = KeyRing::new(folder.path(), Arc::new(Broken(error.clone())));
        let made = ring.create("laptop", KeyLimits::default(), NOW).await.unwrap();
        assert!(!made.row.can_copy && opens(folder.path(), &made.secret));
        assert_eq!(rows(&ring).await, std::slice::from_ref(&made.row));
        assert!(unavailable(&ring.state().await).starts_with(says));
        let refused = ring.secret(&made.row.id).await.unwrap_err();
        assert!(matches!(refused, KeyRingError::Keychain(said) if said == error));
        assert_nowhere(folder.path(), &made.secret);
        // It never had the secret, so there is nothing to say about it.
        assert_eq!(ring.revoke(&made.row.id).await.unwrap(), None);
        assert!(!opens(folder.path(), &made.secret));
    }
}

#[tokio::test]
async fn a_revoked_key_does_not_open_even_when_the_keychain_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let made = KeyRing::new(folder.path(), Arc::new(MemoryStore::default()))
        .create("laptop", KeyLimits::default(), NOW)
        .await
        .unwrap();
    let revoked = KeyRing::new(folder.path(), Arc::new(Broken(locked()))).revoke(&made.row.id).await.unwrap();
    let notice = revoked.unwrap();
    assert!(notice.starts_with("The key no longer works.") && notice.ends_with("It is locked."));
    assert!(!opens(folder.path(), &made.secret));
}

#[tokio::test]
async fn a_key_that_somebody_removed_from_the_keychain_is_no_longer_offered() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::new(folder.path(), Arc::new(MemoryStore::default()));
    let made = ring.create("laptop", KeyLimits::default(), NOW).await.unwrap();
    ring.keychain.delete(&made.row.id).await.unwrap();
    assert!(rows(&ring).await[0].can_copy);
    assert!(matches!(ring.secret(&made.row.id).await, Err(KeyRingError::NotInKeychain)));
    assert!(!rows(&ring).await[0].can_copy);
}

#[tokio::test]
async fn what_is_not_the_key_is_not_handed_out_as_it() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::new(folder.path(), Arc::new(MemoryStore::default()));
    let made = ring.create("laptop", KeyLimits::default(), NOW).await.unwrap();
    ring.keychain.put(&made.row.id, Key::new("sk-another")).await.unwrap();
    assert!(matches!(ring.secret(&made.row.id).await, Err(KeyRingError::NotInKeychain)));
}

// Time is paused: it passes at once whenever everybody waits.
#[tokio::test(start_paused = true)]
async fn a_prompt_that_nobody_answers_ends_at_its_limit_and_an_answer_after_it_counts() {
    let folder = tempfile::tempdir().unwrap();
    let (answer, store) = Prompting::new();
    let ring = KeyRing::new(folder.path(), Arc::new(store));
    let began = Instant::now();
    let made = ring.create("laptop", KeyLimits::default(), NOW).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 60);
    assert!(!made.row.can_copy && opens(folder.path(), &made.secret));
    assert_eq!(unavailable(&ring.state().await), NO_ANSWER);
    assert_eq!(began.elapsed().as_secs(), 60, "the state does not wait for an open prompt");

    // A second call queues behind the first and has its own limit.
    assert!(matches!(ring.secret(&made.row.id).await, Err(KeyRingError::Keychain(_))));
    assert_eq!(began.elapsed().as_secs(), 120);

    tokio::time::resume();
    answer.send(()).unwrap();
    drop(answer);
    assert_eq!(ring.secret(&made.row.id).await.unwrap().reveal(), made.secret);
    assert!(rows(&ring).await[0].can_copy);
    assert_eq!(ring.state().await, KeychainState::Available);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_revoked_while_the_prompt_was_open_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (answer, store) = Prompting::new();
    let ring = KeyRing::new(folder.path(), Arc::new(store));
    let made = ring.ensure_first(NOW).await.unwrap().unwrap();
    assert!(!made.row.can_copy);
    assert_eq!(ring.revoke(&made.row.id).await.unwrap(), None);
    tokio::time::resume();
    drop(answer);
    assert_eq!(ring.keychain.get(&made.row.id).await, Err(SecretError::NotThere));
}

#[test]
fn an_open_prompt_does_not_keep_the_app_from_ending() {
    let folder = tempfile::tempdir().unwrap();
    let (_answer, store) = Prompting::new();
    let ring = KeyRing::new(folder.path(), Arc::new(store));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(ring.ensure_first(NOW)).unwrap();
    // This would not return if the call were one that the runtime waits for.
    drop(runtime);
}

#[tokio::test]
async fn a_store_that_panics_is_an_error_like_another() {
    let keychain = Keychain::new(Arc::new(Panicking));
    for _ in 0..2 {
        assert!(matches!(keychain.get("id").await, Err(SecretError::Failed(_))));
        assert!(unavailable(&keychain.state().await).contains("stopped unexpectedly"));
    }
}

#[tokio::test]
async fn a_call_that_is_let_in_ends_what_was_said_about_a_locked_keychain() {
    let keychain = Keychain::new(Arc::new(MemoryStore::default()));
    *keychain.trouble.lock() = Some("It is locked.".to_owned());
    assert_eq!(keychain.get("id").await, Err(SecretError::NotThere));
    assert_eq!(unavailable(&keychain.state().await), "It is locked.");
    keychain.put("id", Key::new("sk-one")).await.unwrap();
    assert_eq!(keychain.state().await, KeychainState::Available);
}

#[test]
fn neither_secrets_nor_stores_show_themselves() {
    let keychain = Keychain::new(Arc::new(MemoryStore::default()));
    keychain.store.put("id", &Key::new("sk-secret")).unwrap();
    let store = MemoryStore::default();
    store.put("id", &Key::new("sk-secret")).unwrap();
    assert!(!format!("{keychain:?}{store:?}").contains("sk-secret"));
}
