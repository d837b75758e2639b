//! The real codex with the sample model.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use sample_model::under_test::{self, codex_under_test};
use sample_model::{Event, SampleModel, Transport, codex_home};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Codex starts in a second, or more on a busy machine.
const LONG: Duration = Duration::from_secs(60);

#[cfg(test)]
async fn model() -> SampleModel {
    SampleModel::start(TcpListener::bind("127.0.0.1:0").await.unwrap())
}

/// Starts `codex exec --json` with a prompt.
#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "codex-client depends on this crate in its tests, not the other way round"
)]
async fn start(home: &Path, work: &Path, prompt: &str) -> Child {
    let mut child = Command::new(codex_under_test())
        .args(["exec", "--json", "--skip-git-repo-check", "-s", "read-only", "-"])
        .env("CODEX_HOME", home)
        .env("TMPDIR", codex_home::temp_dir(home).unwrap())
        .current_dir(work)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(prompt.as_bytes()).await.unwrap();
    child
}

/// Runs `codex exec --json` and returns its lines.
#[cfg(test)]
async fn exec(home: &Path, prompt: &str) -> Vec<Value> {
    let work = folder();
    let child = start(home, work.path(), prompt).await;
    let output = timeout(LONG, child.wait_with_output()).await.unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[cfg(test)]
fn messages(lines: &[Value]) -> Vec<&str> {
    let items = lines.iter().filter(|line| line["type"] == "item.completed").map(|line| &line["item"]);
    items.filter(|item| item["type"] == "agent_message").map(|item| item["text"].as_str().unwrap()).collect()
}

/// A home for codex.
#[expect(clippy::unwrap_used, reason = "a panic in a test is its failure")]
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(under_test::absolute(env!("CARGO_TARGET_TMPDIR"))).unwrap()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn codex_is_answered_over_http() {
    let (model, home) = (model().await, folder());
    codex_home::write(home.path(), &model.base_url()).unwrap();
    let lines = exec(home.path(), "[[say=\"Hello over HTTP\" usage=10,4,2,1]]").await;
    assert_eq!(messages(&lines), ["Hello over HTTP"]);
    let usage = &lines.last().unwrap()["usage"];
    assert_eq!((usage["input_tokens"].as_u64(), usage["cached_input_tokens"].as_u64()), (Some(10), Some(4)));
    let requests = model.requests();
    assert!(requests.iter().all(|request| request.transport == Transport::Http));
    let request = model.request(0).unwrap();
    assert!(request.tools().contains(&"exec_command".to_owned()));
    assert_eq!(request.input().last().unwrap().0, "user");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn codex_is_answered_over_a_websocket_and_continues_after_a_call() {
    let (model, home) = (model().await, folder());
    codex_home::write_openai(home.path(), &model.base_url()).unwrap();
    let lines = exec(home.path(), "[[shell=\"echo out-of-the-shell\"]]").await;
    let replies = messages(&lines);
    assert!(replies[0].starts_with("Tool results: ") && replies[0].contains("out-of-the-shell"), "{lines:?}");
    let second = model.request(1).unwrap();
    assert_eq!(second.transport, Transport::WebSocket);
    // Codex sent only the new items; the prompt was in the previous request.
    assert!(second.body()["previous_response_id"].is_string());
    assert!(second.input().iter().any(|(role, text)| role == "user" && text.contains("[[shell=")));
    assert!(!lines.iter().any(|line| line["type"] == "error"), "{lines:?}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn codex_reports_an_error_on_either_transport() {
    for write in [codex_home::write, codex_home::write_openai] {
        let (model, home) = (model().await, folder());
        write(home.path(), &model.base_url()).unwrap();
        let lines = exec(home.path(), "[[status=400 message=\"no such thing\"]]").await;
        let failed = lines.iter().find(|line| line["type"] == "turn.failed");
        let message = failed.unwrap_or_else(|| panic!("{lines:?}"))["error"]["message"].as_str().unwrap();
        assert!(message.contains("no such thing"), "{message}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_exit_of_codex_is_noticed_on_either_transport() {
    for write in [codex_home::write, codex_home::write_openai] {
        let (model, home, work) = (model().await, folder(), tempfile::tempdir().unwrap());
        write(home.path(), &model.base_url()).unwrap();
        let mut child = start(home.path(), work.path(), "[[words=3 hold=1]]").await;
        assert!(model.wait_for(|event| *event == Event::Held { id: 0, n: 1 }, LONG).await.is_some());
        child.kill().await.unwrap();
        assert!(model.wait_for(|event| *event == Event::ClientGone { id: 0 }, LONG).await.is_some());
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_cut_connection_is_retried_on_either_transport() {
    for write in [codex_home::write, codex_home::write_openai] {
        let (model, home) = (model().await, folder());
        write(home.path(), &model.base_url()).unwrap();
        let lines = exec(home.path(), "[[words=2 break=1 times=1]]").await;
        assert_eq!(messages(&lines), ["word1 word2 "], "{lines:?}");
        assert!(model.request(1).is_some());
    }
}
