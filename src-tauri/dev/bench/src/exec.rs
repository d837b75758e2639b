//! `codex exec --json`: one process per request, as programs used codex before the app-server.
//!
//! It prints only the complete answer, so the time to the first token is the time to the whole message. It keeps codex's own
//! prompt, as its users do.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::Instant;

use crate::round_spec::RoundSpec;
use crate::stream::{Stream, micros_since};
use crate::{child, processes};

pub(crate) struct Exec {
    pub(crate) codex: PathBuf,
    pub(crate) home: PathBuf,
    pub(crate) workspace: PathBuf,
    /// Resident bytes of each run when it answered.
    pub(crate) resident: Vec<u64>,
}

impl Exec {
    pub(crate) async fn stream(&mut self, spec: &RoundSpec) -> Stream {
        let mut command = child::command(&self.codex);
        command.args(["exec", "--json", "--skip-git-repo-check", "-s", "read-only", &spec.prompt]);
        command.env("CODEX_HOME", &self.home).current_dir(&self.workspace);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        Stream::measure(async |stream| {
            let started = Instant::now();
            let mut child = command.spawn().context("cannot start codex")?;
            let pid = child.id();
            let mut lines = BufReader::new(child.stdout.take().context("stdout was not piped")?).lines();
            while let Some(line) = lines.next_line().await? {
                if read(&line, micros_since(started), stream)? {
                    self.resident.extend(pid.and_then(processes::memory).map(|memory| memory.resident));
                }
            }
            // The stream ends with the process, since its caller waits for that.
            let status = child.wait().await?;
            stream.ended = micros_since(started);
            ensure!(status.success(), "codex exec failed: {status}");
            Ok(())
        })
        .await
    }
}

/// Reads an event. Returns whether it was the answer.
fn read(line: &str, now: u64, stream: &mut Stream) -> Result<bool> {
    let event: Value = serde_json::from_str(line).context("invalid JSON line")?;
    let item = &event["item"];
    match (event["type"].as_str(), item["type"].as_str()) {
        (Some("item.completed"), Some("agent_message")) => {
            stream.push(item["text"].as_str().unwrap_or_default(), now);
            Ok(true)
        }
        (Some("turn.failed" | "error"), _) => bail!("the turn failed: {line}"),
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_the_only_piece() {
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
    fn a_failure_quotes_codex() {
        let line = r#"{"type":"turn.failed","error":{"message":"no"}}"#;
        let error = read(line, 1, &mut Stream::default()).unwrap_err();
        assert!(error.to_string().contains("\"no\""));
    }
}
