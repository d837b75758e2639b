//! The baseline: a bare app-server client in a process of its own, so that its time and memory can be read like the proxy's.
//!
//! It is this program, started again. Each round is a line of JSON on its stdin, an [`Ask`], and one on its stdout; it ends
//! when stdin does. Its first line is the process id of its codex.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::time::timeout;

use crate::app_server::AppServer;
use crate::ask::Ask;
use crate::child;
use crate::stream::Round;

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
