//! The bare client: an app-server and the least that can be put in front of it, in a process of its own.
//!
//! It has no HTTP, no supervision, no queue and no second task. It is asked for rounds on stdin, a line of JSON each, and
//! answers each with a line on stdout, so that it can be measured in turns with the proxy; it ends when stdin does.
//! Deliberately not here: when what is asked for. That is `run`'s.

mod codex;
mod parameters;
mod round;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::stream::Stream;
pub(crate) use parameters::MODEL;

use codex::AppServer;

/// What the bare client is started with.
#[derive(Args, Debug)]
pub(crate) struct Start {
    /// The codex binary.
    #[arg(long)]
    codex: PathBuf,
    /// Its home.
    #[arg(long)]
    home: PathBuf,
    /// Its working folder.
    #[arg(long)]
    workspace: PathBuf,
}

/// A round that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ask {
    pub(crate) prompt: String,
    /// How many streams at once.
    pub(crate) streams: usize,
    pub(crate) threads: Threads,
}

/// What the threads of a round are when it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Threads {
    /// Not there yet: starting them is part of the round.
    New,
    /// Not there yet: starting them and telling them of an earlier turn is part of the round.
    Told { prompt: String, answer: String },
    /// There for so long.
    Ahead(Duration),
    /// Each has answered this prompt, and so long ago: the round is the second turn of a conversation.
    Spoken { prompt: String, since: Duration },
}

/// What the bare client says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// Codex has answered its first request.
    Ready { codex: u32 },
    /// A round is over, whatever became of its streams.
    Round(Vec<Stream>),
}

/// Serves until stdin ends.
pub(crate) async fn serve(start: &Start) -> Result<()> {
    let mut codex = AppServer::start(&start.codex, &start.home, &start.workspace).await?;
    say(&Answer::Ready { codex: codex.pid()? })?;
    let mut asked = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = asked.next_line().await? {
        let ask: Ask = serde_json::from_str(&line).context("what was asked for cannot be read")?;
        let streams = tokio::select! {
            streams = round::round(&mut codex, &ask) => streams?,
            // Nothing is asked for during a round, so this is the end of whoever asks.
            _ = asked.next_line() => break,
        };
        say(&Answer::Round(streams))?;
    }
    codex.end().await
}

fn say(answer: &Answer) -> Result<()> {
    let mut line = serde_json::to_string(answer)?;
    line.push('\n');
    let mut out = std::io::stdout();
    out.write_all(line.as_bytes())?;
    Ok(out.flush()?)
}
