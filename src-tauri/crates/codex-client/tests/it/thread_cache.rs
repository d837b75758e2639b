//! Conversations that continue in their cached thread, and turns that await the client's tools, on the real codex.

use std::time::Duration;

use codex_client::{
    CodexError, Content, Item, Retention, Role, ThreadKind, Tool, ToolCall, TurnRequest, Usage,
};
use sample_model::Event;
use serde_json::{Value, json};

use crate::support::{Real, TIMEOUT, TurnOutput, message, next_text, real, real_with_retention};

/// A growing conversation.
struct Chat<'a> {
    real: &'a Real,
    request: TurnRequest,
}

impl<'a> Chat<'a> {
    fn new(real: &'a Real, tools: &[&str]) -> Self {
        let mut request = real.request(ThreadKind::Plain, "");
        request.items.clear();
        request.profile.tools = tools
            .iter()
            .map(|name| Tool {
                name: (*name).to_owned(),
                description: "A tool.".to_owned(),
                schema: json!({"type":"object","properties":{"city":{"type":"string"}}}).to_string(),
            })
            .collect();
        Self { real, request }
    }

    /// Sends the conversation, and appends the answer.
    async fn send(&mut self) -> TurnOutput {
        let answer = self.real.run(self.request.clone()).await;
        if !answer.text().is_empty() {
            self.request.items.push(message(Role::Assistant, &answer.text()));
        }
        self.request.items.extend(answer.calls.iter().cloned().map(Item::ToolCall));
        answer
    }

    async fn ask(&mut self, text: &str) -> TurnOutput {
        self.request.items.push(message(Role::User, text));
        self.send().await
    }

    fn output(&mut self, call: &ToolCall, text: &str) {
        let output = vec![Content::Text(text.to_owned())];
        self.request.items.push(Item::ToolOutput { call_id: call.call_id.clone(), output });
    }
}

fn cache_key(real: &Real, n: u64) -> String {
    real.model.request(n).unwrap().body()["prompt_cache_key"].as_str().unwrap().to_owned()
}

fn input(real: &Real, n: u64) -> Vec<Value> {
    real.model.request(n).unwrap().items().cloned().collect()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn conversation_continues_in_its_thread_and_sends_only_new_items() {
    let real = real().await;
    let mut chat = Chat::new(&real, &[]);
    chat.request.items.push(message(Role::Developer, "be brief"));
    chat.ask("[[words=2 reasoning=1]]").await.expect_success();
    chat.request.items.push(message(Role::Developer, "be kind"));
    chat.ask("[[words=3]]").await.expect_success();
    chat.ask("[[words=1]]").await.expect_success();
    for n in 1..3 {
        assert_eq!(cache_key(&real, n), cache_key(&real, 0));
        let (earlier, now) = (input(&real, n - 1), input(&real, n));
        assert_eq!(now[..earlier.len()], earlier, "the earlier items are unchanged");
    }
    // The encrypted reasoning is still included.
    assert!(input(&real, 1).iter().any(|item| item["encrypted_content"].is_string()));
    let texts: Vec<String> =
        real.model.request(2).unwrap().input().into_iter().map(|(_, text)| text).collect();
    let expected = [
        "be brief",
        "[[words=2 reasoning=1]]",
        "word1 word2 ",
        "be kind",
        "[[words=3]]",
        "word1 word2 word3 ",
        "[[words=1]]",
    ];
    assert_eq!(texts, expected);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn regenerated_and_edited_branches_do_not_leak_into_each_other() {
    let real = real().await;
    let mut chat = Chat::new(&real, &[]);
    chat.ask("[[say=first]]").await.expect_success();
    let mut other = Chat::new(&real, &[]);
    other.request.items = chat.request.items.clone();
    chat.ask("[[say=\"secret of a branch\"]]").await.expect_success();
    // The same prefix again: the thread has moved on, so it cannot be used.
    other.ask("[[say=another]]").await.expect_success();
    assert_ne!(cache_key(&real, 2), cache_key(&real, 1));
    assert!(!input(&real, 2).iter().any(|item| item.to_string().contains("secret")));
    // Both branches continue, each in its own thread.
    chat.ask("[[words=1]]").await.expect_success();
    other.ask("[[words=1]]").await.expect_success();
    assert_eq!((cache_key(&real, 3), cache_key(&real, 4)), (cache_key(&real, 1), cache_key(&real, 2)));
    assert!(!input(&real, 4).iter().any(|item| item.to_string().contains("secret")));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn concurrent_requests_on_one_conversation_do_not_mix() {
    let real = real().await;
    let mut chat = Chat::new(&real, &[]);
    chat.ask("[[say=first]]").await.expect_success();
    let with = |text: &str| {
        let mut request = chat.request.clone();
        request.items.push(message(Role::User, text));
        real.run(request)
    };
    let (one, two) =
        tokio::join!(with("[[say=\"one a b c\" every=5]]"), with("[[say=\"two a b c\" every=5]]"));
    assert_eq!((one.text(), two.text()), ("one a b c".to_owned(), "two a b c".to_owned()));
    assert_ne!(cache_key(&real, 1), cache_key(&real, 2));
    assert_eq!((input(&real, 1).len(), input(&real, 2).len()), (4, 4));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn different_owner_different_effort_and_interrupted_turn_get_new_threads() {
    let real = real().await;
    let mut chat = Chat::new(&real, &[]);
    chat.ask("[[say=first]]").await.expect_success();
    let change = [
        |request: &mut TurnRequest| request.owner = "another".into(),
        |request: &mut TurnRequest| request.effort = Some("low".into()),
    ];
    for change in change {
        let mut request = chat.request.clone();
        change(&mut request);
        request.items.push(message(Role::User, "[[words=1]]"));
        real.run(request).await.expect_success();
    }
    chat.request.items.push(message(Role::User, "[[words=2 hold=1]]"));
    let mut turn = real.codex.turn(chat.request.clone()).await.unwrap();
    next_text(&mut turn).await;
    drop(turn);
    assert!(real.model.wait_for(|event| matches!(event, Event::ClientGone { .. }), TIMEOUT).await.is_some());
    chat.request.items.pop();
    chat.ask("[[words=1]]").await.expect_success();
    assert!(
        !input(&real, 4).iter().any(|item| item.to_string().contains("aborted")),
        "{:?}",
        input(&real, 4)
    );
    let keys: std::collections::HashSet<String> = (0..5).map(|n| cache_key(&real, n)).collect();
    assert_eq!(keys.len(), 4, "only the interrupted turn ran in the first thread");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn calls_end_the_answer_in_order_and_their_outputs_resume_the_turn() {
    let real = real().await;
    let mut chat = Chat::new(&real, &["weather", "time"]);
    let calls = "[[say=\"let me see\" tool=weather:{\"city\":  \"Köln\"} tool=time:{} usage=100,10,20,5]]";
    let answer = chat.ask(calls).await;
    assert_eq!(answer.text(), "let me see");
    let reported: Vec<(&str, &str)> =
        answer.calls.iter().map(|call| (call.name.as_str(), call.arguments.as_str())).collect();
    assert_eq!(reported, [("weather", "{\"city\":  \"Köln\"}"), ("time", "{}")]);
    assert_eq!(
        answer.expect_success().usage,
        Some(Usage { input: 100, cached: 10, output: 20, reasoning: 5 })
    );
    chat.output(&answer.calls[1], "noon");
    chat.output(&answer.calls[0], "rain");
    let answer = chat.send().await;
    assert_eq!(answer.text(), "Tool results: rain; noon");
    assert!(answer.expect_success().usage.is_some());
    assert_eq!(cache_key(&real, 1), cache_key(&real, 0));
    let calls: Vec<Value> =
        input(&real, 1).into_iter().filter(|item| item["type"] == "function_call").collect();
    assert_eq!(calls[0]["arguments"], "{\"city\":  \"Köln\"}");
    // The conversation continues in the same thread.
    chat.ask("[[words=1]]").await.expect_success();
    assert_eq!(cache_key(&real, 2), cache_key(&real, 0));
    assert_eq!(real.model.requests().len(), 3);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn image_from_a_tool_reaches_the_model() {
    let real = real().await;
    let mut chat = Chat::new(&real, &["look"]);
    let answer = chat.ask("[[tool=look]]").await;
    let url = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
    let output = vec![Content::Text("seen".into()), Content::Image { url: url.into(), detail: None }];
    chat.request.items.push(Item::ToolOutput { call_id: answer.calls[0].call_id.clone(), output });
    chat.send().await.expect_success();
    assert!(
        input(&real, 1).iter().any(|item| item["output"][1]["image_url"] == url),
        "{:?}",
        input(&real, 1)
    );
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn unreadable_image_from_a_tool_is_an_error() {
    let real = real().await;
    let mut chat = Chat::new(&real, &["look"]);
    let answer = chat.ask("[[tool=look]]").await;
    // Only the first bytes of a PNG.
    let url = "data:image/png;base64,iVBORw0KGgo=".to_owned();
    let output = vec![Content::Image { url, detail: None }];
    chat.request.items.push(Item::ToolOutput { call_id: answer.calls[0].call_id.clone(), output });
    match chat.send().await.error() {
        CodexError::Turn(failure) => assert_eq!(failure.kind, codex_client::FailureKind::BadRequest),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn changed_history_with_calls_continues_in_a_new_thread() {
    let real = real().await;
    let mut chat = Chat::new(&real, &["weather"]);
    let answer = chat.ask("[[tool=weather:{}]]").await;
    chat.output(&answer.calls[0], "rain");
    chat.request.items.insert(0, message(Role::Developer, "be brief"));
    let answer = chat.send().await;
    assert_eq!(answer.text(), "Tool results: rain");
    assert_ne!(cache_key(&real, 1), cache_key(&real, 0));
    let kinds: Vec<String> =
        input(&real, 1).iter().map(|item| item["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["message", "message", "function_call", "function_call_output"]);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn evicted_parked_turn_is_replaced_transparently() {
    for retention in [
        Retention { max_threads: 0, ..Retention::default() },
        Retention { max_idle: Duration::ZERO, ..Retention::default() },
    ] {
        let real = real_with_retention(retention).await;
        let mut chat = Chat::new(&real, &["weather"]);
        let answer = chat.ask("[[tool=weather:{}]]").await;
        let evicted = async {
            while real.codex.cached_threads().await.unwrap() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(TIMEOUT, evicted).await.expect("the thread is still cached");
        chat.output(&answer.calls[0], "rain");
        assert_eq!(chat.send().await.text(), "Tool results: rain");
        assert_ne!(cache_key(&real, 1), cache_key(&real, 0));
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn conversation_continues_from_its_history_after_codex_was_restarted() {
    let real = real().await;
    let mut chat = Chat::new(&real, &["weather"]);
    let answer = chat.ask("[[tool=weather:{}]]").await;
    let request = chat.request;
    real.codex.shutdown().await;
    let again = Real { codex: crate::support::another_codex(&real), ..real };
    let mut chat = Chat { real: &again, request };
    chat.output(&answer.calls[0], "rain");
    assert_eq!(chat.send().await.text(), "Tool results: rain");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn one_call_at_a_time_reports_calls_one_by_one_from_a_single_request() {
    let real = real().await;
    let mut chat = Chat::new(&real, &["a", "b"]);
    chat.request.one_call_at_a_time = true;
    let first = chat.ask("[[tool=a:{} tool=b:{}]]").await;
    assert_eq!(first.calls.len(), 1);
    chat.output(&first.calls[0], "one");
    let second = chat.send().await;
    assert_eq!((second.calls.len(), second.calls[0].name.as_str()), (1, "b"));
    assert_eq!(real.model.requests().len(), 1);
    chat.output(&second.calls[0], "two");
    assert_eq!(chat.send().await.text(), "Tool results: one; two");
    assert_eq!(real.model.requests().len(), 2);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn call_with_invalid_arguments_is_handled_by_codex() {
    let real = real().await;
    let mut chat = Chat::new(&real, &["a", "b"]);
    let answer = chat.ask("[[tool=\"a:{broken\" tool=b:{}]]").await;
    assert_eq!(answer.calls.iter().map(|call| call.name.as_str()).collect::<Vec<_>>(), ["b"]);
    chat.output(&answer.calls[0], "fine");
    assert!(chat.send().await.text().contains("fine"));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn agent_has_the_clients_tools_in_addition_to_its_own() {
    let real = real().await;
    let mut chat = Chat::new(&real, &["weather"]);
    chat.request.profile.kind = ThreadKind::Agent;
    let answer = chat.ask("[[shell=\"echo hi\" tool=weather:{}]]").await;
    assert_eq!(answer.calls.len(), 1);
    let tools = real.model.request(0).unwrap().tools();
    assert!(tools.iter().any(|tool| tool == "weather") && tools.iter().any(|tool| tool == "exec_command"));
    chat.output(&answer.calls[0], "rain");
    let text = chat.send().await.text();
    assert!(text.contains("rain") && text.contains("hi"), "{text}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn turn_instructions_apply_to_one_answer() {
    let real = real().await;
    let mut chat = Chat::new(&real, &[]);
    chat.request.turn_instructions = Some("answer in JSON".into());
    chat.ask("[[words=1]]").await.expect_success();
    chat.request.turn_instructions = None;
    chat.ask("[[words=1]]").await.expect_success();
    assert!(input(&real, 0).iter().any(|item| item.to_string().contains("JSON")));
    assert!(!input(&real, 1).iter().any(|item| item.to_string().contains("JSON")));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn verbosity_and_service_tier_reach_the_model() {
    let real = real().await;
    let mut request = real.request(ThreadKind::Plain, "[[words=1]]");
    request.profile.verbosity = Some("high".into());
    request.profile.service_tier = Some("flex".into());
    request.reasoning_summary = false;
    real.run(request).await.expect_success();
    let body = real.model.request(0).unwrap().body().clone();
    assert_eq!(
        (body["text"]["verbosity"].as_str(), body["service_tier"].as_str()),
        (Some("high"), Some("flex"))
    );
    assert!(body["reasoning"]["summary"].is_null());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn parked_turn_does_not_block_shutdown() {
    let real = real().await;
    let mut chat = Chat::new(&real, &["a"]);
    let answer = chat.ask("[[tool=a:{}]]").await;
    assert_eq!(answer.calls.len(), 1);
    real.codex.shutdown().await;
    chat.output(&answer.calls[0], "x");
    assert!(matches!(real.codex.turn(chat.request.clone()).await, Err(CodexError::ShuttingDown)));
}
