//! What codex does wrong, on command.

use codex_client::{CodexError, Content, FailureKind, Item, ItemEvent, Role, ThreadKind, Tool};

use crate::support::{fake, request};

#[tokio::test]
async fn a_fake_turn_runs() {
    let output = fake("").ask("hi").await;
    assert_eq!(output.texts, ["Hello", " from", " fake"]);
    assert!(output.expect_success().usage.is_some());
}

#[tokio::test]
async fn a_crash_in_the_middle_is_said_and_the_next_turn_works() {
    let fake = fake("crash-after-delta=1 crash-once={folder}/crashed");
    let output = fake.ask("hi").await;
    assert_eq!(output.texts, ["Hello"]);
    assert!(matches!(output.error(), CodexError::Disconnected), "{output:?}");
    assert_eq!(fake.ask("hi").await.text(), "Hello from fake");
    assert_eq!(fake.pids().len(), 2);
}

#[tokio::test]
async fn every_turn_hears_of_a_crash() {
    let fake = fake("crash-after-delta=1 crash-once={folder}/crashed hang-on=thread/inject_items");
    let mut waiting =
        crate::support::request(codex_client::ThreadKind::Plain, fake.folder.path().to_owned(), "hi");
    waiting.items.insert(0, crate::support::message(codex_client::Role::User, "earlier"));
    let waiting = fake.codex.turn(waiting).await.unwrap();
    assert!(matches!(fake.ask("hi").await.error(), CodexError::Disconnected));
    assert!(matches!(crate::support::collect(waiting).await.error(), CodexError::Disconnected));
}

#[tokio::test]
async fn a_codex_that_crashes_at_its_start_is_not_started_over_and_over() {
    let fake = fake("crash-on=initialize");
    for _ in 0..6 {
        assert!(matches!(fake.ask("hi").await.error(), CodexError::StartFailed { .. }));
    }
    // Two at once, and perhaps a third when the machine is slow enough for the first pause to have passed.
    assert!((2..=4).contains(&fake.pids().len()), "{:?}", fake.pids());
}

#[tokio::test]
async fn nonsense_between_the_lines_changes_nothing() {
    assert_eq!(fake("nonsense").ask("hi").await.text(), "Hello from fake");
}

#[tokio::test]
async fn a_line_of_two_megabytes_arrives_whole() {
    let output = fake("big-delta=2000000").ask("hi").await;
    assert_eq!(output.text().len(), 2_000_000);
    output.expect_success();
}

#[tokio::test]
async fn a_late_answer_is_waited_for() {
    assert_eq!(fake("late=turn/start:300").ask("hi").await.text(), "Hello from fake");
}

#[tokio::test]
async fn a_flood_on_stderr_blocks_nothing() {
    assert_eq!(fake("stderr-flood=3000000").ask("hi").await.text(), "Hello from fake");
}

#[tokio::test]
async fn a_closed_stdout_is_a_codex_that_is_gone() {
    let fake = fake("close-stdout-on=turn/start");
    assert!(matches!(fake.ask("hi").await.error(), CodexError::Disconnected));
}

#[tokio::test]
async fn every_request_of_codex_is_answered_and_consent_is_declined() {
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
        let told = output.items.iter().any(|item| matches!(item, ItemEvent::Declined { .. }));
        assert_eq!(told, declined, "{method}");
    }
}

#[tokio::test]
async fn an_old_codex_answers_too_if_not_word_by_word() {
    for (version, blocks) in [("0.44", 1), ("0.60", 1), ("0.80", 3)] {
        let output = fake(&format!("old={version}")).ask("hi").await;
        assert_eq!((output.text().as_str(), output.texts.len()), ("Hello from fake", blocks), "{version}");
        assert!(output.expect_success().usage.is_some(), "{version}");
    }
}

#[tokio::test]
async fn what_an_old_codex_cannot_do_is_refused_with_its_version_and_the_one_to_update_to() {
    let tool = Tool { name: "a".into(), description: String::new(), schema: "{}".into() };
    let picture = Content::Image { url: "data:image/png;base64,AA==".into(), detail: None };
    for (version, since) in [("0.44", "0.100"), ("0.80", "0.100"), ("0.60", "0.80")] {
        let fake = fake(&format!("old={version}"));
        let mut request = request(ThreadKind::Plain, fake.folder.path().to_owned(), "hi");
        if since == "0.100" {
            request.profile.tools = [tool.clone()].into();
        } else {
            request.items.insert(0, Item::Message { role: Role::User, content: vec![picture.clone()] });
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
async fn a_failed_process_of_a_turn_says_why() {
    let output = fake("old=0.44 error=other").ask("hi").await;
    assert!(matches!(output.error(), CodexError::Turn(_)), "{output:?}");
}

#[tokio::test]
async fn a_codex_without_an_account_says_how_to_sign_in() {
    let fake = fake("not-signed-in");
    let error = fake.ask("hi").await;
    assert!(matches!(error.error(), CodexError::NotSignedIn));
    assert!(error.error().to_string().contains("codex login"));
}

#[tokio::test]
async fn a_failed_turn_and_its_retries_are_told() {
    let output = fake("error=serverOverloaded retrying=2").ask("hi").await;
    assert_eq!(output.retries, 2);
    match output.error() {
        CodexError::Turn(failure) => assert_eq!(failure.kind, FailureKind::Overloaded),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_turn_that_hangs_can_be_dropped() {
    let fake = fake("hang-after-delta=1");
    for _ in 0..3 {
        let request =
            crate::support::request(codex_client::ThreadKind::Plain, fake.folder.path().to_owned(), "hi");
        let mut turn = fake.codex.turn(request).await.unwrap();
        assert_eq!(crate::support::next_text(&mut turn).await, "Hello");
    }
    assert_eq!(fake.pids().len(), 1);
}
