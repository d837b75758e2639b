//! Runs a turn as a process of `codex exec`, for a codex whose app-server has no turns.
//!
//! The process is killed as a group when its turn is dropped or codex is ended. The idle app-server that was asked what it
//! can do stays beside it: it is what the supervisor watches, and it may list models. Nothing is kept for the next turn.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::Semaphore;
use tokio_util::codec::{AnyDelimiterCodec, FramedRead};
use tokio_util::sync::CancellationToken;

use crate::environment::Environment;
use crate::error::CodexError;
use crate::legacy::exec_args::{self, Files};
use crate::legacy::exec_events::ExecReading;
use crate::legacy::{session_file, transcript};
use crate::process::{Launch, Process};
use crate::rpc::connection::{Connection, MAX_LINE};
use crate::session::launch::{self as start, LastWords};
use crate::thread::params::DEFAULT_INSTRUCTIONS;
use crate::turn::event_queue::{Posted, Sender};
use crate::turn::handle::{ThreadKind, TurnEvent, TurnRequest};

/// Processes at once, at some 50 MB each. Further turns wait for one to end.
const PROCESSES: usize = 8;

/// How long a process may take to end by itself after its turn has.
const LEAVE_LIMIT: Duration = Duration::from_secs(2);

/// How to start a codex for a turn.
#[derive(Debug)]
pub(crate) struct Exec {
    program: PathBuf,
    environment: Environment,
    version: String,
    places: Semaphore,
}

/// A process that works on a turn.
struct Begun {
    process: Process,
    stdin: ChildStdin,
    stdout: ChildStdout,
    last_words: Arc<Mutex<LastWords>>,
    prompt: String,
    /// The files that it reads, until it has ended.
    _files: TempDir,
}

/// Starts a turn. What goes wrong comes as its last event.
pub(crate) fn spawn(
    connection: &Arc<Connection>,
    request: TurnRequest,
    post: Sender,
    interrupt: CancellationToken,
) {
    let connection = Arc::clone(connection);
    let counted = connection.turns.token();
    connection.tasks.clone().spawn(async move {
        let _counted = counted;
        let Some(exec) = connection.exec() else {
            post.post(TurnEvent::Ended(Err(CodexError::Disconnected)));
            return;
        };
        let stop = async {
            tokio::select! {
                () = interrupt.cancelled() => {}
                () = connection.closed.cancelled() => {}
            }
        };
        tokio::pin!(stop);
        let place = tokio::select! {
            biased;
            () = &mut stop => None,
            place = exec.places.acquire() => place.ok(),
        };
        if place.is_some() {
            match exec.begin(&connection, &request) {
                Ok(begun) => exec.through(begun, &request, &post, stop).await,
                Err(error) => drop(post.post(TurnEvent::Ended(Err(error)))),
            }
        }
        // Only a codex that was ended leaves a turn without its end, or a reader that is gone.
        post.post(TurnEvent::Ended(Err(CodexError::Disconnected)));
    });
}

impl Exec {
    pub(crate) fn new(program: &Path, environment: Environment, version: &str) -> Self {
        // Without it an error is the last line of what codex writes to stderr, not the first of a trace.
        let environment = environment.without("RUST_BACKTRACE");
        Self {
            program: program.to_owned(),
            environment,
            version: version.to_owned(),
            places: Semaphore::new(PROCESSES),
        }
    }

    fn begin(&self, connection: &Connection, request: &TurnRequest) -> Result<Begun, CodexError> {
        let failed = |error: io::Error| CodexError::StartFailed { reason: error.to_string() };
        let files = tempfile::Builder::new().prefix("codex-proxy-").tempdir().map_err(failed)?;
        let write = |name: &str, text: &str| {
            let path = files.path().join(name);
            std::fs::write(&path, text).map(|()| path).map_err(failed)
        };
        let (instructions, items) = match request.profile.kind {
            ThreadKind::Plain => {
                let (instructions, rest) = transcript::split_instructions(&request.items);
                let text = instructions.as_deref().unwrap_or(DEFAULT_INSTRUCTIONS);
                (Some(write("instructions.md", text)?), rest)
            }
            ThreadKind::Agent => (None, request.items.as_slice()),
        };
        let schema = match &request.output_schema {
            Some(schema) => Some(write("schema.json", &schema.to_string())?),
            None => None,
        };
        let args = exec_args::args(
            request,
            Files { instructions: instructions.as_deref(), schema: schema.as_deref() },
        );
        let launch = Launch {
            program: &self.program,
            args: &args.iter().map(String::as_str).collect::<Vec<_>>(),
            environment: &self.environment,
            folder: request.profile.workspace.clone(),
        };
        let (process, streams) = Process::start(&launch).map_err(failed)?;
        let last_words = Arc::default();
        connection.tasks.spawn(start::listen(streams.stderr, Arc::clone(&last_words)));
        let prompt = transcript::text(items, request.note.as_deref());
        Ok(Begun { process, stdin: streams.stdin, stdout: streams.stdout, last_words, prompt, _files: files })
    }

    /// Follows a process to the end of its turn, and sees that nothing of it is left.
    async fn through(
        &self,
        begun: Begun,
        request: &TurnRequest,
        post: &Sender,
        stop: impl Future<Output = ()>,
    ) {
        let Begun { mut process, mut stdin, stdout, last_words, prompt, _files } = begun;
        if let Some(model) = &request.profile.model {
            post.post(TurnEvent::Model(model.clone()));
        }
        let mut reading = ExecReading::default();
        let named = CancellationToken::new();
        let stop = async {
            stop.await;
            // The file of a session that has no name yet could not be found again; it has one within moments.
            let _unnamed = tokio::time::timeout(LEAVE_LIMIT, named.cancelled()).await;
        };
        let write = async {
            // A codex that does not read on says why by its end.
            let _closed = stdin.write_all(prompt.as_bytes()).await;
            drop(stdin);
        };
        let work = async { tokio::join!(write, read(stdout, &mut reading, post, &named)).1 };
        let stopped = tokio::select! {
            biased;
            () = stop => true,
            ended = work => {
                if !ended {
                    // Its stderr ends with it; what was read of it by now is what there is to say.
                    let _gone = tokio::time::timeout(LEAVE_LIMIT, process.wait()).await;
                    post.post(TurnEvent::Ended(Err(reading.ended_early(start::last_of(&last_words), &self.version))));
                }
                false
            }
        };
        if !stopped {
            // It has its own to tidy up, and nobody waits for it any more.
            let _gone = tokio::time::timeout(LEAVE_LIMIT, process.wait()).await;
        }
        process.kill().await;
        if let (Some(session), Some(home)) = (&reading.session, self.environment.codex_home()) {
            session_file::remove_by_id(&home, session);
        }
    }
}

/// Reads a process's lines to the end of the turn; `false` when they ended before it.
async fn read(
    stdout: ChildStdout,
    reading: &mut ExecReading,
    post: &Sender,
    named: &CancellationToken,
) -> bool {
    let codec = AnyDelimiterCodec::new_with_max_length(b"\n".to_vec(), b"\n".to_vec(), MAX_LINE);
    let mut lines = FramedRead::new(stdout, codec);
    while let Some(Ok(line)) = lines.next().await {
        let mut over = false;
        reading.read(&line, &mut |event| {
            over |= event.is_end();
            over |= post.post(event) == Posted::Overflow;
        });
        post.heard(reading.is_at_work());
        if reading.session.is_some() {
            named.cancel();
        }
        if over {
            return true;
        }
    }
    false
}
