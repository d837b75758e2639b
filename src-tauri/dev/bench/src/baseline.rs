//! The baseline: a minimal client of the app-server, in a separate process so that its CPU time and memory can be measured
//! like the proxy's.
//!
//! It is this binary with another subcommand. It prints the process id of its codex, then answers each [`RoundSpec`], a line
//! of JSON on stdin, with a line of results on stdout, until stdin closes. To be as fast as possible it has no tasks and no
//! queues: it takes a stream's next step where it reads the line that allows it. It sends codex-client's default parameters, but
//! shares none of its connection code, or the product would be compared with itself.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use codex_client::{ThreadProfile, initialize_params, thread_start_params};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::time::{Instant, timeout};

use crate::child;
use crate::round_spec::{MODEL, PAUSE, RoundSpec, StartState};
use crate::stream::{Round, STREAM_TIMEOUT, Stream, micros_since};

/// Longer than a round's own timeouts, so that the child process reports the error.
const ROUND_TIMEOUT: Duration = Duration::from_secs(200);
/// An app-server exits once its stdin closes, and the baseline after it.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs rounds until stdin closes.
pub(crate) async fn serve(codex: &Path, home: &Path, workspace: &Path) -> Result<()> {
    let (mut server, mut child) = AppServer::start(codex, home, workspace).await?;
    println!("{}", serde_json::to_string(&child.id())?);
    let mut specs = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = specs.next_line().await? {
        let spec: RoundSpec = serde_json::from_str(&line).context("invalid round spec")?;
        tokio::select! {
            round = server.round(&spec) => println!("{}", serde_json::to_string(&round?)?),
            // No spec arrives during a round, so stdin has closed.
            _ = specs.next_line() => break,
        }
    }
    // Closes codex's stdin.
    drop(server);
    timeout(SHUTDOWN_TIMEOUT, child.wait()).await.context("codex did not exit after its stdin closed")??;
    Ok(())
}

/// The baseline's process.
pub(crate) struct Baseline {
    child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    /// Process ids of the baseline and of its codex.
    pub(crate) pid: u32,
    pub(crate) codex: u32,
}

impl Baseline {
    /// Starts it and waits for its codex.
    pub(crate) async fn start(codex: &Path, home: &Path, workspace: &Path) -> Result<Self> {
        let mut command = child::command(child::built_binary("bench")?);
        command.arg("baseline").args([codex, home, workspace]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start the baseline")?;
        let stdin = child.stdin.take().context("stdin was not piped")?;
        let stdout = BufReader::new(child.stdout.take().context("stdout was not piped")?).lines();
        let pid = child.id().context("the baseline exited")?;
        let mut baseline = Self { child, stdin, stdout, pid, codex: 0 };
        baseline.codex = baseline.read_reply().await?;
        Ok(baseline)
    }

    pub(crate) async fn round(&mut self, spec: &RoundSpec) -> Result<Round> {
        let line = serde_json::to_string(spec)? + "\n";
        self.stdin.write_all(line.as_bytes()).await.context("cannot write to the baseline")?;
        self.read_reply().await
    }

    async fn read_reply<T: DeserializeOwned>(&mut self) -> Result<T> {
        let line = timeout(ROUND_TIMEOUT, self.stdout.next_line()).await;
        let line = line.context("the baseline timed out")??.context("the baseline exited")?;
        serde_json::from_str(&line).context("invalid output of the baseline")
    }

    pub(crate) async fn shutdown(mut self) -> Result<()> {
        drop(self.stdin);
        let status =
            timeout(2 * SHUTDOWN_TIMEOUT, self.child.wait()).await.context("the baseline did not exit")??;
        ensure!(status.success(), "the baseline failed: {status}");
        Ok(())
    }
}

/// A connection to an app-server.
struct AppServer {
    stdin: Box<dyn AsyncWrite + Unpin>,
    lines: Lines<Box<dyn AsyncBufRead + Unpin>>,
    workspace: PathBuf,
    last_id: u64,
}

impl AppServer {
    /// Starts and initializes an app-server, which exits soon after this connection is dropped.
    async fn start(codex: &Path, home: &Path, workspace: &Path) -> Result<(Self, Child)> {
        let mut command = child::command(codex);
        command.arg("app-server").env("CODEX_HOME", home).current_dir(workspace);
        // Not piped: a full pipe would block codex.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().context("cannot start codex")?;
        let stdin = Box::new(child.stdin.take().context("stdin was not piped")?);
        let stdout = Box::new(BufReader::new(child.stdout.take().context("stdout was not piped")?));
        let mut server = Self::new(stdin, stdout, workspace);
        let hello = initialize_params("baseline", "Baseline", env!("CARGO_PKG_VERSION"));
        let answer = timeout(STREAM_TIMEOUT, server.call("initialize", hello)).await;
        answer.context("codex did not answer in time")??;
        server.write(&json!({ "method": "initialized" })).await?;
        Ok((server, child))
    }

    fn new(stdin: Box<dyn AsyncWrite + Unpin>, out: Box<dyn AsyncBufRead + Unpin>, workspace: &Path) -> Self {
        Self { stdin, lines: out.lines(), workspace: workspace.to_owned(), last_id: 0 }
    }

    /// The `thread/start` parameters that the proxy sends for a plain read-only model.
    fn thread_params(&self) -> Value {
        let plain = ThreadProfile::plain(self.workspace.clone());
        let profile = ThreadProfile { model: Some(MODEL.to_owned()), ..plain };
        thread_start_params(&profile, None, false)
    }

    /// Runs a round. A failed stream is part of the result; losing codex is an error.
    async fn round(&mut self, spec: &RoundSpec) -> Result<Round> {
        let (mut threads, mut history) = (vec![String::new(); spec.streams], None);
        if spec.start != StartState::Cold {
            let started = self.call("thread/start", self.thread_params()).await?;
            threads[0] = thread_id(&started);
        }
        if let StartState::SecondTurn { opening, edited } = &spec.start {
            let first = self.turns(&mut threads, opening, None).await?.remove(0);
            if first.failure.is_some() {
                return Ok(vec![first]);
            }
            if let Some(edited) = edited {
                self.unsubscribe(&threads[0]).await?;
                threads[0].clear();
                let message = |role, kind, text: &str| json!({ "type": "message", "role": role, "content": [{ "type": kind, "text": text }] });
                let question = message("user", "input_text", edited);
                history = Some(json!([question, message("assistant", "output_text", &first.text)]));
            }
        }
        if spec.start != StartState::Cold {
            // Read during the pause too, as the proxy does.
            let _pause = timeout(PAUSE, async { while self.next().await.is_ok() {} }).await;
        }
        let round = self.turns(&mut threads, &spec.prompt, history).await?;
        for thread in threads.iter().filter(|thread| !thread.is_empty()) {
            self.unsubscribe(thread).await?;
        }
        Ok(round)
    }

    /// Runs a turn in each thread. A thread without an id is started first, and given the history, if any.
    async fn turns(&mut self, threads: &mut [String], prompt: &str, history: Option<Value>) -> Result<Round> {
        let (started, mut round) = (Instant::now(), vec![Stream::default(); threads.len()]);
        // The stream that waits for each request.
        let mut pending = HashMap::new();
        for (index, thread) in threads.iter().enumerate() {
            let request = match thread.is_empty() {
                true => self.send("thread/start", self.thread_params()).await?,
                false => self.start_turn(thread, prompt).await?,
            };
            pending.insert(request, index);
        }
        let run = async {
            while round.iter().any(|stream| stream.ended == 0 && stream.failure.is_none()) {
                let (line, now) = (self.next().await?, micros_since(started));
                let (result, params) = (&line["result"], &line["params"]);
                if let Some(index) = line["id"].as_u64().and_then(|id| pending.remove(&id)) {
                    let started = result["thread"].is_object();
                    if started {
                        threads[index] = thread_id(result);
                    }
                    if !line["error"].is_null() {
                        round[index].failure = Some(format!("codex returned an error: {}", line["error"]));
                    } else if let (Some(items), true) = (&history, started) {
                        let params = json!({ "threadId": threads[index], "items": items });
                        pending.insert(self.send("thread/inject_items", params).await?, index);
                    } else if !result["turn"].is_object() {
                        pending.insert(self.start_turn(&threads[index], prompt).await?, index);
                    }
                }
                let about = params["threadId"].as_str();
                let Some(index) = threads.iter().position(|thread| Some(thread.as_str()) == about) else {
                    continue;
                };
                match line["method"].as_str() {
                    Some("item/agentMessage/delta") => {
                        round[index].push(params["delta"].as_str().unwrap_or_default(), now);
                    }
                    Some("turn/completed") => {
                        let (status, error) = (params["turn"]["status"].as_str(), &params["turn"]["error"]);
                        let failed = status != Some("completed");
                        round[index].failure =
                            failed.then(|| format!("turn {}: {error}", status.unwrap_or("ended")));
                        round[index].ended = now;
                    }
                    _ => {}
                }
            }
            anyhow::Ok(())
        };
        if let Ok(outcome) = timeout(STREAM_TIMEOUT, run).await {
            outcome?;
        }
        for stream in round.iter_mut().filter(|stream| stream.ended == 0 && stream.failure.is_none()) {
            stream.failure = Some(format!("timed out after {STREAM_TIMEOUT:?}"));
        }
        Ok(round)
    }

    async fn start_turn(&mut self, thread: &str, prompt: &str) -> Result<u64> {
        let input = json!({ "type": "text", "text": prompt, "text_elements": [] });
        self.send("turn/start", json!({ "threadId": thread, "input": [input], "summary": "auto" })).await
    }

    async fn unsubscribe(&mut self, thread: &str) -> Result<()> {
        self.call("thread/unsubscribe", json!({ "threadId": thread })).await.map(drop)
    }

    /// Sends a request and waits for its result.
    async fn call(&mut self, method: &str, params: Value) -> Result<Value> {
        let id = self.send(method, params).await?;
        loop {
            let mut line = self.next().await?;
            if line["id"] == id {
                ensure!(line["error"].is_null(), "codex returned an error: {}", line["error"]);
                return Ok(line["result"].take());
            }
        }
    }

    async fn send(&mut self, method: &str, params: Value) -> Result<u64> {
        self.last_id += 1;
        self.write(&json!({ "id": self.last_id, "method": method, "params": params })).await?;
        Ok(self.last_id)
    }

    async fn write(&mut self, message: &Value) -> Result<()> {
        Ok(self.stdin.write_all(format!("{message}\n").as_bytes()).await?)
    }

    async fn next(&mut self) -> Result<Value> {
        let line = self.lines.next_line().await?.context("codex exited")?;
        let line: Value = serde_json::from_str(&line).context("invalid line from codex")?;
        if let (Some(method), true) = (line["method"].as_str(), line["id"].is_number()) {
            bail!("unexpected request from codex: {method}");
        }
        Ok(line)
    }
}

/// The id in the answer to `thread/start`; empty in any other answer.
fn thread_id(result: &Value) -> String {
    result["thread"]["id"].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
#[path = "baseline_tests.rs"]
mod tests;
