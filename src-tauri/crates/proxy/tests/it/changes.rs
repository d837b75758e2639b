//! What answers change in the working folder, and its undoing, on the real codex.

use std::fs;
use std::path::PathBuf;

use codex_client::SandboxMode;
use proxy::approvals::ApprovalAnswer;
use proxy::changes::{FileAction, UndoState};
use sample_model::{needs_git, not_on_windows};
use serde_json::{Value, json};

use crate::support::log::RowState;
use crate::support::{Events, TIMEOUT, TestProxy, eventually, real};
use crate::tools::tool;

const HEADER: &str = "x-codex-proxy-files-changed";

async fn writing() -> TestProxy {
    real().settings(|settings| settings.sandbox = SandboxMode::WorkspaceWrite).start().await
}

fn body(prompt: &str) -> Value {
    json!({"model": "codex-local", "messages": [{"role": "user", "content": prompt}]})
}

fn file(proxy: &TestProxy, name: &str) -> PathBuf {
    proxy.folder.path().join("data/workspace").join(name)
}

fn read(proxy: &TestProxy, name: &str) -> Option<String> {
    fs::read_to_string(file(proxy, name)).ok()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the real codex: cargo xtask test"]
async fn whole_answer_counts_the_changes_of_commands_and_patches_and_they_can_be_undone() {
    not_on_windows!("codex runs no command there before its sandbox is set up");
    let proxy = writing().await;
    fs::write(file(&proxy, "old.txt"), "old\n").unwrap();
    let prompt = r#"[[shell="echo new > old.txt; echo x > by-shell.txt" patch="by-patch.txt:patched"]]"#;
    let answer = proxy.chat(&body(prompt)).await;
    assert_eq!(answer.headers()[HEADER], "3");
    let row = proxy.log.newest();
    let changes = row.changes.unwrap();
    let files: Vec<_> = changes.files.iter().map(|file| (file.path.as_str(), file.what)).collect();
    let added = FileAction::Added;
    assert_eq!(files, [("by-patch.txt", added), ("by-shell.txt", added), ("old.txt", FileAction::Changed)]);
    assert!(changes.diff.contains("-old\n+new\n"), "{}", changes.diff);
    assert_eq!(changes.undo, UndoState::Possible);

    let store = proxy.handle.changes();
    let report = store.undo(&row.arrival.id).await.unwrap();
    assert_eq!(report.restored, ["by-patch.txt", "by-shell.txt", "old.txt"]);
    assert_eq!(read(&proxy, "old.txt").as_deref(), Some("old\n"));
    assert_eq!((read(&proxy, "by-shell.txt"), read(&proxy, "by-patch.txt")), (None, None));
    store.redo(&row.arrival.id).await.unwrap();
    assert_eq!(read(&proxy, "by-shell.txt").as_deref(), Some("x\n"));

    let nothing = proxy.chat(&body("[[words=1]]")).await;
    assert_eq!(nothing.headers()[HEADER], "0");
    assert_eq!(proxy.log.newest().changes, None);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the real codex: cargo xtask test"]
async fn last_chunk_of_a_stream_counts_the_changes() {
    not_on_windows!("codex runs no command there before its sandbox is set up");
    let proxy = writing().await;
    let counts =
        |events: &[Value]| events.iter().map(|event| event["codex_proxy"].clone()).collect::<Vec<_>>();
    for options in [Value::Null, json!({"include_usage": true})] {
        let mut body = body("[[shell=\"echo x >> a\"]]");
        (body["stream"], body["stream_options"]) = (true.into(), options.clone());
        let mut events = proxy.stream_of(&body).await.rest().await;
        assert_eq!(events.pop(), Some(json!("[DONE]")));
        let last = events.pop().unwrap();
        assert_eq!(last["codex_proxy"], json!({"files_changed": 1}), "{last}");
        assert_eq!(last["choices"].as_array().unwrap().is_empty(), !options.is_null());
        assert!(counts(&events).iter().all(Value::is_null), "{events:?}");
    }
    let body = json!({"model": "codex-local", "prompt": "[[shell=\"echo x >> a\"]]", "stream": true});
    let mut events = Events::new(proxy.post("/v1/completions", &body).await).rest().await;
    events.pop();
    assert_eq!(events.pop().unwrap()["codex_proxy"]["files_changed"], 1);
    assert!(counts(&events).iter().all(Value::is_null), "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the real codex: cargo xtask test"]
async fn metadata_of_a_response_counts_the_changes() {
    not_on_windows!("codex runs no command there before its sandbox is set up");
    let proxy = writing().await;
    let prompt = "[[shell=\"echo x >> a; echo x >> b\"]]";
    let mut body = json!({"model": "codex-local", "input": prompt, "metadata": {"mine": "1"}});
    let answer = proxy.post("/v1/responses", &body).await;
    assert_eq!(answer.headers()[HEADER], "2");
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["metadata"], json!({"mine": "1", "codex_proxy_files_changed": "2"}));
    body["stream"] = true.into();
    let events = Events::new(proxy.post("/v1/responses", &body).await).rest().await;
    let (first, last) = (&events[0], &events[events.len() - 1]);
    assert_eq!(first["response"]["metadata"], json!({"mine": "1"}));
    assert_eq!(last["type"], "response.completed");
    assert_eq!(last["response"]["metadata"]["codex_proxy_files_changed"], "2");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the real codex: cargo xtask test"]
async fn answers_that_cannot_change_files_count_none() {
    let proxy = writing().await;
    let plain = proxy.ask("[[words=1]]").await;
    assert!(!plain.headers().contains_key(HEADER));
    let proxy = real().start().await;
    let read_only = proxy.chat(&body("[[shell=\"echo x > a\"]]")).await;
    assert!(!read_only.headers().contains_key(HEADER));
    assert!(!proxy.folder.path().join("data/snapshots/active").exists());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the real codex: cargo xtask test"]
async fn without_snapshots_codexs_own_patches_are_shown() {
    not_on_windows!("codex runs no command there before its sandbox is set up");
    let proxy = writing().await;
    let mut settings = proxy::settings::Settings {
        sandbox: SandboxMode::WorkspaceWrite,
        undo: false,
        data_dir: proxy.folder.path().join("data"),
        ..Default::default()
    };
    settings.codex_path = Some(sample_model::under_test::codex_under_test());
    proxy.handle.apply(settings).unwrap();
    let prompt = r#"[[shell="echo x > by-shell.txt" patch="by-patch.txt:patched"]]"#;
    let answer = proxy.chat(&body(prompt)).await;
    assert_eq!(answer.headers()[HEADER], "1");
    let row = proxy.log.newest();
    let changes = row.changes.unwrap();
    assert_eq!(changes.files[0].path, "by-patch.txt");
    assert_eq!(changes.files[0].what, FileAction::Added);
    assert!(changes.diff.contains("+patched"), "{}", changes.diff);
    let why = "Undo is switched off in the settings.".to_owned();
    assert_eq!(changes.undo, UndoState::Not { why });
    assert!(proxy.handle.changes().undo(&row.arrival.id).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the real codex: cargo xtask test"]
async fn changes_of_an_answer_whose_client_has_gone_are_reported_and_can_be_undone() {
    not_on_windows!("codex runs no command there before its sandbox is set up");
    let proxy = writing().await;
    let mut body = body("[[shell=\"echo x > a\" then hold=1 words=3]]");
    body["stream"] = true.into();
    let mut events = proxy.stream_of(&body).await;
    events.next_text().await;
    drop(events);
    eventually("the changes are reported", || proxy.log.newest().changes.is_some()).await;
    let row = proxy.log.newest();
    assert_eq!(row.state, RowState::Stopped);
    assert_eq!(row.changes.unwrap().files[0].path, "a");
    proxy.handle.changes().undo(&row.arrival.id).await.unwrap();
    assert_eq!(read(&proxy, "a"), None);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the real codex: cargo xtask test"]
async fn each_request_of_a_turn_that_awaits_the_clients_tools_has_its_own_changes() {
    not_on_windows!("codex runs no command there before its sandbox is set up");
    let proxy = writing().await;
    let mut body =
        body("[[shell=\"echo 1 > first\" then tool=f:{} then shell=\"echo 2 > second\" then words=1]]");
    body["tools"] = json!([tool("f")]);
    let first = proxy.chat(&body).await;
    assert_eq!(first.headers()[HEADER], "1");
    let first_id = proxy.log.newest().arrival.id;
    let message = first.json::<Value>().await.unwrap()["choices"][0]["message"].clone();
    let call = message["tool_calls"][0]["id"].clone();
    let messages = body["messages"].as_array_mut().unwrap();
    messages.extend([message, json!({"role": "tool", "tool_call_id": call, "content": "done"})]);
    let second = proxy.chat(&body).await;
    assert_eq!(second.headers()[HEADER], "1");
    assert_eq!(proxy.model.requests().len(), 4);
    assert_eq!(proxy.log.newest().changes.unwrap().files[0].path, "second");
    proxy.handle.changes().undo(&first_id).await.unwrap();
    assert_eq!((read(&proxy, "first"), read(&proxy, "second").as_deref()), (None, Some("2\n")));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the real codex: cargo xtask test"]
async fn answers_at_the_same_time_refuse_what_both_may_have_changed() {
    not_on_windows!("codex runs no command there before its sandbox is set up");
    let proxy = writing().await;
    let mut one = body("[[shell=\"echo 1 > a\" then hold=1 words=3]]");
    one["stream"] = true.into();
    let mut first = proxy.stream_of(&one).await;
    first.next_text().await;
    let first_id = proxy.log.newest().arrival.id;
    let second = proxy.chat(&body("[[shell=\"echo 2 > b\"]]")).await;
    assert_eq!(second.headers()[HEADER], "1");
    let second_id = proxy.log.newest().arrival.id;
    let store = proxy.handle.changes();
    assert_eq!(store.undo(&second_id).await, Err(proxy::changes::UndoError::Busy));
    proxy.release_model().await;
    first.rest().await;
    // While both ran, b changed.
    let report = store.undo(&first_id).await.unwrap();
    assert_eq!(
        (report.restored.as_slice(), report.refused[0].path.as_str()),
        (["a".to_owned()].as_slice(), "b")
    );
    assert_eq!(store.undo(&second_id).await.unwrap().refused[0].path, "b");
    assert_eq!((read(&proxy, "a"), read(&proxy, "b").as_deref()), (None, Some("2\n")));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the real codex: cargo xtask test"]
async fn answer_in_a_folder_that_is_not_covered_says_so() {
    needs_git!();
    // The workspace would hold the data folder.
    let proxy = real()
        .settings(|settings| {
            settings.sandbox = SandboxMode::WorkspaceWrite;
            settings.workspace = Some(".".into());
        })
        .start()
        .await;
    let answer = proxy.chat(&body("[[shell=\"echo x > by-shell\"]]")).await;
    assert!(!answer.headers().contains_key(HEADER));
    let steps = proxy.log.newest().steps;
    let step = steps.iter().find(|step| step.what == "Changes can't be undone").unwrap();
    assert!(step.detail.as_ref().unwrap().contains("data folder"), "{step:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_patch_that_its_owner_allows_is_counted_and_can_be_undone() {
    needs_git!();
    let proxy = real().settings(|settings| settings.ask = true).start().await;
    fs::write(file(&proxy, "old.txt"), "old\n").unwrap();
    let (mut waiting, _attendance) = (proxy.handle.approvals().waiting(), proxy.handle.approvals().attend());
    let body = body(
        r#"[[patch="*** Begin Patch\n*** Update File: old.txt\n@@\n-old\n+new\n*** Add File: deep/new.txt\n+added\n*** End Patch\n"]]"#,
    );
    let allow = async {
        let asked = waiting.wait_for(|waiting| !waiting.is_empty());
        let asked = tokio::time::timeout(TIMEOUT, asked).await.unwrap().unwrap().to_vec();
        proxy.handle.approvals().answer(&asked[0].id, ApprovalAnswer::AllowOnce).unwrap();
    };
    let (answer, ()) = tokio::join!(proxy.chat(&body), allow);
    assert_eq!(answer.headers()[HEADER], "2", "{answer:?}");
    assert_eq!(read(&proxy, "old.txt").as_deref(), Some("new\n"));
    let row = proxy.log.newest();
    let report = proxy.handle.changes().undo(&row.arrival.id).await.unwrap();
    assert_eq!(report.restored, ["deep/new.txt", "old.txt"]);
    assert_eq!(read(&proxy, "old.txt").as_deref(), Some("old\n"));
    assert!(!file(&proxy, "deep").exists());
}
