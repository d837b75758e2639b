//! An app-server and the pipe to it: a line out, a line in.
//!
//! There is no task and no queue: whoever waits for a line reads it. Every wait is bounded by its caller's deadline.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::time::{Instant, timeout, timeout_at};

use super::parameters;
use crate::child;

/// Starting takes a tenth of a second, and longer on a machine under load.
const START_LIMIT: Duration = Duration::from_secs(30);
/// An app-server ends as soon as its stdin does.
const END_LIMIT: Duration = Duration::from_secs(10);

/// A running app-server.
#[derive(Debug)]
pub(crate) struct AppServer {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// The line that is being read. What a wait that ended early has read of it stays here for the next one.
    line: Vec<u8>,
    /// Whether the line has been handed out whole.
    handed_out: bool,
    requests: u64,
    /// The folder that threads work in.
    pub(crate) workspace: String,
}

/// A line of codex's, as far as the bare client looks at it.
#[derive(Debug, Deserialize)]
pub(crate) struct Line<'a> {
    #[serde(borrow, default)]
    pub(crate) id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) method: Option<&'a str>,
    #[serde(borrow, default)]
    pub(crate) params: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) error: Option<&'a RawValue>,
}

impl Line<'_> {
    /// The number of the request that this line answers.
    pub(crate) fn answers(&self) -> Option<u64> {
        if self.method.is_some() { None } else { self.id?.get().parse().ok() }
    }
}

impl AppServer {
    /// Starts it and waits until it has answered.
    pub(crate) async fn start(codex: &Path, home: &Path, workspace: &Path) -> Result<Self> {
        let mut command = child::command(codex);
        command.arg("app-server").env("CODEX_HOME", home).current_dir(workspace);
        // What codex logs is not measured, and a full pipe would stop it.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().context("codex cannot be started")?;
        let mut server = Self {
            stdin: child.stdin.take().context("a piped stdin is there")?,
            stdout: BufReader::new(child.stdout.take().context("a piped stdout is there")?),
            child,
            line: Vec::new(),
            handed_out: false,
            requests: 0,
            workspace: workspace.to_string_lossy().into_owned(),
        };
        let hello = server.request("initialize", &parameters::initialize()).await?;
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let line = server.line(deadline).await?.context("codex did not answer in time")?;
            if line.answers() == Some(hello) {
                if let Some(error) = line.error {
                    bail!("codex refused to begin: {}", error.get());
                }
                break;
            }
        }
        server.write(&json!({ "method": "initialized" })).await?;
        Ok(server)
    }

    /// The process id of codex.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().context("codex has ended")
    }

    /// Sends a request and gives its number.
    pub(crate) async fn request(&mut self, method: &str, params: &Value) -> Result<u64> {
        self.requests += 1;
        self.write(&json!({ "id": self.requests, "method": method, "params": params })).await?;
        Ok(self.requests)
    }

    async fn write(&mut self, message: &Value) -> Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        // A codex that reads nothing for so long is not coming back.
        timeout(START_LIMIT, self.stdin.write_all(&line)).await.context("codex reads nothing")??;
        Ok(())
    }

    /// The next line, or `None` when there is none before the deadline.
    pub(crate) async fn line(&mut self, deadline: Instant) -> Result<Option<Line<'_>>> {
        if std::mem::take(&mut self.handed_out) {
            self.line.clear();
        }
        let read = timeout_at(deadline, self.stdout.read_until(b'\n', &mut self.line)).await;
        let Ok(read) = read else { return Ok(None) };
        if read? == 0 {
            bail!("codex has ended");
        }
        self.handed_out = true;
        serde_json::from_slice(&self.line)
            .map(Some)
            .map_err(|error| anyhow!("codex wrote a line that is no message: {error}"))
    }

    /// Closes its stdin and waits until it has ended.
    pub(crate) async fn end(mut self) -> Result<()> {
        drop(self.stdin);
        timeout(END_LIMIT, self.child.wait()).await.context("codex did not end with its stdin")??;
        Ok(())
    }
}
