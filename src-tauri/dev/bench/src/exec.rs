//! `codex exec --json`: a process a request, as programs used codex before there was an app-server.
//!
//! It says nothing before the answer is whole, so the first token's time is that of the whole message. It runs as codex is
//! shipped: leaving out its own prompt would be a setting that its users do not make.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::time::{Instant, timeout};

use crate::child;
use crate::processes;
use crate::stream::{Stream, since};

/// It takes about two seconds.
const LIMIT: Duration = Duration::from_secs(60);

/// A codex to run.
#[derive(Debug)]
pub(crate) struct Exec {
    pub(crate) codex: PathBuf,
    pub(crate) home: PathBuf,
    pub(crate) workspace: PathBuf,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: &'a str,
    #[serde(default)]
    item: Option<Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: String,
}

impl Exec {
    /// Runs it once. What goes wrong is part of the result. Beside it, the bytes that were resident when it answered.
    pub(crate) async fn run(&self, prompt: &str) -> (Stream, Option<u64>) {
        let mut stream = Stream::default();
        let mut resident = None;
        match timeout(LIMIT, self.through(prompt, &mut stream, &mut resident)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => stream.failure = Some(format!("{error:#}")),
            Err(_) => stream.failure = Some(format!("no end within {LIMIT:?}")),
        }
        (stream, resident)
    }

    async fn through(&self, prompt: &str, stream: &mut Stream, resident: &mut Option<u64>) -> Result<()> {
        let mut command = child::command(&self.codex);
        command.args(["exec", "--json", "--skip-git-repo-check", "-s", "read-only", "-"]);
        command.env("CODEX_HOME", &self.home).current_dir(&self.workspace);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let begun = Instant::now();
        let mut child = command.spawn().context("codex cannot be started")?;
        let pid = child.id();
        let mut stdin = child.stdin.take().context("a piped stdin is there")?;
        stdin.write_all(prompt.as_bytes()).await?;
        drop(stdin);
        let mut lines = BufReader::new(child.stdout.take().context("a piped stdout is there")?).lines();
        while let Some(line) = lines.next_line().await? {
            if note(&line, since(begun), stream)? {
                *resident = pid.and_then(processes::memory).map(|memory| memory.resident);
            }
        }
        // Its end is that of the process: before it, whoever waits has to keep waiting.
        let status = child.wait().await?;
        stream.ended = since(begun);
        if !status.success() {
            bail!("it ended with {status}");
        }
        Ok(())
    }
}

/// Notes what a line says, and tells whether it was the answer.
fn note(line: &str, now: u64, stream: &mut Stream) -> Result<bool> {
    let event: Event<'_> = serde_json::from_str(line).context("a line that cannot be read")?;
    match (event.kind, event.item) {
        ("item.completed", Some(item)) if item.kind == "agent_message" => {
            stream.hear(&item.text, now);
            Ok(true)
        }
        ("turn.failed" | "error", _) => bail!("the turn has failed: {line}"),
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_the_first_and_only_piece() {
        let mut stream = Stream::default();
        let message = r#"{"type":"item.completed","item":{"id":"0","type":"agent_message","text":"a b"}}"#;
        for (now, line) in
            [(1, r#"{"type":"turn.started"}"#), (2, message), (3, r#"{"type":"turn.completed"}"#)]
        {
            assert_eq!(note(line, now, &mut stream).unwrap(), line == message);
        }
        assert_eq!((stream.text.as_str(), stream.arrivals.as_slice()), ("a b", &[2][..]));
    }

    #[test]
    fn a_failure_is_said_in_codexs_words() {
        let line = r#"{"type":"turn.failed","error":{"message":"no"}}"#;
        let error = note(line, 1, &mut Stream::default()).unwrap_err();
        assert!(error.to_string().contains("\"no\""));
    }
}
