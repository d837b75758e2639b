//! An app-server and the least that can be put in front of it: a line out, a line in.
//!
//! There is no task: the streams of a round and the reading of codex's lines are one future. What it asks for is what
//! codex-client asks for by default, with that crate's own parameters; how it asks is its own, or the product would be
//! measured against itself.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use codex_client::{OPT_OUT, plain_thread_params};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt, BufReader, Lines};
use tokio::process::Child;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, sleep, timeout};

use crate::ask::{Ask, MODEL, PAUSE, Start};
use crate::child;
use crate::stream::{Round, Stream};

/// Starting takes a tenth of a second, and longer on a machine under load.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// The pipe to an app-server.
pub(crate) struct AppServer {
    lines: Lines<Box<dyn AsyncBufRead + Unpin>>,
    router: Router,
}

/// Where codex's lines go: by the id of the request that a line answers, or by the thread that it is about.
struct Router {
    stdin: Mutex<Box<dyn AsyncWrite + Unpin>>,
    workspace: PathBuf,
    last_id: Cell<u64>,
    routes: RefCell<HashMap<String, mpsc::UnboundedSender<(Instant, Value)>>>,
}

/// One thread of codex's, from its start until it is given up. It reads what its requests and the thread bring.
struct Thread<'a> {
    router: &'a Router,
    id: String,
    sender: mpsc::UnboundedSender<(Instant, Value)>,
    lines: mpsc::UnboundedReceiver<(Instant, Value)>,
}

impl AppServer {
    /// Starts it and waits until it has answered. It ends soon after its pipe has been dropped.
    pub(crate) async fn start(codex: &Path, home: &Path, workspace: &Path) -> Result<(Self, Child)> {
        let mut command = child::command(codex);
        command.arg("app-server").env("CODEX_HOME", home).current_dir(workspace);
        // What codex logs is not measured, and a full pipe would stop it.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().context("codex cannot be started")?;
        let stdin = Box::new(child.stdin.take().context("a piped stdin is there")?);
        let stdout = Box::new(BufReader::new(child.stdout.take().context("a piped stdout is there")?));
        let mut server = Self::new(stdin, stdout, workspace);
        let capabilities = json!({
            "experimentalApi": true, "requestAttestation": false, "optOutNotificationMethods": OPT_OUT,
        });
        let client = json!({ "name": "baseline", "title": "Baseline", "version": env!("CARGO_PKG_VERSION") });
        let greeting = server.drive(async |router| {
            let params = json!({ "clientInfo": client, "capabilities": capabilities });
            Thread::new(router).call("initialize", params).await?;
            router.write(&json!({ "method": "initialized" })).await
        });
        timeout(START_TIMEOUT, greeting).await.context("codex did not answer in time")??;
        Ok((server, child))
    }

    fn new(stdin: Box<dyn AsyncWrite + Unpin>, out: Box<dyn AsyncBufRead + Unpin>, workspace: &Path) -> Self {
        let (stdin, workspace) = (Mutex::new(stdin), workspace.to_owned());
        let router = Router { stdin, workspace, last_id: Cell::default(), routes: RefCell::default() };
        Self { lines: out.lines(), router }
    }

    /// Runs a round to its end. A stream that fails is part of the result; a codex that is gone is an error.
    pub(crate) async fn round(&mut self, ask: &Ask) -> Result<Round> {
        self.drive(async |router| Ok(router.round(ask).await)).await
    }

    /// Does what waits for codex's lines, and reads them meanwhile.
    async fn drive<T>(&mut self, work: impl AsyncFnOnce(&Router) -> Result<T>) -> Result<T> {
        let read = async {
            while let Some(line) = self.lines.next_line().await? {
                self.router.read(&line)?;
            }
            bail!("codex has ended")
        };
        tokio::select! {
            outcome = work(&self.router) => outcome,
            lost = read => lost,
        }
    }
}

impl Router {
    async fn round(&self, ask: &Ask) -> Round {
        let mut prepared = (None, None);
        let outcome = Stream::measure(async |_| {
            prepared = self.prepare(&ask.start).await?;
            Ok(())
        });
        let outcome = outcome.await;
        if outcome.failure.is_some() {
            return vec![outcome];
        }
        let (mut thread, history) = prepared;
        let begun = Instant::now();
        let streams = (0..ask.streams).map(|_| {
            let thread = thread.take();
            Stream::measure(async |stream| {
                self.stream(&ask.prompt, thread, history.as_ref(), begun, stream).await
            })
        });
        streams.collect::<FuturesUnordered<_>>().collect().await
    }

    /// A thread that is there when the round begins, and the history that a new one gets.
    async fn prepare(&self, start: &Start) -> Result<(Option<Thread<'_>>, Option<Value>)> {
        if *start == Start::Cold {
            return Ok((None, None));
        }
        let (mut thread, mut first) = (Thread::start(self).await?, Stream::default());
        if let Start::SecondTurn { opening, .. } = start {
            thread.turn(opening, Instant::now(), &mut first).await?;
        }
        let edited = if let Start::SecondTurn { edited, .. } = start { edited.as_ref() } else { None };
        let prepared = if let Some(edited) = edited {
            thread.give_up().await?;
            let message = |role, kind, text: &str| json!({ "type": "message", "role": role, "content": [{ "type": kind, "text": text }] });
            let (question, answer) = (message("user", "input_text", edited), first.text.as_str());
            (None, Some(json!([question, message("assistant", "output_text", answer)])))
        } else {
            (Some(thread), None)
        };
        sleep(PAUSE).await;
        Ok(prepared)
    }

    async fn stream<'a>(
        &'a self,
        prompt: &str,
        thread: Option<Thread<'a>>,
        history: Option<&Value>,
        begun: Instant,
        stream: &mut Stream,
    ) -> Result<()> {
        let mut thread = if let Some(thread) = thread { thread } else { Thread::start(self).await? };
        if let Some(items) = history {
            let params = json!({ "threadId": thread.id, "items": items });
            thread.call("thread/inject_items", params).await?;
        }
        let outcome = thread.turn(prompt, begun, stream).await;
        thread.give_up().await?;
        outcome
    }

    async fn write(&self, message: &Value) -> Result<()> {
        Ok(self.stdin.lock().await.write_all(format!("{message}\n").as_bytes()).await?)
    }

    /// Hands a line to what waits for it, if anything does.
    fn read(&self, line: &str) -> Result<()> {
        let now = Instant::now();
        let line: Value = serde_json::from_str(line).context("codex wrote a line that is no message")?;
        let (method, thread) = (line["method"].as_str(), line["params"]["threadId"].as_str());
        let route = match (method, line["id"].as_u64()) {
            (Some(method), Some(_)) => bail!("codex asks for {method}, which no chat needs"),
            (None, Some(id)) => self.routes.borrow_mut().remove(&id.to_string()),
            _ => thread.and_then(|thread| self.routes.borrow().get(thread).cloned()),
        };
        let _given_up = route.map(|route| route.send((now, line)));
        Ok(())
    }
}

impl<'a> Thread<'a> {
    fn new(router: &'a Router) -> Self {
        let (sender, lines) = mpsc::unbounded_channel();
        Self { router, id: String::new(), sender, lines }
    }

    async fn start(router: &'a Router) -> Result<Self> {
        let mut thread = Self::new(router);
        let started = thread.call("thread/start", plain_thread_params(MODEL, &router.workspace)).await?;
        thread.id = started["thread"]["id"].as_str().context("codex does not name the thread")?.to_owned();
        router.routes.borrow_mut().insert(thread.id.clone(), thread.sender.clone());
        Ok(thread)
    }

    async fn turn(&mut self, prompt: &str, begun: Instant, stream: &mut Stream) -> Result<()> {
        let input = json!({ "type": "text", "text": prompt, "text_elements": [] });
        let params = json!({ "threadId": self.id, "input": [input], "summary": "auto" });
        self.send("turn/start", params).await?;
        loop {
            let (at, line) = self.next().await?;
            let (now, params) = (u64::try_from((at - begun).as_micros())?, &line["params"]);
            match line["method"].as_str() {
                Some("item/agentMessage/delta") => {
                    stream.push(params["delta"].as_str().unwrap_or_default(), now);
                }
                Some("turn/completed") => {
                    stream.ended = now;
                    let status = params["turn"]["status"].as_str().unwrap_or("over");
                    ensure!(status == "completed", "the turn is {status}: {}", params["turn"]["error"]);
                    return Ok(());
                }
                _ => {}
            }
        }
    }

    async fn give_up(&mut self) -> Result<()> {
        self.router.routes.borrow_mut().remove(&self.id);
        self.call("thread/unsubscribe", json!({ "threadId": self.id })).await.map(drop)
    }

    /// Asks and waits for the result.
    async fn call(&mut self, method: &str, params: Value) -> Result<Value> {
        let id = self.send(method, params).await?;
        loop {
            let (_, mut line) = self.next().await?;
            if line["id"] == id {
                return Ok(line["result"].take());
            }
        }
    }

    async fn send(&self, method: &str, params: Value) -> Result<u64> {
        let id = self.router.last_id.get() + 1;
        self.router.last_id.set(id);
        self.router.routes.borrow_mut().insert(id.to_string(), self.sender.clone());
        self.router.write(&json!({ "id": id, "method": method, "params": params })).await?;
        Ok(id)
    }

    /// The next line, and when it came. A refusal is an error.
    async fn next(&mut self) -> Result<(Instant, Value)> {
        let (at, line) = self.lines.recv().await.context("nothing reads codex's lines")?;
        ensure!(line["error"].is_null(), "codex refused: {}", line["error"]);
        Ok((at, line))
    }
}

#[cfg(test)]
#[path = "app_server_tests.rs"]
mod tests;
