//! Runs a turn as a `codex exec` process, for a codex whose app-server has no turns.
//!
//! The process is killed with its group when the turn is dropped or codex stops. The app-server keeps running idle: the
//! supervisor watches it, and it may list models. No thread is cached.

use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdout;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::exec_args::args;
use super::exec_events::ExecReader;
use super::{session_file, transcript};
use crate::error::CodexError;
use crate::event::TurnEvent;
use crate::item::{Item, split_instructions};
use crate::process::{Process, StderrTail, Streams, command};
use crate::request::{ThreadKind, TurnRequest};
use crate::rpc::lines;
use crate::session::Session;
use crate::thread::DEFAULT_INSTRUCTIONS;
use crate::turn::{Activity, Sender, Turn, event_queue};

/// Concurrent processes, at about 50 MB each. Further turns wait for one to exit.
pub(crate) const MAX_PROCESSES: usize = 8;

/// How long a process may take to exit after its turn has ended.
const EXIT_TIMEOUT: Duration = Duration::from_secs(2);

/// Starts a turn once one of the process `slots` is free. A failure arrives as its last event.
pub(crate) fn start_turn(slots: &Arc<Semaphore>, session: &Arc<Session>, request: TurnRequest) -> Turn {
    let (events, turn) = event_queue();
    let (slots, task_session) = (Arc::clone(slots), Arc::clone(session));
    let task = async move {
        let stop = async {
            tokio::select! {
                () = events.interrupt.cancelled() => {}
                () = task_session.rpc.closed.cancelled() => {}
            }
        };
        let mut stop = pin!(stop);
        let slot = tokio::select! {
            biased;
            () = &mut stop => None,
            slot = slots.acquire() => slot.ok(),
        };
        let end = match slot {
            Some(_slot) => run(&task_session, &request, &events, stop).await,
            None => Ok(()),
        };
        // A turn that has not ended by now was interrupted, or codex was stopped.
        events.send(TurnEvent::Ended(Err(end.err().unwrap_or(CodexError::Disconnected))));
    };
    session.tasks.spawn(session.turn_tasks.track_future(task));
    turn
}

/// Runs a turn's process to its end and cleans up after it.
async fn run(
    session: &Session,
    request: &TurnRequest,
    events: &Sender,
    stop: impl Future<Output = ()>,
) -> Result<(), CodexError> {
    let failed = |error: io::Error| CodexError::StartFailed { reason: error.to_string() };
    // The files it reads, deleted when it has exited.
    let files = tempfile::Builder::new().prefix("codex-proxy-").tempdir().map_err(failed)?;
    let (mut process, streams, prompt) = start(session, request, files.path()).map_err(failed)?;
    let stderr = StderrTail::default();
    session.tasks.spawn(stderr.clone().read(streams.stderr));
    if let Some(model) = &request.profile.model {
        events.send(TurnEvent::Model(model.clone()));
    }
    let mut reader = ExecReader::default();
    let session_known = CancellationToken::new();
    let stop = async {
        stop.await;
        // The session's file can only be found by its id, which arrives within moments.
        let _unknown = tokio::time::timeout(EXIT_TIMEOUT, session_known.cancelled()).await;
    };
    let mut stdin = streams.stdin;
    let write = async {
        // If codex stops reading, its exit explains why.
        let _closed = stdin.write_all(prompt.as_bytes()).await;
        drop(stdin);
    };
    let work =
        async { tokio::join!(write, read(session, streams.stdout, &mut reader, events, &session_known)).1 };
    let ended = tokio::select! {
        biased;
        () = stop => None,
        ended = work => Some(ended),
    };
    if ended.is_some() {
        // It cleans up as it exits. Its stderr is complete then, and explains a turn without an end.
        let _exited = tokio::time::timeout(EXIT_TIMEOUT, process.wait()).await;
    }
    if ended == Some(false) {
        let error = reader.early_end_error(stderr.last(), &session.readiness.version);
        events.send(TurnEvent::Ended(Err(session.explained(error))));
    }
    process.kill().await;
    if let (Some(id), Some(home)) = (&reader.session, session.environment.codex_home()) {
        session_file::find_and_delete(&home, id);
    }
    Ok(())
}

/// Starts a turn's process, which reads from `files`, and builds the prompt for its stdin.
fn start(session: &Session, request: &TurnRequest, files: &Path) -> io::Result<(Process, Streams, String)> {
    let write = |name: &str, text: &str| {
        let path = files.join(name);
        std::fs::write(&path, text).map(|()| path)
    };
    let (instructions, items) = match request.profile.kind {
        ThreadKind::Plain => {
            let (instructions, rest) = split_instructions(&request.items);
            let text = instructions.as_deref().unwrap_or(DEFAULT_INSTRUCTIONS);
            (Some(write("instructions.md", text)?), rest.to_vec())
        }
        ThreadKind::Agent => {
            // Not as a setting: arguments are visible in process lists.
            let ours = request.profile.developer_instructions.clone().map(Item::developer);
            (None, ours.into_iter().chain(request.items.iter().cloned()).collect())
        }
    };
    let schema = request.output_schema.as_ref();
    let schema = schema.map(|schema| write("schema.json", &schema.to_string())).transpose()?;
    // With a backtrace, the last line of stderr would not be the error.
    let environment = session.environment.clone().without("RUST_BACKTRACE");
    let mut command = command(&session.readiness.path, &environment);
    let args = args(request, instructions.as_deref(), schema.as_deref());
    command.args(args).current_dir(dunce::simplified(&request.profile.workspace));
    let (process, streams) = Process::start(command)?;
    Ok((process, streams, transcript::text(&items, request.turn_instructions.as_deref())))
}

/// Reads a process's lines to the end of the turn; `false` when the output ended first.
async fn read(
    session: &Session,
    stdout: ChildStdout,
    reader: &mut ExecReader,
    events: &Sender,
    session_known: &CancellationToken,
) -> bool {
    let mut lines = lines(stdout);
    while let Some(Ok(line)) = lines.next().await {
        let (mut ended, mut activity) = (false, Activity::Item);
        reader.read(&line, &mut |event| {
            ended |= event.is_end();
            if matches!(event, TurnEvent::Retrying(_)) {
                activity = Activity::Retry;
            }
            events.send(match event {
                TurnEvent::Ended(Err(error)) => TurnEvent::Ended(Err(session.explained(error))),
                event => event,
            });
        });
        events.record_activity(activity, reader.turn.is_busy());
        if reader.session.is_some() {
            session_known.cancel();
        }
        if ended {
            return true;
        }
    }
    false
}
