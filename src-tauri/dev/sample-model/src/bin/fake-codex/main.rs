//! A scripted fake of the codex binary, which crashes, hangs or writes nonsense on command.
//!
//! The environment variable `FAKE_CODEX` has the script; the README lists the directives. Message shapes are those of codex
//! 0.169. The answer is always "Hello from fake".

mod connection;
mod methods;
mod requests;
mod script;
mod server_requests;
mod session;
mod shapes;
mod turn;

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};

use script::Script;
use session::Session;

/// The argument of the child that holds a lock.
const LOCK: &str = "hold-lock";

/// How long a child runs, unless it is killed.
const CHILD_LIFETIME: Duration = Duration::from_secs(600);

/// The line length of a stderr flood.
const FLOOD_LINE: usize = 100;

#[tokio::main]
async fn main() -> ExitCode {
    let script = match Script::from_text(&env::var("FAKE_CODEX").unwrap_or_default()) {
        Ok(script) => script,
        Err(error) => return fail(&format!("FAKE_CODEX: {error}")),
    };
    let outcome = match env::args().nth(1).as_deref() {
        Some(LOCK) => hold_lock(env::args_os().nth(2).unwrap_or_default().as_ref()),
        Some("--version" | "-V") => writeln!(io::stdout(), "codex-cli {}", script.version()),
        Some("app-server") => app_server(script).await,
        Some("exec") => exec(&script),
        other => return fail(&format!("fake-codex supports --version, app-server and exec, not {other:?}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

fn fail(text: &str) -> ExitCode {
    // A closed stderr leaves no way to report anything.
    let _ = writeln!(io::stderr(), "{text}");
    ExitCode::from(2)
}

async fn app_server(script: Script) -> io::Result<()> {
    start_up(&script)?;
    let ignores_eof = script.ignore_eof;
    let session = Arc::new(Session::new(script));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        session.receive(&line);
    }
    if ignores_eof {
        std::future::pending::<()>().await;
    }
    Ok(())
}

/// Does what the script wants at startup.
fn start_up(script: &Script) -> io::Result<()> {
    if let Some(path) = &script.pid_file {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        writeln!(file, "{}", std::process::id())?;
    }
    if script.spawn_child {
        let mut command = long_sleep();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let pid = command.spawn()?.id().unwrap_or_default();
        writeln!(io::stderr(), "child {pid}")?;
    }
    if let Some(file) = &script.locking_child {
        // Of its own, since a test sees a lock go on every system.
        let mut command = Command::new(env::current_exe()?);
        command.arg(LOCK).arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn()?;
    }
    let mut remaining = script.stderr_flood;
    let mut stderr = io::stderr().lock();
    while remaining > 0 {
        let mut line = vec![b'#'; remaining.min(FLOOD_LINE)];
        remaining -= line.len();
        if let Some(last) = line.last_mut() {
            *last = b'\n';
        }
        stderr.write_all(&line)?;
    }
    Ok(())
}

/// Holds a lock on a file for ten minutes.
fn hold_lock(file: &Path) -> io::Result<()> {
    let file = File::create(file)?;
    file.lock()?;
    std::thread::sleep(CHILD_LIFETIME);
    Ok(())
}

/// A program that sleeps for ten minutes.
#[expect(clippy::disallowed_methods, reason = "the test needs an unsupervised grandchild")]
fn long_sleep() -> tokio::process::Command {
    let (program, args): (_, &[&str]) =
        if cfg!(unix) { ("sleep", &["600"]) } else { ("ping", &["-n", "600", "127.0.0.1"]) };
    let mut command = tokio::process::Command::new(program);
    command.args(args);
    command
}

/// `codex exec --json`, which prints the complete answer.
fn exec(script: &Script) -> io::Result<()> {
    start_up(script)?;
    let mut prompt = String::new();
    io::stdin().read_to_string(&mut prompt)?;
    let mut lines = vec![
        json!({"type": "thread.started", "thread_id": "00000000-0000-7000-8000-000000000000"}),
        json!({"type": "turn.started"}),
    ];
    match &script.error {
        Some(_) => {
            lines.push(json!({"type": "error", "message": shapes::FAILURE}));
            lines.push(json!({"type": "turn.failed", "error": {"message": shapes::FAILURE}}));
        }
        None => {
            let text = script.deltas().concat();
            lines.push(json!({"type": "item.completed", "item": {"id": "item_0", "type": "agent_message", "text": text}}));
            lines.push(
                json!({"type": "turn.completed", "usage": {"input_tokens": 10, "cached_input_tokens": 4,
                "cache_write_input_tokens": 0, "output_tokens": 3, "reasoning_output_tokens": 1}}),
            );
        }
    }
    let mut stdout = io::stdout().lock();
    lines.iter().try_for_each(|line| writeln!(stdout, "{line}"))
}
