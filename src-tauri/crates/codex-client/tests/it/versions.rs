//! The same behaviour on several versions of codex, which `CODEX_TEST_VERSIONS` lists as `VERSION=PATH;VERSION=PATH`.

use std::fmt::Write as _;
use std::path::PathBuf;

use codex_client::{
    CodexError, Content, Decision, Item, ItemEvent, Readiness, Role, SandboxMode, Status, ThreadKind, Tool,
    ToolCall, TurnEvent, TurnRequest, Usage,
};
use sample_model::{Event, under_test};
use serde_json::{Value, json};

use crate::support::{Real, TIMEOUT, message, next, next_text, real_with_binary};

const IMAGE: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/// The binaries to test with; by default only the one under test.
pub(crate) fn binaries() -> Vec<PathBuf> {
    match std::env::var("CODEX_TEST_VERSIONS") {
        Ok(versions) => {
            versions.split(';').filter_map(|pair| pair.split_once('=')).map(|(_, path)| path.into()).collect()
        }
        Err(_) => vec![under_test::codex_under_test()],
    }
}

/// Runs `check` with each version, each with a fresh home.
async fn with_each(check: impl AsyncFn(&Real, &Readiness)) {
    for binary in binaries() {
        let real = real_with_binary(&binary).await;
        real.codex.ready().await.unwrap();
        let Status::Ready(readiness) = real.codex.status().borrow().clone() else { panic!("{binary:?}") };
        println!("codex {}", readiness.version);
        check(&real, &readiness).await;
        real.codex.shutdown().await;
        real.agent.shutdown().await;
        for left in ["sessions", "archived_sessions", "history.jsonl"] {
            let left = real.home.path().join(".codex").join(left);
            assert!(!left.exists(), "codex {} left {}", readiness.version, left.display());
        }
    }
}

/// The complete input of one upstream request, in order.
fn sent(real: &Real, n: usize) -> String {
    let request = &real.model.requests()[n];
    let mut text = request.body()["instructions"].as_str().unwrap_or_default().to_owned();
    for (role, content) in request.input() {
        write!(text, "\n<{role}> {content}").unwrap();
    }
    text
}

/// Asserts that each of `parts` occurs exactly once, in this order.
fn assert_in_order(text: &str, parts: &[&str]) {
    let positions: Vec<usize> =
        parts.iter().map(|part| text.find(part).unwrap_or_else(|| panic!("no {part}: {text}"))).collect();
    assert!(positions.is_sorted(), "{positions:?}: {text}");
    for part in parts {
        assert_eq!(text.matches(part).count(), 1, "{part}: {text}");
    }
}

pub(crate) fn conversation(real: &Real, items: Vec<Item>) -> TurnRequest {
    TurnRequest { items, ..real.request(ThreadKind::Plain, "") }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn conversation_continues_with_all_earlier_messages() {
    with_each(async |real, _| {
        let mut items =
            vec![message(Role::Developer, "be brief as a haiku"), message(Role::User, "Tell me a joke.")];
        let first = real.run(conversation(real, items.clone())).await;
        first.expect_success();
        items.push(message(Role::Assistant, &first.text()));
        items.push(message(Role::User, "[[say=\"the plum\" usage=20,8,5,0]]"));
        let second = real.run(conversation(real, items)).await;
        assert_eq!(second.text(), "the plum");
        assert_eq!(
            second.expect_success().usage,
            Some(Usage { input: 20, cached: 8, output: 5, reasoning: 0 })
        );
        assert_in_order(
            &sent(real, 1),
            &["be brief as a haiku", "Tell me a joke.", first.text().trim(), "[[say="],
        );
    })
    .await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn clients_history_reaches_the_model_with_the_prompt_last() {
    with_each(async |real, readiness| {
        let request = conversation(
            real,
            vec![
                message(Role::Developer, "be brief as a haiku"),
                message(Role::User, "first question"),
                message(Role::Assistant, "first answer"),
                Item::ToolCall(ToolCall {
                    call_id: "c1".into(),
                    name: "look".into(),
                    arguments: "{\"at\":1}".into(),
                }),
                Item::ToolOutput { call_id: "c1".into(), output: vec![Content::Text("seen this".into())] },
                message(Role::Developer, "be kind in the middle"),
                message(Role::User, "[[words=1]]"),
            ],
        );
        real.run(TurnRequest { turn_instructions: Some("turn instructions".into()), ..request })
            .await
            .expect_success();
        let text = sent(real, 0);
        let expected = [
            "be brief as a haiku",
            "first question",
            "first answer",
            "be kind in the middle",
            "turn instructions",
            "[[words=1]]",
        ];
        assert_in_order(&text, &expected);
        assert!(text.ends_with("[[words=1]]"), "{text}");
        let items: String = real.model.requests()[0].items().map(Value::to_string).collect();
        assert!(
            items.contains("seen this") && items.contains("look"),
            "codex {}: {items}",
            readiness.version
        );
    })
    .await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn effort_schema_and_reasoning_work() {
    with_each(async |real, _| {
        let schema = json!({"type":"object","properties":{},"required":[],"additionalProperties":false});
        let mut request = TurnRequest {
            effort: Some("low".into()),
            output_schema: Some(schema),
            ..real.request(ThreadKind::Plain, "[[words=2 reasoning=2]]")
        };
        // Not every version supports it, but all accept it.
        request.profile.service_tier = Some("priority".into());
        let output = real.run(request).await;
        assert_eq!(output.text(), "word1 word2 ");
        assert!(
            output.reasoning.contains("\n\n") && output.reasoning.contains("thinking"),
            "{:?}",
            output.reasoning
        );
        let body = real.model.requests()[0].body().clone();
        assert_eq!(
            (&body["reasoning"]["effort"], &body["text"]["format"]["type"]),
            (&json!("low"), &json!("json_schema"))
        );
    })
    .await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn dropped_turn_disconnects_from_the_model_without_a_trace() {
    with_each(async |real, readiness| {
        let mut turn =
            real.codex.turn(real.request(ThreadKind::Plain, "[[words=2000 every=10]]")).await.unwrap();
        if readiness.capabilities.threads {
            assert_eq!(next_text(&mut turn).await, "word1 ");
        } else {
            assert!(
                real.model.wait_for(|event| matches!(event, Event::Delta { .. }), TIMEOUT).await.is_some()
            );
        }
        drop(turn);
        assert!(
            real.model.wait_for(|event| matches!(event, Event::ClientGone { .. }), TIMEOUT).await.is_some()
        );
    })
    .await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn agent_commands_are_reported_and_failures_are_classified() {
    sample_model::not_under_wine!("Wine has no PowerShell");
    with_each(async |real, readiness| {
        let output = real.run(real.request(ThreadKind::Agent, "[[shell=\"echo hi\"]]")).await;
        output.expect_success();
        let ended = |item: &ItemEvent| matches!(item, ItemEvent::Command { ended: true, .. });
        assert!(output.items.iter().any(ended), "codex {}: {:?}", readiness.version, output.items);
        let limit = "[[status=429 type=usage_limit_reached limits=100,300,3600]]";
        match real.ask(limit).await.error() {
            CodexError::Turn(failure) => assert_eq!(failure.kind, codex_client::FailureKind::UsageLimit),
            other => panic!("{other:?}"),
        }
    })
    .await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn clients_tools_work_or_are_rejected() {
    with_each(async |real, readiness| {
        let schema = json!({"type":"object","properties":{}}).to_string();
        let tool =
            |name: &str| Tool { name: name.into(), description: "A tool.".into(), schema: schema.clone() };
        let mut request = real.request(ThreadKind::Plain, "[[tool=one:{} tool=two:{}]]");
        request.profile.tools = [tool("one"), tool("two")].into();
        if !readiness.capabilities.tools() {
            let refused = real.codex.turn(request).await.err();
            assert!(matches!(refused, Some(CodexError::CannotDo { .. })), "{refused:?}");
            return;
        }
        let mut called = Vec::new();
        // Older versions make one call at a time, each in a separate answer.
        let text = loop {
            let output = real.run(request.clone()).await;
            output.expect_success();
            if output.calls.is_empty() {
                break output.text();
            }
            for call in output.calls {
                let output = vec![Content::Text(format!("from {}", call.name))];
                let call_id = call.call_id.clone();
                called.push(call.name.clone());
                request.items.extend([Item::ToolCall(call), Item::ToolOutput { call_id, output }]);
            }
        };
        called.sort();
        assert_eq!(called, ["one", "two"], "codex {}", readiness.version);
        assert!(
            text.contains("from one") && text.contains("from two"),
            "codex {}: {text}",
            readiness.version
        );
    })
    .await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn images_anywhere_in_the_conversation_reach_the_model_or_are_rejected() {
    with_each(async |real, readiness| {
        let image = || Content::Image { url: IMAGE.into(), detail: None };
        let with_image = |text: &str| Item::Message {
            role: Role::User,
            content: vec![image(), Content::Text(text.into())],
        };
        let request = conversation(
            real,
            vec![with_image("this"), message(Role::Assistant, "nice"), with_image("[[words=1]]")],
        );
        if !readiness.capabilities.images() {
            let refused = real.codex.turn(request).await.err();
            assert!(matches!(refused, Some(CodexError::CannotDo { .. })), "{refused:?}");
            return;
        }
        real.run(request).await.expect_success();
        let sent: String = real.model.requests()[0].items().map(Value::to_string).collect();
        assert_eq!(sent.matches(IMAGE).count(), 2, "codex {}: {sent}", readiness.version);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn versions_that_can_ask_do_and_the_others_are_declined() {
    sample_model::not_under_wine!("Wine has no PowerShell");
    with_each(async |real, readiness| {
        let can = readiness.capabilities;
        assert!(can.ask || !can.ask_questions);
        let outside = real.home.path().join("outside");
        std::fs::create_dir_all(&outside).unwrap();
        let (folder, file) = (outside.display(), outside.join("here.txt"));
        let escalate = format!(r#"[[escalate="touch {folder}/here.txt"]]"#);
        let patch = format!(r#"[[patch="{folder}/here.txt:hello"]]"#);
        let permission = format!(r#"[[permission="write:{folder}" then shell="touch {folder}/here.txt"]]"#);
        for (prompt, asks) in [(escalate, can.ask), (patch, can.ask), (permission, can.ask_questions)] {
            let version = &readiness.version;
            let mut request = real.request(ThreadKind::Agent, &prompt);
            request.profile.ask = true;
            // With read-only and a permission, the sandbox of 0.120 crashes.
            request.profile.sandbox = SandboxMode::WorkspaceWrite;
            let mut turn = real.agent.turn(request).await.unwrap();
            let mut questions = 0;
            while let Some(event) = next(&mut turn).await {
                match event {
                    TurnEvent::Asked(ask) => {
                        questions += 1;
                        assert!(!file.exists(), "codex {version}: {prompt}");
                        assert!(ask.answer(Decision::Accept));
                    }
                    TurnEvent::Ended(end) => assert!(end.is_ok(), "codex {version}: {end:?}"),
                    _ => {}
                }
            }
            assert_eq!((questions, file.exists()), (usize::from(asks), asks), "codex {version}: {prompt}");
            if asks {
                std::fs::remove_file(&file).unwrap();
            }
        }
    })
    .await;
}
