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

#[test]
fn a_file_in_a_folder_with_any_name_and_a_long_path_is_changed_and_read() {
    let long = "a long name ".repeat(9);
    let long = [long.trim_end(); 3].join("/");
    for below in [long.as_str(), "100% & more", "größe 中文", "it's (a) [b] {c};d^e!"] {
        let home = tempfile::tempdir().unwrap();
        let keys = crate::auth::KeyFile::in_folder(&home.path().join(below));
        let (_, entry) = keys.create("laptop", 1).unwrap();
        keys.create("phone", 1).unwrap();
        keys.revoke(&entry.id).unwrap();
        let names: Vec<_> = keys.entries().unwrap().iter().map(|entry| entry.name.clone()).collect();
        assert_eq!(names, ["phone"], "{below}");
    }
}

// Unix only: file modes.
#[cfg(unix)]
#[test]
fn the_lock_file_is_accessible_only_by_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let _lock = lock_file(&folder.path().join("keys.json")).unwrap();
    let metadata = fs::metadata(folder.path().join("keys.json.lock")).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
}
