//! Tests with a real Linux keychain, in a session with its own D-Bus, home and GNOME Keyring.
//!
//! Each test starts itself again inside the session, because keyring looks for its store once per process.

use std::fs::{self, DirBuilder};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use proxy::KeyLimits;

use super::*;

/// Set inside the session to the test to run.
const INSIDE: &str = "CODEX_PROXY_TEST_KEYCHAIN";

/// Timeout of the session in seconds. It takes less than one.
const SESSION_TIMEOUT: &str = "60";

/// Starts a keychain with an unlocked keyring, like a login. It ends with the bus.
const LOG_IN: &str = "printf 'a password' | gnome-keyring-daemon --unlock --components=secrets >&2";

/// Locks the keyring, like a screen lock.
const LOCK: &str = "dbus-send --session --print-reply --dest=org.freedesktop.secrets /org/freedesktop/secrets \
                    org.freedesktop.Secret.Service.Lock array:objpath:/org/freedesktop/secrets/collection/login >&2";

/// Runs one test of this file inside a session created by `wrapper`.
fn inside(test: &str, wrapper: &[&str], variables: &[(&str, &str)]) {
    let home = tempfile::tempdir().unwrap();
    let runtime_dir = home.path().join("run");
    DirBuilder::new().mode(0o700).create(&runtime_dir).unwrap();
    let output = Command::new("timeout")
        .args(["--kill-after=5", SESSION_TIMEOUT])
        .args(wrapper)
        .arg(std::env::current_exe().unwrap())
        .args(["--include-ignored", "--exact", "--nocapture", &format!("keychain::session_tests::{test}")])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home.path())
        .env("XDG_RUNTIME_DIR", &runtime_dir)
        .env(INSIDE, test)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    // A filter that matches no test would succeed too.
    assert!(output.status.success() && out.contains("1 passed"), "{}\n{out}\n{err}", output.status);
}

/// The session's home, if this runs inside it.
fn session(test: &str) -> Option<PathBuf> {
    let is_inside = std::env::var_os(INSIDE).is_some_and(|value| value == test);
    is_inside.then(|| std::env::var_os("HOME").unwrap().into())
}

/// Runs a test inside a session with a D-Bus, which starts a keychain without a keyring on demand.
fn inside_with_bus(test: &str) {
    for program in ["dbus-run-session", "gnome-keyring-daemon"] {
        let started = Command::new(program).arg("--version").output();
        let missing = started.is_err_and(|error| error.kind() == ErrorKind::NotFound);
        assert!(!missing, "{program} is not installed: run cargo xtask test");
    }
    inside(test, &["dbus-run-session", "--"], &[]);
}

fn shell(script: &str) {
    assert!(Command::new("sh").args(["-c", script]).status().unwrap().success(), "{script}");
}

/// Unlocks the keyring of the running keychain, like PAM.
fn unlock() {
    let socket = Path::new(&std::env::var_os("XDG_RUNTIME_DIR").unwrap()).join("keyring/control");
    let mut control = UnixStream::connect(socket).unwrap();
    let password = b"a password";
    let length = u32::try_from(password.len()).unwrap();
    // A byte for the credentials; then the total length, the operation and the password.
    let request = [12 + length, 1, length].map(u32::to_be_bytes).concat();
    control.write_all(&[&[0], request.as_slice(), password].concat()).unwrap();
    let mut answer = [0; 8];
    control.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [0, 0, 0, 8, 0, 0, 0, 0]);
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// The files in a folder that contain `text`, and how many were searched.
fn files_with(text: &str, folder: &Path) -> (Vec<PathBuf>, usize) {
    let (mut found, mut searched) = (Vec::new(), 0);
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                searched += 1;
                let bytes = fs::read(entry.path()).unwrap();
                if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                    found.push(entry.path());
                }
            }
        }
    }
    (found, searched)
}

#[test]
#[ignore = "needs gnome-keyring: cargo xtask test"]
fn a_secret_is_stored_in_the_real_keychain_and_in_no_file() {
    let test = "a_secret_is_stored_in_the_real_keychain_and_in_no_file";
    let Some(home) = session(test) else {
        return inside_with_bus(test);
    };
    shell(LOG_IN);
    block_on(async {
        let data = home.join("data");
        let ring = KeyRing::new(&data, Arc::new(OsKeychain));
        assert_eq!(ring.state().await, KeychainState::Available);
        let created = ring.create("laptop", KeyLimits::default(), 1).await.unwrap();
        assert_eq!((created.row.can_copy, ring.state().await), (true, KeychainState::Available));
        // It is found after a restart.
        let ring = KeyRing::new(&data, Arc::new(OsKeychain));
        assert_eq!(ring.rows().await.unwrap(), std::slice::from_ref(&created.row));
        assert_eq!(ring.secret(&created.row.id).await.unwrap().reveal(), created.secret);

        let keyring = home.join(".local/share/keyrings/login.keyring");
        assert!(fs::metadata(&keyring).unwrap().len() > 0, "the keychain is in the searched home");
        let (found, searched) = files_with(&created.secret, &home);
        assert!(found.is_empty() && searched >= 3, "{searched} files, {found:?}");
        // The search finds existing text.
        assert!(!files_with(&created.row.id, &home).0.is_empty());

        assert_eq!(ring.revoke(&created.row.id).await.unwrap(), None);
        let keychain = Keychain::new(Arc::new(OsKeychain));
        assert_eq!(keychain.get(&created.row.id).await, Err(SecretError::NotFound));
        assert_eq!(keychain.delete(&created.row.id).await, Err(SecretError::NotFound));
        assert!(files_with(&created.secret, &home).0.is_empty());
    });
}

#[test]
#[ignore = "needs gnome-keyring: cargo xtask test"]
fn a_locked_keychain_is_reported_and_works_once_unlocked() {
    let test = "a_locked_keychain_is_reported_and_works_once_unlocked";
    let Some(home) = session(test) else {
        return inside_with_bus(test);
    };
    shell(LOG_IN);
    block_on(async {
        let ring = KeyRing::new(&home.join("data"), Arc::new(OsKeychain));
        let created = ring.create("laptop", KeyLimits::default(), 1).await.unwrap();
        shell(LOCK);
        // Without a display, the prompt counts as dismissed.
        let rejected = ring.secret(&created.row.id).await.unwrap_err().to_string();
        assert!(rejected.starts_with("The keychain is locked"), "{rejected}");
        let not_stored = ring.create("another", KeyLimits::default(), 1).await.unwrap();
        assert!(!not_stored.row.can_copy && files_with(&not_stored.secret, &home).0.is_empty());
        assert_eq!(ring.state().await, KeychainState::Unavailable { message: rejected });
        unlock();
        assert_eq!(ring.secret(&created.row.id).await.unwrap().reveal(), created.secret);
        assert_eq!(ring.state().await, KeychainState::Available);
    });
}

#[test]
#[ignore = "needs gnome-keyring: cargo xtask test"]
fn a_keychain_without_a_keyring_is_reported_and_keys_work() {
    let test = "a_keychain_without_a_keyring_is_reported_and_keys_work";
    let Some(home) = session(test) else {
        return inside_with_bus(test);
    };
    block_on(async {
        let ring = KeyRing::new(&home.join("data"), Arc::new(OsKeychain));
        let created = ring.create("laptop", KeyLimits::default(), 1).await.unwrap();
        assert!(!created.row.can_copy && files_with(&created.secret, &home).0.is_empty());
        let KeychainState::Unavailable { message } = ring.state().await else { panic!("it has a keyring") };
        assert!(message.starts_with("No default keyring yet."), "{message}");
    });
}

#[test]
fn a_missing_keychain_is_reported_and_keys_work() {
    let test = "a_missing_keychain_is_reported_and_keys_work";
    let Some(home) = session(test) else {
        return inside(test, &[], &[("DBUS_SESSION_BUS_ADDRESS", "unix:path=/no/such/bus")]);
    };
    block_on(async {
        let ring = KeyRing::new(&home.join("data"), Arc::new(OsKeychain));
        let created = ring.ensure_first_key(KeyLimits::default(), 1).await.unwrap().unwrap();
        assert!(!created.row.can_copy);
        let KeychainState::Unavailable { message } = ring.state().await else { panic!("there is one") };
        assert!(message.starts_with("No keychain found."), "{message}");
        assert_eq!(ring.show(&created.row.id).await.unwrap().secret, created.secret);
        let rejected = ring.secret(&created.row.id).await.unwrap_err();
        assert_eq!(rejected.to_string(), message);
        assert!(files_with(&created.secret, &home).0.is_empty());
    });
}
