//! Faults of codex as a process: suspended, too large, hanging in the handshake, or without its binary.

#[cfg(unix)]
use std::process::Command;
use std::time::Duration;

use codex_client::{CodexError, Status, ThreadKind, TurnEvent};

use crate::support::{TIMEOUT, fake, fake_with_binary, in_passing_time, next_text, request};

// Unix only: Windows has no signals, so nothing suspends a process.
#[cfg(unix)]
fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

// Unix only: Windows has no signals, so nothing suspends a process.
#[cfg(unix)]
#[tokio::test]
async fn codex_suspended_mid_turn_is_replaced() {
    let fake = fake("hang-after-delta=1");
    // An agent, because prewarming threads for a plain model would notice it too.
    let agent = request(ThreadKind::Agent, fake.folder.path().to_owned(), "hi");
    let mut turns = Vec::new();
    for _ in 0..2 {
        let mut turn = fake.codex.turn(agent.clone()).await.unwrap();
        assert_eq!(next_text(&mut turn).await, "Hello");
        turns.push(turn);
    }
    signal("-STOP", fake.pids()[0]);
    // Nothing from the suspended codex can be awaited, so its timeouts may expire at once.
    tokio::time::pause();
    for mut turn in turns {
        let mut last = None;
        // Before the memory check, which might notice it too.
        let end = async {
            while let Some(event) = turn.next().await {
                last = Some(event);
            }
        };
        tokio::time::timeout(Duration::from_secs(50), end).await.unwrap();
        assert!(matches!(last, Some(TurnEvent::Ended(Err(CodexError::Disconnected)))), "{last:?}");
    }
    tokio::time::resume();
    let mut turn = fake.codex.turn(agent).await.unwrap();
    assert_eq!(next_text(&mut turn).await, "Hello");
    assert_eq!(fake.pids().len(), 2);
}

// Unix only: Windows has no signals, so nothing suspends a process.
#[cfg(unix)]
#[tokio::test]
async fn codex_suspended_before_the_first_word_is_replaced_as_soon_as_one_suspended_after_it() {
    let fake = fake("");
    fake.codex.ready().await.unwrap();
    signal("-STOP", fake.pids()[0]);
    let agent = request(ThreadKind::Agent, fake.folder.path().to_owned(), "hi");
    let mut turn = fake.codex.turn(agent.clone()).await.unwrap();
    tokio::time::pause();
    // As above.
    let end = tokio::time::timeout(Duration::from_secs(50), async {
        let mut last = None;
        while let Some(event) = turn.next().await {
            last = Some(event);
        }
        last
    });
    let last = end.await.unwrap();
    assert!(matches!(last, Some(TurnEvent::Ended(Err(CodexError::Disconnected)))), "{last:?}");
    tokio::time::resume();
    let mut turn = fake.codex.turn(agent).await.unwrap();
    assert_eq!(next_text(&mut turn).await, "Hello");
    assert_eq!(fake.pids().len(), 2);
}

#[tokio::test]
async fn hanging_handshake_times_out_for_every_caller() {
    let fake = fake("hang-on=initialize");
    let both = async { tokio::join!(fake.codex.ready(), fake.codex.ready()) };
    let (one, two) = in_passing_time(both).await;
    for outcome in [one, two] {
        assert!(matches!(outcome, Err(CodexError::NoAnswer { method: "initialize", .. })), "{outcome:?}");
    }
    fake.codex.shutdown().await;
}

#[tokio::test]
async fn codex_that_uses_too_much_memory_is_replaced_between_turns() {
    let fake = fake("resident=3000000000");
    assert_eq!(fake.ask("hi").await.text(), "Hello from fake");
    let mut status = fake.codex.status();
    // Its memory is checked a minute later.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    let idle = status.wait_for(|status| matches!(status, Status::Idle));
    tokio::time::timeout(TIMEOUT, idle).await.unwrap().unwrap();
    assert_eq!(fake.ask("hi").await.text(), "Hello from fake");
    assert_eq!(fake.pids().len(), 2);
}

#[tokio::test]
async fn hanging_memory_check_does_not_delay_shutdown() {
    let fake = fake("hang-on=server/diagnostics");
    assert_eq!(fake.ask("hi").await.text(), "Hello from fake");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    // The check runs now.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    tokio::time::resume();
    // The check itself would time out after 20 s.
    tokio::time::timeout(Duration::from_secs(15), fake.codex.shutdown()).await.unwrap();
}

#[tokio::test]
async fn codex_keeps_running_without_its_binary_and_the_next_start_fails() {
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join(format!("codex{}", std::env::consts::EXE_SUFFIX));
    std::fs::copy(sample_model::under_test::fake_codex(), &binary).unwrap();
    let fake = fake_with_binary(&binary, "crash-after-delta=1 crash-once={folder}/later");
    std::fs::write(fake.folder.path().join("later"), "").unwrap();
    assert_eq!(fake.ask("hi").await.text(), "Hello from fake");
    // Windows does not delete a program that runs, but it renames it, as installers do.
    std::fs::rename(&binary, binary.with_extension("old")).unwrap();
    assert_eq!(fake.ask("hi").await.text(), "Hello from fake");
    std::fs::remove_file(fake.folder.path().join("later")).unwrap();
    assert!(matches!(fake.ask("hi").await.error(), CodexError::Disconnected));
    let error = fake.codex.ready().await.unwrap_err();
    assert!(matches!(error, CodexError::BadPath { .. }), "{error:?}");
    assert_eq!(fake.pids().len(), 1);
}
