//! The bare client as the measuring program sees it: a process that is asked for rounds.
//!
//! What it does in there is `bare`'s; that it is a process of its own is what makes its numbers comparable.

use std::env;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::time::timeout;

use crate::bare::{Answer, Ask};
use crate::child;
use crate::stream::Stream;

/// Longer than a round can take in there, so that it is the one to say what is wrong.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);
/// It ends with its stdin, after codex has ended with its own.
const END_LIMIT: Duration = Duration::from_secs(15);

/// A running bare client.
#[derive(Debug)]
pub(crate) struct BareClient {
    child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    codex: u32,
}

impl BareClient {
    /// Starts it and waits until its codex answers.
    pub(crate) async fn start(codex: &Path, home: &Path, workspace: &Path) -> Result<Self> {
        let mut command = child::command(env::current_exe().context("our own path cannot be read")?);
        command.arg("bare-client").arg("--codex").arg(codex).arg("--home").arg(home);
        command.arg("--workspace").arg(workspace);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("the bare client cannot be started")?;
        let stdin = child.stdin.take().context("a piped stdin is there")?;
        let stdout = BufReader::new(child.stdout.take().context("a piped stdout is there")?).lines();
        let mut client = Self { child, stdin, stdout, codex: 0 };
        match client.answer().await? {
            Answer::Ready { codex } => client.codex = codex,
            Answer::Round(_) => bail!("the bare client answered what nobody asked"),
        }
        Ok(client)
    }

    /// The process id of the client itself.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().context("the bare client has ended")
    }

    /// The process id of its codex.
    pub(crate) fn codex(&self) -> u32 {
        self.codex
    }

    /// Runs one round.
    pub(crate) async fn round(&mut self, ask: &Ask) -> Result<Vec<Stream>> {
        let mut line = serde_json::to_vec(ask)?;
        line.push(b'\n');
        self.stdin.write_all(&line).await.context("the bare client reads nothing")?;
        match self.answer().await? {
            Answer::Round(streams) => Ok(streams),
            Answer::Ready { .. } => bail!("the bare client has started again"),
        }
    }

    async fn answer(&mut self) -> Result<Answer> {
        let line = timeout(ANSWER_LIMIT, self.stdout.next_line()).await;
        let line = line.context("the bare client says nothing")??.context("the bare client has ended")?;
        serde_json::from_str(&line).context("what the bare client says cannot be read")
    }

    /// Ends it and its codex.
    pub(crate) async fn end(mut self) -> Result<()> {
        drop(self.stdin);
        let status = timeout(END_LIMIT, self.child.wait()).await.context("the bare client did not end")??;
        if !status.success() {
            bail!("the bare client ended with {status}");
        }
        Ok(())
    }
}
