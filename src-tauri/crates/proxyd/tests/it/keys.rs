//! codex-proxyd's key file.

use std::path::Path;

use proxy::{KeyFile, KeyUse, end_of_day, unix_now};

use crate::daemon::{a_home, ask, codex_proxyd, ended, run, start};
use crate::support::folder;

#[tokio::test]
async fn damaged_key_file_is_moved_aside_and_a_new_key_is_created() {
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
    assert!(log.contains("The key file was damaged") && log.contains("keys.damaged-"), "{log}");
}

#[tokio::test]
async fn newer_key_file_is_left_unchanged_and_rejected() {
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

/// Runs `codex-proxyd key` concurrently with each of these arguments, and returns the outputs.
async fn run_concurrently(folder: &Path, commands: &[[&str; 2]]) -> Vec<String> {
    let run = async |args: &[&str; 2]| {
        let mut command = codex_proxyd(folder);
        let (ok, stdout, error) = run(command.arg("key").args(args).args(["--data-dir", "data"])).await;
        assert!(ok, "{args:?}: {error}");
        stdout
    };
    futures_util::future::join_all(commands.iter().map(run)).await
}

#[tokio::test]
async fn keys_created_by_concurrent_processes_are_all_stored() {
    let folder = folder();
    let names: Vec<String> = (0..12).map(|n| format!("key-{n}")).collect();
    let commands: Vec<_> = names.iter().map(|name| ["new", name.as_str()]).collect();
    let printed = run_concurrently(folder.path(), &commands).await;
    let keys = KeyFile::in_folder(&folder.path().join("data")).entries().unwrap();
    let mut stored: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
    let mut created: Vec<&str> = names.iter().map(String::as_str).collect();
    stored.sort_unstable();
    created.sort_unstable();
    assert_eq!(stored, created);
    for key in printed {
        assert!(proxy::find_key(keys.iter(), &proxy::Key::new(key.trim())).is_some());
    }
}

#[tokio::test]
async fn key_revoked_while_others_are_created_stays_revoked() {
    let folder = folder();
    let keys = KeyFile::in_folder(&folder.path().join("data"));
    for round in 0..5 {
        let (_, revoked) = keys.create("revoked", round).unwrap();
        let new = ["new", "kept"];
        run_concurrently(folder.path(), &[new, new, ["revoke", &revoked.id], new, new]).await;
        let stored = keys.entries().unwrap();
        assert!(stored.iter().all(|key| key.id != revoked.id), "round {round}");
        assert_eq!(stored.len() as u64, (round + 1) * 4);
    }
}

#[tokio::test]
async fn a_key_is_for_plain_models_by_default_where_others_can_reach_the_proxy() {
    let folder = folder();
    let new = async |before: &[&str], after: &[&str]| {
        let mut command = codex_proxyd(folder.path());
        command.args(["--data-dir", "data"]).args(before).args(["key", "new", "k"]).args(after);
        run(&mut command).await
    };
    let beyond = ["--host", "0.0.0.0"];
    for (before, after, plain, told) in [
        (&[][..], &[][..], false, false),
        (&[], &["--models", "plain"], true, false),
        (&beyond, &[], true, true),
        (&beyond, &["--models", "all"], false, false),
        // A limit on codex-local is a choice of codex-local.
        (&beyond, &["--sandbox", "read-only"], false, false),
    ] {
        let (ok, _, message) = new(before, after).await;
        let told_so = message.contains("--models all");
        assert!(ok && message.contains("[plain models]") == plain && told_so == told, "{message}");
        let keys = KeyFile::in_folder(&folder.path().join("data")).entries().unwrap();
        assert_eq!(keys.last().unwrap().limits.plain_models_only, plain, "{before:?} {after:?}");
    }
    let (ok, _, message) = new(&[], &["--models", "plain", "--sandbox", "read-only"]).await;
    assert!(!ok && message.contains("Use one of them"), "{message}");
    let (ok, list, _) = run(codex_proxyd(folder.path()).args(["--data-dir", "data", "key", "list"])).await;
    assert!(ok && list.lines().nth(1).unwrap().ends_with("k  [plain models]"), "{list}");
}

#[tokio::test]
async fn the_first_key_is_for_plain_models_where_others_can_reach_the_proxy() {
    for (host, plain) in [("127.0.0.1", false), ("0.0.0.0", true)] {
        let (folder, _model) = a_home().await;
        let args = ["--port", "0", "--data-dir", "data", "--host", host];
        let log = ended(start(codex_proxyd(folder.path()).args(args)).await).await;
        let keys = KeyFile::in_folder(&folder.path().join("data")).entries().unwrap();
        assert_eq!(keys[0].limits.plain_models_only, plain);
        assert_eq!(log.contains("plain models only"), plain, "{log}");
    }
}

#[tokio::test]
async fn short_key_is_rejected_beyond_loopback_and_warned_about_on_loopback() {
    let (folder, _model) = a_home().await;
    let args = ["--port", "0", "--data-dir", "data"];
    let mut command = codex_proxyd(folder.path());
    command.args(args).args(["--host", "0.0.0.0"]).env("API_KEYS", "correcthorse");
    let (ok, _, error) = run(&mut command).await;
    assert!(!ok && error.contains("shorter than 20 characters") && error.contains("0.0.0.0"), "{error}");

    let daemon = start(codex_proxyd(folder.path()).args(args).env("API_KEYS", "correcthorse")).await;
    assert_eq!(ask(&daemon.url, "correcthorse", "[[words=1]]").await.status(), 200);
    let log = ended(daemon).await;
    assert!(log.contains("shorter than 20 characters") && !log.contains("correcthorse"), "{log}");
}

/// Runs `codex-proxyd key` with these arguments in a data folder.
async fn key(folder: &Path, args: &[&str]) -> (bool, String, String) {
    run(codex_proxyd(folder).args(["--data-dir", "data", "key"]).args(args)).await
}

#[tokio::test]
async fn rules_are_set_changed_listed_with_their_use_and_taken_away() {
    let folder = folder();
    let new = [
        "new",
        "k",
        "--expires",
        "2100-01-31",
        "--tokens-per-day",
        "50000",
        "--requests-per-minute",
        "10",
        "--allow-model",
        "gpt-*",
        "--allow-model",
        "o9",
        "--web-search",
        "off",
        "--mcp",
        "off",
        "--may-ask",
        "on",
        "--keep",
        "off",
    ];
    let (ok, _, message) = key(folder.path(), &new).await;
    assert!(ok, "{message}");
    let data = folder.path().join("data");
    let entry = || KeyFile::in_folder(&data).entries().unwrap()[0].clone();
    let used = KeyUse::in_folder(&data);
    used.add(&entry().sha256.to_hex(), 12_300, unix_now());
    used.flush(unix_now()).unwrap();
    let list = async || key(folder.path(), &["list"]).await.1;
    let rules = "[models gpt-* o9, until 31 Jan 2100, 12300 of 50000 tokens today, 10 requests per minute, web search off, MCP servers off, asking on, keeping chats off]";
    assert!(list().await.trim_end().ends_with(rules), "{}", list().await);

    let id = entry().id;
    let edit = async |args: &[&str]| key(folder.path(), &[&["edit", &id], args].concat()).await;
    assert!(edit(&["--expires", "30d", "--tokens-per-day", "none", "--allow-model", "*"]).await.0);
    let limits = entry().limits;
    assert_eq!(
        (limits.expires, limits.tokens_per_day, limits.models.len()),
        (end_of_day(unix_now(), 30), None, 0)
    );
    assert_eq!((limits.requests_per_minute, limits.no_mcp_servers), (Some(10), true));
    let none = [
        "--expires",
        "never",
        "--requests-per-minute",
        "none",
        "--web-search",
        "default",
        "--mcp",
        "on",
        "--may-ask",
        "default",
        "--keep",
        "default",
    ];
    assert!(edit(&none).await.0);
    assert!(entry().limits.is_none());
    assert!(edit(&["--models", "plain"]).await.0 && entry().limits.plain_models_only);
    assert!(edit(&["--models", "all", "--sandbox", "read-only"]).await.0);
    assert!(list().await.trim_end().ends_with("[read-only]"));
    assert!(edit(&["--sandbox", "default"]).await.0 && entry().limits.is_none());

    for (args, words) in [
        (&["--expires", "2020-01-31"][..], "passed"),
        (&["--expires", "soon"], "2027-01-31"),
        (&["--requests-per-minute", "0"], "between 1 and 10,000"),
        (&["--tokens-per-day", "many"], "number or none"),
        (&["--web-search", "maybe"], "on, off or default"),
        (&[], "nothing to change"),
    ] {
        let (ok, _, message) = edit(args).await;
        assert!(!ok && message.contains(words), "{args:?}: {message}");
    }
    let (ok, _, message) = key(folder.path(), &["edit", "abc", "--mcp", "off"]).await;
    assert!(!ok && message.contains("key list"), "{message}");
    assert!(entry().limits.is_none());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_reserve_needs_a_chatgpt_sign_in() {
    for signed_in in [false, true] {
        let (folder, model) = a_home().await;
        if signed_in {
            sample_model::codex_home::write_signed_in(&folder.path().join(".codex"), &model.base_url())
                .unwrap();
        }
        let args = ["new", "k", "--reserve", "80%"];
        let (ok, _, message) = key(folder.path(), &args).await;
        let keys = KeyFile::in_folder(&folder.path().join("data")).entries().unwrap();
        assert_eq!((ok, keys.len()), (signed_in, usize::from(signed_in)), "{message}");
        let words = if signed_in { "[stops at 80 % of the week]" } else { "only a ChatGPT sign-in has" };
        assert!(message.contains(words), "{message}");
    }
}
