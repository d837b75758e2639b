//! Turns that ask before they leave the sandbox, on the real codex.

use std::collections::BTreeMap;

use codex_client::{
    Ask, Decision, FileDiffKind, FormInput, ItemEvent, Question, SandboxMode, ThreadKind, Turn, TurnEvent,
    TurnRequest,
};

use sample_model::{not_under_wine, under_test};

use crate::support::{Real, TurnOutput, collect, eventually, next, real, real_with_config};

fn asking(real: &Real, prompt: &str) -> TurnRequest {
    let mut request = real.request(ThreadKind::Agent, prompt);
    request.profile.ask = true;
    request
}

async fn start(real: &Real, prompt: &str) -> Turn {
    real.agent.turn(asking(real, prompt)).await.unwrap()
}

/// The next question.
async fn asked(turn: &mut Turn) -> Ask {
    loop {
        match next(turn).await {
            Some(TurnEvent::Asked(ask)) => return ask,
            Some(TurnEvent::Ended(end)) => panic!("ended without a question: {end:?}"),
            Some(_) => {}
            None => panic!("no question"),
        }
    }
}

/// Answers the first question of a turn, and runs it to its end.
async fn decide(real: &Real, prompt: &str, decision: Decision) -> (Question, TurnOutput) {
    let mut turn = start(real, prompt).await;
    let ask = asked(&mut turn).await;
    let question = ask.question.clone();
    assert!(ask.answer(decision));
    (question, collect(turn).await)
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn allowed_command_runs_outside_the_sandbox() {
    not_under_wine!("Wine has no PowerShell");
    let real = real().await;
    let prompt = r#"[[escalate="mkdir here" why="May I create a folder?"]]"#;
    let mut turn = start(&real, prompt).await;
    let ask = asked(&mut turn).await;
    assert!(turn.idle_since().is_none(), "a turn that waits for a person is not idle");
    assert_eq!(ask.reason.as_deref(), Some("May I create a folder?"));
    let Question::Command { command, argv, folder, escalates, extra_permissions, network } =
        ask.question.clone()
    else {
        panic!("{ask:?}")
    };
    // PowerShell on Windows.
    let option = if cfg!(windows) { "-Command" } else { "-lc" };
    assert!(command.ends_with(&format!(" {option} 'mkdir here'")), "{command}");
    assert_eq!(argv[argv.len() - 2..], [option, "mkdir here"]);
    assert_eq!((folder, escalates), (real.workspace.clone(), true));
    assert_eq!((extra_permissions, network), (None, None));
    assert!(!real.workspace.join("here").exists());
    assert!(ask.answer(Decision::Accept));
    collect(turn).await.expect_success();
    assert!(real.workspace.join("here").exists());
    // Nothing is remembered in the user's home.
    assert!(!real.home.path().join(".codex/rules").exists());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn declined_command_does_not_run_and_the_answer_goes_on() {
    let real = real().await;
    let (_, output) = decide(&real, r#"[[escalate="mkdir here"]]"#, Decision::Decline).await;
    output.expect_success();
    assert!(output.text().contains("rejected by user"), "{}", output.text());
    assert!(!real.workspace.join("here").exists());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn cancelled_question_ends_the_turn() {
    let real = real().await;
    for prompt in
        [r#"[[escalate="mkdir here"]]"#, "[[permission=network]]", r#"[[question="Which?|Red|Blue"]]"#]
    {
        let (_, output) = decide(&real, prompt, Decision::Cancel).await;
        assert!(output.expect_success().interrupted, "{prompt}: {output:?}");
        assert_eq!(output.text(), "", "{prompt}");
    }
    assert!(!real.workspace.join("here").exists());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn dropped_question_is_declined_and_reported() {
    let real = real().await;
    let mut turn = start(&real, r#"[[escalate="mkdir here"]]"#).await;
    drop(asked(&mut turn).await);
    let output = collect(turn).await;
    assert!(output.text().contains("rejected by user"), "{}", output.text());
    assert!(output.items.contains(&ItemEvent::Declined { what: "running a command" }), "{:?}", output.items);
    assert!(!real.workspace.join("here").exists());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn question_of_a_dropped_turn_is_closed_and_nothing_runs() {
    let real = real().await;
    let mut turn = start(&real, r#"[[escalate="mkdir here"]]"#).await;
    let ask = asked(&mut turn).await;
    drop(turn);
    tokio::time::timeout(crate::support::TIMEOUT, ask.closed()).await.expect("it still waits");
    assert!(!ask.answer(Decision::Accept));
    // The same codex goes on, and runs nothing of it.
    let output = real.run(real.request(ThreadKind::Agent, "[[say=\"still here\"]]")).await;
    assert_eq!(output.text(), "still here");
    assert!(!real.workspace.join("here").exists());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn question_is_closed_when_codex_is_gone() {
    let real = real().await;
    let mut turn = start(&real, r#"[[escalate="mkdir here"]]"#).await;
    let ask = asked(&mut turn).await;
    real.agent.shutdown().await;
    ask.closed().await;
    assert!(!ask.answer(Decision::Accept));
    assert!(collect(turn).await.end.unwrap().is_err());
    assert!(!real.workspace.join("here").exists());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn two_questions_wait_at_once_and_each_has_its_own_answer() {
    not_under_wine!("Wine has no PowerShell");
    let real = real().await;
    let mut turn = start(&real, r#"[[escalate="mkdir one" escalate="mkdir two"]]"#).await;
    // codex starts both at once, in any order.
    let asks = [asked(&mut turn).await, asked(&mut turn).await];
    let is_second = |ask: &Ask| format!("{:?}", ask.question).contains("mkdir two");
    let (second, first): (Vec<Ask>, Vec<Ask>) = asks.into_iter().partition(is_second);
    assert!(second.into_iter().all(|ask| ask.answer(Decision::Accept)));
    eventually("the second command to run", || real.workspace.join("two").exists()).await;
    assert!(first.into_iter().all(|ask| ask.answer(Decision::Decline)));
    collect(turn).await.expect_success();
    assert!(!real.workspace.join("one").exists());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn file_change_shows_its_diff_and_is_applied_only_when_allowed() {
    let real = real().await;
    for (decision, applied) in [(Decision::Decline, false), (Decision::Accept, true)] {
        let (question, output) = decide(&real, r#"[[patch="note.txt:hello"]]"#, decision).await;
        let Question::FileChange { changes, grant_root: None } = question else { panic!("{question:?}") };
        assert_eq!(changes.len(), 1);
        assert_eq!((&changes[0].kind, changes[0].diff.as_str()), (&FileDiffKind::Add, "hello\n"));
        assert!(changes[0].path.ends_with("note.txt"), "{}", changes[0].path);
        output.expect_success();
        assert_eq!(real.workspace.join("note.txt").exists(), applied);
    }
    std::fs::write(real.workspace.join("old.txt"), "one\n").unwrap();
    let patch = "*** Begin Patch\n*** Update File: old.txt\n*** Move to: new.txt\n@@\n-one\n+two\n*** Delete File: note.txt\n*** End Patch\n";
    let prompt = format!("[[patch={}]]", serde_json::to_string(patch).unwrap());
    let (question, _) = decide(&real, &prompt, Decision::Accept).await;
    let Question::FileChange { changes, .. } = question else { panic!("{question:?}") };
    let kinds: Vec<&FileDiffKind> = changes.iter().map(|change| &change.kind).collect();
    assert!(
        matches!(kinds[..], [FileDiffKind::Rename { to }, FileDiffKind::Delete] | [FileDiffKind::Delete, FileDiffKind::Rename { to }] if to.ends_with("new.txt")),
        "{changes:?}"
    );
    assert!(changes.iter().any(|change| change.diff.contains("-one") && change.diff.contains("+two")));
    assert_eq!(std::fs::read_to_string(real.workspace.join("new.txt")).unwrap(), "two\n");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn granted_permission_lets_the_commands_of_the_turn_write_and_a_declined_one_does_not() {
    not_under_wine!("Wine has no PowerShell");
    let real = real().await;
    let folder = real.workspace.display().to_string();
    let permission = serde_json::to_string(&format!("write:{folder}")).unwrap();
    let prompt = format!(r#"[[permission={permission} why="to build" then shell="mkdir here"]]"#);
    for (decision, written) in [(Decision::Decline, false), (Decision::Accept, true)] {
        let (question, output) = decide(&real, &prompt, decision).await;
        assert_eq!(
            question,
            Question::Permissions { wants: vec![format!("Change {folder}")], folder: real.workspace.clone() }
        );
        output.expect_success();
        assert_eq!(real.workspace.join("here").exists(), written);
    }
    // Nor does it outlive its turn.
    std::fs::remove_dir(real.workspace.join("here")).unwrap();
    real.run(asking(&real, r#"[[shell="mkdir here"]]"#)).await.expect_success();
    assert!(!real.workspace.join("here").exists());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn command_with_more_permissions_names_them() {
    not_under_wine!("Wine has no PowerShell");
    let real = real().await;
    let folder = real.workspace.display().to_string();
    let arguments = serde_json::json!({"cmd": "mkdir here", "sandbox_permissions": "with_additional_permissions",
        "additional_permissions": {"file_system": {"write": [folder]}}});
    let (question, _) = decide(&real, &format!("[[tool=exec_command:{arguments}]]"), Decision::Accept).await;
    let Question::Command { escalates: false, extra_permissions: Some(extra), .. } = question else {
        panic!("{question:?}")
    };
    assert_eq!(extra, format!("Change {folder}"));
    assert!(real.workspace.join("here").exists());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn models_question_gets_the_chosen_answer() {
    let real = real().await;
    let prompt = r#"[[question="Which colour?|Red|Blue"]]"#;
    let blue = BTreeMap::from([
        ("answer".to_owned(), vec!["Blue".to_owned()]),
        ("other".to_owned(), vec!["not asked".to_owned()]),
    ]);
    let (question, output) = decide(&real, prompt, Decision::Values(blue)).await;
    let Question::Input { questions } = question else { panic!("{question:?}") };
    assert_eq!(
        (questions[0].question.as_str(), questions[0].options[1].label.as_str()),
        ("Which colour?", "Blue")
    );
    assert!(output.text().contains("Blue") && !output.text().contains("not asked"), "{}", output.text());
    let (_, output) = decide(&real, prompt, Decision::Decline).await;
    assert!(!output.text().contains("Blue"), "{}", output.text());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn turns_without_the_setting_and_with_full_access_ask_nothing() {
    not_under_wine!("Wine has no PowerShell");
    let real = real().await;
    let output = real.run(real.request(ThreadKind::Agent, r#"[[escalate="mkdir here"]]"#)).await;
    output.expect_success();
    assert!(!real.workspace.join("here").exists());
    let mut full = asking(&real, r#"[[shell="mkdir here"]]"#);
    full.profile.sandbox = SandboxMode::DangerFullAccess;
    let mut turn = real.agent.turn(full).await.unwrap();
    while let Some(event) = next(&mut turn).await {
        assert!(!matches!(event, TurnEvent::Asked(_)));
    }
    assert!(real.workspace.join("here").exists());
}

/// With the MCP server `asker`.
async fn with_mcp_server() -> Real {
    let server = serde_json::to_string(&under_test::sample_mcp()).unwrap();
    real_with_config("", &format!("[mcp_servers.asker]\ncommand = {server}")).await
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn form_of_an_mcp_server_gets_the_values_by_type() {
    let real = with_mcp_server().await;
    let values = |pairs: &[(&str, &[&str])]| {
        let value = |(name, values): &(&str, &[&str])| {
            ((*name).to_owned(), values.iter().map(|&value| value.to_owned()).collect())
        };
        Decision::Values(pairs.iter().map(value).collect())
    };
    let all = values(&[
        ("name", &["Ann"]),
        ("age", &["7"]),
        ("member", &["true"]),
        ("colour", &["blue"]),
        ("days", &["Friday"]),
    ]);
    let prompt = "[[tool=mcp__asker.form]]";
    let (question, output) = decide(&real, prompt, all).await;
    let Question::Form { server, message, fields } = question else { panic!("{question:?}") };
    assert_eq!((server.as_str(), message.as_str()), ("asker", "Who are you?"));
    let field = |name: &str| fields.iter().find(|field| field.name == name).unwrap();
    assert_eq!((field("name").title.as_str(), field("name").required), ("Your name", true));
    assert_eq!((&field("age").input, field("age").required), (&FormInput::Integer, false));
    assert_eq!(field("member").initial, ["false"]);
    let FormInput::Choice { options: colours } = &field("colour").input else { panic!("{fields:?}") };
    assert_eq!((colours[1].label.as_str(), colours[1].description.as_str()), ("blue", "Blue"));
    assert!(matches!(&field("days").input, FormInput::Choices { options: days } if days.len() == 2));
    let got = output.text();
    for part in
        [r#""name":"Ann""#, r#""age":7"#, r#""member":true"#, r#""colour":"blue""#, r#""days":["Friday"]"#]
    {
        assert!(got.contains(part), "{got}");
    }
    // What does not fit, and what is refused, reaches the server as a decline.
    for decision in
        [values(&[("name", &["Ann"]), ("age", &["many"])]), values(&[]), Decision::Accept, Decision::Decline]
    {
        let (_, output) = decide(&real, prompt, decision).await;
        assert!(output.text().contains("decline"), "{}", output.text());
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn page_of_an_mcp_server_is_accepted_or_declined() {
    let real = with_mcp_server().await;
    for (decision, action) in [(Decision::Accept, "accept"), (Decision::Decline, "decline")] {
        let (question, output) = decide(&real, "[[tool=mcp__asker.url]]", decision).await;
        let Question::Url { server, url, .. } = question else { panic!("{question:?}") };
        assert_eq!((server.as_str(), url.as_str()), ("asker", "https://example.com/sign-in"));
        assert!(output.text().contains(action), "{}", output.text());
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn tool_of_an_mcp_server_that_may_change_something_is_asked_for_with_its_arguments() {
    let real = with_mcp_server().await;
    let prompt = r#"[[tool=mcp__asker.change:{"what":"everything"}]]"#;
    for (decision, called) in [(Decision::Decline, false), (Decision::Accept, true)] {
        let (question, output) = decide(&real, prompt, decision).await;
        let Question::Form { server, message, fields } = question else { panic!("{question:?}") };
        assert!(server == "asker" && fields.is_empty());
        assert!(message.contains("change") && message.contains(r#""what": "everything""#), "{message}");
        assert_eq!(output.text().contains("everything"), called, "{}", output.text());
    }
    // An accept is for one call.
    let mut turn =
        start(&real, "[[tool=mcp__asker.change then tool=mcp__asker.change:{\"what\":\"more\"}]]").await;
    assert!(asked(&mut turn).await.answer(Decision::Accept));
    assert!(asked(&mut turn).await.answer(Decision::Decline));
    let output = collect(turn).await;
    assert!(!output.text().contains("more"), "{}", output.text());
}
