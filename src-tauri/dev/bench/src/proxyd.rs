//! codex-proxyd, started like a user would.
//!
//! Deliberately not here: how it is spoken to (`client`), and when what is asked for.

use std::path::Path;

use anyhow::Result;
use tokio::process::Command;
use tokio::time::Instant;

use crate::child::{self, Server};
use crate::client::Client;
use crate::stream::{Stream, micros};

/// The proxy that is measured is ours alone, so its key may be known to all.
pub(crate) const KEY: &str = "sk-bench";

/// Turns at once, so that none of sixty-four streams waits for its place.
const MAX_TURNS: &str = "64";

/// What the environment of a person may hold for a proxy of theirs, and what would change ours.
const NOT_OURS: &[&str] = &[
    "ALLOWED_HOSTS",
    "ALLOWED_ORIGINS",
    "CODEX_MODEL",
    "CODEX_PATH",
    "CODEX_REASONING",
    "CODEX_SANDBOX",
    "CODEX_SHOW_WORK",
    "CODEX_WORKSPACE",
    "DATA_DIR",
    "HOST",
    "LOG_LEVEL",
    "MAX_WAIT",
    "MAX_WAITING",
    "PORT",
    "SILENCE_LIMIT",
    "TURN_LIMIT",
];

/// A running codex-proxyd.
#[derive(Debug)]
pub(crate) struct Proxyd {
    server: Server,
    pub(crate) client: Client,
    /// Microseconds from the start of its process to the line that says it is listening.
    pub(crate) ready_after: u64,
}
impl Proxyd {
    /// Starts it and waits until it listens. Codex is started by the first request; `codex_home` is its home. An
    /// `environment` takes the place of ours: codex takes longer for a request where the environment names certificates.
    pub(crate) async fn start(
        program: &Path,
        codex: &Path,
        codex_home: &Path,
        data: &Path,
        model: &'static str,
        environment: Option<&[(&'static str, String)]>,
    ) -> Result<Self> {
        let mut command = command(program, codex, codex_home, data, environment);
        command.args(["--log-level", "warn"]).env("API_KEYS", KEY);
        let begun = Instant::now();
        let server = Server::start(command, "codex-proxyd").await?;
        let ready_after = micros(begun.elapsed());
        let client = Client::new(&server.address, model)?;
        Ok(Self { server, client, ready_after })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.server.pid()
    }

    /// Runs one round. A stream that fails is part of the result.
    pub(crate) async fn round(&self, prompt: &str, streams: usize) -> Result<Vec<Stream>> {
        self.client.round(prompt, streams).await
    }

    /// Sends a conversation, as [`Client::talk`] does.
    pub(crate) async fn talk(&self, texts: &[&str]) -> Result<Stream> {
        self.client.talk(texts).await
    }

    /// Asks it to end and waits until it has.
    pub(crate) async fn end(self) -> Result<()> {
        // A connection that is kept alive is one that the proxy waits for.
        drop(self.client);
        self.server.end().await.map(drop)
    }
}

/// What starts a codex-proxyd with settings of its own; its keys and the level of its log are left to say.
pub(crate) fn command(
    program: &Path,
    codex: &Path,
    codex_home: &Path,
    data: &Path,
    environment: Option<&[(&'static str, String)]>,
) -> Command {
    let mut command = child::command(program);
    if let Some(environment) = environment {
        command.env_clear().envs(environment.iter().cloned());
    }
    NOT_OURS.iter().for_each(|name| {
        command.env_remove(name);
    });
    command.args(["--host", "127.0.0.1", "--port", "0"]);
    command.arg("--codex").arg(codex).arg("--data-dir").arg(data);
    // Its working folder holds no `.env` that would be read.
    command.env("MAX_TURNS", MAX_TURNS).env("CODEX_HOME", codex_home).current_dir(data);
    command
}
