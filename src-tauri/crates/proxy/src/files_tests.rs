use super::*;

#[test]
fn a_lock_is_exclusive_until_dropped_and_its_file_remains() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/keys.json");
    let lock = lock_within(&path, Duration::ZERO).unwrap();
    let error = lock_within(&path, Duration::ZERO).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(error.to_string().contains("keys.json.lock"), "{error}");
    lock_within(&path.with_file_name("other.json"), Duration::ZERO).unwrap();
    drop(lock);
    assert!(folder.path().join("data/keys.json.lock").is_file());
    lock_within(&path, Duration::ZERO).unwrap();
}

#[test]
fn a_waiting_change_continues_when_the_lock_is_released() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let lock = lock_file(&path).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| lock_file(&path).map(|_| ()));
        drop(lock);
        waiting.join().unwrap().unwrap();
    });
}

#[cfg(unix)]
#[test]
fn the_lock_file_is_accessible_only_by_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let _lock = lock_file(&folder.path().join("keys.json")).unwrap();
    let metadata = fs::metadata(folder.path().join("keys.json.lock")).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
}
