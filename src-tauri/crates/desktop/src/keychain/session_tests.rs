//! The real keychain of Linux, in a session that is made for it: a D-Bus, a home and a GNOME Keyring of its own.
//!
//! The test starts itself once more inside of the session, since keyring looks for its store once a process and this
//! process belongs to the session that the tests were started from, if to any.

use std::fs::{self, DirBuilder};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use proxy::KeyLimits;

use super::*;

/// Set inside of the session: what is to be done there.
const INSIDE: &str = "CODEX_PROXY_TEST_KEYCHAIN";

/// The whole session may take this long, in seconds; it takes less than one.
const LIMIT: &str = "60";

/// Starts a keychain with an open keyring, as logging in does. It ends with the bus.
const LOG_IN: &str = "printf 'a password' | gnome-keyring-daemon --unlock --components=secrets >&2";

/// Locks the keyring, as a screen lock may.
const LOCK: &str = "dbus-send --session --print-reply --dest=org.freedesktop.secrets /org/freedesktop/secrets \
                    org.freedesktop.Secret.Service.Lock array:objpath:/org/freedesktop/secrets/collection/login >&2";

/// Runs one test of this file inside of a session that `wrapper` makes.
fn inside(test: &str, wrapper: &[&str], variables: &[(&str, &str)]) {
    let home = tempfile::tempdir().unwrap();
    let runtime_dir = home.path().join("run");
    DirBuilder::new().mode(0o700).create(&runtime_dir).unwrap();
    let output = Command::new("timeout")
        .args(["--kill-after=5", LIMIT])
        .args(wrapper)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", &format!("keychain::session_tests::{test}")])
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
    // A filter that fits no test would succeed as well.
    assert!(output.status.success() && out.contains("1 passed"), "{}\n{out}\n{err}", output.status);
}

/// The home of the session, if this is the run inside of it.
fn session(test: &str) -> Option<PathBuf> {
    let is_inside = std::env::var_os(INSIDE).is_some_and(|value| value == test);
    is_inside.then(|| std::env::var_os("HOME").unwrap().into())
}

/// Runs a test inside of a session with a D-Bus, which starts a keychain without a keyring when it is asked for one.
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

/// Opens the keyring of the running keychain, in the way that PAM does.
fn unlock() {
    let socket = Path::new(&std::env::var_os("XDG_RUNTIME_DIR").unwrap()).join("keyring/control");
    let mut control = UnixStream::connect(socket).unwrap();
    let password = b"a password";
    let length = u32::try_from(password.len()).unwrap();
    // A byte that carries our user id; then the length of all, the number of the request, and the password.
    let request = [12 + length, 1, length].map(u32::to_be_bytes).concat();
    control.write_all(&[&[0], request.as_slice(), password].concat()).unwrap();
    let mut answer = [0; 8];
    control.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [0, 0, 0, 8, 0, 0, 0, 0]);
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// The files below a folder that hold `text`, and how many were looked at.
fn files_with(text: &str, folder: &Path) -> (Vec<PathBuf>, usize) {
    let (mut found, mut looked_at) = (Vec::new(), 0);
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                looked_at += 1;
                let bytes = fs::read(entry.path()).unwrap();
                if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                    found.push(entry.path());
                }
            }
        }
    }
    (found, looked_at)
}

#[test]
fn a_secret_goes_into_the_real_keychain_and_into_no_file() {
    let test = "a_secret_goes_into_the_real_keychain_and_into_no_file";
    let Some(home) = session(test) else {
        return inside_with_bus(test);
    };
    shell(LOG_IN);
    block_on(async {
        let data = home.join("data");
        let ring = KeyRing::new(&data, Arc::new(OsKeychain));
        assert_eq!(ring.state().await, KeychainState::Available);
        let made = ring.create("laptop", KeyLimits::default(), 1).await.unwrap();
        assert_eq!((made.row.can_copy, ring.state().await), (true, KeychainState::Available));
        // Another start of the app finds it.
        let ring = KeyRing::new(&data, Arc::new(OsKeychain));
        assert_eq!(ring.rows().await.unwrap(), std::slice::from_ref(&made.row));
        assert_eq!(ring.secret(&made.row.id).await.unwrap().reveal(), made.secret);

        let kept_in = home.join(".local/share/keyrings/login.keyring");
        assert!(
            fs::metadata(&kept_in).unwrap().len() > 0,
            "the keychain is below the home that is looked through"
        );
        let (found, looked_at) = files_with(&made.secret, &home);
        assert!(found.is_empty() && looked_at >= 3, "{looked_at} files, {found:?}");
        // The search does find what is there.
        assert!(!files_with(&made.row.id, &home).0.is_empty());

        assert_eq!(ring.revoke(&made.row.id).await.unwrap(), None);
        let keychain = Keychain::new(Arc::new(OsKeychain));
        assert_eq!(keychain.get(&made.row.id).await, Err(SecretError::NotThere));
        assert_eq!(keychain.delete(&made.row.id).await, Err(SecretError::NotThere));
        assert!(files_with(&made.secret, &home).0.is_empty());
    });
}

#[test]
fn a_keychain_that_is_locked_meanwhile_says_so_and_works_as_soon_as_it_is_open() {
    let test = "a_keychain_that_is_locked_meanwhile_says_so_and_works_as_soon_as_it_is_open";
    let Some(home) = session(test) else {
        return inside_with_bus(test);
    };
    shell(LOG_IN);
    block_on(async {
        let ring = KeyRing::new(&home.join("data"), Arc::new(OsKeychain));
        let made = ring.create("laptop", KeyLimits::default(), 1).await.unwrap();
        shell(LOCK);
        // There is no display here, so the question for the password counts as dismissed.
        let refused = ring.secret(&made.row.id).await.unwrap_err().to_string();
        assert!(refused.starts_with("The keychain is locked"), "{refused}");
        let unkept = ring.create("another", KeyLimits::default(), 1).await.unwrap();
        assert!(!unkept.row.can_copy && files_with(&unkept.secret, &home).0.is_empty());
        assert_eq!(ring.state().await, KeychainState::Unavailable { message: refused });
        unlock();
        assert_eq!(ring.secret(&made.row.id).await.unwrap().reveal(), made.secret);
        assert_eq!(ring.state().await, KeychainState::Available);
    });
}

#[test]
fn a_keychain_without_a_keyring_says_so_and_keys_work() {
    let test = "a_keychain_without_a_keyring_says_so_and_keys_work";
    let Some(home) = session(test) else {
        return inside_with_bus(test);
    };
    block_on(async {
        let ring = KeyRing::new(&home.join("data"), Arc::new(OsKeychain));
        let made = ring.create("laptop", KeyLimits::default(), 1).await.unwrap();
        assert!(!made.row.can_copy && files_with(&made.secret, &home).0.is_empty());
        let KeychainState::Unavailable { message } = ring.state().await else { panic!("it has a keyring") };
        assert!(message.starts_with("The keychain has no place for keys yet."), "{message}");
    });
}

#[test]
fn without_a_keychain_there_is_a_sentence_and_keys_work() {
    let test = "without_a_keychain_there_is_a_sentence_and_keys_work";
    let Some(home) = session(test) else {
        return inside(test, &[], &[("DBUS_SESSION_BUS_ADDRESS", "unix:path=/no/such/bus")]);
    };
    block_on(async {
        let ring = KeyRing::new(&home.join("data"), Arc::new(OsKeychain));
        let made = ring.ensure_first(1).await.unwrap().unwrap();
        assert!(!made.row.can_copy);
        let KeychainState::Unavailable { message } = ring.state().await else { panic!("there is one") };
        assert!(message.starts_with("This session has no keychain"), "{message}");
        assert_eq!(ring.show(&made.row.id).await.unwrap().secret, made.secret);
        let refused = ring.secret(&made.row.id).await.unwrap_err();
        assert_eq!(refused.to_string(), message);
        assert!(files_with(&made.secret, &home).0.is_empty());
    });
}
