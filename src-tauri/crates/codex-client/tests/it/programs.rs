//! The user's own programs, `notify` and hooks, on the real codex: it runs them for the user, and not for our turns.

use std::path::Path;
use std::process::Command;

use codex_client::{HomeUsed, Status, ThreadKind};
use sample_model::under_test::is_wine;

use crate::support::{Real, real_with};

/// What the programs leave behind in the working folder.
const MARKS: [&str; 3] = ["ran-notify", "ran-config-hook", "ran-json-hook"];

/// A home whose `notify` program and hooks, all trusted by the user, leave files in the working folder.
fn write_programs(dir: &Path, base_url: &str) -> std::io::Result<()> {
    sample_model::codex_home::write(dir, base_url)?;
    let config = std::fs::read_to_string(dir.join("config.toml"))?;
    let mark = dir.with_file_name("workspace").join("ran-notify").display().to_string();
    // codex adds an argument, which is nothing to cmd.
    let notify = match cfg!(windows) {
        true => toml::Value::from(vec!["cmd".to_owned(), "/c".to_owned(), format!("mkdir {mark} & rem")]),
        false => toml::Value::from(vec!["touch".to_owned(), mark]),
    };
    let [config_hook, json_hook] = [("config.toml", "session_start"), ("hooks.json", "stop")]
        .map(|(file, event)| toml::Value::from(format!("{}:{event}:0:0", dir.join(file).display())));
    // codex's own hashes of the two hooks, by which it remembers that the user trusts them.
    let config = format!(
        "notify = {notify}\n{config}
        [features]
        codex_hooks = true
        [[hooks.SessionStart]]
        [[hooks.SessionStart.hooks]]
        type = \"command\"
        command = \"mkdir ran-config-hook\"
        [hooks.state.{config_hook}]
        trusted_hash = \"sha256:6ef4916ee9e19e39433ee817f3b441001591f12cdc1ca8aab64097860b0083ab\"
        [hooks.state.{json_hook}]
        trusted_hash = \"sha256:4fea780c20c5d787d061c8706e7d9d4ce8b9d354151c5a80e997515eee9889cb\"\n"
    );
    std::fs::write(dir.join("config.toml"), config)?;
    let hook = r#"{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"mkdir ran-json-hook"}]}]}}"#;
    std::fs::write(dir.join("hooks.json"), hook)
}

/// Which of the programs have run.
fn ran(real: &Real) -> Vec<&'static str> {
    MARKS.into_iter().filter(|mark| real.workspace.join(mark).exists()).collect()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn notify_program_and_hooks_are_not_run_for_api_turns_in_any_home() {
    for keyring in [false, true] {
        let real = real_with(if keyring {
            |dir, base_url| {
                write_programs(dir, base_url)?;
                let config = std::fs::read_to_string(dir.join("config.toml"))?;
                let keyring = format!("cli_auth_credentials_store = \"keyring\"\n{config}");
                std::fs::write(dir.join("config.toml"), keyring)
            }
        } else {
            write_programs
        })
        .await;
        for kind in [ThreadKind::Plain, ThreadKind::Agent] {
            real.run(real.request(kind, "[[words=1]]")).await.expect_success();
        }
        let status = real.codex.status().borrow().clone();
        let Status::Ready(readiness) = status else { panic!("{status:?}") };
        assert_eq!(matches!(readiness.home, HomeUsed::Shared { .. }), keyring);
        real.codex.shutdown().await;
        real.agent.shutdown().await;
        assert!(ran(&real).is_empty(), "{:?}", ran(&real));

        // The same home, as the user runs codex in it.
        let home = real.home.path();
        let mut exec = Command::new(sample_model::under_test::codex_under_test());
        exec.args(["exec", "--skip-git-repo-check", "-s", "read-only", "[[words=1]]"])
            .env("HOME", home)
            .env("CODEX_HOME", home.join(".codex"))
            .env("TMPDIR", home.join("tmp"))
            .current_dir(&real.workspace)
            .stdin(std::process::Stdio::null());
        // The sample model answers on this thread.
        let exec = tokio::task::spawn_blocking(move || exec.output().unwrap()).await.unwrap();
        assert!(exec.status.success(), "{exec:?}");
        // codex runs hooks in PowerShell, which Wine does not have.
        let count = if is_wine() { 1 } else { MARKS.len() };
        crate::support::eventually("the user's programs run for the user", || ran(&real) == MARKS[..count])
            .await;
    }
}
