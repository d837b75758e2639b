//! Misbehaviour of codex, on command.

use codex_client::{CodexError, Content, FailureKind, Item, ItemEvent, Role, ThreadKind, Tool};

use crate::support::{fake, request};

#[tokio::test]
async fn fake_turn_runs() {
    let output = fake("").ask("hi").await;
    assert_eq!(output.texts, ["Hello", " from", " fake"]);
    assert!(output.expect_success().usage.is_some());
}

#[tokio::test]
async fn crash_mid_turn_is_an_error_and_the_next_turn_works() {
    let fake = fake("crash-after-delta=1 crash-once={folder}/crashed");
    let output = fake.ask("hi").await;
    assert_eq!(output.texts, ["Hello"]);
    assert!(matches!(output.error(), CodexError::Disconnected), "{output:?}");
    assert_eq!(fake.ask("hi").await.text(), "Hello from fake");
    assert_eq!(fake.pids().len(), 2);
}

#[tokio::test]
async fn crash_fails_every_running_turn() {
    let fake = fake("crash-after-delta=1 crash-once={folder}/crashed hang-on=thread/inject_items");
    let mut waiting =
        crate::support::request(codex_client::ThreadKind::Plain, fake.folder.path().to_owned(), "hi");
    waiting.items.insert(0, crate::support::message(codex_client::Role::User, "earlier"));
    let waiting = fake.codex.turn(waiting).await.unwrap();
    assert!(matches!(fake.ask("hi").await.error(), CodexError::Disconnected));
    assert!(matches!(crate::support::collect(waiting).await.error(), CodexError::Disconnected));
}

#[tokio::test]
async fn codex_that_crashes_on_startup_is_restarted_with_backoff() {
    let fake = fake("crash-on=initialize");
    for _ in 0..6 {
        assert!(matches!(fake.ask("hi").await.error(), CodexError::StartFailed { .. }));
    }
    // Two immediately, and more on a slow machine, where the first delays may have passed.
    assert!((2..=4).contains(&fake.pids().len()), "{:?}", fake.pids());
}

#[tokio::test]
async fn invalid_lines_are_ignored() {
    assert_eq!(fake("nonsense").ask("hi").await.text(), "Hello from fake");
}

#[tokio::test]
async fn two_megabyte_line_arrives_complete() {
    let output = fake("big-delta=2000000").ask("hi").await;
    assert_eq!(output.text().len(), 2_000_000);
    output.expect_success();
}

#[tokio::test]
async fn late_answer_is_awaited() {
    assert_eq!(fake("late=turn/start:300").ask("hi").await.text(), "Hello from fake");
}

#[tokio::test]
async fn flood_on_stderr_does_not_block() {
    assert_eq!(fake("stderr-flood=3000000").ask("hi").await.text(), "Hello from fake");
}

// Unix only: fake-codex cannot close its own stdout on Windows without unsafe code.
#[cfg(unix)]
#[tokio::test]
async fn closed_stdout_counts_as_disconnect() {
    let fake = fake("close-stdout-on=turn/start");
    assert!(matches!(fake.ask("hi").await.error(), CodexError::Disconnected));
}

#[tokio::test]
async fn every_codex_request_is_answered_and_approvals_are_declined() {
    for (method, answer, declined) in [
        ("item/commandExecution/requestApproval", "decline", true),
        ("item/fileChange/requestApproval", "decline", true),
        ("item/permissions/requestApproval", "permissions", true),
        ("item/tool/requestUserInput", "answers", true),
        ("mcpServer/elicitation/request", "decline", true),
        ("applyPatchApproval", "abort", true),
        ("execCommandApproval", "abort", true),
        ("item/tool/call", "\"success\":false", false),
        ("currentTime/read", "not supported", false),
        ("some/unknown", "not supported", false),
    ] {
        let output = fake(&format!("ask={method}")).ask("hi").await;
        assert!(output.text().contains(answer), "{method}: {}", output.text());
        let reported = output.items.iter().any(|item| matches!(item, ItemEvent::Declined { .. }));
        assert_eq!(reported, declined, "{method}");
    }
}

#[tokio::test]
async fn old_codex_answers_without_streaming() {
    for (version, blocks) in [("0.44", 1), ("0.60", 1), ("0.80", 3)] {
        let output = fake(&format!("old={version}")).ask("hi").await;
        assert_eq!((output.text().as_str(), output.texts.len()), ("Hello from fake", blocks), "{version}");
        assert!(output.expect_success().usage.is_some(), "{version}");
    }
}

#[tokio::test]
async fn unsupported_request_names_codexs_version_and_the_required_one() {
    let tool = Tool { name: "a".into(), description: String::new(), schema: "{}".into() };
    let image = Content::Image { url: "data:image/png;base64,AA==".into(), detail: None };
    for (version, since) in [("0.44", "0.100"), ("0.80", "0.100"), ("0.60", "0.80")] {
        let fake = fake(&format!("old={version}"));
        let mut request = request(ThreadKind::Plain, fake.folder.path().to_owned(), "hi");
        if since == "0.100" {
            request.profile.tools = [tool.clone()].into();
        } else {
            request.items.insert(0, Item::Message { role: Role::User, content: vec![image.clone()] });
        }
        match fake.codex.turn(request).await {
            Err(CodexError::CannotDo { version: named, since: update, .. }) => {
                assert!(named.starts_with(version) && update == since, "{version}: {named} {update}");
            }
            other => panic!("{version}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn failed_exec_turn_reports_its_reason() {
    let output = fake("old=0.44 error=other").ask("hi").await;
    assert!(matches!(output.error(), CodexError::Turn(_)), "{output:?}");
}

#[tokio::test]
async fn missing_account_error_explains_how_to_sign_in() {
    let fake = fake("not-signed-in");
    let error = fake.ask("hi").await;
    assert!(matches!(error.error(), CodexError::NotSignedIn));
    assert!(error.error().to_string().contains("not signed in"));
}

#[tokio::test]
async fn failed_turn_and_its_retries_are_reported() {
    let output = fake("error=serverOverloaded retrying=2").ask("hi").await;
    assert_eq!(output.retries, 2);
    match output.error() {
        CodexError::Turn(failure) => assert_eq!(failure.kind, FailureKind::Overloaded),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn hanging_turn_can_be_dropped() {
    let fake = fake("hang-after-delta=1");
    for _ in 0..3 {
        let request =
            crate::support::request(codex_client::ThreadKind::Plain, fake.folder.path().to_owned(), "hi");
        let mut turn = fake.codex.turn(request).await.unwrap();
        assert_eq!(crate::support::next_text(&mut turn).await, "Hello");
    }
    assert_eq!(fake.pids().len(), 1);
}
