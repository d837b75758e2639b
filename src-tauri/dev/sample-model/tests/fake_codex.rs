//! fake-codex follows its script, which other tests rely on.

#[cfg(test)]
mod fake {
    use std::process::{ExitStatus, Stdio};
    use std::time::Duration;

    use sample_model::under_test::fake_codex;
    use serde_json::{Value, json};
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::process::{Child, ChildStdin, ChildStdout, Command};
    use tokio::time::timeout;

    /// Longer than anything here takes.
    pub(crate) const LONG: Duration = Duration::from_secs(20);

    /// A running fake app-server.
    pub(crate) struct Fake {
        pub(crate) child: Child,
        pub(crate) stdin: Option<ChildStdin>,
        stdout: BufReader<ChildStdout>,
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the test is the client, and does not need codex-client's supervision"
    )]
    pub(crate) fn command(script: &str) -> Command {
        let mut command = Command::new(fake_codex());
        command.env("FAKE_CODEX", script).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    impl Fake {
        pub(crate) async fn start(script: &str) -> Self {
            let mut child = command(script).arg("app-server").spawn().unwrap();
            let stdout = BufReader::new(child.stdout.take().unwrap());
            let mut fake = Self { stdin: child.stdin.take(), stdout, child };
            fake.send(&json!({"id": 1, "method": "initialize", "params": {"clientInfo": {"name": "test"}}}))
                .await;
            fake
        }

        pub(crate) async fn send(&mut self, message: &Value) {
            self.stdin.as_mut().unwrap().write_all(format!("{message}\n").as_bytes()).await.unwrap();
        }

        /// The next JSON line; `None` at the end.
        pub(crate) async fn next(&mut self) -> Option<Value> {
            loop {
                let mut line = Vec::new();
                if timeout(LONG, self.stdout.read_until(b'\n', &mut line)).await.unwrap().unwrap() == 0 {
                    return None;
                }
                if let Ok(json) = serde_json::from_slice(&line) {
                    return Some(json);
                }
            }
        }

        pub(crate) async fn until(&mut self, what: impl Fn(&Value) -> bool) -> Value {
            loop {
                let line = self.next().await.unwrap();
                if what(&line) {
                    return line;
                }
            }
        }

        pub(crate) async fn answer(&mut self, id: u64) -> Value {
            self.until(|line| line["id"] == id && line["method"].is_null()).await
        }

        /// Starts a thread and a turn, and returns their ids.
        pub(crate) async fn turn(&mut self) -> (Value, Value) {
            self.send(&json!({"id": 2, "method": "thread/start", "params": {}})).await;
            let thread = self.answer(2).await["result"]["thread"]["id"].clone();
            self.send(&json!({"id": 3, "method": "turn/start", "params": {"threadId": thread, "input": []}}))
                .await;
            let turn = self.answer(3).await["result"]["turn"]["id"].clone();
            (thread, turn)
        }

        pub(crate) async fn completed(&mut self) -> Value {
            self.until(|line| line["method"] == "turn/completed").await["params"]["turn"].clone()
        }

        pub(crate) async fn exit(&mut self) -> ExitStatus {
            timeout(LONG, self.child.wait()).await.unwrap().unwrap()
        }
    }
}

use fake::{Fake, LONG, command};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

#[tokio::test]
async fn a_plain_turn_has_deltas_usage_and_an_end_and_eof_ends_the_process() {
    let mut fake = Fake::start("nonsense").await;
    fake.turn().await;
    let mut text = String::new();
    let mut usage = Value::Null;
    let end = loop {
        let line = fake.next().await.unwrap();
        match line["method"].as_str() {
            Some("item/agentMessage/delta") => text += line["params"]["delta"].as_str().unwrap(),
            Some("rawResponse/completed") => usage = line["params"]["usage"]["inputTokens"].clone(),
            Some("turn/completed") => break line,
            _ => {}
        }
    };
    assert_eq!((text.as_str(), usage), ("Hello from fake", json!(10)));
    assert_eq!(end["params"]["turn"]["status"], "completed");
    fake.stdin = None;
    assert!(fake.exit().await.success());
}

#[tokio::test]
async fn it_crashes_on_command_but_only_once() {
    let dir = tempfile::tempdir().unwrap();
    let (once, pids) = (dir.path().join("once"), dir.path().join("pids"));
    let script = format!("crash-after-delta=2 crash-once={once:?} pid-file={pids:?}");
    let mut fake = Fake::start(&script).await;
    fake.turn().await;
    assert_eq!(fake.exit().await.code(), Some(101));
    let mut again = Fake::start(&script).await;
    again.turn().await;
    assert_eq!(again.completed().await["status"], "completed");
    assert_eq!(std::fs::read_to_string(&pids).unwrap().lines().count(), 2);
    let mut other = Fake::start("crash-on=thread/start").await;
    other.send(&json!({"id": 2, "method": "thread/start", "params": {}})).await;
    assert_eq!(other.exit().await.code(), Some(101));
}

#[tokio::test]
async fn a_hanging_turn_can_be_interrupted() {
    let mut fake = Fake::start("hang-after-delta=1 hang-on=model/list").await;
    fake.send(&json!({"id": 9, "method": "model/list", "params": {}})).await;
    let (thread, turn) = fake.turn().await;
    fake.until(|line| line["method"] == "item/agentMessage/delta").await;
    let params = json!({"threadId": thread, "turnId": turn});
    fake.send(&json!({"id": 4, "method": "turn/interrupt", "params": params})).await;
    assert_eq!(fake.answer(4).await["result"], json!({}));
    assert_eq!(fake.completed().await["status"], "interrupted");
}

#[tokio::test]
async fn it_sends_requests_and_echoes_the_responses() {
    let mut fake = Fake::start("ask=item/tool/call ask=some/unknown").await;
    fake.turn().await;
    for answer in [json!({"result": {"success": true}}), json!({"error": {"code": -32601, "message": "no"}})]
    {
        let asked = fake.until(|line| !line["id"].is_null() && !line["method"].is_null()).await;
        let mut line = answer.clone();
        line["id"] = asked["id"].clone();
        fake.send(&line).await;
    }
    let done = fake.until(|line| line["method"] == "item/completed").await;
    let text = done["params"]["item"]["text"].as_str().unwrap();
    assert!(text.contains(r#"{"result":{"success":true}}"#) && text.contains("-32601"), "{text}");
}

#[tokio::test]
async fn it_fails_on_command_and_imitates_old_versions() {
    let mut fake = Fake::start("error=usageLimitExceeded retrying=2").await;
    fake.turn().await;
    let retry = fake.until(|line| line["method"] == "error").await;
    assert_eq!(retry["params"]["willRetry"], true);
    let turn = fake.completed().await;
    assert_eq!(
        (turn["status"].as_str(), turn["error"]["codexErrorInfo"].as_str()),
        (Some("failed"), Some("usageLimitExceeded"))
    );

    let mut old = Fake::start("old=0.44").await;
    old.send(&json!({"id": 2, "method": "thread/start", "params": {}})).await;
    let expected = "Invalid request: unknown variant `thread/start`, expected `initialize`";
    assert_eq!(old.answer(2).await["error"], json!({"code": -32600, "message": expected}));
}

// Unix only: there fake-codex can close its stdout while it runs.
#[cfg(unix)]
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "`kill` ends at once")]
async fn it_closes_stdout_and_keeps_running() {
    let mut fake = Fake::start("close-stdout-on=model/list ignore-eof spawn-child stderr-flood=1000").await;
    let mut stderr = fake.child.stderr.take().unwrap();
    let mut flood = vec![0; 500];
    tokio::time::timeout(LONG, stderr.read_exact(&mut flood)).await.unwrap().unwrap();
    assert!(flood.starts_with(b"child ") && flood.ends_with(b"#"));
    fake.answer(1).await;
    fake.send(&json!({"id": 2, "method": "model/list", "params": {}})).await;
    assert_eq!(fake.next().await, None);
    fake.stdin = None;
    assert!(fake.child.try_wait().unwrap().is_none());
    // Its own child is in no group that would end it.
    let first_line = String::from_utf8_lossy(&flood);
    let pid = first_line.trim_start_matches("child ").lines().next().unwrap();
    let killed = tokio::process::Command::new("kill").arg(pid).status().await.unwrap();
    assert!(killed.success());
}

#[tokio::test]
async fn it_prints_its_version_and_supports_exec() {
    let version = command("version=0.1.2").arg("--version").output().await.unwrap();
    assert_eq!(version.stdout, b"codex-cli 0.1.2\n");
    let output = command("big-delta=3").args(["exec", "--json", "-"]).output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(r#""text":"xxx""#), "{text}");
}
