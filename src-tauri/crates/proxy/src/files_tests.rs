use super::*;

#[test]
fn a_lock_keeps_others_out_until_it_is_dropped_and_its_file_stays() {
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
fn a_change_that_ends_in_time_lets_the_next_one_through() {
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
fn the_file_of_a_lock_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let _lock = lock_file(&folder.path().join("keys.json")).unwrap();
    let metadata = fs::metadata(folder.path().join("keys.json.lock")).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
}
