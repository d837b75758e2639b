//! The daemon's end: passes questions to terminals and their answers back.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use interprocess::local_socket::tokio::{Stream, prelude::*};
use proxy::approvals::{AnswerError, Approvals};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::peer;
use super::place::{Bound, Place};
use super::wire::{Connection, Problem, ToDaemon, ToTerminal, connection};

/// Terminals at once; a further one is turned away.
const MAX_TERMINALS: usize = 8;

/// How long a terminal may take to read a line.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// After an error of the system, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// The daemon listens.
#[derive(Debug)]
pub(crate) struct Listening {
    bound: Bound,
    approvals: Approvals,
    asks: bool,
}

impl Listening {
    /// Listens for terminals. If that is not possible, the log says so, and questions are denied. `asks` is whether the settings let
    /// codex ask.
    pub(crate) fn open(
        data_dir: &std::path::Path,
        environment: &codex_client::Environment,
        approvals: &Approvals,
        asks: bool,
    ) -> Option<Self> {
        match Place::of(data_dir, environment).listen() {
            Ok(Some(bound)) => Some(Self { bound, approvals: approvals.clone(), asks }),
            Ok(None) => {
                tracing::warn!(
                    "another codex-proxyd uses this data folder; `approvals` shows its questions only"
                );
                None
            }
            Err(error) => {
                tracing::warn!(%error, "cannot listen for `codex-proxyd approvals`; what codex asks is denied");
                None
            }
        }
    }

    /// Serves terminals until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut terminals = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.bound.listener.accept() => accepted,
                Some(_) = terminals.join_next() => continue,
                () = stop.cancelled() => break,
            };
            match accepted {
                Ok(stream) if terminals.len() < MAX_TERMINALS => {
                    terminals.spawn(serve(stream, self.approvals.clone(), self.asks));
                }
                Ok(_) => tracing::warn!("more than {MAX_TERMINALS} terminals; one was turned away"),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a terminal");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        // Ends them, which denies what waits.
        terminals.shutdown().await;
    }
}

/// Serves one terminal until it ends. Meanwhile it attends.
async fn serve(stream: Stream, approvals: Approvals, asks: bool) {
    let is_ours = peer::is_ours(&stream).await;
    let mut terminal = connection(stream);
    if is_ours {
        tracing::warn!("a command of codex's tried to answer questions; refused");
        let why = "A command that codex runs cannot answer questions.".to_owned();
        send(&mut terminal, &ToTerminal::Refused { why }).await;
        return;
    }
    if !send(&mut terminal, &ToTerminal::Hello { asks }).await {
        return;
    }
    let attendance = approvals.attend();
    let mut waiting = approvals.waiting();
    waiting.mark_changed();
    let mut shown: Vec<String> = Vec::new();
    loop {
        tokio::select! {
            changed = waiting.changed() => {
                if changed.is_err() {
                    break;
                }
                let now = std::sync::Arc::clone(&waiting.borrow_and_update());
                let closed = shown.iter().filter(|id| !now.iter().any(|one| one.id == **id));
                let closed = closed.map(|id| ToTerminal::Closed { id: id.clone() });
                let asked = now.iter().filter(|one| !shown.contains(&one.id));
                let asked = asked.map(|one| ToTerminal::Asked(Box::new(one.clone())));
                let news: Vec<ToTerminal> = closed.chain(asked).collect();
                shown = now.iter().map(|one| one.id.clone()).collect();
                for message in news {
                    if !send(&mut terminal, &message).await {
                        return;
                    }
                }
            }
            line = terminal.next() => {
                let Some(Ok(line)) = line else { break };
                let Ok(ToDaemon { id, answer }) = serde_json::from_str(&line) else { break };
                let (answering, answered) = (approvals.clone(), id.clone());
                // It may write a file.
                let result = tokio::task::spawn_blocking(move || answering.answer(&answered, answer)).await;
                let problem = match result {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => Some(Problem {
                        still_waits: !matches!(error, AnswerError::NotWaiting),
                        what: error.to_string(),
                    }),
                    Err(_) => break,
                };
                if !send(&mut terminal, &ToTerminal::Answered { id, problem }).await {
                    break;
                }
            }
        }
    }
    drop(attendance);
}

/// Whether the terminal still reads.
async fn send(terminal: &mut Connection, message: &ToTerminal) -> bool {
    let Ok(line) = serde_json::to_string(message) else { return false };
    matches!(tokio::time::timeout(SEND_TIMEOUT, terminal.send(line)).await, Ok(Ok(())))
}
