//! Starting a codex: find it, spawn it, shake hands, ask what it can do and whether it is signed in.
//!
//! Every step has a limit, and whatever fails leaves no process behind: the process is killed when its handle is dropped.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::ChildStderr;

use crate::capabilities::{
    Capabilities, UNKNOWN, complains_about_field, field_probe, spelling_probe, spells_as_we_do,
};
use crate::codex::{CodexConfig, Readiness};
use crate::error::CodexError;
use crate::files::stamp::Binary;
use crate::home::{self, Prepared};
use crate::item::{Account, AccountRead, Initialized};
use crate::legacy::exec::Exec;
use crate::process::{Launch, Process};
use crate::rpc::connection::Connection;
use crate::turn::reader::OPT_OUT;

/// Lines of stderr that are kept to explain a failed start.
const KEPT_LINES: usize = 5;

/// The longest part of a stderr line that is kept.
const KEPT_BYTES: u64 = 1000;

/// The last lines of a process's stderr.
pub(crate) type LastWords = VecDeque<String>;

/// A codex that answers.
pub(crate) struct Started {
    pub(crate) process: Process,
    pub(crate) connection: Arc<Connection>,
    pub(crate) readiness: Readiness,
    pub(crate) binary: Binary,
}

/// Starts codex and waits until it answers.
pub(crate) async fn start(config: &CodexConfig) -> Result<Started, CodexError> {
    let found = config.search.run().await?;
    // What is put there from here on is noticed as a change.
    let binary = Binary::at(&found.path);
    // Our own log level must not make codex write prompts to its stderr.
    let environment = found.environment.clone().without("RUST_LOG");
    let Prepared { environment, args, used } = home::prepare(&config.home, &found, environment).await?;
    let args: Vec<&str> = args.iter().map(String::as_str).chain(["app-server"]).collect();
    let launch = Launch {
        program: &found.path,
        args: &args,
        environment: &environment,
        folder: config.folder.clone(),
    };
    let (mut process, streams) = Process::start(&launch)
        .map_err(|error| CodexError::StartFailed { reason: format!("{}: {error}", found.path.display()) })?;
    let connection = Connection::open(streams.stdin, streams.stdout, config.keeping);
    if let Some(home) = found.environment.codex_home() {
        // Nobody else has this connection yet, so it is not set.
        let _ = connection.users_home.set(home);
    }
    let last_words = Arc::new(Mutex::new(VecDeque::new()));
    connection.tasks.spawn(listen(streams.stderr, Arc::clone(&last_words)));
    match shake_hands(&connection, config).await {
        Ok((version, capabilities, account)) => {
            let exec = (!capabilities.threads).then(|| Exec::new(&found.path, environment, &version));
            connection.know(capabilities, exec);
            let readiness = Readiness { path: found.path, version, capabilities, account, home: used };
            Ok(Started { process, connection, readiness, binary })
        }
        Err(error) => {
            connection.closed.cancel();
            process.kill().await;
            connection.tasks.wait().await;
            Err(explain(error, &last_words))
        }
    }
}

async fn shake_hands(
    connection: &Connection,
    config: &CodexConfig,
) -> Result<(String, Capabilities, Option<Account>), CodexError> {
    let hello = json!({
        "clientInfo": { "name": "codex-proxy", "title": "Codex Proxy", "version": config.client_version },
        "capabilities": {
            "experimentalApi": true,
            "requestAttestation": false,
            "optOutNotificationMethods": OPT_OUT,
        },
    });
    let initialized: Initialized = connection.call("initialize", hello).await?;
    let version = initialized.version().unwrap_or_else(|| "of an unknown version".to_owned());
    connection.notify("initialized").await?;
    let capabilities = probe(connection).await?;
    let mut account = None;
    if capabilities.account_read {
        account = match connection.call::<AccountRead>("account/read", json!({})).await {
            Ok(read) => Some(read.account().ok_or(CodexError::NotSignedIn)?),
            // It asks upstream about some accounts, and says so when it cannot reach it. That is for a turn to find out.
            Err(CodexError::Refused { message, .. }) => {
                tracing::info!(%message, "codex does not say which account it has");
                None
            }
            Err(error) => return Err(error),
        };
    }
    Ok((version, capabilities, account))
}

async fn probe(connection: &Connection) -> Result<Capabilities, CodexError> {
    let complaint = complaint(connection, UNKNOWN, json!({})).await?;
    let mut capabilities = Capabilities::from_complaint(&complaint);
    if capabilities.threads
        && !spells_as_we_do(&self::complaint(connection, "thread/start", spelling_probe()).await?)
    {
        capabilities.threads = false;
    }
    if capabilities.threads {
        for (field, known) in [
            ("dynamicTools", &mut capabilities.dynamic_tools),
            ("experimentalRawEvents", &mut capabilities.raw_events),
        ] {
            *known = complains_about_field(
                &self::complaint(connection, "thread/start", field_probe(field)).await?,
            );
        }
    }
    Ok(if capabilities.threads { capabilities } else { capabilities.by_exec() })
}

/// Calls something that must be refused, and gives back codex's words.
async fn complaint(
    connection: &Connection,
    method: &'static str,
    params: Value,
) -> Result<String, CodexError> {
    match connection.call::<Value>(method, params).await {
        Ok(_) => Ok(String::new()),
        Err(CodexError::Refused { message, .. }) => Ok(message),
        Err(error) => Err(error),
    }
}

/// Reads codex's stderr to its end, so that it never blocks, and keeps the last lines of the start. They are not logged:
/// later lines can hold what a command printed.
pub(crate) async fn listen(stderr: ChildStderr, last_words: Arc<Mutex<LastWords>>) {
    let mut stderr = BufReader::new(stderr);
    loop {
        let mut line = Vec::new();
        // A line that is longer is read on as further lines.
        match (&mut stderr).take(KEPT_BYTES).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let line = String::from_utf8_lossy(&line).trim().to_owned();
                let mut kept = last_words.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() == KEPT_LINES {
                    kept.pop_front();
                }
                kept.push_back(line);
            }
        }
    }
}

/// The last line that says anything.
pub(crate) fn last_of(last_words: &Mutex<LastWords>) -> Option<String> {
    let kept = last_words.lock().unwrap_or_else(PoisonError::into_inner);
    kept.iter().rev().find(|line| !line.is_empty()).cloned()
}

/// Adds what codex wrote to stderr to an error that says little by itself.
fn explain(error: CodexError, last_words: &Mutex<LastWords>) -> CodexError {
    match (error, last_of(last_words)) {
        (CodexError::Disconnected, Some(reason)) => CodexError::StartFailed { reason },
        (CodexError::Disconnected, None) => {
            CodexError::StartFailed { reason: "it ended without a word".to_owned() }
        }
        (error, _) => error,
    }
}
