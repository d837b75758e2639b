//! The model list that codex starts with, and the newer one that it fetches while it runs, on the real codex.

// Unix only: a script of sh stands between, which tells one command of codex from another.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use codex_client::Status;
use sample_model::under_test::{codex_under_test, is_running};

use crate::support::{Real, another_codex_with, eventually, folder, real_with_binary};

/// A codex that runs `script` instead of fetching its models, and writes its other arguments to `args`.
fn codex_with(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("codex");
    let codex = codex_under_test().display().to_string();
    let script = format!(
        "#!/bin/sh\nfolder='{}'\ncodex='{codex}'\ncase \"$*\" in\n'debug models') {script} ;;\n*) echo \"$*\" >> $folder/args;\nexec \"$codex\" \"$@\" ;;\nesac\n",
        folder.display()
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn model_list_that_hangs_delays_no_answer_and_ends_with_codex() {
    let folder = folder();
    let binary = codex_with(folder.path(), "sleep 600 & echo $$ $! > $folder/ids; sleep 600");
    let real = real_with_binary(&binary).await;
    real.ask("[[words=1]]").await.expect_success();
    let ids = || read(&folder.path().join("ids"));
    eventually("the list is being fetched", || ids().ends_with('\n')).await;
    let ids = ids();
    // It still hangs: nothing has waited for it.
    assert!(ids.split_whitespace().all(is_running), "{ids}");
    real.codex.shutdown().await;
    eventually("both are gone", || !ids.split_whitespace().any(is_running)).await;
}

async fn ids(real: &Real) -> Vec<String> {
    real.codex.models().await.unwrap().into_iter().map(|model| model.id).collect()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn newer_model_list_replaces_the_bundled_one_and_is_there_at_the_next_start() {
    let folder = folder();
    let newer = r#"while [ ! -e $folder/go ]; do sleep 0.1; done; "$codex" debug models --bundled | sed 's/"slug":"gpt-5.5"/"slug":"gpt-new"/'"#;
    let binary = codex_with(folder.path(), newer);
    let real = real_with_binary(&binary).await;
    assert!(ids(&real).await.contains(&"gpt-5.5".to_owned()));
    let mut status = real.codex.status();
    let Status::Ready(first) = status.borrow_and_update().clone() else { panic!("{status:?}") };
    std::fs::write(folder.path().join("go"), "").unwrap();
    let replaced = |status: &Status| matches!(status, Status::Ready(readiness) if readiness.model_list != first.model_list);
    tokio::time::timeout(crate::support::TIMEOUT, status.wait_for(replaced)).await.unwrap().unwrap();
    assert!(ids(&real).await.contains(&"gpt-new".to_owned()));
    real.codex.shutdown().await;

    let again = Real { codex: another_codex_with(&real, &binary), ..real };
    assert!(ids(&again).await.contains(&"gpt-new".to_owned()));
    let args = read(&folder.path().join("args"));
    assert_eq!(args.matches("debug models --bundled").count(), 1, "{args}");
}
