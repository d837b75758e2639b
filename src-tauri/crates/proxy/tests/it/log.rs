//! What the request log says of requests that were really made.

use proxy::view::{ExchangeQuery, ExchangeRow, ExchangeState};
use serde_json::{Value, json};

use crate::support::{KEY, Running, eventually, fake, prompt_body, real};

async fn newest(proxy: &Running) -> ExchangeRow {
    proxy.journal.query(ExchangeQuery::default()).await.remove(0)
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn an_answered_request_is_done_with_its_tokens_and_times() {
    let proxy = real().start().await;
    proxy.stream("[[words=2 usage=100,40,20,5]]").await.rest().await;
    let row = newest(&proxy).await;
    assert_eq!((row.state, row.status), (ExchangeState::Done, Some(200)));
    assert_eq!((row.input, row.cached, row.output, row.reasoning), (Some(100), Some(40), Some(20), Some(5)));
    assert_eq!((row.key.as_str(), row.model.as_str()), ("API_KEYS #1", "gpt-5.5"));
    assert!(row.first_ms.is_some() && row.total_ms >= row.first_ms && row.own_ms <= row.first_ms);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn what_codex_ran_is_on_the_time_line() {
    let proxy = real().start().await;
    let body = json!({"model":"codex-local","messages":[{"role":"user","content":"[[shell=\"exit 3\"]]"}]});
    assert_eq!(proxy.chat(&body).await.status(), 200);
    let row = newest(&proxy).await;
    assert_eq!(row.commands, 1);
    let steps = proxy.journal.detail(&row.id).await.unwrap().steps;
    assert!(steps.iter().any(|step| step.detail.as_deref().is_some_and(|line| line.contains("exit 3"))));
    assert!(
        steps
            .iter()
            .any(|step| step.bad
                && step.detail.as_deref().is_some_and(|detail| detail.contains("exit code 3")))
    );
}

#[tokio::test]
async fn a_consent_that_codex_asked_for_and_did_not_get_is_in_the_answer_and_on_the_time_line() {
    for (method, what) in [
        ("item/commandExecution/requestApproval", "running a command"),
        ("item/fileChange/requestApproval", "changing files"),
        ("item/permissions/requestApproval", "more permissions"),
        ("mcpServer/elicitation/request", "a question of an MCP server"),
    ] {
        let proxy = fake(&format!("ask={method}")).start().await;
        let mut body = json!({"model":"codex-local","messages":[{"role":"user","content":"hi"}]});
        let answer: Value = proxy.chat(&body).await.json().await.unwrap();
        let line = format!("Asked for consent to {what}, and was declined\n");
        assert_eq!(answer["choices"][0]["message"]["reasoning_content"], line, "{answer}");
        body["stream"] = true.into();
        let chunks = proxy.stream_of(&body).await.rest().await;
        let told = |chunk: &Value| chunk["choices"][0]["delta"]["reasoning_content"] == line;
        assert!(chunks.iter().any(told), "{chunks:?}");
        let steps = proxy.journal.detail(&newest(&proxy).await.id).await.unwrap().steps;
        let told = steps.iter().find(|step| step.what == "Asked for consent and was declined").unwrap();
        assert!(told.bad && told.detail.as_deref() == Some(what), "{steps:?}");
    }
}

#[tokio::test]
async fn a_codex_that_does_not_start_is_a_failure_for_every_kind_of_model() {
    let proxy = fake("crash-on=initialize").start().await;
    for model in ["gpt-5.5", "codex-local"] {
        let body = json!({"model":model,"messages":[{"role":"user","content":"hi"}]});
        assert_eq!(proxy.chat(&body).await.status(), 503);
        let row = newest(&proxy).await;
        assert_eq!((row.state, row.status), (ExchangeState::Failed, Some(503)), "{model}");
    }
}

#[tokio::test]
async fn a_refused_request_and_a_failed_one_say_so_without_the_clients_words() {
    let proxy = fake("error=serverOverloaded").start().await;
    proxy.chat(&json!({"model":"gpt-5.5","messages":"my secret"})).await;
    let row = newest(&proxy).await;
    assert_eq!((row.state, row.status), (ExchangeState::Failed, Some(400)));
    assert!(!row.error.unwrap().contains("secret"));
    proxy.ask("hi").await;
    assert_eq!(newest(&proxy).await.status, Some(503));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_client_that_leaves_is_stopped_and_a_side_call_is_marked() {
    let proxy = real().start().await;
    let mut events = proxy.stream("### Task: a title [[words=3 hold=1]]").await;
    events.next_text().await;
    let row = newest(&proxy).await;
    assert!(row.background && row.state == ExchangeState::Streaming);
    drop(events);
    eventually("nothing runs", || proxy.journal.running() == 0).await;
    assert_eq!(newest(&proxy).await.state, ExchangeState::Stopped);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn no_prompt_answer_or_key_is_on_disk() {
    let proxy = real().start().await;
    assert_eq!(proxy.chat(&prompt_body("[[say=\"unmistakable words\"]]")).await.status(), 200);
    proxy.journal.close().await;
    for entry in std::fs::read_dir(proxy.folder.path()).unwrap().flatten() {
        if entry.file_type().unwrap().is_file() {
            let bytes = std::fs::read(entry.path()).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains("unmistakable") && !text.contains(KEY), "{entry:?}");
        }
    }
}
