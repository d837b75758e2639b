//! The request log's entries for real requests.

use codex_client::Usage;
use serde_json::{Value, json};

use crate::support::log::RowState;
use crate::support::{TIMEOUT, eventually, fake, real};

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn answered_request_is_done_with_tokens_and_times() {
    let proxy = real().start().await;
    proxy.stream("[[words=2 usage=100,40,20,5]]").await.rest().await;
    let row = proxy.log.newest();
    assert_eq!((row.state, row.status), (RowState::Done, Some(200)));
    assert_eq!(row.usage, Some(Usage { input: 100, cached: 40, output: 20, reasoning: 5 }));
    assert_eq!((row.arrival.key.as_str(), row.model.as_str()), ("API_KEYS #1", "gpt-5.5"));
    assert!(row.own_ms.is_some());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn commands_appear_in_the_request_log() {
    let proxy = real().start().await;
    let body = json!({"model":"codex-local","messages":[{"role":"user","content":"[[shell=\"exit 3\"]]"}]});
    assert_eq!(proxy.chat(&body).await.status(), 200);
    let row = proxy.log.newest();
    assert_eq!(row.commands, 1);
    let steps = row.steps;
    assert!(steps.iter().any(|step| step.detail.as_deref().is_some_and(|line| line.contains("exit 3"))));
    assert!(
        steps
            .iter()
            .any(|step| step.bad
                && step.detail.as_deref().is_some_and(|detail| detail.contains("exit code 3")))
    );
}

#[tokio::test]
async fn declined_approval_appears_in_the_answer_and_the_request_log() {
    for (method, what) in [
        ("item/commandExecution/requestApproval", "running a command"),
        ("item/fileChange/requestApproval", "changing files"),
        ("item/permissions/requestApproval", "more permissions"),
        ("mcpServer/elicitation/request", "a question of an MCP server"),
    ] {
        let proxy = fake(&format!("ask={method}")).start().await;
        let mut body = json!({"model":"codex-local","messages":[{"role":"user","content":"hi"}]});
        let answer: Value = proxy.chat(&body).await.json().await.unwrap();
        let line = format!("Approval declined: {what}\n");
        assert_eq!(answer["choices"][0]["message"]["reasoning_content"], line, "{answer}");
        body["stream"] = true.into();
        let chunks = proxy.stream_of(&body).await.rest().await;
        let has_line = |chunk: &Value| chunk["choices"][0]["delta"]["reasoning_content"] == line;
        assert!(chunks.iter().any(has_line), "{chunks:?}");
        let steps = proxy.log.newest().steps;
        let declined = steps.iter().find(|step| step.what == "Approval request declined").unwrap();
        assert!(declined.bad && declined.detail.as_deref() == Some(what), "{steps:?}");
    }
}

#[tokio::test]
async fn failed_start_of_codex_fails_requests_for_every_kind_of_model() {
    let proxy = fake("crash-on=initialize").start().await;
    for model in ["gpt-5.5", "codex-local"] {
        let body = json!({"model":model,"messages":[{"role":"user","content":"hi"}]});
        assert_eq!(proxy.chat(&body).await.status(), 503);
        let row = proxy.log.newest();
        assert_eq!((row.state, row.status), (RowState::Failed, Some(503)), "{model}");
    }
}

#[tokio::test]
async fn rejected_and_failed_requests_are_logged_without_the_clients_text() {
    let proxy = fake("error=serverOverloaded").start().await;
    proxy.chat(&json!({"model":"gpt-5.5","messages":"my secret"})).await;
    let row = proxy.log.newest();
    assert_eq!((row.state, row.status), (RowState::Failed, Some(400)));
    assert!(!row.error.unwrap().contains("secret"));
    proxy.ask("hi").await;
    assert_eq!(proxy.log.newest().status, Some(503));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn disconnected_client_is_logged_as_stopped() {
    let proxy = real().start().await;
    let mut events = proxy.stream("### Task: a title [[words=3 hold=1]]").await;
    events.next_text().await;
    let row = proxy.log.newest();
    assert!(!row.arrival.background && row.state == RowState::Streaming);
    drop(events);
    eventually("no request is running", || proxy.log.running() == 0).await;
    assert_eq!(proxy.log.newest().state, RowState::Stopped);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn background_task_is_marked_while_running_and_stopped_on_disconnect() {
    let proxy = real().start().await;
    let task = "### Task:\nGenerate 1-3 broad tags categorizing the main themes of the chat history.";
    let prompt = format!("{task} [[words=3 hold=1]]");
    let held = |event: &sample_model::Event| matches!(event, sample_model::Event::Held { .. });
    tokio::select! {
        answer = proxy.ask(&prompt) => panic!("{answer:?}"),
        event = proxy.model.wait_for(held, TIMEOUT) => assert!(event.is_some()),
    }
    assert!(proxy.log.newest().arrival.background);
    eventually("no request is running", || proxy.log.running() == 0).await;
    assert_eq!(proxy.log.newest().state, RowState::Stopped);
}
