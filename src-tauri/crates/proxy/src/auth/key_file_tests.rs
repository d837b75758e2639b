use std::fs;

use codex_client::SandboxMode;

use super::super::find_key;
use super::*;

#[test]
fn a_key_from_another_process_is_valid_until_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (KeyFile::in_folder(folder.path()), KeyFile::in_folder(folder.path()));
    assert!(ours.entries().unwrap().is_empty());
    let (key, entry) = theirs.create("laptop", 5).unwrap();
    assert_eq!(find_key(ours.entries().unwrap().iter(), &key), Some(&entry));
    theirs.revoke(&entry.id).unwrap();
    assert_eq!(find_key(ours.entries().unwrap().iter(), &key), None);
}

#[test]
fn a_renamed_key_stays_valid_and_keeps_everything_else() {
    let folder = tempfile::tempdir().unwrap();
    let keys = KeyFile::in_folder(folder.path());
    let (key, entry) = keys.create_limited("laptop", KeyLimits::of_new_key(true), 5).unwrap();
    let renamed = Renamed { at: 9, last_used: Some(7) };
    keys.rename(&entry.id, "phone", renamed).unwrap();
    let expected = KeyEntry { name: "phone".to_owned(), renamed: Some(renamed), ..entry };
    assert_eq!(find_key(KeyFile::in_folder(folder.path()).entries().unwrap().iter(), &key), Some(&expected));
    let unknown = keys.rename("abc", "phone", renamed);
    assert!(matches!(unknown, Err(KeyFileError::NoSuchKey(_))));
}

#[test]
fn files_without_limits_are_read_and_unknown_fields_are_preserved() {
    let folder = tempfile::tempdir().unwrap();
    let (path, keys) = (folder.path().join("keys.json"), KeyFile::in_folder(folder.path()));
    let (_, old) = keys.create("laptop", 5).unwrap();
    let mut text: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(text["version"], 1);
    assert!(text["keys"][0].get("sandbox").is_none() && text["keys"][0].get("plain_models_only").is_none());
    text["later"] = "whole".into();
    text["keys"][0]["later"] = "of a key".into();
    fs::write(&path, text.to_string()).unwrap();
    let limits = KeyLimits {
        sandbox: Some(SandboxMode::ReadOnly),
        workspace: Some("/srv/notes".into()),
        ..KeyLimits::default()
    };
    let (_, limited) = keys.create_limited("phone", limits.clone(), 6).unwrap();
    assert_eq!(limited.limits, limits);
    let text: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!((&text["later"], &text["keys"][0]["later"]), (&"whole".into(), &"of a key".into()));
    assert_eq!(KeyFile::in_folder(folder.path()).entries().unwrap()[1].limits, limits);
    assert!(keys.entries().unwrap()[0].limits == old.limits && old.limits.is_none());
}

#[test]
fn a_file_with_limits_has_a_newer_version() {
    let folder = tempfile::tempdir().unwrap();
    let (path, keys) = (folder.path().join("keys.json"), KeyFile::in_folder(folder.path()));
    let version = || -> Value {
        let text: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        text["version"].clone()
    };
    let (_, entry) = keys.create("laptop", 5).unwrap();
    let read_only = KeyLimits { sandbox: Some(SandboxMode::ReadOnly), ..KeyLimits::default() };
    assert_eq!(keys.limit(&entry.id, read_only.clone()).unwrap().limits, read_only);
    assert_eq!(version(), 2);
    let plain = KeyLimits { plain_models_only: true, ..KeyLimits::default() };
    assert_eq!(keys.limit(&entry.id, plain.clone()).unwrap().limits, plain);
    assert_eq!((version(), &keys.entries().unwrap()[0].limits), (3.into(), &plain));
    let never_asks = KeyLimits { may_ask: Some(false), ..KeyLimits::default() };
    assert_eq!(keys.limit(&entry.id, never_asks.clone()).unwrap().limits, never_asks);
    assert_eq!((version(), &keys.entries().unwrap()[0].limits), (4.into(), &never_asks));
    let none = KeyLimits::default;
    for newer in [
        KeyLimits { models: vec!["gpt-*".to_owned()], ..none() },
        KeyLimits { expires: Some(9), ..none() },
        KeyLimits { tokens_per_day: Some(9), ..none() },
        KeyLimits { requests_per_minute: Some(9), ..none() },
        KeyLimits { reserve_percent: Some(9), ..none() },
        KeyLimits { web_search: Some(false), ..plain.clone() },
        KeyLimits { no_mcp_servers: true, ..none() },
    ] {
        keys.limit(&entry.id, newer.clone()).unwrap();
        assert_eq!((version(), &keys.entries().unwrap()[0].limits), (4.into(), &newer));
    }
    keys.limit(&entry.id, KeyLimits::default()).unwrap();
    assert_eq!(version(), 1);
    assert!(matches!(keys.limit("abc", read_only), Err(KeyFileError::NoSuchKey(_))));
}

#[test]
fn the_secret_is_not_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (key, _) = KeyFile::in_folder(folder.path()).create("laptop", 5).unwrap();
    let text = fs::read_to_string(folder.path().join("keys.json")).unwrap();
    assert!(text.contains("laptop") && !text.contains(key.reveal()));
    assert!(!text.contains(&key.reveal()[6..]));
}

#[test]
fn damaged_and_newer_files_are_errors_and_left_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let keys = KeyFile::in_folder(folder.path());
    for (text, newer) in [("{", false), ("{\"version\":9,\"keys\":{}}", true)] {
        fs::write(&path, text).unwrap();
        let error = keys.create("laptop", 5).unwrap_err();
        assert_eq!(matches!(error, KeyFileError::Newer { .. }), newer, "{error}");
        assert!(keys.entries().is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn damaged_files_are_set_aside_and_newer_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let keys = KeyFile::in_folder(folder.path());
    assert_eq!(keys.set_aside_damaged(7).unwrap(), None);
    for (n, damaged) in
        [b"{".as_slice(), b"", b"\0\0\0\0", b"\xff\xfe", b"[]", b"{\"version\":1}"].iter().enumerate()
    {
        fs::write(&path, damaged).unwrap();
        assert!(keys.create("laptop", 5).is_err(), "{damaged:?}");
        let message = keys.set_aside_damaged(7).unwrap().unwrap();
        let more = if n == 0 { String::new() } else { format!("-{}", n + 1) };
        let aside = folder.path().join(format!("keys.damaged-7{more}.json"));
        assert!(message.contains(&aside.display().to_string()), "{message}");
        assert_eq!(fs::read(&aside).unwrap(), *damaged);
        assert!(keys.entries().unwrap().is_empty());
    }
    for whole in ["{\"version\":9,\"keys\":{}}", "{\"version\":1,\"keys\":[]}"] {
        fs::write(&path, whole).unwrap();
        assert_eq!(keys.set_aside_damaged(7).unwrap(), None);
        assert_eq!(fs::read_to_string(&path).unwrap(), whole);
    }
}

#[test]
fn revoking_an_unknown_key_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(KeyFile::in_folder(folder.path()).revoke("abc"), Err(KeyFileError::NoSuchKey(_))));
}
