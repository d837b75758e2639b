//! `codex exec --json`: a process a request, as programs used codex before there was an app-server.
//!
//! It prints nothing before the answer is whole, so the first token's time is that of the whole message. It runs as codex
//! is shipped: leaving out its own prompt would be a setting that its users do not make.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::Instant;

use crate::round_spec::Ask;
use crate::stream::{Stream, since};
use crate::{child, processes};

/// A codex to run.
pub(crate) struct Exec {
    pub(crate) codex: PathBuf,
    pub(crate) home: PathBuf,
    pub(crate) workspace: PathBuf,
    /// Bytes of each run that were resident when it answered.
    pub(crate) resident: Vec<u64>,
}

impl Exec {
    /// Runs it once.
    pub(crate) async fn stream(&mut self, ask: &Ask) -> Stream {
        let mut command = child::command(&self.codex);
        command.args(["exec", "--json", "--skip-git-repo-check", "-s", "read-only", &ask.prompt]);
        command.env("CODEX_HOME", &self.home).current_dir(&self.workspace);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        Stream::measure(async |stream| {
            let begun = Instant::now();
            let mut child = command.spawn().context("codex cannot be started")?;
            let pid = child.id();
            let mut lines = BufReader::new(child.stdout.take().context("a piped stdout is there")?).lines();
            while let Some(line) = lines.next_line().await? {
                if read(&line, since(begun), stream)? {
                    self.resident.extend(pid.and_then(processes::memory).map(|memory| memory.resident));
                }
            }
            // The end is the process's: until then, a program that runs it has to wait.
            let status = child.wait().await?;
            stream.ended = since(begun);
            ensure!(status.success(), "it ended with {status}");
            Ok(())
        })
        .await
    }
}

/// Reads a line, and says whether it was the answer.
fn read(line: &str, now: u64, stream: &mut Stream) -> Result<bool> {
    let event: Value = serde_json::from_str(line).context("a line that cannot be read")?;
    let item = &event["item"];
    match (event["type"].as_str(), item["type"].as_str()) {
        (Some("item.completed"), Some("agent_message")) => {
            stream.push(item["text"].as_str().unwrap_or_default(), now);
            Ok(true)
        }
        (Some("turn.failed" | "error"), _) => bail!("the turn has failed: {line}"),
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
            assert_eq!(read(line, now, &mut stream).unwrap(), line == message);
        }
        assert_eq!((stream.text.as_str(), stream.arrivals.as_slice()), ("a b", &[2][..]));
    }

    #[test]
    fn a_failure_is_said_in_codexs_words() {
        let line = r#"{"type":"turn.failed","error":{"message":"no"}}"#;
        let error = read(line, 1, &mut Stream::default()).unwrap_err();
        assert!(error.to_string().contains("\"no\""));
    }
}
