use std::fs;

use tokio::time::Instant;

use super::*;
use crate::auth::{KeyEntry, KeyLimits};

const NOW: u64 = 1_795_700_000;
const DAY: u64 = 24 * 60 * 60;

/// A data folder with a key, and the key's digest.
fn folder_with_key() -> (tempfile::TempDir, KeyEntry, String) {
    let folder = tempfile::tempdir().unwrap();
    let keys = KeyFile::in_folder(folder.path());
    let (_, entry) = keys.create_limited("k", KeyLimits::default(), 1).unwrap();
    let digest = entry.sha256.to_hex();
    (folder, entry, digest)
}

fn today(used: &KeyUse, key: &str) -> u64 {
    used.tokens_today(key, NOW).unwrap()
}

#[test]
fn tokens_count_at_once_and_survive_a_restart() {
    let (folder, _, key) = folder_with_key();
    let used = KeyUse::in_folder(folder.path());
    assert_eq!(today(&used, &key), 0);
    used.add(&key, 100, NOW);
    used.add(&key, 20, NOW);
    assert_eq!(today(&used, &key), 120);
    used.flush(NOW).unwrap();
    assert_eq!((today(&used, &key), today(&KeyUse::in_folder(folder.path()), &key)), (120, 120));
}

#[test]
fn two_programs_on_one_folder_count_together() {
    let (folder, _, key) = folder_with_key();
    let [app, daemon] = [(); 2].map(|()| KeyUse::in_folder(folder.path()));
    for round in 1..=3 {
        app.add(&key, 100, NOW);
        daemon.add(&key, 10, NOW);
        daemon.flush(NOW).unwrap();
        app.flush(NOW).unwrap();
        assert_eq!((today(&app, &key), today(&daemon, &key)), (110 * round, 110 * round));
    }
}

#[test]
fn programs_that_write_at_the_same_time_lose_nothing() {
    let (folder, _, key) = folder_with_key();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let used = KeyUse::in_folder(folder.path());
                for _ in 0..10 {
                    used.add(&key, 1, NOW);
                    used.flush(NOW).unwrap();
                }
            });
        }
    });
    assert_eq!(today(&KeyUse::in_folder(folder.path()), &key), 40);
}

#[test]
fn a_new_day_begins_at_zero_and_old_days_are_dropped() {
    let (folder, _, key) = folder_with_key();
    let used = KeyUse::in_folder(folder.path());
    for day in 0..4 {
        used.add(&key, 100 + day, NOW + day * DAY);
        used.flush(NOW + day * DAY).unwrap();
        assert_eq!(used.tokens_today(&key, NOW + day * DAY).unwrap(), 100 + day);
    }
    let contents: Contents =
        serde_json::from_slice(&fs::read(folder.path().join("key-use.json")).unwrap()).unwrap();
    assert_eq!(contents.keys[&key].len(), MAX_DAYS);
}

#[test]
fn revoked_keys_and_keys_of_the_environment_are_left_out_of_the_file() {
    let (folder, entry, key) = folder_with_key();
    let used = KeyUse::in_folder(folder.path());
    used.add(&key, 100, NOW);
    used.add("of API_KEYS", 100, NOW);
    used.flush(NOW).unwrap();
    let text = || fs::read_to_string(folder.path().join("key-use.json")).unwrap();
    assert!(text().contains(&key) && !text().contains("API_KEYS"));
    let keys = KeyFile::in_folder(folder.path());
    let (_, other) = keys.create_limited("other", KeyLimits::default(), 1).unwrap();
    keys.revoke(&entry.id).unwrap();
    used.add(&other.sha256.to_hex(), 1, NOW);
    used.flush(NOW).unwrap();
    assert!(!text().contains(&key) && text().contains(&other.sha256.to_hex()));
}

#[test]
fn a_damaged_file_is_set_aside_and_a_running_program_keeps_its_count() {
    let (folder, _, key) = folder_with_key();
    let path = folder.path().join("key-use.json");
    let used = KeyUse::in_folder(folder.path());
    used.add(&key, 100, NOW);
    used.flush(NOW).unwrap();
    for (n, damaged) in ["{", "", "[]", "{\"version\":1,\"keys\":[]}"].into_iter().enumerate() {
        fs::write(&path, damaged).unwrap();
        let expected = 101 + n as u64;
        if n % 2 == 0 {
            assert_eq!(today(&used, &key), expected - 1);
        }
        used.add(&key, 1, NOW);
        used.flush(NOW).unwrap();
        assert_eq!(
            (today(&used, &key), today(&KeyUse::in_folder(folder.path()), &key)),
            (expected, expected)
        );
    }
    let names = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name());
    let aside = names.filter(|name| name.to_string_lossy().starts_with("key-use.damaged-")).count();
    assert_eq!(aside, 4);
    // A program that starts with a damaged file counts from zero.
    fs::write(&path, "{").unwrap();
    assert_eq!(today(&KeyUse::in_folder(folder.path()), &key), 0);
}

#[test]
fn a_newer_file_is_an_error_and_left_untouched() {
    let (folder, _, key) = folder_with_key();
    let path = folder.path().join("key-use.json");
    let newer = "{\"version\":2,\"keys\":[]}";
    fs::write(&path, newer).unwrap();
    let used = KeyUse::in_folder(folder.path());
    used.add(&key, 100, NOW);
    assert!(matches!(used.flush(NOW), Err(KeyUseError::Newer { .. })));
    assert!(matches!(used.tokens_today(&key, NOW), Err(KeyUseError::Newer { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), newer);
    fs::remove_file(&path).unwrap();
    assert_eq!(today(&used, &key), 100, "what was not written still counts");
}

#[tokio::test(start_paused = true)]
async fn tokens_are_written_by_themselves_at_most_once_a_second() {
    let (folder, _, key) = folder_with_key();
    let (used, theirs) = (KeyUse::in_folder(folder.path()), KeyUse::in_folder(folder.path()));
    let began = Instant::now();
    for total in 1..=3 {
        used.add(&key, 1, NOW);
        while today(&theirs, &key) < total {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    assert!(began.elapsed() >= 2 * WRITE_INTERVAL);
    while used.0.state.lock().has_writer {
        tokio::time::sleep(WRITE_INTERVAL).await;
    }
    used.add(&key, 1, NOW);
    assert!(used.0.state.lock().has_writer);
}
