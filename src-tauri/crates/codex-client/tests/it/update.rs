//! Updates of codex while it runs: used from the next turn, if they start.

use std::path::{Path, PathBuf};

use codex_client::{Codex, Status, ThreadKind};
use sample_model::under_test::{codex_under_test, fake_codex};

use crate::support::{Real, collect, folder, next_text, real_with_binary, request};

/// Where a script can be that is found by this name.
fn script_at(folder: &Path, name: &str) -> PathBuf {
    folder.join(if cfg!(windows) { format!("{name}.cmd") } else { name.to_owned() })
}

/// Writes an executable script, as codex's installers do.
fn write_program(path: &Path, script: &str) {
    let script = match cfg!(windows) {
        true => format!("@echo off\r\n{script}\r\n"),
        false => format!("#!/bin/sh\n{script}\n"),
    };
    std::fs::write(path, script).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

/// A script that runs this program.
fn script_of(program: &Path) -> String {
    let program = program.display();
    if cfg!(windows) { format!("\"{program}\" %*") } else { format!("exec '{program}' \"$@\"") }
}

/// A script that runs fake-codex with this version.
fn fake_script(version: &str) -> String {
    let set = if cfg!(windows) {
        format!("set FAKE_CODEX=version={version}\r\n")
    } else {
        format!("export FAKE_CODEX=version={version}\n")
    };
    set + &script_of(&fake_codex())
}

/// Replaces a program atomically, like installers do.
fn replace(path: &Path, script: &str) {
    let next = path.with_extension("next");
    write_program(&next, script);
    std::fs::rename(&next, path).unwrap();
}

/// Releases the held model, once it is held.
async fn release(real: &Real) {
    let held = |event: &sample_model::Event| matches!(event, sample_model::Event::Held { .. });
    assert!(real.model.wait_for(held, crate::support::TIMEOUT).await.is_some());
    real.model.release();
}

fn version(codex: &Codex) -> String {
    match &*codex.status().borrow() {
        Status::Ready(readiness) => readiness.version.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn update_is_used_from_the_next_turn_while_the_running_turn_finishes() {
    let folder = folder();
    let path = script_at(folder.path(), "codex");
    write_program(&path, &script_of(&codex_under_test()));
    let real = real_with_binary(&path).await;
    let mut running = real.agent.turn(real.request(ThreadKind::Agent, "[[words=2 hold=1]]")).await.unwrap();
    next_text(&mut running).await;
    replace(&path, &fake_script("9.0.0"));
    let second = real.run(real.request(ThreadKind::Agent, "hi")).await;
    assert_eq!((second.text().as_str(), version(&real.agent).as_str()), ("Hello from fake", "9.0.0"));
    release(&real).await;
    collect(running).await.expect_success();
}

// Unix only: Windows may refuse links.
#[cfg(unix)]
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn retargeted_link_counts_as_an_update() {
    use std::os::unix::fs::symlink;
    let folder = folder();
    let at = |name: &str| -> PathBuf { folder.path().join(name) };
    write_program(&at("1"), &fake_script("1.0.0"));
    write_program(&at("2"), &fake_script("2.0.0"));
    symlink(at("1"), at("codex")).unwrap();
    let real = real_with_binary(&at("codex")).await;
    let turn = || request(ThreadKind::Agent, real.workspace.clone(), "hi");
    real.run(turn()).await.expect_success();
    assert_eq!(version(&real.agent), "1.0.0");
    symlink(at("2"), at("next")).unwrap();
    std::fs::rename(at("next"), at("codex")).unwrap();
    real.run(turn()).await.expect_success();
    assert_eq!(version(&real.agent), "2.0.0");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn incomplete_update_keeps_the_old_process() {
    let folder = folder();
    let path = script_at(folder.path(), "codex");
    write_program(&path, &fake_script("1.0.0"));
    let real = real_with_binary(&path).await;
    let turn = || request(ThreadKind::Agent, real.workspace.clone(), "hi");
    real.run(turn()).await.expect_success();
    std::fs::remove_file(&path).unwrap();
    real.run(turn()).await.expect_success();
    write_program(&path, "exit 1");
    real.run(turn()).await.expect_success();
    assert_eq!(version(&real.agent), "1.0.0");
    replace(&path, &fake_script("2.0.0"));
    real.run(turn()).await.expect_success();
    assert_eq!(version(&real.agent), "2.0.0");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_new_path_is_used_from_the_next_turn_while_the_running_turn_finishes() {
    let folder = folder();
    let other = script_at(folder.path(), "other");
    write_program(&other, &fake_script("9.0.0"));
    let real = real_with_binary(&codex_under_test()).await;
    let mut running = real.agent.turn(real.request(ThreadKind::Agent, "[[words=2 hold=1]]")).await.unwrap();
    next_text(&mut running).await;
    real.agent.set_path(Some(&folder.path().join("gone")));
    let error = real.agent.ready().await.unwrap_err();
    assert!(matches!(error, codex_client::CodexError::BadPath { .. }), "{error:?}");
    real.agent.set_path(Some(&other));
    let second = real.run(real.request(ThreadKind::Agent, "hi")).await;
    assert_eq!((second.text().as_str(), version(&real.agent).as_str()), ("Hello from fake", "9.0.0"));
    release(&real).await;
    collect(running).await.expect_success();
}
