//! Stopping codex-proxyd by signals, which are console events on Windows.

use std::path::Path;

use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::daemon::{Daemon, a_home, codex_proxyd, exited, signal, start};
use crate::support::{Events, TIMEOUT, eventually, prompt_body};

fn daemon(folder: &Path) -> Command {
    let mut command = codex_proxyd(folder);
    command.env("API_KEYS", "sk-1").args(["--port", "0", "--data-dir", "data"]);
    command
}

/// A stream held after its first delta.
async fn held_stream(daemon: &Daemon) -> Events {
    let mut body = prompt_body("[[words=3 hold=1]]");
    body["stream"] = true.into();
    let request = reqwest::Client::new().post(format!("{}/v1/chat/completions", daemon.url));
    let response = request.bearer_auth("sk-1").json(&body).timeout(TIMEOUT).send().await.unwrap();
    let mut events = Events::new(response);
    events.next_text().await;
    events
}

async fn assert_port_closes(daemon: &Daemon) {
    let address = daemon.url.trim_start_matches("http://").to_owned();
    eventually("the port is closed", || std::net::TcpStream::connect(&address).is_err()).await;
}

async fn assert_no_process_left(folder: &Path) {
    #[cfg(target_os = "linux")]
    eventually("codex is gone", || crate::support::processes_of(folder).is_empty()).await;
    #[cfg(not(target_os = "linux"))]
    let _ = folder;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn signal_closes_the_port_finishes_streams_and_stops_codex() {
    for name in ["-TERM", "-INT"] {
        let (folder, model) = a_home().await;
        let mut daemon = start(&mut daemon(folder.path())).await;
        let mut events = held_stream(&daemon).await;
        signal(&mut daemon, name).await;
        assert_port_closes(&daemon).await;
        let held = |event: &sample_model::Event| matches!(event, sample_model::Event::Held { .. });
        assert!(model.wait_for(held, TIMEOUT).await.is_some());
        model.release();
        assert_eq!(events.rest().await.last().unwrap(), "[DONE]", "{name}");
        let status = exited(&mut daemon).await;
        assert!(status.success(), "{name}: {status}");
        assert_no_process_left(folder.path()).await;
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn endless_stream_gets_an_error_and_the_program_exits() {
    let (folder, _model) = a_home().await;
    let mut daemon = start(&mut daemon(folder.path())).await;
    let mut events = held_stream(&daemon).await;
    signal(&mut daemon, "-TERM").await;
    let rest = events.rest().await;
    assert_eq!(rest.last().unwrap()["error"]["code"], "shutting_down", "{rest:?}");
    let status = exited(&mut daemon).await;
    assert!(status.success(), "{status}");
    assert_no_process_left(folder.path()).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn second_signal_exits_immediately_and_stops_codex() {
    for (first, second) in [("-TERM", "-TERM"), ("-INT", "-INT"), ("-TERM", "-INT")] {
        let (folder, _model) = a_home().await;
        let mut daemon = start(&mut daemon(folder.path())).await;
        let events = held_stream(&daemon).await;
        signal(&mut daemon, first).await;
        assert_port_closes(&daemon).await;
        signal(&mut daemon, second).await;
        let status = exited(&mut daemon).await;
        // An orderly shutdown would exit with 0.
        assert_eq!(status.code(), Some(130), "{first} {second}");
        let mut log = String::new();
        daemon.child.stderr.take().unwrap().read_to_string(&mut log).await.unwrap();
        assert!(log.contains("stopping") && !log.contains("stopped"), "{log}");
        assert_no_process_left(folder.path()).await;
        drop(events);
    }
}
