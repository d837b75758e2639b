//! Processes: started on first use, and gone together with their children.

use std::fs::{File, TryLockError};
use std::path::Path;

use codex_client::{CodexError, Status};

use crate::support::{eventually, fake, folder, real};

#[tokio::test]
async fn codex_is_started_on_first_use() {
    let fake = fake("");
    assert!(matches!(*fake.codex.status().borrow(), Status::Idle));
    assert!(fake.pids().is_empty());
    fake.codex.ready().await.unwrap();
    assert!(matches!(*fake.codex.status().borrow(), Status::Ready(_)));
}

#[tokio::test]
async fn concurrent_callers_share_the_starting_process() {
    let fake = fake("late=initialize:200");
    let (a, b) = tokio::join!(fake.ask("hi"), fake.ask("hi"));
    assert_eq!((a.text(), b.text()), ("Hello from fake".into(), "Hello from fake".into()));
    assert_eq!(fake.pids().len(), 1);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn codex_starts_although_its_folder_and_the_working_folder_are_gone() {
    let real = real().await;
    std::fs::remove_dir_all(&real.workspace).unwrap();
    real.ask("[[words=1]]").await.expect_success();
    real.codex.shutdown().await;
}

/// Whether a child of fake-codex runs, which holds this lock.
fn runs(lock: &Path) -> bool {
    File::open(lock).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

#[tokio::test]
async fn children_of_codex_end_with_it() {
    for (directives, prompt) in
        [("ignore-eof", None), ("crash-on=turn/start", Some("hi")), ("old=0.44", Some("hi"))]
    {
        for dropped in [false, true] {
            let folder = folder();
            let lock = folder.path().join("lock");
            let fake = fake(&format!("{directives} locking-child={}", lock.display()));
            fake.codex.ready().await.unwrap();
            eventually("the child runs", || runs(&lock)).await;
            if let Some(prompt) = prompt {
                fake.ask(prompt).await;
            }
            if dropped {
                drop(fake);
            } else {
                fake.codex.shutdown().await;
            }
            eventually("the child has ended", || !runs(&lock)).await;
        }
    }
}

// Linux only: reads process groups from /proc.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn shutdown_kills_the_whole_process_group() {
    let fake = fake("spawn-child ignore-eof");
    fake.codex.ready().await.unwrap();
    let group = fake.pids()[0];
    assert!(members(group).len() >= 3, "codex, its child and the guard: {:?}", members(group));
    fake.codex.shutdown().await;
    eventually("the group is gone", || members(group).is_empty()).await;
    assert!(matches!(fake.ask("hi").await.error(), CodexError::ShuttingDown));
}

// Linux only: reads process groups from /proc.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn exec_process_is_killed_with_its_group() {
    let fake = fake("old=0.44 spawn-child");
    assert_eq!(fake.ask("hi").await.text(), "Hello from fake");
    let group = fake.pids()[1];
    eventually("the group is gone", || members(group).is_empty()).await;
    assert!(!members(fake.pids()[0]).is_empty(), "the app-server keeps running");
}

#[tokio::test]
async fn concurrent_exec_turns_queue_for_a_process() {
    let fake = fake("old=0.44");
    let turns = (0..12).map(|_| fake.ask("hi"));
    for output in futures_util::future::join_all(turns).await {
        assert_eq!(output.text(), "Hello from fake");
    }
}

// Linux only: reads process groups from /proc.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn dropping_the_last_handle_stops_codex() {
    let fake = fake("spawn-child ignore-eof");
    fake.codex.ready().await.unwrap();
    let group = fake.pids()[0];
    drop(fake);
    eventually("the group is gone", || members(group).is_empty()).await;
}

// Linux only: reads process groups from /proc.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn crash_of_codex_kills_its_children() {
    let fake = fake("spawn-child crash-on=turn/start");
    assert!(matches!(fake.ask("hi").await.error(), CodexError::Disconnected));
    let group = fake.pids()[0];
    eventually("the group is gone", || members(group).is_empty()).await;
}

/// The ids of a group's living processes.
#[cfg(target_os = "linux")]
fn members(group: u32) -> Vec<u32> {
    let mut members = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        // The name may contain spaces and parentheses; after the last one come state, parent and group.
        let Some((_, rest)) = stat.rsplit_once(')') else { continue };
        let fields: Vec<&str> = rest.split_whitespace().collect();
        if fields[0] != "Z" && fields[2] == group.to_string() {
            members.push(pid);
        }
    }
    members
}
