//! Runs a turn as a process of `codex exec`, for a codex whose app-server has no turns.
//!
//! The process is killed with its group when its turn is dropped or codex ends. The idle app-server stays beside it: the
//! supervisor watches it, and it may list models. No thread is cached.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::exec_args::args;
use super::exec_events::ExecReader;
use super::session_file::SessionFile;
use super::transcript;
use crate::environment::Environment;
use crate::error::CodexError;
use crate::event::TurnEvent;
use crate::item::split_instructions;
use crate::process::{Launch, Process, StderrTail};
use crate::request::{ThreadKind, TurnRequest};
use crate::rpc::lines;
use crate::session::Session;
use crate::thread::DEFAULT_INSTRUCTIONS;
use crate::turn::{Sender, Sent, Turn, event_queue};

/// Processes at once, at some 50 MB each. Further turns wait for one to end.
const MAX_PROCESSES: usize = 8;

/// How long a process may take to end by itself after its turn has.
const EXIT_TIMEOUT: Duration = Duration::from_secs(2);

/// The slots of the processes.
#[derive(Debug)]
pub(crate) struct ExecPool(Semaphore);

impl Default for ExecPool {
    fn default() -> Self {
        Self(Semaphore::new(MAX_PROCESSES))
    }
}

/// A process that works on a turn.
struct Exec {
    process: Process,
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: StderrTail,
    environment: Environment,
    prompt: String,
    /// The files that it reads, until it has ended.
    _files: TempDir,
}

/// Starts a turn. What goes wrong comes as its last event.
pub(crate) fn start_turn(pool: &Arc<ExecPool>, session: &Arc<Session>, request: TurnRequest) -> Turn {
    let (events, receiver) = event_queue();
    let interrupt = CancellationToken::new();
    let turn = Turn::new(receiver, interrupt.clone());
    let (pool, running) = (Arc::clone(pool), Arc::clone(session));
    let task = async move {
        let stop = async {
            tokio::select! {
                () = interrupt.cancelled() => {}
                () = running.rpc.closed() => {}
            }
        };
        let mut stop = pin!(stop);
        let slot = tokio::select! {
            biased;
            () = &mut stop => None,
            slot = pool.0.acquire() => slot.ok(),
        };
        if slot.is_some() {
            match Exec::start(&running, &request) {
                Ok(exec) => exec.run(&request, &running.readiness.version, &events, stop).await,
                Err(error) => {
                    events.send(TurnEvent::Ended(Err(error)));
                }
            }
        }
        // A turn without its end was interrupted, or its codex was ended.
        events.send(TurnEvent::Ended(Err(CodexError::Disconnected)));
    };
    session.tasks.spawn(session.turn_tasks.track_future(task));
    turn
}

impl Exec {
    fn start(session: &Session, request: &TurnRequest) -> Result<Self, CodexError> {
        let failed = |error: io::Error| CodexError::StartFailed { reason: error.to_string() };
        let files = tempfile::Builder::new().prefix("codex-proxy-").tempdir().map_err(failed)?;
        let write = |name: &str, text: &str| {
            let path = files.path().join(name);
            std::fs::write(&path, text).map(|()| path).map_err(failed)
        };
        let (instructions, items) = match request.profile.kind {
            ThreadKind::Plain => {
                let (instructions, rest) = split_instructions(&request.items);
                let text = instructions.as_deref().unwrap_or(DEFAULT_INSTRUCTIONS);
                (Some(write("instructions.md", text)?), rest)
            }
            ThreadKind::Agent => (None, request.items.as_slice()),
        };
        let schema = match &request.output_schema {
            Some(schema) => Some(write("schema.json", &schema.to_string())?),
            None => None,
        };
        let args = args(request, instructions.as_deref(), schema.as_deref());
        // With a backtrace the last line of stderr would not be the error.
        let environment = session.environment.clone().without("RUST_BACKTRACE");
        let launch = Launch {
            program: &session.readiness.path,
            args: &args,
            environment: &environment,
            folder: &request.profile.workspace,
        };
        let (process, streams) = Process::start(&launch).map_err(failed)?;
        let stderr = StderrTail::default();
        session.tasks.spawn(stderr.clone().read(streams.stderr));
        let prompt = transcript::text(items, request.note.as_deref());
        let (stdin, stdout) = (streams.stdin, streams.stdout);
        Ok(Self { process, stdin, stdout, stderr, environment, prompt, _files: files })
    }

    /// Follows the process to the end of its turn, and leaves nothing of it behind.
    async fn run(
        self,
        request: &TurnRequest,
        version: &str,
        events: &Sender,
        stop: impl Future<Output = ()>,
    ) {
        let Self { mut process, mut stdin, stdout, stderr, environment, prompt, _files } = self;
        if let Some(model) = &request.profile.model {
            events.send(TurnEvent::Model(model.clone()));
        }
        let mut reader = ExecReader::default();
        let named = CancellationToken::new();
        let stop = async {
            stop.await;
            // The file of a session whose id is not known yet could not be found; it is within moments.
            let _unnamed = tokio::time::timeout(EXIT_TIMEOUT, named.cancelled()).await;
        };
        let write = async {
            // A codex that stops reading says why by its end.
            let _closed = stdin.write_all(prompt.as_bytes()).await;
            drop(stdin);
        };
        let work = async { tokio::join!(write, read(stdout, &mut reader, events, &named)).1 };
        let ended = tokio::select! {
            biased;
            () = stop => None,
            ended = work => Some(ended),
        };
        if ended.is_some() {
            // It cleans up after itself. Its stderr ends with it, which explains a turn that has not ended.
            let _gone = tokio::time::timeout(EXIT_TIMEOUT, process.wait()).await;
        }
        if ended == Some(false) {
            events.send(TurnEvent::Ended(Err(reader.ended_early(stderr.last(), version))));
        }
        process.kill().await;
        if let (Some(session), Some(home)) = (&reader.session, environment.codex_home()) {
            drop(SessionFile::find(&home, session));
        }
    }
}

/// Reads a process's lines to the end of the turn; `false` when they ended before it.
async fn read(
    stdout: ChildStdout,
    reader: &mut ExecReader,
    events: &Sender,
    named: &CancellationToken,
) -> bool {
    let mut lines = lines(stdout);
    while let Some(Ok(line)) = lines.next().await {
        let mut over = false;
        reader.read(&line, &mut |event| {
            over |= event.is_end();
            over |= events.send(event) == Sent::Full;
        });
        events.heard(reader.is_at_work());
        if reader.session.is_some() {
            named.cancel();
        }
        if over {
            return true;
        }
    }
    false
}
