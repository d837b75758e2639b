//! The file of keys as codex-proxyd finds it.

use std::path::Path;

use proxy::KeyFile;

use crate::daemon::{a_home, ask, codex_proxyd, ended, run, start};
use crate::support::folder;

#[tokio::test]
async fn a_damaged_file_of_keys_is_set_aside_and_said_at_the_start_and_there_is_a_new_key() {
    let (folder, _model) = a_home().await;
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(data.join("keys.json"), "{\"version\":1,\"keys\":[{\"id\":\"no").unwrap();
    let args = ["--port", "0", "--data-dir", "data"];
    let daemon = start(codex_proxyd(folder.path()).args(args)).await;
    let key = daemon.before[0].split_whitespace().last().unwrap().to_owned();
    assert_eq!(ask(&daemon.url, &key, "[[words=1]]").await.status(), 200);
    let log = ended(daemon).await;
    let aside = std::fs::read_dir(&data).unwrap().map(|file| file.unwrap().path());
    let aside: Vec<_> = aside.filter(|path| path.display().to_string().contains("keys.damaged-")).collect();
    assert_eq!(std::fs::read_to_string(&aside[0]).unwrap(), "{\"version\":1,\"keys\":[{\"id\":\"no");
    assert!(log.contains("The file of keys was damaged") && log.contains("keys.damaged-"), "{log}");
}

#[tokio::test]
async fn a_newer_file_of_keys_is_left_as_it_is_and_the_start_says_so() {
    let folder = folder();
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    let newer = "{\"version\":9,\"keys\":{\"in\":\"another form\"}}";
    std::fs::write(data.join("keys.json"), newer).unwrap();
    for args in [vec![], vec!["key", "new", "laptop"], vec!["key", "revoke", "abc"]] {
        let mut command = codex_proxyd(folder.path());
        let (ok, _, error) = run(command.args(args).args(["--port", "0", "--data-dir", "data"])).await;
        assert!(!ok && error.contains("written by a newer version"), "{error}");
        assert_eq!(std::fs::read_to_string(data.join("keys.json")).unwrap(), newer);
    }
}

/// Runs `codex-proxyd key` with each of these arguments, all at once, and gives what they printed.
async fn at_once(folder: &Path, commands: &[[&str; 2]]) -> Vec<String> {
    let run = async |args: &[&str; 2]| {
        let mut command = codex_proxyd(folder);
        let (ok, said, error) = run(command.arg("key").args(args).args(["--data-dir", "data"])).await;
        assert!(ok, "{args:?}: {error}");
        said
    };
    futures_util::future::join_all(commands.iter().map(run)).await
}

#[tokio::test]
async fn keys_that_twelve_processes_make_at_once_are_all_there() {
    let folder = folder();
    let names: Vec<String> = (0..12).map(|n| format!("key-{n}")).collect();
    let commands: Vec<_> = names.iter().map(|name| ["new", name.as_str()]).collect();
    let printed = at_once(folder.path(), &commands).await;
    let keys = KeyFile::in_folder(&folder.path().join("data")).entries().unwrap();
    let mut there: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
    let mut made: Vec<&str> = names.iter().map(String::as_str).collect();
    there.sort_unstable();
    made.sort_unstable();
    assert_eq!(there, made);
    for key in printed {
        assert!(proxy::find_key(keys.iter(), &proxy::Key::new(key.trim())).is_some());
    }
}

#[tokio::test]
async fn a_key_that_is_revoked_while_others_are_made_stays_revoked() {
    let folder = folder();
    let keys = KeyFile::in_folder(&folder.path().join("data"));
    for round in 0..5 {
        let (_, revoked) = keys.create("revoked", round).unwrap();
        let new = ["new", "kept"];
        at_once(folder.path(), &[new, new, ["revoke", &revoked.id], new, new]).await;
        let there = keys.entries().unwrap();
        assert!(there.iter().all(|key| key.id != revoked.id), "round {round}");
        assert_eq!(there.len() as u64, (round + 1) * 4);
    }
}

#[tokio::test]
async fn a_short_key_of_the_users_is_refused_beyond_loopback_and_warned_about_on_it() {
    let (folder, _model) = a_home().await;
    let args = ["--port", "0", "--data-dir", "data"];
    let mut command = codex_proxyd(folder.path());
    command.args(args).args(["--host", "0.0.0.0"]).env("API_KEYS", "correcthorse");
    let (ok, _, error) = run(&mut command).await;
    assert!(!ok && error.contains("fewer than 20 characters") && error.contains("0.0.0.0"), "{error}");

    let daemon = start(codex_proxyd(folder.path()).args(args).env("API_KEYS", "correcthorse")).await;
    assert_eq!(ask(&daemon.url, "correcthorse", "[[words=1]]").await.status(), 200);
    let log = ended(daemon).await;
    assert!(log.contains("fewer than 20 characters") && !log.contains("correcthorse"), "{log}");
}
