//! Faults that can be seen from outside only: a codex that is stopped, grows, never greets, or loses its binary.

use std::process::Command;
use std::time::Duration;

use codex_client::{CodexError, Status, ThreadKind, TurnEvent};

use crate::support::{TIMEOUT, fake, fake_with_binary, next_text, request};

#[cfg(unix)]
fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

#[cfg(unix)]
#[tokio::test]
async fn a_codex_that_is_stopped_in_the_middle_of_a_turn_is_replaced() {
    let fake = fake("hang-after-delta=1");
    // For plain ones threads are started ahead, which would notice it as well.
    let wanted = request(ThreadKind::Agent, fake.folder.path().to_owned(), "hi");
    let mut turns = Vec::new();
    for _ in 0..2 {
        let mut turn = fake.codex.turn(wanted.clone()).await.unwrap();
        assert_eq!(next_text(&mut turn).await, "Hello");
        turns.push(turn);
    }
    signal("-STOP", fake.pids()[0]);
    // Nothing of the stopped codex can be awaited, so its time-outs may pass at once.
    tokio::time::pause();
    for mut turn in turns {
        let mut last = None;
        // Sooner than codex is weighed, which notices it too, if not always.
        let end = async {
            while let Some(event) = turn.next().await {
                last = Some(event);
            }
        };
        tokio::time::timeout(Duration::from_secs(50), end).await.unwrap();
        assert!(matches!(last, Some(TurnEvent::Ended(Err(CodexError::Disconnected)))), "{last:?}");
    }
    tokio::time::resume();
    let mut turn = fake.codex.turn(wanted).await.unwrap();
    assert_eq!(next_text(&mut turn).await, "Hello");
    assert_eq!(fake.pids().len(), 2);
}

#[tokio::test]
async fn a_codex_that_never_greets_is_given_up_and_not_waited_for_by_anybody() {
    let fake = fake("hang-on=initialize");
    tokio::time::pause();
    let (one, two) = tokio::join!(fake.codex.ready(), fake.codex.ready());
    for outcome in [one, two] {
        assert!(matches!(outcome, Err(CodexError::NoAnswer { method: "initialize", .. })), "{outcome:?}");
    }
    tokio::time::resume();
    fake.codex.shutdown().await;
}

#[tokio::test]
async fn a_codex_that_has_grown_too_large_is_replaced_between_turns() {
    let fake = fake("resident=3000000000");
    assert_eq!(fake.ask("hi").await.text(), "Hello from fake");
    let mut status = fake.codex.status();
    // A minute later it is weighed.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    let idle = status.wait_for(|status| matches!(status, Status::Idle));
    tokio::time::timeout(TIMEOUT, idle).await.unwrap().unwrap();
    assert_eq!(fake.ask("hi").await.text(), "Hello from fake");
    assert_eq!(fake.pids().len(), 2);
}

#[tokio::test]
async fn a_codex_that_does_not_say_what_it_weighs_does_not_hold_up_the_end() {
    let fake = fake("hang-on=server/diagnostics");
    assert_eq!(fake.ask("hi").await.text(), "Hello from fake");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    // It is asked now.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    tokio::time::resume();
    // By itself it would be given up after 20 s.
    tokio::time::timeout(Duration::from_secs(15), fake.codex.shutdown()).await.unwrap();
}

#[tokio::test]
async fn a_codex_whose_binary_is_gone_goes_on_and_the_next_start_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join(format!("codex{}", std::env::consts::EXE_SUFFIX));
    std::fs::copy(sample_model::under_test::fake_codex(), &binary).unwrap();
    let fake = fake_with_binary(&binary, "crash-after-delta=1 crash-once={folder}/later");
    std::fs::write(fake.folder.path().join("later"), "").unwrap();
    assert_eq!(fake.ask("hi").await.text(), "Hello from fake");
    std::fs::remove_file(&binary).unwrap();
    assert_eq!(fake.ask("hi").await.text(), "Hello from fake");
    std::fs::remove_file(fake.folder.path().join("later")).unwrap();
    assert!(matches!(fake.ask("hi").await.error(), CodexError::Disconnected));
    let error = fake.codex.ready().await.unwrap_err();
    assert!(matches!(error, CodexError::BadPath { .. }), "{error:?}");
    assert_eq!(fake.pids().len(), 1);
}
