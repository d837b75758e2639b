//! The baseline: an app-server and the least that can be put in front of it, in a separate process, so that its time and
//! memory can be read like the proxy's.
//!
//! It is this program, started again. Each round is a line of JSON on its stdin, an [`Ask`], and one on its stdout; it ends
//! when stdin does. Its first line is the process id of its codex. There is no task and no queue in it: the next step of a
//! stream is taken where the line that allows it is read, because nothing could be quicker. What it asks for is what
//! codex-client asks for by default, with that crate's own parameters; how it asks is its own, or the product would be
//! measured against itself.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use codex_client::{SandboxMode, ThreadKind, ThreadProfile, initialize_params, thread_start_params};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::time::{Instant, timeout};

use crate::child;
use crate::round_spec::{Ask, MODEL, PAUSE, Start};
use crate::stream::{Round, STREAM_TIMEOUT, Stream, since};

/// Longer than a round can take in there, so that the process is the one to say what is wrong.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(200);
/// An app-server ends as soon as its stdin does, and the process after it.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs rounds until stdin ends.
pub(crate) async fn serve(codex: &Path, home: &Path, workspace: &Path) -> Result<()> {
    let (mut server, mut child) = AppServer::start(codex, home, workspace).await?;
    println!("{}", serde_json::to_string(&child.id())?);
    let mut asks = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = asks.next_line().await? {
        let ask: Ask = serde_json::from_str(&line).context("what was asked for cannot be read")?;
        tokio::select! {
            round = server.round(&ask) => println!("{}", serde_json::to_string(&round?)?),
            // Nothing is asked for during a round, so this is stdin's end.
            _ = asks.next_line() => break,
        }
    }
    // Codex ends as soon as its stdin does.
    drop(server);
    timeout(END_TIMEOUT, child.wait()).await.context("codex did not end with its stdin")??;
    Ok(())
}

/// The running process.
pub(crate) struct Baseline {
    child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    /// The process ids of the client and of its codex.
    pub(crate) pid: u32,
    pub(crate) codex: u32,
}

impl Baseline {
    /// Starts it and waits until its codex answers.
    pub(crate) async fn start(codex: &Path, home: &Path, workspace: &Path) -> Result<Self> {
        let mut command = child::command(child::built("bench")?);
        command.arg("baseline").args([codex, home, workspace]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("the baseline cannot be started")?;
        let stdin = child.stdin.take().context("a piped stdin is there")?;
        let stdout = BufReader::new(child.stdout.take().context("a piped stdout is there")?).lines();
        let pid = child.id().context("the baseline has ended")?;
        let mut baseline = Self { child, stdin, stdout, pid, codex: 0 };
        baseline.codex = baseline.answer().await?;
        Ok(baseline)
    }

    /// Runs one round.
    pub(crate) async fn round(&mut self, ask: &Ask) -> Result<Round> {
        let line = serde_json::to_string(ask)? + "\n";
        self.stdin.write_all(line.as_bytes()).await.context("the baseline reads nothing")?;
        self.answer().await
    }

    async fn answer<T: DeserializeOwned>(&mut self) -> Result<T> {
        let line = timeout(ANSWER_TIMEOUT, self.stdout.next_line()).await;
        let line = line.context("the baseline is silent")??.context("the baseline has ended")?;
        serde_json::from_str(&line).context("what the baseline says cannot be read")
    }

    /// Ends it and its codex.
    pub(crate) async fn end(mut self) -> Result<()> {
        drop(self.stdin);
        let status =
            timeout(2 * END_TIMEOUT, self.child.wait()).await.context("the baseline did not end")??;
        ensure!(status.success(), "the baseline ended with {status}");
        Ok(())
    }
}

/// The pipe to an app-server.
struct AppServer {
    stdin: Box<dyn AsyncWrite + Unpin>,
    lines: Lines<Box<dyn AsyncBufRead + Unpin>>,
    workspace: PathBuf,
    last_id: u64,
}

impl AppServer {
    /// Starts it and waits until it has answered. It ends soon after its pipe has been dropped.
    async fn start(codex: &Path, home: &Path, workspace: &Path) -> Result<(Self, Child)> {
        let mut command = child::command(codex);
        command.arg("app-server").env("CODEX_HOME", home).current_dir(workspace);
        // What codex logs is not measured, and a full pipe would stop it.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().context("codex cannot be started")?;
        let stdin = Box::new(child.stdin.take().context("a piped stdin is there")?);
        let stdout = Box::new(BufReader::new(child.stdout.take().context("a piped stdout is there")?));
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

    /// The parameters of `thread/start` for a plain model that only reads, as the proxy gives them.
    fn thread_params(&self) -> Value {
        let profile = ThreadProfile {
            kind: ThreadKind::Plain,
            model: Some(MODEL.to_owned()),
            workspace: self.workspace.clone(),
            sandbox: SandboxMode::ReadOnly,
            tools: [].into(),
            verbosity: None,
            service_tier: None,
            web_search: None,
        };
        thread_start_params(&profile, None, false)
    }

    /// Runs a round to its end. A stream that fails is part of the result; a codex that is gone is an error.
    async fn round(&mut self, ask: &Ask) -> Result<Round> {
        let (mut threads, mut history) = (vec![String::new(); ask.streams], None);
        if ask.start != Start::Cold {
            let started = self.call("thread/start", self.thread_params()).await?;
            threads[0] = thread_id(&started);
        }
        if let Start::SecondTurn { opening, edited } = &ask.start {
            let first = self.turns(&mut threads, opening, None).await?.remove(0);
            if first.failure.is_some() {
                return Ok(vec![first]);
            }
            if let Some(edited) = edited {
                self.give_up(&threads[0]).await?;
                threads[0].clear();
                let message = |role, kind, text: &str| json!({ "type": "message", "role": role, "content": [{ "type": kind, "text": text }] });
                let question = message("user", "input_text", edited);
                history = Some(json!([question, message("assistant", "output_text", &first.text)]));
            }
        }
        if ask.start != Start::Cold {
            // Lines that come while nothing is asked for are read as they come, like at any other time.
            let _pause = timeout(PAUSE, async { while self.next().await.is_ok() {} }).await;
        }
        let round = self.turns(&mut threads, &ask.prompt, history).await?;
        for thread in threads.iter().filter(|thread| !thread.is_empty()) {
            self.give_up(thread).await?;
        }
        Ok(round)
    }

    /// Runs a turn in each thread. One without an id is started first, and gets the history, if there is one.
    async fn turns(&mut self, threads: &mut [String], prompt: &str, history: Option<Value>) -> Result<Round> {
        let (begun, mut round) = (Instant::now(), vec![Stream::default(); threads.len()]);
        // What each stream waits for, by request. Its turn follows where nothing else does.
        let mut waiting = HashMap::new();
        for (index, thread) in threads.iter().enumerate() {
            let asked = match thread.is_empty() {
                true => self.send("thread/start", self.thread_params()).await?,
                false => self.start_turn(thread, prompt).await?,
            };
            waiting.insert(asked, index);
        }
        let run = async {
            while round.iter().any(|stream| stream.ended == 0 && stream.failure.is_none()) {
                let (line, now) = (self.next().await?, since(begun));
                let (result, params) = (&line["result"], &line["params"]);
                if let Some(index) = line["id"].as_u64().and_then(|id| waiting.remove(&id)) {
                    let started = result["thread"].is_object();
                    if started {
                        threads[index] = thread_id(result);
                    }
                    if !line["error"].is_null() {
                        round[index].failure = Some(format!("codex refused: {}", line["error"]));
                    } else if let (Some(items), true) = (&history, started) {
                        let params = json!({ "threadId": threads[index], "items": items });
                        waiting.insert(self.send("thread/inject_items", params).await?, index);
                    } else if !result["turn"].is_object() {
                        waiting.insert(self.start_turn(&threads[index], prompt).await?, index);
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
                            failed.then(|| format!("the turn is {}: {error}", status.unwrap_or("over")));
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
            stream.failure = Some(format!("no end within {STREAM_TIMEOUT:?}"));
        }
        Ok(round)
    }

    async fn start_turn(&mut self, thread: &str, prompt: &str) -> Result<u64> {
        let input = json!({ "type": "text", "text": prompt, "text_elements": [] });
        self.send("turn/start", json!({ "threadId": thread, "input": [input], "summary": "auto" })).await
    }

    async fn give_up(&mut self, thread: &str) -> Result<()> {
        self.call("thread/unsubscribe", json!({ "threadId": thread })).await.map(drop)
    }

    /// Asks and waits for the result.
    async fn call(&mut self, method: &str, params: Value) -> Result<Value> {
        let id = self.send(method, params).await?;
        loop {
            let mut line = self.next().await?;
            if line["id"] == id {
                ensure!(line["error"].is_null(), "codex refused: {}", line["error"]);
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

    /// The next line.
    async fn next(&mut self) -> Result<Value> {
        let line = self.lines.next_line().await?.context("codex has ended")?;
        let line: Value = serde_json::from_str(&line).context("codex wrote a line that is no message")?;
        if let (Some(method), true) = (line["method"].as_str(), line["id"].is_number()) {
            bail!("codex asks for {method}, which no chat needs");
        }
        Ok(line)
    }
}

/// The id of a thread that has been started; empty in every other answer.
fn thread_id(result: &Value) -> String {
    result["thread"]["id"].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
#[path = "baseline_tests.rs"]
mod tests;
