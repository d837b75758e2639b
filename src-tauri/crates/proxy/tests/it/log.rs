//! The request log's entries for real requests.

use codex_client::Usage;
use sample_model::not_on_windows;
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
    not_on_windows!("codex runs no command there before its sandbox is set up");
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
        // A command is announced first.
        let reasoning = answer["choices"][0]["message"]["reasoning_content"].as_str().unwrap();
        assert!(reasoning.contains(&line), "{answer}");
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
async fn the_reason_of_a_failure_is_logged_and_what_may_quote_the_client_is_marked() {
    let proxy = fake("error=serverOverloaded").start().await;
    let message = |body: Value| {
        let proxy = &proxy;
        async move {
            let answer: Value = proxy.chat(&body).await.json().await.unwrap();
            answer["error"]["message"].as_str().unwrap().to_owned()
        }
    };
    let hello = json!([{"role":"user","content":"hello"}]);
    // Our own sentences are stored.
    for (body, reason) in [
        (json!({"model":"gpt-9","messages":hello}), "The model \"gpt-9\" does not exist."),
        (
            json!({"model":"gpt-5.5","messages":hello,"max_tokens":0}),
            "max_completion_tokens must be at least 1.",
        ),
        (json!({"model":"gpt-5.5","messages":hello,"n":99}), "n must be between 1 and 8."),
        (json!({"model":"gpt-5.5","messages":[]}), "messages must not be empty."),
        (json!({"model":"gpt-5.5","messages":hello}), "The upstream is overloaded."),
    ] {
        let answered = message(body).await;
        let row = proxy.log.newest();
        assert!(answered.starts_with(reason), "{answered}");
        assert_eq!((row.state, row.error, row.summary), (RowState::Failed, Some(answered), None));
    }
    // What quotes the client has a summary to store in its place.
    let tool = json!([{"type":"my-secret"}]);
    let call = json!([{"role":"tool","tool_call_id":"my-secret","content":"x"}]);
    for body in [
        json!({"model":"gpt-5.5","messages":"my-secret"}),
        json!({"model":"gpt-5.5","messages":hello,"temperature":"my-secret"}),
        json!({"model":"gpt-5.5","messages":hello,"tools":tool}),
        json!({"model":"gpt-5.5","messages":[{"role":"user","content":[{"type":"my-secret"}]}]}),
        json!({"model":"gpt-5.5","messages":hello,"tool_choice":{"type":"function","function":{"name":"my-secret"}}}),
        json!({"model":"gpt-5.5","messages":hello,"reasoning_format":"my-secret"}),
        json!({"model":"gpt-5.5","messages":hello,"response_format":{"type":"my-secret"}}),
        json!({"model":"gpt-5.5","messages":call}),
    ] {
        let answered = message(body.clone()).await;
        let row = proxy.log.newest();
        assert_eq!(row.error.as_deref(), Some(answered.as_str()));
        if answered.contains("my-secret") {
            let summary = row.summary.unwrap();
            assert!(summary.starts_with("Rejected: ") && !summary.contains("my-secret"), "{summary}");
        }
        for step in row.steps {
            assert!(!format!("{step:?}").contains("my-secret"), "{step:?}");
        }
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_text_of_upstream_is_never_stored_as_the_reason() {
    let proxy = real().start().await;
    let answer = proxy.ask("[[status=400 message=\"my-secret was wrong\"]]").await.text().await.unwrap();
    assert!(answer.contains("my-secret"), "{answer}");
    let row = proxy.log.newest();
    assert!(row.error.unwrap().contains("my-secret"));
    assert_eq!(
        row.summary.unwrap(),
        "Rejected: invalid_request. The reason may quote the request, so it wasn't saved."
    );
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
