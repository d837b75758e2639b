//! Turns on the real codex.

use codex_client::{Account, CodexError, FailureKind, Role, Status, ThreadKind, TurnEvent, Usage};
use sample_model::Event;
use serde_json::{Value, json};

use crate::support::{TIMEOUT, collect, eventually, message, next, next_text, plain_input, real, real_with};

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn first_delta_arrives_before_the_model_has_finished() {
    let real = real().await;
    let mut turn = real.codex.turn(real.request(ThreadKind::Plain, "[[words=3 hold=1]]")).await.unwrap();
    assert_eq!(next_text(&mut turn).await, "word1 ");
    // The model pauses after its first word until it is released.
    assert!(real.model.wait_for(|event| matches!(event, Event::Held { .. }), TIMEOUT).await.is_some());
    real.model.release();
    assert_eq!(next_text(&mut turn).await, "word2 ");
    assert_eq!(collect(turn).await.texts, ["word3 "]);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn conversation_items_reach_upstream_with_their_roles() {
    let real = real().await;
    let mut request = real.request(ThreadKind::Plain, "[[words=1]]");
    request.items = vec![
        message(Role::Developer, "be brief"),
        message(Role::User, "one"),
        message(Role::Assistant, "two"),
        message(Role::Developer, "be kind"),
        message(Role::User, "[[words=1]]"),
    ];
    real.run(request).await.expect_success();
    let upstream = real.model.request(0).unwrap();
    let expected = [
        ("developer", "be brief"),
        ("user", "one"),
        ("assistant", "two"),
        ("developer", "be kind"),
        ("user", "[[words=1]]"),
    ];
    assert_eq!(upstream.input(), expected.map(|(role, text)| (role.to_owned(), text.to_owned())));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn plain_model_gets_only_the_clients_messages() {
    let real = real().await;
    let home = real.home.path().join(".codex");
    std::fs::write(real.workspace.join("AGENTS.md"), "hostile").unwrap();
    std::fs::create_dir_all(home.join("skills/x")).unwrap();
    real.ask("[[words=1]]").await.expect_success();
    let upstream = real.model.request(0).unwrap();
    assert_eq!(upstream.input(), plain_input("[[words=1]]"));
    assert!(upstream.body()["instructions"].is_null(), "this codex sends instructions as a message");
    assert!(upstream.tools().is_empty(), "{:?}", upstream.tools());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn agent_turn_has_codexs_instructions_and_tools() {
    let real = real().await;
    real.run(real.request(ThreadKind::Agent, "[[words=1]]")).await.expect_success();
    let upstream = real.model.request(0).unwrap();
    assert!(upstream.tools().iter().any(|tool| tool == "exec_command"), "{:?}", upstream.tools());
    assert!(upstream.input().len() > 1);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn dropping_a_turn_closes_the_connection_to_the_model() {
    let real = real().await;
    let mut turn = real.codex.turn(real.request(ThreadKind::Plain, "[[words=3 hold=1]]")).await.unwrap();
    next_text(&mut turn).await;
    drop(turn);
    assert!(real.model.wait_for(|event| matches!(event, Event::ClientGone { .. }), TIMEOUT).await.is_some());
    assert_eq!(real.ask("[[say=\"still here\"]]").await.text(), "still here");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn dropping_a_turn_before_its_first_delta_interrupts_it() {
    let real = real().await;
    let turn = real.codex.turn(real.request(ThreadKind::Plain, "[[hold=0]]")).await.unwrap();
    assert!(real.model.wait_for(|event| matches!(event, Event::Held { .. }), TIMEOUT).await.is_some());
    drop(turn);
    assert!(real.model.wait_for(|event| matches!(event, Event::ClientGone { .. }), TIMEOUT).await.is_some());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn usage_is_exact() {
    let real = real().await;
    let output = real.ask("[[words=2 usage=120,64,30,12]]").await;
    assert_eq!(
        output.expect_success().usage,
        Some(Usage { input: 120, cached: 64, output: 30, reasoning: 12 })
    );
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn usage_of_a_turn_with_a_command_is_the_sum_of_its_responses() {
    let real = real().await;
    let request = real.request(ThreadKind::Agent, "[[shell=\"echo hi\" usage=100,0,10,0]]");
    let output = real.run(request).await;
    assert_eq!(
        output.expect_success().usage,
        Some(Usage { input: 200, cached: 0, output: 20, reasoning: 0 })
    );
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn reasoning_is_separate_from_the_answer() {
    let real = real().await;
    let output = real.ask("[[words=2 reasoning=2]]").await;
    assert_eq!(output.text(), "word1 word2 ");
    assert!(
        output.reasoning.contains("\n\n") && output.reasoning.contains("thinking"),
        "{:?}",
        output.reasoning
    );
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn answering_model_is_reported() {
    let real = real().await;
    assert_eq!(real.ask("[[words=1]]").await.models, ["gpt-5.5"]);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn turn_without_input_continues_from_its_history() {
    let real = real().await;
    let mut request = real.request(ThreadKind::Plain, "");
    request.items =
        vec![message(Role::User, "[[say=\"from the history\"]]"), message(Role::Developer, "and so on")];
    assert_eq!(real.run(request).await.text(), "from the history");
    assert_eq!(real.model.request(0).unwrap().input().len(), 3);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn effort_and_schema_reach_the_model() {
    let real = real().await;
    let mut request = real.request(ThreadKind::Plain, "[[words=1]]");
    request.effort = Some("low".into());
    request.output_schema =
        Some(json!({"type":"object","properties":{},"required":[],"additionalProperties":false}));
    real.run(request).await.expect_success();
    let upstream = real.model.request(0).unwrap();
    assert_eq!(upstream.body()["reasoning"]["effort"], "low");
    assert_eq!(upstream.body()["text"]["format"]["type"], "json_schema");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn upstream_failures_are_classified() {
    let real = real().await;
    for (prompt, kind) in [
        ("[[status=400 message=\"no such thing\"]]", FailureKind::BadRequest),
        ("[[status=429 type=usage_limit_reached limits=100,300,3600]]", FailureKind::UsageLimit),
        ("[[failed=context_length_exceeded message=\"too long\"]]", FailureKind::ContextWindow),
        ("[[failed=server_is_overloaded message=busy]]", FailureKind::Overloaded),
    ] {
        match real.ask(prompt).await.error() {
            CodexError::Turn(failure) => {
                assert_eq!(failure.kind, kind, "{prompt}: {failure:?}");
                assert_eq!(failure.resets_at.is_some(), kind == FailureKind::UsageLimit, "{failure:?}");
            }
            other => panic!("{prompt}: {other:?}"),
        }
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn upstream_400_keeps_upstreams_message() {
    let real = real().await;
    match real.ask("[[status=400 message=\"The model is not supported\"]]").await.error() {
        CodexError::Turn(failure) => assert_eq!(failure.message, "The model is not supported"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn concurrent_turns_do_not_mix() {
    let real = real().await;
    let turns = (0..16).map(|n| {
        let request = real.request(ThreadKind::Plain, &format!("[[say=\"a{n} b{n} c{n}\" every=5]]"));
        let codex = real.codex.clone();
        tokio::spawn(async move { collect(codex.turn(request).await.unwrap()).await.text() })
    });
    for (n, turn) in turns.collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(turn.await.unwrap(), format!("a{n} b{n} c{n}"));
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn prewarmed_thread_does_not_know_the_previous_turn() {
    let real = real().await;
    for n in 0..4 {
        real.ask(&format!("[[say=\"secret {n}\"]]")).await.expect_success();
    }
    for n in 0..4 {
        let secret = format!("[[say=\"secret {n}\"]]");
        assert_eq!(real.model.request(n).unwrap().input(), plain_input(&secret));
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn prewarmed_thread_has_the_instructions_of_its_own_chat() {
    let real = real().await;
    for (n, instructions) in
        ["be brief", "be brief", "be kind", "be brief", " ", "be kind"].iter().enumerate()
    {
        let mut request = real.request(ThreadKind::Plain, "[[words=1]]");
        request.items.insert(0, message(Role::Developer, instructions));
        real.run(request).await.expect_success();
        let upstream = real.model.requests()[n].input();
        let expected =
            if instructions.trim().is_empty() { "You are a helpful assistant." } else { instructions };
        assert_eq!(upstream[0], ("developer".to_owned(), expected.to_owned()));
        assert_eq!(upstream.len(), 2, "{upstream:?}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn after_a_first_burst_all_chats_of_the_next_one_have_prewarmed_threads() {
    const CHATS: usize = 8;
    // With this provider, codex opens a WebSocket when a thread starts, and requests nothing on it yet.
    let real = real_with(sample_model::codex_home::write_openai).await;
    let opened =
        || real.model.requests().iter().filter(|request| request.body()["generate"] == false).count();
    let burst = async |first: usize| {
        let turns = (0..CHATS).map(|_| real.codex.turn(real.request(ThreadKind::Plain, "[[hold=0]]")));
        let turns = futures_util::future::join_all(turns).await;
        for id in (first..first + CHATS).map(|id| id as u64) {
            let held = |event: &Event| *event == Event::Held { id, n: 0 };
            assert!(real.model.wait_for(held, TIMEOUT).await.is_some());
        }
        let opened = opened();
        real.model.release();
        for turn in turns {
            collect(turn.unwrap()).await.expect_success();
        }
        opened
    };
    assert_eq!(burst(0).await, CHATS);
    eventually("every chat of the burst is followed by a prewarmed thread", || opened() == 2 * CHATS).await;
    assert_eq!(burst(CHATS).await, 2 * CHATS);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn message_over_codexs_limit_is_a_context_window_failure() {
    let real = real().await;
    let output = real.ask(&"x".repeat(1024 * 1024 + 1)).await;
    let CodexError::Turn(failure) = output.error() else { panic!("{output:?}") };
    assert_eq!(failure.kind, FailureKind::ContextWindow);
    assert_eq!(real.ask("[[words=1]]").await.text(), "word1 ");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn instructions_without_messages_are_sent_as_the_prompt() {
    let real = real().await;
    let mut request = real.request(ThreadKind::Plain, "");
    request.items = vec![message(Role::Developer, "[[words=1]]")];
    real.run(request).await.expect_success();
    assert_eq!(real.model.request(0).unwrap().input()[1], ("developer".to_owned(), "[[words=1]]".to_owned()));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn all_capabilities_are_detected_on_the_pinned_codex() {
    let real = real().await;
    real.codex.ready().await.unwrap();
    let status = real.codex.status();
    let Status::Ready(readiness) = status.borrow().clone() else { panic!("{status:?}") };
    let can = readiness.capabilities;
    assert!(can.threads && can.inject_items && can.interrupt && can.unsubscribe && can.model_list);
    assert!(can.account_read && can.dynamic_tools && can.raw_events);
    assert!(readiness.version.starts_with(|c: char| c.is_ascii_digit()), "{}", readiness.version);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn account_is_known_once_codex_is_ready() {
    for (real, account) in [
        (real().await, Account::NotNeeded),
        (real_with(sample_model::codex_home::write_openai).await, Account::ApiKey),
    ] {
        real.codex.ready().await.unwrap();
        let status = real.codex.status().borrow().clone();
        let Status::Ready(readiness) = status else { panic!("{status:?}") };
        assert_eq!(readiness.account, Some(account));
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn models_are_listed_with_their_efforts() {
    let real = real().await;
    let models = real.codex.models().await.unwrap();
    assert_eq!(models.iter().filter(|model| model.is_default).count(), 1);
    let model = models.iter().find(|model| model.id == "gpt-5.5").unwrap();
    assert!(model.efforts.iter().any(|effort| effort == "medium"));
    assert!(!model.display_name.is_empty());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn neither_sessions_nor_settings_are_written_to_the_users_home() {
    let real = real().await;
    let config = real.home.path().join(".codex/config.toml");
    let before = std::fs::read_to_string(&config).unwrap();
    real.ask("[[words=1]]").await.expect_success();
    real.run(real.request(ThreadKind::Agent, "[[shell=\"echo hi\"]]")).await.expect_success();
    real.codex.shutdown().await;
    real.agent.shutdown().await;
    assert_eq!(std::fs::read_to_string(&config).unwrap(), before);
    for name in ["sessions", "history.jsonl", "archived_sessions"] {
        assert!(!real.home.path().join(".codex").join(name).exists(), "{name}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn broken_stream_that_recovers_is_reported_as_a_retry() {
    let real = real().await;
    let mut turn =
        real.codex.turn(real.request(ThreadKind::Plain, "[[words=3 break=1 times=1]]")).await.unwrap();
    let mut retried = false;
    while let Some(event) = next(&mut turn).await {
        match event {
            TurnEvent::Retrying(_) => retried = true,
            TurnEvent::Ended(end) => assert!(end.is_ok(), "{end:?}"),
            _ => {}
        }
    }
    assert!(retried);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn agent_actions_are_reported() {
    sample_model::not_under_wine!("Wine has no PowerShell");
    let real = real().await;
    let output = real.run(real.request(ThreadKind::Agent, "[[shell=\"exit 3\"]]")).await;
    let codes: Vec<Value> = output
        .items
        .iter()
        .map(|item| match item {
            codex_client::ItemEvent::Command { exit_code, .. } => json!(exit_code),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(codes, [Value::Null, json!(3)]);
}
